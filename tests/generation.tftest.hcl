# What makes another generation of firewalls, and with it an instance refresh, and what does not.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "fw-test"
  location = { partition = "aws", dns_suffix = "amazonaws.com", region = "us-east-1", account_id = "123456789012" }
  vpc_id   = "vpc-0123456789abcdef0"
  tags     = { team = "network", "vmseries-autoscale:deployment" = "fw-test" }

  interfaces = {
    data = {
      role               = "data"
      device_index       = 0
      subnet_ids         = { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" }
      security_group_ids = null
    }
    management = {
      role               = "management"
      device_index       = 1
      subnet_ids         = { us-east-1a = "subnet-0b", us-east-1b = "subnet-1b" }
      security_group_ids = null
    }
    untrust = {
      role               = "untrust"
      device_index       = 2
      subnet_ids         = { us-east-1a = "subnet-0c", us-east-1b = "subnet-1c" }
      security_group_ids = null
    }
  }

  firewall_tags          = { team = "network", CostCenter = "77", "vmseries-autoscale:deployment" = "fw-test" }
  create_security_groups = true
  management_access      = { cidr_blocks = {}, ports = [443, 22], egress = {} }
  load_balancer_access = {
    cidr_blocks       = { us-east-1a = "10.0.1.0/24", us-east-1b = "10.0.2.0/24" }
    health_check_port = 80
  }

  firewall = {
    ami_id              = null
    panos_version       = "11.1.10-h25"
    license_type        = "bundle1"
    include_deprecated  = null
    instance_type       = "m5.xlarge"
    key_name            = "admin"
    root_volume         = { size_gib = 60, type = "gp3", kms_key_arn = null }
    instance_profile    = null
    detailed_monitoring = false
  }

  bootstrap = {
    secret = {
      name        = "fw/bootstrap"
      arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf"
      kms_key_arn = null
    }
    s3      = null
    options = null
  }

  metric_namespace = "VMseries-fw-test"

  capacity = {
    min                             = 2
    max                             = 6
    desired                         = 3
    default_instance_warmup_seconds = 120
    health_check                    = { type = "EC2", grace_period_seconds = 300 }
    termination_policies            = ["Default"]
    suspended_processes             = []
    metrics                         = ["GroupInServiceInstances"]
    max_instance_lifetime_days      = 90
    scale_in_protection = false, wait_for_capacity_timeout = "0", instance_refresh = {
      min_healthy_percentage       = 100
      max_healthy_percentage       = 110
      instance_warmup_seconds      = null
      checkpoint_percentages       = null
      checkpoint_delay_seconds     = null
      auto_rollback                = false
      skip_matching                = false
      scale_in_protected_instances = "Refresh"
      standby_instances            = "Terminate"
      alarm_names                  = []
    }
  }

  target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef"]

  hooks = {
    launch    = { name = "launch", default_result = "ABANDON", heartbeat_timeout_seconds = 3600 }
    terminate = { name = "terminate", default_result = "CONTINUE", heartbeat_timeout_seconds = 3600 }
  }

  hook_dependencies = { launch-mapping = "0000" }
  drain_seconds     = 86700
  permissions       = { path = "/network/", boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
}

run "a_group_has_a_generation" {
  module {
    source = "./modules/firewall-group"
  }

  assert {
    condition     = can(regex("^[0-9a-f]{12}$", output.generation))
    error_message = "it is a digest"
  }

  assert {
    condition = [
      for specification in aws_launch_template.this.tag_specifications : specification.resource_type
      if lookup(specification.tags, "vmseries-autoscale:generation", "") == output.generation
    ] == ["instance"]
    error_message = "each instance has it as a tag"
  }

  assert {
    condition = alltrue([
      for tag in aws_autoscaling_group.this.tag :
      tag.propagate_at_launch && lookup(merge(var.firewall_tags, { Name = "fw-test" }), tag.key, "") == tag.value
    ])
    error_message = "instances get the tags of the group at their launch"
  }
}

run "other_tags_and_subnets_start_no_refresh" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall_tags = { team = "security", "vmseries-autoscale:deployment" = "fw-test" }
    tags          = { team = "security", "vmseries-autoscale:deployment" = "fw-test" }
    interfaces = { for name, interface in var.interfaces : name => merge(interface, {
      subnet_ids = { us-east-1a = "subnet-9${name}" }
    }) }
  }

  assert {
    condition     = output.generation == run.a_group_has_a_generation.generation
    error_message = "the generation is the same"
  }

  assert {
    condition = (
      terraform_data.template_version.id != "" &&
      aws_autoscaling_group.this.launch_template[0].version == "1" &&
      one([for tag in aws_autoscaling_group.this.tag : tag.value if tag.key == "team"]) == "security"
    )
    error_message = "the plan keeps the version of the launch template, and new instances get the new tags"
  }
}

run "a_renamed_interface_is_the_same_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = {
      for name, interface in var.interfaces : "the-${name}" => interface
    }
  }

  assert {
    condition     = output.generation == run.a_group_has_a_generation.generation
    error_message = "a firewall does not know the names of its interfaces"
  }
}

run "another_instance_type_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, { instance_type = "m5.2xlarge" })
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "the type of a running instance does not change"
  }
}

run "another_volume_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, { root_volume = { size_gib = 80, type = "gp3", kms_key_arn = null } })
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "nor does its volume"
  }
}

run "one_interface_less_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => interface if name != "untrust" }
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "firewalls get their interfaces at their launch"
  }
}

run "a_public_address_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, { public_ip = name == "untrust" }) }
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "firewalls get their addresses at their launch"
  }
}

run "security_groups_of_the_user_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, {
      security_group_ids = name == "management" ? ["sg-0a"] : null
    }) }
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "firewalls keep their security groups"
  }
}

run "a_target_group_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, {
      target_groups = name == "untrust" ? [{
        arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
        port = 443
      }] : []
    }) }
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "addresses are registered at the launch"
  }
}

run "another_revision_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    bootstrap = merge(var.bootstrap, { revision = "2" })
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "PAN-OS reads the secret at its first boot"
  }
}

run "another_bootstrap_source_is_another_generation" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    bootstrap = {
      secret  = null
      s3      = { bucket = "bootstrap", prefix = "fw", kms_key_arn = null }
      options = null
    }
  }

  assert {
    condition     = output.generation != run.a_group_has_a_generation.generation
    error_message = "PAN-OS reads the user data at its first boot"
  }
}

run "options_have_a_generation" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    bootstrap = {
      secret = null
      s3     = null
      options = {
        vm_auth_key         = "000000000000001", op_command_modes = [], plugin_op_commands = [], dhcp_send_hostname = true
        dhcp_send_client_id = true, dhcp_accept_server_hostname = true, dhcp_accept_server_domain = true
      }
    }
  }

  assert {
    condition     = strcontains(output.user_data, "vm-auth-key=000000000000001")
    error_message = "the key is in the user data"
  }
}

run "a_credential_is_not_in_the_digest" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    bootstrap = {
      secret = null
      s3     = null
      options = {
        vm_auth_key         = "000000000000002", op_command_modes = [], plugin_op_commands = [], dhcp_send_hostname = true
        dhcp_send_client_id = true, dhcp_accept_server_hostname = true, dhcp_accept_server_domain = true
      }
    }
  }

  assert {
    condition     = output.generation == run.options_have_a_generation.generation
    error_message = "a tag allows no one to guess a credential"
  }
}

run "a_group_is_in_use" {
  module {
    source = "./modules/firewall-group"
  }
}

# Somebody deleted or tainted the launch template: the versions of another one begin with 1.
run "a_group_uses_a_version_of_its_own_launch_template" {
  module {
    source = "./modules/firewall-group"
  }

  override_resource {
    target = aws_launch_template.this
    values = { id = "lt-0123456789abcdef1", latest_version = 7 }
  }

  plan_options {
    replace = [aws_launch_template.this]
  }

  assert {
    condition     = aws_autoscaling_group.this.launch_template[0].version == "7"
    error_message = "Auto Scaling refuses a version that the launch template does not have"
  }
}

# Its ID is in the launch template, but not in the generation.
run "a_group_launches_with_a_security_group_that_was_replaced" {
  module {
    source = "./modules/firewall-group"
  }

  override_resource {
    target = aws_security_group.this
    values = { id = "sg-0123456789abcdef9" }
  }

  plan_options {
    replace = [aws_security_group.this["data"]]
  }

  assert {
    condition     = contains(terraform_data.template_version.triggers_replace[4], "sg-0123456789abcdef9")
    error_message = "EC2 refuses launches with a security group that is gone"
  }
}
