# The image of the firewalls: looked up by version, or by its ID.

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
    scale_in_protection             = false, wait_for_capacity_timeout = "0", instance_refresh = null
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

run "refuses_a_version_without_an_image" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  override_data {
    target = data.aws_ami_ids.marketplace[0]
    values = { ids = [] }
  }

  expect_failures = [terraform_data.image]
}

run "finds_the_image_by_version_and_license" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  assert {
    condition = (
      data.aws_ami_ids.marketplace[0].owners == tolist(["aws-marketplace"]) &&
      {
        for filter in data.aws_ami_ids.marketplace[0].filter : filter.name => one(filter.values)
      } == { name = "PA-VM-AWS-11.1.10-h25*", product-code = "e9yfvyj3uag5uo5j2hjikv74n" }
    )
    error_message = "the image is that of the version and license in the Marketplace"
  }

  assert {
    condition = (
      can(regex(data.aws_ami_ids.marketplace[0].name_regex, "PA-VM-AWS-11.1.10-h25-f1260463-68e1-4bfb-bf2e-075c2664c1d7")) &&
      !can(regex(data.aws_ami_ids.marketplace[0].name_regex, "PA-VM-AWS-11.1.10-h250-f1260463-68e1-4bfb-bf2e-075c2664c1d7"))
    )
    error_message = "a hotfix does not match other hotfixes"
  }

  assert {
    condition     = data.aws_ami_ids.marketplace[0].include_deprecated
    error_message = "an image that AWS has deprecated is still found"
  }
}

run "a_version_without_hotfix_does_not_match_its_hotfixes" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, { panos_version = "11.1.15", license_type = "byol" })
  }

  assert {
    condition = (
      can(regex(data.aws_ami_ids.marketplace[0].name_regex, "PA-VM-AWS-11.1.15-prod-slv6ybyrjrxnm")) &&
      !can(regex(data.aws_ami_ids.marketplace[0].name_regex, "PA-VM-AWS-11.1.15-h7-f1260463-68e1-4bfb-bf2e-075c2664c1d7"))
    )
    error_message = "11.1.15 does not match 11.1.15-h7"
  }
}

run "the_newest_image_of_the_version_is_used" {
  module {
    source = "./modules/firewall-group"
  }

  override_data {
    target = data.aws_ami_ids.marketplace[0]
    values = { ids = ["ami-0222222222222222a", "ami-0111111111111111a"] }
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-0222222222222222a" && output.ami_id == "ami-0222222222222222a"
    error_message = "the first ID is the newest"
  }
}

# Starts from the state of the run before, as do the following runs.
run "a_version_that_is_published_again_changes_nothing" {
  module {
    source = "./modules/firewall-group"
  }

  override_data {
    target = data.aws_ami_ids.marketplace[0]
    values = { ids = ["ami-0333333333333333a", "ami-0222222222222222a"] }
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-0222222222222222a"
    error_message = "a new image of the same version would replace all firewalls"
  }
}

run "an_image_that_is_gone_changes_nothing" {
  module {
    source = "./modules/firewall-group"
  }

  override_data {
    target = data.aws_ami_ids.marketplace[0]
    values = { ids = [] }
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-0222222222222222a"
    error_message = "a running deployment can still be changed"
  }
}

run "another_version_is_looked_up" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, { panos_version = "11.2.15" })
  }

  override_data {
    target = data.aws_ami_ids.marketplace[0]
    values = { ids = ["ami-0444444444444444a"] }
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-0444444444444444a"
    error_message = "the image follows the version"
  }
}

run "finds_graviton_images_for_graviton_types" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, {
      panos_version = "11.2.15"
      license_type  = "byol"
      instance_type = "m7g.xlarge"
    })
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { maximum_network_interfaces = 4, supported_architectures = ["arm64"] }
  }

  assert {
    condition = {
      for filter in data.aws_ami_ids.marketplace[0].filter : filter.name => one(filter.values)
    } == { name = "PA-VMARM-AWS-11.2.15*", product-code = "70xbkm08ivye46l4gfa6c85v7" }
    error_message = "the image has the architecture of the instance type"
  }
}

run "refuses_to_look_up_graviton_images_that_are_pay_as_you_go" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, {
      panos_version = "11.2.15"
      license_type  = "bundle2"
      instance_type = "m7g.xlarge"
    })
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { maximum_network_interfaces = 4, supported_architectures = ["arm64"] }
  }

  expect_failures = [terraform_data.image]
}

run "takes_an_image_by_its_id" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, {
      ami_id        = "ami-0555555555555555a"
      panos_version = null
      license_type  = "byol"
    })
  }

  override_data {
    target = data.aws_ami_ids.of_other_architecture[0]
    values = { ids = [] }
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-0555555555555555a" && length(data.aws_ami_ids.marketplace) == 0
    error_message = "an image ID needs no lookup"
  }
}

run "refuses_an_image_of_another_architecture" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall = merge(var.firewall, {
      ami_id        = "ami-0555555555555555a"
      panos_version = null
      license_type  = "byol"
    })
  }

  override_data {
    target = data.aws_ami_ids.of_other_architecture[0]
    values = { ids = ["ami-0555555555555555a"] }
  }

  expect_failures = [aws_launch_template.this]
}

run "refuses_a_zone_without_the_instance_type" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = { locations = ["us-east-1a", "us-east-1c"] }
  }

  expect_failures = [aws_launch_template.this]
}
