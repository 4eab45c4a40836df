# A security group for each interface without security_group_ids.
locals {
  interfaces_without_security_groups = {
    for name, interface in var.interfaces : name => interface if nonsensitive(interface.security_group_ids == null)
  }

  # All interfaces with their security groups.
  interfaces = { for name, interface in var.interfaces : name => merge(interface, {
    security_group_ids = interface.security_group_ids != null ? interface.security_group_ids : [
      aws_security_group.this[name].id,
    ]
  }) }

  group_of = {
    for role in ["data", "management", "untrust"] :
    role => {
      for name, interface in local.interfaces_without_security_groups :
      "id" => aws_security_group.this[name].id if interface.role == role
    }
  }

  # GENEVE and health checks from the subnets of the load balancer.
  from_load_balancer = nonsensitive(var.load_balancer_access == null) ? {} : merge([
    for zone, cidr_block in var.load_balancer_access.cidr_blocks : {
      "${zone}-geneve" = { cidr_block = cidr_block, protocol = "udp", port = 6081 }
      "${zone}-health-check" = {
        cidr_block = cidr_block
        protocol   = "tcp"
        port       = var.load_balancer_access.health_check_port
      }
    }
  ]...)

  # Services that PAN-OS reaches from its management interface. Ports 80, 443 and 444 include those of the device
  # certificate, without which cloud services, such as WildFire and the logging service, do not work.
  # https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/firewall-administration/reference-port-number-usage
  # https://docs.paloaltonetworks.com/panorama/11-1/panorama-admin/manage-firewalls/install-the-device-certificate-for-managed-firewalls/install-the-device-certificate-for-a-managed-firewall
  services = {
    https            = { protocol = "tcp", port = 443, description = "Panorama API, update and license services, AWS" }
    revocation       = { protocol = "tcp", port = 80, description = "OCSP and CRL of the device certificate" }
    cloud-services   = { protocol = "tcp", port = 444, description = "Device certificate and cloud services" }
    panorama         = { protocol = "tcp", port = 3978, description = "Panorama management and logs" }
    panorama-content = { protocol = "tcp", port = 28443, description = "Panorama content and software" }
    dns              = { protocol = "udp", port = 53, description = "DNS" }
    dns-tcp          = { protocol = "tcp", port = 53, description = "DNS over TCP" }
    ntp              = { protocol = "udp", port = 123, description = "NTP" }
  }

  # The destination of these services is everywhere, because most of them are known only by name, and a rule cannot
  # contain names. Where the addresses are known, a security group of your own can be narrower.
  from_management = merge(
    { for name, service in local.services : name => merge(service, { cidr_block = "0.0.0.0/0" }) },
    [for name, service in var.management_access.egress : {
      for network, cidr_block in service.cidr_blocks : "${name}/${network}" => {
        protocol    = service.protocol
        port        = service.port
        description = "management_access.egress: ${name}"
        cidr_block  = cidr_block
      }
    }]...
  )

  # By names, because a CIDR block that is made in the same apply is unknown.
  to_management = merge([
    for network, cidr_block in var.management_access.cidr_blocks : {
      for port in toset(var.management_access.ports) : "${network}-${port}" => { cidr_block = cidr_block, port = port }
    }
  ]...)
}

resource "aws_security_group" "this" {
  for_each = local.interfaces_without_security_groups

  name        = "${var.name}-${each.key}"
  description = "Interface ${each.key} of the firewalls of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = length(local.group_of.data) == 0 ? {} : local.from_load_balancer

  security_group_id = local.group_of.data.id
  description       = "Load balancer, ${each.key}"
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags
}

# Firewalls return packets with swapped addresses and unchanged ports, which a stateful security group does not treat as
# replies.
resource "aws_vpc_security_group_egress_rule" "data" {
  for_each = length(local.group_of.data) == 0 ? {} : {
    for name, rule in local.from_load_balancer : name => rule if rule.protocol == "udp"
  }

  security_group_id = local.group_of.data.id
  description       = "Load balancer, ${each.key}"
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "management" {
  for_each = length(local.group_of.management) == 0 ? {} : local.to_management

  security_group_id = local.group_of.management.id
  description       = "Administration"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "management" {
  for_each = length(local.group_of.management) == 0 ? {} : local.from_management

  security_group_id = local.group_of.management.id
  description       = each.value.description
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags
}

# Internet access of a two-arm firewall, which the firewall's own security policy controls.
resource "aws_vpc_security_group_egress_rule" "untrust" {
  for_each = local.group_of.untrust

  security_group_id = each.value
  description       = "Internet"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"

  tags = var.tags
}
