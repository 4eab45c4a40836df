# Security groups by role, and not by what the interfaces need now: running firewalls use a group until they are replaced,
# so it exists as long as the deployment. See docs/decisions/0018-security-groups-by-role.md.
locals {
  roles = ["data", "management", "untrust"]

  # All interfaces with their security groups.
  interfaces = { for name, interface in var.interfaces : name => merge(interface, {
    security_group_ids = interface.security_group_ids != null ? interface.security_group_ids : [
      aws_security_group.this[interface.role].id,
    ]
  }) }

  # GENEVE and health checks from the subnets of the load balancer.
  from_load_balancer = nonsensitive(var.load_balancer_access == null) ? {} : merge([
    for zone, cidr_block in var.load_balancer_access.cidr_blocks : {
      for service, rule in {
        geneve = { protocol = "udp", port = 6081 }
        # By port, so that another port has another rule: both ports are open until the target group uses the new one.
        "health-check-${nonsensitive(var.load_balancer_access.health_check_port)}" = {
          protocol = "tcp"
          port     = var.load_balancer_access.health_check_port
        }
      } : "${zone}-${service}" => merge(rule, { cidr_block = cidr_block })
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

# Here and below, create_before_destroy removes groups and rules after everything that used them is updated. Terraform would
# remove them before that, and an apply that ends in between would leave firewalls without them.
resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: The launch template and the launch function use the groups of the roles that the interfaces
  # have.
  for_each = toset(var.create_security_groups ? local.roles : [])

  # A prefix, because two groups of a VPC must not have the same name, and a new one is created first.
  name_prefix = "${var.name}-${each.key}-"
  description = "Interfaces with role ${each.key} of the firewalls of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = var.create_security_groups ? local.from_load_balancer : {}

  security_group_id = aws_security_group.this["data"].id
  description       = "Load balancer, ${each.key}"
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# Firewalls return packets with swapped addresses and unchanged ports, which a stateful security group does not treat as
# replies.
resource "aws_vpc_security_group_egress_rule" "data" {
  for_each = {
    for name, rule in local.from_load_balancer : name => rule if rule.protocol == "udp" && var.create_security_groups
  }

  security_group_id = aws_security_group.this["data"].id
  description       = "Load balancer, ${each.key}"
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "management" {
  for_each = var.create_security_groups ? local.to_management : {}

  security_group_id = aws_security_group.this["management"].id
  description       = "Administration"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# Most of the services are known by name only, and a rule cannot contain names.
#trivy:ignore:AWS-0104
resource "aws_vpc_security_group_egress_rule" "management" {
  for_each = var.create_security_groups ? local.from_management : {}

  security_group_id = aws_security_group.this["management"].id
  description       = each.value.description
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_block

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# Internet access of a two-arm firewall, which the firewall's own security policy controls.
#trivy:ignore:AWS-0104
resource "aws_vpc_security_group_egress_rule" "untrust" {
  for_each = toset(var.create_security_groups ? ["ipv4"] : [])

  security_group_id = aws_security_group.this["untrust"].id
  description       = "Internet"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# What would cut off firewalls that still use a security group of the module. With create_security_groups = false, all
# groups would be removed. With the user's own target groups and security groups, the rules of the load balancer would be.
locals {
  gives_up_data = (
    nonsensitive(var.load_balancer_access == null) &&
    anytrue([for interface in values(var.interfaces) : interface.security_group_ids != null if interface.role == "data"])
  )
  given_up_groups = [
    for role in local.roles : "${var.name}-${role}"
    if !var.create_security_groups || (role == "data" && local.gives_up_data)
  ]
}

# Found by tag, since a group that is not created has no ID here. Data sources that list find nothing without an error.
data "aws_security_groups" "given_up" {
  count = length(local.given_up_groups) == 0 ? 0 : 1

  filter {
    name   = "tag:vmseries-autoscale:deployment"
    values = [var.name]
  }

  filter {
    name   = "tag:Name"
    values = local.given_up_groups
  }
}

data "aws_network_interfaces" "with_given_up_groups" {
  count = length(local.given_up_groups) == 0 ? 0 : 1

  filter {
    name   = "group-id"
    values = coalescelist(data.aws_security_groups.given_up[0].ids, ["none"])
  }
}

locals {
  cut_off_interfaces = flatten(data.aws_network_interfaces.with_given_up_groups[*].ids)
}
