# Every input that the module refuses. The validations are all that is under test, so the runs load the root's variables and nothing else:
# tests/inputs/variables.tf is a link to the root's.

variables {
  name    = "fw-test"
  network = { vpc_id = "vpc-0123456789abcdef0" }

  interfaces = {
    data       = { role = "data", device_index = 0, subnet_ids = { us-east-1a = "subnet-0a" } }
    management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
  }

  firewall = { panos_version = "11.1.4-h7" }
  capacity = { min = 1, max = 3 }
}

# Without this, a mistake in the values above would make every other run pass.
run "accepts_what_the_others_start_from" {
  command = plan

  module {
    source = "./tests/inputs"
  }
}

# Identity ---------------------------------------------------------------------------------------------------------------------------------

run "refuses_a_name_with_capitals" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    name = "FW"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_longer_than_25" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    name = "firewalls-of-the-northern-hub"
  }

  expect_failures = [var.name]
}

run "refuses_a_tag_of_the_module_s_own" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    tags = { "vmseries-autoscale:group" = "other" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_tag_of_aws" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    tags = { "aws:cloudformation:stack-name" = "other" }
  }

  expect_failures = [var.tags]
}

run "refuses_more_tags_than_fit" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    tags = { for number in range(41) : "key-${number}" => "value" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_vpc_by_name" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    network = { vpc_id = "security" }
  }

  expect_failures = [var.network]
}

# Interfaces -------------------------------------------------------------------------------------------------------------------------------

run "refuses_an_interface_name_with_blanks" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { "to the internet" = { role = "untrust", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } } })
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_unknown_role" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { dmz = { role = "dmz", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } } })
  }

  expect_failures = [var.interfaces]
}

run "refuses_no_data_interface" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = { management = var.interfaces.management }
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_data_interface_that_is_not_the_first" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { device_index = 2 }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_two_data_interfaces" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { more = merge(var.interfaces.data, { device_index = 2 }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_no_management_interface" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = { data = var.interfaces.data }
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_management_interface_that_is_not_the_second" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = { data = var.interfaces.data, management = merge(var.interfaces.management, { device_index = 2 }), untrust = { role = "untrust", device_index = 1, subnet_ids = { us-east-1a = "subnet-0c" } } }
  }

  expect_failures = [var.interfaces]
}

run "refuses_two_untrust_interfaces" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { one = { role = "untrust", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } }, two = { role = "untrust", device_index = 3, subnet_ids = { us-east-1a = "subnet-0c" } } })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_gap_between_device_indices" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = { role = "untrust", device_index = 3, subnet_ids = { us-east-1a = "subnet-0c" } } })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_device_index_twice" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = { role = "untrust", device_index = 1, subnet_ids = { us-east-1a = "subnet-0c" } } })
  }

  expect_failures = [var.interfaces]
}

run "refuses_interfaces_in_different_zones" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { management = merge(var.interfaces.management, { subnet_ids = { us-east-1b = "subnet-0b" } }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_interfaces_without_subnets" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, { subnet_ids = {} }) }
  }

  expect_failures = [var.interfaces]
}

run "refuses_subnets_by_something_else_than_a_zone" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, { subnet_ids = { first = "subnet-0a" } }) }
  }

  expect_failures = [var.interfaces]
}

run "refuses_subnets_by_cidr_block" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, { subnet_ids = { us-east-1a = "10.0.0.0/24" } }) }
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_empty_list_of_security_groups" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { management = merge(var.interfaces.management, { security_group_ids = [] }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_public_address_for_data" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { public_ip = true }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_address_pool_without_an_address" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { management = merge(var.interfaces.management, { public_ipv4_pool = "ipv4pool-ec2-0123456789abcdef0" }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_address_pool_that_is_none" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { management = merge(var.interfaces.management, { public_ip = true, public_ipv4_pool = "203.0.113.0/24" }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_management_from_no_network" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    management_access = { cidr_blocks = ["office"] }
  }

  expect_failures = [var.management_access]
}

run "refuses_management_from_everywhere" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    management_access = { cidr_blocks = ["0.0.0.0/0"] }
  }

  expect_failures = [var.management_access]
}

run "refuses_management_on_no_port" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    management_access = { cidr_blocks = ["10.0.0.0/24"], ports = [] }
  }

  expect_failures = [var.management_access]
}

run "refuses_management_access_that_has_no_effect" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces        = merge(var.interfaces, { management = merge(var.interfaces.management, { security_group_ids = ["sg-0a"] }) })
    management_access = { cidr_blocks = ["10.0.0.0/24"] }
  }

  expect_failures = [var.management_access]
}

# Firewall ---------------------------------------------------------------------------------------------------------------------------------

run "refuses_no_image" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = {}
  }

  expect_failures = [var.firewall]
}

run "refuses_two_images" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { ami_id = "ami-0123456789abcdef0", panos_version = "11.1.4-h7" }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_image_by_name" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { ami_id = "PA-VM-AWS-11.1.4-h7" }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_version_that_is_not_whole" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { panos_version = "11.1" }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_unknown_license_type" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { panos_version = "11.1.4-h7", license_type = "bundle3" }
  }

  expect_failures = [var.firewall]
}

run "refuses_deprecated_images_with_an_image_named" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { ami_id = "ami-0123456789abcdef0", include_deprecated = true }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_instance_type_that_is_none" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { panos_version = "11.1.4-h7", instance_type = "large" }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_root_volume_too_small" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { panos_version = "11.1.4-h7", root_volume = { size_gib = 30 } }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_root_volume_of_another_type" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { panos_version = "11.1.4-h7", root_volume = { type = "standard" } }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_alias_as_key_of_the_root_volume" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall = { panos_version = "11.1.4-h7", root_volume = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/ebs" } }
  }

  expect_failures = [var.firewall]
}

run "refuses_no_way_to_start" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = {}
  }

  expect_failures = [var.bootstrap]
}

run "refuses_two_ways_to_start" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { options = {}, s3 = { bucket = "fw-bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_secret_without_its_arn" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { secret = { name = "fw/bootstrap", arn = "fw/bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_secret_with_a_semicolon" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { secret = { name = "fw;bootstrap", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_bucket_by_address" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { s3 = { bucket = "s3://fw-bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_prefix_with_a_slash_last" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { s3 = { bucket = "fw-bootstrap", prefix = "prod/" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_option_with_a_semicolon" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { options = { hostname = "fw;auth-key=other" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_an_unknown_operational_mode" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { options = { op_command_modes = ["mgmt-interface-swap"] } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_plugin_commands_in_one_string" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { options = { plugin_op_commands = ["aws-gwlb-inspect:enable,aws-gwlb-overlay-routing:enable"] } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_half_of_a_registration_pin" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    bootstrap = { options = { vm_series_auto_registration_pin_id = "id" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_another_device_group_than_panorama_s" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    bootstrap = { options = { dgname = "other" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_key_for_a_role_of_the_user_s" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall  = { panos_version = "11.1.4-h7", instance_profile_name = "mine" }
    bootstrap = { secret = { name = "fw/bootstrap", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000" } }
  }

  expect_failures = [var.bootstrap]
}

# Capacity ---------------------------------------------------------------------------------------------------------------------------------

run "refuses_half_a_firewall" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1.5, max = 3 }
  }

  expect_failures = [var.capacity]
}

run "refuses_more_at_least_than_at_most" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 4, max = 3 }
  }

  expect_failures = [var.capacity]
}

run "refuses_more_desired_than_at_most" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, desired = 4 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_warmup_of_a_day" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, default_instance_warmup_seconds = 86400 }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_health_check" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, health_check = { type = "GWLB" } }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_termination_policy" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, termination_policies = ["FewestSessions"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_group_that_cannot_launch" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, suspended_processes = ["Launch"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_group_metric" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, metrics = ["CPUUtilization"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_lifetime_of_a_year_and_a_day" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, max_instance_lifetime_days = 366 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_wait_without_unit" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, wait_for_capacity_timeout = "45" }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_refresh_that_cannot_move" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { min_healthy_percentage = 100, max_healthy_percentage = 100 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_checkpoint_delay_without_checkpoints" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_delay_seconds = 3600 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_word_for_standby" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { standby_instances = "Refresh" } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_path_without_slashes" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    permissions = { path = "network" }
  }

  expect_failures = [var.permissions]
}

run "refuses_a_boundary_by_name" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    permissions = { boundary_arn = "boundary" }
  }

  expect_failures = [var.permissions]
}

# Load balancer ----------------------------------------------------------------------------------------------------------------------------

run "refuses_neither_load_balancer_nor_target_groups" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = null
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_load_balancer_and_target_groups" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef"]
    interfaces        = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_by_geneve" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { health_check = { protocol = "GENEVE" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_on_port_0" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { health_check = { port = 0 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_path_with_tcp" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { health_check = { path = "/" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_http_without_a_path" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { health_check = { protocol = "HTTP" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_slower_than_its_interval" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { health_check = { interval_seconds = 5, timeout_seconds = 6 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_threshold_of_one" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { health_check = { healthy_threshold = 1 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_deregistration_delay_of_a_day" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { deregistration_delay_seconds = 86400 }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_unknown_failover" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { target_failover = "drop" }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_unknown_stickiness" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { stickiness = "cookie" }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_principal_by_account_number" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer = { endpoint_service = { allowed_principals = ["123456789012"] } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_target_group_by_name" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer     = null
    target_group_arns = ["fw"]
    interfaces        = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
  }

  expect_failures = [var.target_group_arns]
}

run "refuses_target_groups_without_a_security_group_for_data" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    load_balancer     = null
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef"]
  }

  expect_failures = [var.target_group_arns]
}

# Scaling ----------------------------------------------------------------------------------------------------------------------------------

run "refuses_a_namespace_of_aws" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { namespace = "AWS/EC2" }
  }

  expect_failures = [var.scaling]
}

run "refuses_dimensions_without_a_policy" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { dimensions = { AutoScalingGroupName = "fw-test" } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_name_with_blanks" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { "Session load" = { metric = "session_utilization", target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_without_a_metric" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_with_two_metrics" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", raw_metric = { name = "Other" }, target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_an_unknown_metric" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "cpu", target = { value = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_without_a_target" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", target = {} } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_with_two_targets" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60, count = 50000 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_percentage_of_a_session_count" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_active", target = { percent = 75 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_count_of_a_utilization" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "data_plane_cpu", target = { count = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_packets_of_a_throughput_in_kilobits" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_throughput_kbps", target = { packets_per_second = 500000 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_percentage_of_a_raw_metric" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { raw_metric = { name = "Other" }, target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_more_than_a_hundred_percent" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", target = { percent = 600 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_target_of_nothing" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_active", target = { count = 0 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_an_unknown_statistic" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", statistic = "p99", target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_step_that_removes_above_where_it_adds" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { step = { add_above_percent = 50, remove_below_percent = 60 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_step_after_half_a_minute" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { step = { add_after_minutes = 0.5 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_step_by_nothing" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    scaling = { step = { adjustment = 0 } }
  }

  expect_failures = [var.scaling]
}

# Panorama and licenses --------------------------------------------------------------------------------------------------------------------

run "refuses_three_panoramas" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["one.example.com", "two.example.com", "three.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_panorama_by_url" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["https://panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_panorama_on_port_0" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
      port           = 0
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_password_where_a_secret_s_arn_belongs" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "correct horse"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_device_group_with_a_slash" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "a/b"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_panorama_slower_than_the_function" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames       = ["panorama.example.com"]
      secret_arn      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group    = "autoscale"
      template_stack  = "autoscale-stack"
      timeout_seconds = 31
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_an_unknown_readiness" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    readiness = "booted"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_readiness_that_nobody_can_tell" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    readiness = "in-sync"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_launch_deadline_shorter_than_a_boot" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    deadlines = { launch_minutes = 20 }
  }

  expect_failures = [var.readiness]
}

run "refuses_a_push_that_nobody_asks_for" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames             = ["panorama.example.com"]
      secret_arn            = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group          = "autoscale"
      template_stack        = "autoscale-stack"
      push_when_out_of_sync = true
    }
    readiness = "connected"
  }

  expect_failures = [var.readiness]
}

run "accepts_firewalls_asked_by_themselves" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness = "connected"
  }
}

run "refuses_a_firewall_api_beside_panorama" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_firewall_api_that_nobody_asks" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness = "off"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_firewall_api_out_of_reach" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_credentials_of_firewalls_in_clear_text" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "admin:secret"
      server_name = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_certificate_for_any_name" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "*.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_firewall_api_on_port_0" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
      port        = 0
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_firewall_slower_than_the_function" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name     = "firewalls.example.com"
      timeout_seconds = 7
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_in_sync_without_panorama" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness = "in-sync"
  }

  expect_failures = [var.readiness]
}

run "refuses_to_give_up_a_firewall_asked_by_itself_before_it_has_booted" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    deadlines = { launch_minutes = 20 }
  }

  expect_failures = [var.readiness]
}

run "refuses_an_unknown_licensing_mode" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    licensing = { mode = "panorama" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_return_without_panorama" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    licensing = { mode = "firewall", api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_return_without_a_key" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "firewall" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_return_from_a_bundle" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    firewall  = { panos_version = "11.1.4-h7", license_type = "bundle1" }
    licensing = { mode = "firewall", api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_licensing_key_that_has_no_effect" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    licensing = { api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_licensing_key_in_clear_text" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "firewall", api_key_secret_arn = "0123456789abcdef" }
  }

  expect_failures = [var.licensing]
}

run "accepts_the_license_plugin" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "plugin", license_manager = "Autoscale licenses 1.0_a-b" }
  }
}

run "accepts_a_license_return_without_panorama_by_the_firewalls_own_api" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    firewall_api = { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf", server_name = "firewalls.example.com" }
    licensing    = { mode = "firewall", api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }
}

run "refuses_the_license_plugin_without_panorama" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    licensing = { mode = "plugin", license_manager = "autoscale" }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_license_plugin_without_a_license_manager" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "plugin" }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_license_plugin_for_a_bundle" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    firewall  = { panos_version = "11.1.4-h7", license_type = "bundle2" }
    licensing = { mode = "plugin", license_manager = "autoscale" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_licensing_key_beside_the_license_plugin" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "plugin", license_manager = "autoscale", api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_manager_that_has_no_effect" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "firewall", license_manager = "autoscale", api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_manager_with_a_quote_in_its_name" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = { mode = "plugin", license_manager = "the hub's" }
  }

  expect_failures = [var.licensing]
}

# Functions and events ---------------------------------------------------------------------------------------------------------------------

run "refuses_a_deadline_beyond_48_hours" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    deadlines = { terminate_minutes = 2881 }
  }

  expect_failures = [var.deadlines]
}

run "refuses_a_visit_every_second" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    deadlines = { visit_interval_seconds = 1 }
  }

  expect_failures = [var.deadlines]
}

run "refuses_more_visits_than_sqs_hands_out" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    deadlines = { launch_minutes = 200, visit_interval_seconds = 10 }
  }

  expect_failures = [var.deadlines]
}

run "refuses_an_old_runtime" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { runtime = "python3.9" }
  }

  expect_failures = [var.functions]
}

run "accepts_the_oldest_runtime" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { runtime = "python3.12" }
  }
}

run "accepts_a_runtime_that_needs_a_newer_provider" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { runtime = "python3.14" }
  }
}

run "refuses_a_runtime_that_is_not_supported" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { runtime = "python3.15" }
  }

  expect_failures = [var.functions]
}

run "refuses_an_unknown_architecture" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { architecture = "arm" }
  }

  expect_failures = [var.functions]
}

run "refuses_too_little_memory" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { memory_mib = 128 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_function_without_a_minute" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { timeout_seconds = 3 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_crash_that_costs_the_hook" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { timeout_seconds = 500, event_batching_window_seconds = 300 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_log_level_that_drops_metrics" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { log_level = "ERROR" }
  }

  expect_failures = [var.functions]
}

run "refuses_a_retention_that_logs_do_not_know" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { log_retention_days = 45 }
  }

  expect_failures = [var.functions]
}

run "refuses_an_alias_as_key_of_the_functions" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { kms_key_arn = "alias/functions" }
  }

  expect_failures = [var.functions]
}

run "refuses_functions_in_a_vpc_without_security_groups" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = [] } }
  }

  expect_failures = [var.functions]
}

run "refuses_no_window_for_terminations" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { event_batching_window_seconds = 0 }
  }

  expect_failures = [var.functions]
}

run "refuses_one_run_at_once" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { terminate_concurrency = 1 }
  }

  expect_failures = [var.functions]
}

run "refuses_more_calls_at_once_than_panorama_likes" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    functions = { launch_concurrency = 3 }
  }

  expect_failures = [var.panorama]
}

run "refuses_more_calls_at_once_by_terminations" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    functions = { terminate_concurrency = 3 }
  }

  expect_failures = [var.panorama]
}

run "accepts_many_runs_at_once_without_panorama" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { launch_concurrency = 10, terminate_concurrency = 10 }
  }
}

run "refuses_two_sources_of_dependencies" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    dependencies = { filename = "dependencies.zip", python = "python3.12" }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_layer_without_its_version" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    dependencies = { layer_arn = "arn:aws:lambda:us-east-1:123456789012:layer:dependencies" }
  }

  expect_failures = [var.dependencies]
}

run "refuses_dependencies_in_a_folder" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    dependencies = { filename = "artifacts" }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_python_with_shell_signs" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    dependencies = { python = "python3; true" }
  }

  expect_failures = [var.dependencies]
}

run "refuses_events_that_live_for_a_second" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    event_delivery = { maximum_age_seconds = 1 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_more_retries_than_eventbridge_makes" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    event_delivery = { maximum_retries = 186 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_a_queue_that_forgets_before_the_deadline" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    event_delivery = { message_retention_seconds = 100000 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_dead_letters_that_go_before_the_letters" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    event_delivery = { dead_letter_retention_seconds = 345600 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_an_alarm_to_an_address" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    alarms = { actions = ["on-call@example.com"] }
  }

  expect_failures = [var.alarms]
}
