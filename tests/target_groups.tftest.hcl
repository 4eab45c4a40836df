# The checks that a plan makes of target groups, those of interfaces and those of the group.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name    = "fw-test"
  network = { vpc_id = "vpc-0123456789abcdef0" }

  interfaces = {
    data       = { role = "data", device_index = 0, subnet_ids = { us-east-1a = "subnet-0a" } }
    management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
    untrust = {
      role = "untrust", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" }
      target_groups = [{
        arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
        port = 443
      }]
    }
  }

  # For the runs with target groups of the group.
  of_group = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/mine/0123456789abcdef"]

  firewall     = { panos_version = "11.2.15" }
  capacity     = { min = 1, max = 3 }
  dependencies = { layer = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3" } }
}

run "accepts_target_groups_of_the_vpc" {
  assert {
    condition = jsondecode(module.lifecycle.settings.reconcile).target_groups == [{
      arn         = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
      vpc_id      = "vpc-0123456789abcdef0"
      cidr_blocks = ["10.0.1.0/24"]
    }]
    error_message = "the reconcile function may deregister addresses of the subnets that were read"
  }

  assert {
    condition = (
      contains(keys(output.permissions.launch), "RegisterTargets") &&
      output.permissions.reconcile.DeregisterTargets.reason != ""
    )
    error_message = "the outputs have the permissions of each function with their reasons"
  }
}

run "refuses_a_target_group_of_instances" {
  command = plan

  override_data {
    target = data.aws_lb_target_group.this["untrust/0"]
    values = { name = "web", target_type = "instance", protocol = "TCP", vpc_id = "vpc-0123456789abcdef0" }
  }

  expect_failures = [data.aws_lb_target_group.this]
}

run "refuses_a_target_group_of_a_gateway_load_balancer" {
  command = plan

  override_data {
    target = data.aws_lb_target_group.this["untrust/0"]
    values = { name = "gwlb", target_type = "ip", protocol = "GENEVE", vpc_id = "vpc-0123456789abcdef0" }
  }

  expect_failures = [data.aws_lb_target_group.this]
}

run "refuses_a_target_group_in_another_vpc" {
  command = plan

  override_data {
    target = data.aws_lb_target_group.this["untrust/0"]
    values = { name = "web", target_type = "ip", protocol = "TCP", vpc_id = "vpc-0fedcba9876543210" }
  }

  expect_failures = [data.aws_lb_target_group.this]
}

run "refuses_addresses_as_targets_of_the_group" {
  command = plan

  variables {
    interfaces        = { for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0a"] }) }
    load_balancer     = null
    target_group_arns = var.of_group
  }

  override_data {
    target = data.aws_lb_target_group.of_group[0]
    values = { name = "mine", target_type = "ip", protocol = "GENEVE", vpc_id = "vpc-0123456789abcdef0" }
  }

  expect_failures = [data.aws_lb_target_group.of_group[0]]
}

run "refuses_a_target_group_of_the_group_in_another_vpc" {
  command = plan

  variables {
    interfaces        = { for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0a"] }) }
    load_balancer     = null
    target_group_arns = var.of_group
  }

  override_data {
    target = data.aws_lb_target_group.of_group[0]
    values = { name = "mine", target_type = "instance", protocol = "GENEVE", vpc_id = "vpc-0fedcba9876543210" }
  }

  expect_failures = [data.aws_lb_target_group.of_group[0]]
}

run "accepts_a_target_group_of_instances_for_the_group" {
  command = plan

  variables {
    interfaces        = { for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0a"] }) }
    load_balancer     = null
    target_group_arns = var.of_group
  }

  override_data {
    target = data.aws_lb_target_group.of_group[0]
    values = { name = "mine", target_type = "instance", protocol = "GENEVE", vpc_id = "vpc-0123456789abcdef0" }
  }
}
