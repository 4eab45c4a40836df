locals {
  # Settings that no input changes. They belong to the generation: another version of the module may have others.
  fixed = {
    root_device_name            = "/dev/xvda" # PAN-OS boots from this device.
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    # The name of the instance, and of interfaces that exist at launch. Whether an interface that is attached later, such as
    # the management interface, gets it by DHCP is not documented. The functions need no particular name.
    hostname_type = "resource-name"
  }

  maximum_interfaces = data.aws_ec2_instance_type.this.maximum_network_interfaces

  # EC2 would refuse each launch there, after everything else is created.
  zones_without_type = sort(setsubtract(
    keys(local.data_interface.subnet_ids),
    data.aws_ec2_instance_type_offerings.zones.locations,
  ))

  user_data = join(";", [for pair in local.user_data_pairs : "${pair.key}=${pair.value}"])
}

resource "aws_launch_template" "this" {
  name                   = var.name
  description            = "Firewall of ${var.name}"
  image_id               = local.image_id
  instance_type          = var.firewall.instance_type
  key_name               = var.firewall.key_name
  update_default_version = true
  user_data              = base64encode(local.user_data)

  iam_instance_profile {
    name = local.instance_profile_name
  }

  # The launch function attaches the other interfaces: a launch template cannot select their subnet by zone.
  network_interfaces {
    device_index                = 0
    description                 = "Data interface of a firewall of ${var.name}"
    security_groups             = local.data_interface.security_group_ids
    associate_public_ip_address = false
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = local.fixed.root_device_name

    ebs {
      encrypted             = true
      kms_key_id            = var.firewall.root_volume.kms_key_arn
      volume_size           = var.firewall.root_volume.size_gib
      volume_type           = var.firewall.root_volume.type
      delete_on_termination = true
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = local.fixed.http_tokens
    http_put_response_hop_limit = local.fixed.http_put_response_hop_limit
  }

  private_dns_name_options {
    hostname_type = local.fixed.hostname_type
  }

  monitoring {
    enabled = var.firewall.detailed_monitoring
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.key
      tags = merge(
        var.firewall_tags,
        { Name = var.name },
        tag_specifications.key == "instance" ? { "vmseries-autoscale:generation" = local.generation } : {},
      )
    }
  }

  tags = var.tags

  lifecycle {
    # Of the 50 tags of an instance, the module and its functions need seven besides these: without its serial number, for
    # example, a firewall is not found again. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
    precondition {
      condition     = length(var.firewall_tags) <= 43
      error_message = <<-EOT
        tags and the provider's default_tags are ${length(var.firewall_tags) - 1} tags. AWS allows 50 per instance, of which
        the functions need some for what they know about a firewall. Remove all but 42 of them.
      EOT
    }

    precondition {
      condition     = length(var.interfaces) <= local.maximum_interfaces
      error_message = <<-EOT
        interfaces has ${length(var.interfaces)} interfaces,
        but instance type ${var.firewall.instance_type} supports ${local.maximum_interfaces}.
        Set a larger firewall.instance_type, or fewer interfaces.
      EOT
    }

    precondition {
      condition     = contains(data.aws_ec2_instance_type.this.supported_architectures, local.architecture)
      error_message = <<-EOT
        Instance type ${var.firewall.instance_type} supports
        ${join(" and ", data.aws_ec2_instance_type.this.supported_architectures)},
        but by its name, the module takes it for ${local.architecture}. Set another firewall.instance_type.
      EOT
    }

    precondition {
      condition     = length(flatten(data.aws_ami_ids.of_other_architecture[*].ids)) == 0
      error_message = <<-EOT
        firewall.ami_id = "${coalesce(var.firewall.ami_id, "null")}" is an image for ${local.other_architecture},
        but instance type ${var.firewall.instance_type} is ${local.architecture}.
        Set an image for ${local.architecture}, or another firewall.instance_type.
      EOT
    }

    # The security groups and the launch template change in one apply, so this is where it stops.
    precondition {
      condition     = length(local.cut_off_interfaces) == 0 || var.create_security_groups
      error_message = <<-EOT
        security_groups.create = false would remove security groups of the module that are in use by
        ${join(", ", local.cut_off_interfaces)}. Keep security_groups = { create = true } until the firewalls with them
        are replaced, e.g. by an instance refresh.
      EOT
    }

    precondition {
      condition     = length(local.cut_off_interfaces) == 0 || !var.create_security_groups
      error_message = <<-EOT
        load_balancer = null would remove rules of the security group ${var.name}-data, which is in use by
        ${join(", ", local.cut_off_interfaces)}. Keep load_balancer until the firewalls are replaced by some with the
        security_group_ids of interfaces["${local.data_interface_name}"], e.g. by an instance refresh.
      EOT
    }

    precondition {
      condition     = length(local.zones_without_type) == 0
      error_message = <<-EOT
        Instance type ${var.firewall.instance_type} is not offered in ${join(" and ", local.zones_without_type)}.
        Set another firewall.instance_type, or leave out these zones in interfaces[*].subnet_ids.
      EOT
    }
  }
}

data "aws_ec2_instance_type" "this" {
  instance_type = var.firewall.instance_type
}

data "aws_ec2_instance_type_offerings" "zones" {
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [var.firewall.instance_type]
  }
}
