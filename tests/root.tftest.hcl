# The module as its users see it: resources, checks during a plan, and outputs.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name    = "fw-test"
  network = { vpc_id = "vpc-0123456789abcdef0" }

  interfaces = {
    data       = { role = "data", device_index = 0, subnet_ids = { us-east-1a = "subnet-0a" } }
    management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
  }

  firewall = { panos_version = "11.2.15" }
  capacity = { min = 1, max = 3 }

  # dependencies.tftest.hcl tests how layers are built; no test here may build one.
  dependencies = { layer = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3" } }
}

run "works_with_only_the_required_inputs" {
  assert {
    condition = (
      output.autoscaling_group.name == "fw-test" &&
      output.metric_namespace == "VMseries-fw-test" &&
      output.ami_id == "ami-0123456789abcdef0"
    )
    error_message = "names are derived from var.name, and the image from the version"
  }

  assert {
    condition = (
      output.load_balancer.arn != null &&
      output.endpoint_service.name != null &&
      output.target_group_arns == [
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef",
      ]
    )
    error_message = "the load balancer, its target group and its endpoint service are outputs"
  }

  assert {
    condition = (
      keys(output.functions) == ["launch", "reconcile", "terminate"] &&
      output.functions.launch.name == "fw-test-launch" &&
      output.functions.launch.log_group_name == "/aws/lambda/fw-test-launch"
    )
    error_message = "there is a function for each transition, and the reconcile function"
  }

  assert {
    condition = (
      keys(output.queues) == ["launch", "terminate"] &&
      keys(output.dead_letter_queues) == ["launch", "terminate"]
    )
    error_message = "each transition has a queue and a dead-letter queue"
  }

  assert {
    condition     = keys(output.security_group_ids) == ["data", "management", "untrust"]
    error_message = "every role has a security group"
  }

  assert {
    condition     = output.lifecycle_hooks == { launch = "launch", terminate = "terminate" }
    error_message = "the hooks are named after their transitions"
  }

  assert {
    condition     = output.panorama_set_commands == null && output.scaling_policies == {}
    error_message = "outputs of disabled features are null or empty"
  }

  assert {
    condition     = output.tags == { "vmseries-autoscale:deployment" = "fw-test" }
    error_message = "all resources are tagged with the deployment"
  }

  # Without Panorama, a firewall is ready when the load balancer's health checks find it healthy.
  assert {
    condition = (
      jsondecode(module.lifecycle.settings.launch).readiness == "healthy" &&
      length(jsondecode(module.lifecycle.settings.launch).target_group_arns) == 1 &&
      jsondecode(module.lifecycle.settings.launch).panorama == null
    )
    error_message = "the launch function waits for the health checks of the load balancer, and does not call Panorama"
  }

  assert {
    condition = (
      jsondecode(module.lifecycle.settings.launch).interfaces.data.source_dest_check == false &&
      jsondecode(module.lifecycle.settings.launch).interfaces.management.source_dest_check == true
    )
    error_message = "the source/destination check is off for interfaces that forward packets"
  }
}

run "uses_the_resources_of_the_user" {
  override_data {
    target = module.firewall_group.data.aws_ami_ids.of_other_architecture[0]
    values = { ids = [] }
  }

  override_data {
    target = data.aws_lb_target_group.of_group[0]
    values = { name = "mine", target_type = "instance", protocol = "GENEVE", vpc_id = "vpc-0123456789abcdef0" }
  }

  variables {
    interfaces = {
      data = {
        role               = "data"
        device_index       = 0
        subnet_ids         = { us-east-1a = "subnet-0a" }
        security_group_ids = ["sg-0a"]
      }
      management = {
        role               = "management"
        device_index       = 1
        subnet_ids         = { us-east-1a = "subnet-0b" }
        security_group_ids = ["sg-0b"]
        source_dest_check  = false
      }
    }
    security_groups   = { create = false }
    load_balancer     = null
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/mine/0123456789abcdef"]
    firewall          = { ami_id = "ami-0fedcba9876543210", instance_profile = { name = "mine" } }
    alarms            = null
  }

  assert {
    condition = (
      output.load_balancer == null &&
      output.endpoint_service == null &&
      output.target_group_arns == [
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/mine/0123456789abcdef",
      ]
    )
    error_message = "the user's target groups replace the load balancer"
  }

  assert {
    condition = (
      output.security_group_ids == {} &&
      output.instance_role == null &&
      output.ami_id == "ami-0fedcba9876543210"
    )
    error_message = "nothing is created that the user supplies"
  }

  assert {
    condition = (
      jsondecode(module.lifecycle.settings.launch).interfaces.management.security_group_ids == ["sg-0b"] &&
      jsondecode(module.lifecycle.settings.launch).interfaces.management.source_dest_check == false
    )
    error_message = "the launch function uses the user's configuration"
  }
}

run "works_without_a_gateway_load_balancer" {
  variables {
    interfaces = {
      data = {
        role               = "data"
        device_index       = 0
        subnet_ids         = { us-east-1a = "subnet-0a" }
        security_group_ids = ["sg-0a"]
      }
      management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
      dmz = {
        role               = "extra"
        device_index       = 2
        subnet_ids         = { us-east-1a = "subnet-0c" }
        security_group_ids = ["sg-0c"]
        target_groups = [{
          arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
          port = 443
        }]
      }
    }
    load_balancer = null
  }

  assert {
    condition     = output.load_balancer == null && output.endpoint_service == null && output.target_group_arns == []
    error_message = "the outputs of the Gateway Load Balancer are null or empty"
  }

  assert {
    condition = (
      strcontains(module.firewall_group.user_data, "mgmt-interface-swap=enable") &&
      !strcontains(module.firewall_group.user_data, "aws-gwlb")
    )
    error_message = "firewalls swap their interfaces, and inspect no GENEVE tunnels"
  }

  assert {
    condition = (
      jsondecode(module.lifecycle.settings.launch).interfaces.dmz.security_group_ids == ["sg-0c"] &&
      jsondecode(module.lifecycle.settings.launch).interfaces.dmz.source_dest_check == false &&
      keys(jsondecode(module.lifecycle.settings.terminate).target_groups) == ["2"]
    )
    error_message = "the functions attach the extra interface, and deregister it from its target group"
  }
}

# documents: failure-modes/G12
run "publishes_the_group_metrics_that_policies_use" {
  command = plan

  variables {
    capacity = { min = 3, max = 6, metrics = ["GroupMaxSize"] }
    scaling  = { target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60 } } } }
  }

  assert {
    condition = local.capacity.metrics == toset([
      "GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupStandbyInstances", "GroupTotalInstances",
    ])
    error_message = "the policies find the number of firewalls in service, whichever metrics the user lists"
  }
}

run "publishes_the_group_metrics_that_the_alarm_on_missing_firewalls_uses" {
  command = plan

  variables {
    capacity = { min = 3, max = 6, metrics = ["GroupMaxSize"] }
  }

  assert {
    condition = local.capacity.metrics == toset([
      "GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize",
    ])
    error_message = "the alarm finds the number of firewalls, whichever metrics the user lists"
  }
}

run "publishes_only_the_listed_group_metrics_without_policies_and_alarms" {
  command = plan

  variables {
    capacity = { min = 3, max = 6, metrics = ["GroupMaxSize"] }
    alarms   = null
  }

  assert {
    condition     = local.capacity.metrics == toset(["GroupMaxSize"])
    error_message = "without policies and alarms, nothing needs a group metric"
  }
}

run "outputs_the_commands_for_publishing_metrics" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale stack"
    }
    scaling = { namespace = "hub" }
  }

  assert {
    condition = output.panorama_set_commands == [
      for setting in ["enabled yes", "name hub", "timeout 1"] : join(" ", [
        "set template-stack \"autoscale stack\" config devices localhost.localdomain",
        "deviceconfig plugins vm_series aws-cloudwatch",
        setting,
      ])
    ]
    error_message = "the commands name the template stack and the namespace that the policies use"
  }
}

run "waits_for_firewalls_to_be_in_sync_with_panorama" {
  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = {
      mode               = "firewall"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }

  assert {
    condition = (
      jsondecode(module.lifecycle.settings.launch).readiness == "in-sync" &&
      jsondecode(module.lifecycle.settings.launch).license_expected
    )
    error_message = "a firewall must have its license and its configuration before it gets traffic"
  }

  assert {
    condition     = jsondecode(module.lifecycle.settings.launch).panorama.push_when_out_of_sync
    error_message = "a commit without a push must not keep new firewalls out of service"
  }
}

run "pushes_nothing_if_it_is_told_so" {
  variables {
    panorama = {
      hostnames             = ["panorama.example.com"]
      secret_arn            = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group          = "autoscale"
      template_stack        = "autoscale-stack"
      push_when_out_of_sync = false
    }
  }

  assert {
    condition     = !jsondecode(module.lifecycle.settings.launch).panorama.push_when_out_of_sync
    error_message = "the input decides"
  }
}

run "pushes_nothing_with_another_readiness" {
  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    readiness = "connected"
  }

  assert {
    condition     = !jsondecode(module.lifecycle.settings.launch).panorama.push_when_out_of_sync
    error_message = "a root that sets only the readiness is planned, and nothing is pushed"
  }
}

run "warns_about_keys_in_clear_text" {
  command = plan

  variables {
    bootstrap = { options = { panorama_server = "panorama.example.com", vm_auth_key = "123456789012345" } }
  }

  expect_failures = [check.bootstrap_keeps_no_secrets]
}

run "the_warm_up_is_the_time_in_which_a_firewall_in_service_becomes_a_healthy_target" {
  command = plan

  # 180 s until the registration is complete, and (3 + 1) * 30 s of health checks.
  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    load_balancer = { health_check = { interval_seconds = 30 } }
  }

  assert {
    condition     = local.capacity.default_instance_warmup_seconds == 300
    error_message = "firewalls are registered when they enter service"
  }
}

run "with_the_readiness_healthy_the_warm_up_is_that_of_the_metrics" {
  command = plan

  assert {
    condition     = local.capacity.default_instance_warmup_seconds == 120
    error_message = "firewalls are healthy targets when they enter service"
  }
}

run "with_the_readiness_off_the_warm_up_is_the_boot" {
  command = plan

  variables {
    readiness = "off"
  }

  assert {
    condition     = local.capacity.default_instance_warmup_seconds == 1540
    error_message = "firewalls boot after they have entered service, and pass four health checks after that"
  }

  assert {
    condition     = length(jsondecode(module.lifecycle.settings.launch).target_group_arns) == 0
    error_message = "no function registers firewalls"
  }
}

run "refuses_a_subnet_in_another_zone" {
  command = plan

  variables {
    interfaces = {
      data       = { role = "data", device_index = 0, subnet_ids = { us-east-1b = "subnet-0a" } }
      management = { role = "management", device_index = 1, subnet_ids = { us-east-1b = "subnet-0b" } }
    }
  }

  expect_failures = [data.aws_subnet.this]
}

run "refuses_a_subnet_in_another_vpc" {
  command = plan

  override_data {
    target = data.aws_subnet.this["management/us-east-1a"]
    values = {
      availability_zone = "us-east-1a"
      vpc_id            = "vpc-0fedcba9876543210"
      cidr_block        = "10.0.1.0/24"
    }
  }

  expect_failures = [data.aws_subnet.this["management/us-east-1a"]]
}

# A partial ARN is refused by the validation of each input; one of another Region by this.
run "refuses_a_secret_of_another_region" {
  command = plan

  variables {
    bootstrap = {
      secret = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:fw/bootstrap-AbCdEf" }
    }
  }

  expect_failures = [output.autoscaling_group]
}

run "refuses_dual_stack_without_ipv6_subnets" {
  command = plan

  variables {
    load_balancer = { ip_address_type = "dualstack" }
  }

  override_data {
    target = data.aws_subnet.load_balancer
    values = {
      availability_zone = "us-east-1a"
      vpc_id            = "vpc-0123456789abcdef0"
      cidr_block        = "10.0.1.0/24"
      ipv6_cidr_block   = ""
    }
  }

  expect_failures = [data.aws_subnet.load_balancer["us-east-1a"]]
}

run "accepts_dual_stack_with_ipv6_subnets" {
  command = plan

  variables {
    load_balancer = { ip_address_type = "dualstack" }
  }

  override_data {
    target = data.aws_subnet.load_balancer
    values = {
      availability_zone = "us-east-1a"
      vpc_id            = "vpc-0123456789abcdef0"
      cidr_block        = "10.0.1.0/24"
      ipv6_cidr_block   = "2001:db8:0:1::/64"
    }
  }
}

run "refuses_a_subnet_of_the_load_balancer_in_another_zone" {
  command = plan

  variables {
    load_balancer = { subnet_ids = { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" } }
  }

  expect_failures = [data.aws_subnet.load_balancer["us-east-1b"]]
}

run "the_rules_follow_the_subnets_of_the_load_balancer" {
  variables {
    load_balancer = { subnet_ids = { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" } }
  }

  override_data {
    target = data.aws_subnet.load_balancer["us-east-1b"]
    values = {
      availability_zone = "us-east-1b"
      vpc_id            = "vpc-0123456789abcdef0"
      cidr_block        = "10.0.9.0/24"
    }
  }

  assert {
    condition = {
      for zone, subnet in terraform_data.load_balancer_subnet : zone => subnet.output.cidr_block
    } == { us-east-1a = "10.0.1.0/24", us-east-1b = "10.0.9.0/24" }
    error_message = "a zone without firewalls still sends traffic and health checks"
  }
}

run "refuses_a_boundary_of_another_account" {
  command = plan

  variables {
    permissions = { boundary_arn = "arn:aws:iam::210987654321:policy/boundary" }
  }

  expect_failures = [output.permissions]
}

run "refuses_a_boundary_of_another_partition" {
  command = plan

  variables {
    permissions = { boundary_arn = "arn:aws-us-gov:iam::aws:policy/PowerUserAccess" }
  }

  expect_failures = [output.permissions]
}

run "accepts_a_boundary_of_aws" {
  command = plan

  variables {
    permissions = { boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess" }
  }
}

run "accepts_a_boundary_of_the_account" {
  command = plan

  variables {
    permissions = { boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
  }
}

run "refuses_a_principal_of_another_partition" {
  command = plan

  variables {
    load_balancer = {
      endpoint_service = { allowed_principals = ["arn:aws-us-gov:iam::210987654321:root"] }
    }
  }

  expect_failures = [output.endpoint_service]
}

run "accepts_a_principal_of_another_account" {
  command = plan

  variables {
    load_balancer = {
      endpoint_service = { allowed_principals = ["arn:aws:iam::210987654321:root"] }
    }
  }
}

run "warns_of_a_zone_whose_traffic_no_firewall_gets" {
  command = plan

  variables {
    load_balancer = { cross_zone = false, subnet_ids = { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" } }
  }

  override_data {
    target = data.aws_subnet.load_balancer["us-east-1b"]
    values = {
      availability_zone = "us-east-1b"
      vpc_id            = "vpc-0123456789abcdef0"
      cidr_block        = "10.0.9.0/24"
    }
  }

  expect_failures = [check.every_zone_of_the_load_balancer_has_firewalls]
}

run "refuses_to_move_a_deployment_to_another_vpc" {
  command = plan

  variables {
    network = { vpc_id = "vpc-0fedcba9876543210" }
  }

  override_data {
    target = data.aws_subnet.this
    values = {
      availability_zone = "us-east-1a"
      vpc_id            = "vpc-0fedcba9876543210"
      cidr_block        = "10.0.1.0/24"
    }
  }

  override_data {
    target = data.aws_subnet.load_balancer
    values = {
      availability_zone = "us-east-1a"
      vpc_id            = "vpc-0fedcba9876543210"
      cidr_block        = "10.0.1.0/24"
    }
  }

  expect_failures = [terraform_data.vpc]
}

# With a generation of a user, all firewalls would be told as outdated, and with a serial number, as one.
run "default_tags_give_firewalls_no_tag_of_the_module" {
  command = plan
  # Not the state of other runs, whose queue has its tags already.
  state_key = "default-tags"

  override_resource {
    target          = module.lifecycle.aws_sqs_queue.events
    override_during = plan
    values = {
      arn      = "arn:aws:sqs:us-east-1:123456789012:fw-test-launch"
      tags_all = { CostCenter = "77", "vmseries-autoscale:generation" = "mine", "vmseries-autoscale:serial" = "7" }
    }
  }

  assert {
    condition     = local.firewall_tags == { CostCenter = "77", "vmseries-autoscale:deployment" = "fw-test" }
    error_message = "the keys of the module have a meaning on instances"
  }
}
