locals {
  # PAN-OS boots from this device.
  root_device_name = "/dev/xvda"

  # The load balancer delivers to the interface at index 0, so PAN-OS must take that one for data and the next for management. Whatever the
  # user says, the swap is asked for.
  user_data = join(";", concat(["mgmt-interface-swap=enable"], local.bootstrap_pairs))
}

resource "aws_launch_template" "this" {
  name                   = var.name
  description            = "Firewall of ${var.name}"
  image_id               = local.ami_id
  instance_type          = var.firewall.instance_type
  key_name               = var.firewall.key_name
  update_default_version = true
  user_data              = base64encode(local.user_data)

  iam_instance_profile {
    name = local.instance_profile_name
  }

  # The other interfaces lie in other subnets, one for each zone, which a launch template cannot say: the launch function adds them.
  network_interfaces {
    device_index                = 0
    description                 = "Data interface of a firewall of ${var.name}"
    security_groups             = local.data_interface.security_group_ids
    associate_public_ip_address = false
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = local.root_device_name

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
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Makes the instance id the host name that DHCP hands out, by which a firewall is found in Panorama.
  private_dns_name_options {
    hostname_type = "resource-name"
  }

  monitoring {
    enabled = var.firewall.detailed_monitoring
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(var.tags, { Name = var.name })
    }
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = length(var.interfaces) <= data.aws_ec2_instance_type.this.maximum_network_interfaces
      error_message = "interfaces names ${length(var.interfaces)} interfaces, but an instance of type ${var.firewall.instance_type} carries ${data.aws_ec2_instance_type.this.maximum_network_interfaces}. Take a larger firewall.instance_type or fewer interfaces."
    }
  }
}

data "aws_ec2_instance_type" "this" {
  instance_type = var.firewall.instance_type
}
