# Launch template, Auto Scaling group, and the permissions and security groups of a firewall.

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

run "the_launch_template_is_secure_by_default" {
  module {
    source = "./modules/firewall-group"
  }

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required"
    error_message = "IMDSv2 is required"
  }

  assert {
    condition = (
      aws_launch_template.this.block_device_mappings[0].device_name == "/dev/xvda" &&
      aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true"
    )
    error_message = "the root volume is encrypted"
  }

  assert {
    condition = (
      length(aws_launch_template.this.network_interfaces) == 1 &&
      aws_launch_template.this.network_interfaces[0].device_index == 0 &&
      length(aws_launch_template.this.network_interfaces[0].security_groups) == 1 &&
      aws_launch_template.this.network_interfaces[0].associate_public_ip_address == "false"
    )
    error_message = "the data interface at index 0 has a security group and no public address; the launch function attaches the others"
  }

  assert {
    condition     = aws_launch_template.this.private_dns_name_options[0].hostname_type == "resource-name"
    error_message = "the host name is the instance ID"
  }

  assert {
    condition = {
      for specification in aws_launch_template.this.tag_specifications :
      specification.resource_type => specification.tags
      } == {
      for type in ["instance", "volume", "network-interface"] : type => tomap(merge(
        {
          team                            = "network"
          CostCenter                      = "77"
          "vmseries-autoscale:deployment" = "fw-test"
          Name                            = "fw-test"
        },
        type == "instance" ? { "vmseries-autoscale:generation" = output.generation } : {},
      ))
    }
    error_message = "instances, volumes and interfaces have the tags by which the functions identify them"
  }

  assert {
    condition = base64decode(
      aws_launch_template.this.user_data,
    ) == "mgmt-interface-swap=enable;secret_name=fw/bootstrap"
    error_message = "the user data only refers to the bootstrap source"
  }
}

run "the_group_has_hooks_that_are_always_completed" {
  module {
    source = "./modules/firewall-group"
  }

  assert {
    condition = {
      for hook in aws_autoscaling_group.this.initial_lifecycle_hook :
      hook.name => [hook.lifecycle_transition, hook.default_result, hook.heartbeat_timeout]
      } == {
      launch    = ["autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON", 3600]
      terminate = ["autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE", 3600]
    }
    error_message = "both hooks apply from the first instance on"
  }

  assert {
    condition = (
      aws_autoscaling_group.this.wait_for_capacity_timeout == "0" &&
      aws_autoscaling_group.this.timeouts.delete == "1475m"
    )
    error_message = "an apply does not wait for firewalls; a destroy waits as long as they may take"
  }

  assert {
    condition = (
      aws_autoscaling_group.this.vpc_zone_identifier == toset(["subnet-0a", "subnet-1a"]) &&
      aws_autoscaling_group.this.desired_capacity == 3 &&
      aws_autoscaling_group.this.max_instance_lifetime == 7776000
    )
    error_message = "the group uses the data subnets of all zones"
  }

  assert {
    condition     = terraform_data.hook_dependencies.output == tomap({ launch-mapping = "0000" })
    error_message = "the group is created after the functions that complete its hooks"
  }
}

# documents: failure-modes/G6
run "refreshes_instances_if_configured" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    capacity = {
      min                             = 2
      max                             = 6
      desired                         = 3
      default_instance_warmup_seconds = 120
      health_check                    = { type = "ELB", grace_period_seconds = 300 }
      termination_policies            = ["Default"]
      suspended_processes             = ["AZRebalance"]
      metrics                         = []
      max_instance_lifetime_days      = null
      scale_in_protection             = false, wait_for_capacity_timeout = "0"
      instance_refresh = {
        min_healthy_percentage       = 100
        max_healthy_percentage       = 134
        instance_warmup_seconds      = null
        checkpoint_percentages       = [34, 100]
        checkpoint_delay_seconds     = 3600
        auto_rollback                = true
        skip_matching                = true
        scale_in_protected_instances = "Refresh"
        standby_instances            = "Ignore"
        alarm_names                  = ["bad"]
      }
    }
  }

  assert {
    condition = (
      aws_autoscaling_group.this.instance_refresh[0].preferences[0].auto_rollback &&
      aws_autoscaling_group.this.instance_refresh[0].preferences[0].alarm_specification[0].alarms == tolist(["bad"])
    )
    error_message = "the group has the configured preferences"
  }

  assert {
    condition     = aws_autoscaling_group.this.launch_template[0].version == "1"
    error_message = "the group names a version by number, which a refresh and a rollback need"
  }
}

run "the_role_may_publish_metrics_and_read_the_bootstrap_and_nothing_else" {
  module {
    source = "./modules/firewall-group"
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Action
      } == {
      PublishMetrics      = ["cloudwatch:PutMetricData"]
      ReadBootstrapSecret = ["secretsmanager:GetSecretValue"]
      WriteBootLog        = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    }
    error_message = "a firewall has only the permissions that it needs"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Condition.StringEquals["cloudwatch:namespace"] if statement.Sid == "PublishMetrics"
    ]) == ["VMseries-fw-test", "VMseries-fw-test_dimensions"]
    error_message = "metrics may be published only in the namespace of this deployment"
  }

  assert {
    condition = (
      aws_iam_role.this.path == "/network/" &&
      aws_iam_role.this.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    )
    error_message = "the role has the configured path and permissions boundary"
  }
}

run "the_role_may_read_only_its_prefix_of_the_bucket" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    bootstrap = { secret = null, s3 = { bucket = "fw-bootstrap", prefix = "prod", kms_key_arn = null }, options = null }
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Sid => statement.Resource if strcontains(statement.Sid, "Bucket")
      } == {
      ListBootstrapBucket = ["arn:aws:s3:::fw-bootstrap"]
      ReadBootstrapBucket = ["arn:aws:s3:::fw-bootstrap/prod/*"]
    }
    error_message = "a firewall may read only its prefix"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      !contains(keys(statement), "Condition") if statement.Sid == "ListBootstrapBucket"
    ])
    error_message = "a firewall may list the bucket, whichever prefix PAN-OS asks for"
  }
}

run "the_role_has_the_names_of_services_in_commercial_regions" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    location = { partition = "aws", dns_suffix = "amazonaws.com", region = "us-east-1", account_id = "123456789012" }
    bootstrap = {
      secret = null
      s3 = {
        bucket      = "fw-bootstrap"
        prefix      = null
        kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
      }
      options = null
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == {
      Service = "ec2.amazonaws.com"
    }
    error_message = "EC2 may assume the role"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Condition if statement.Sid == "DecryptBootstrapBucket"
      ]) == {
      StringEquals = { "kms:ViaService" = ["s3.eu-west-1.amazonaws.com"] }
    }
    error_message = "S3 may use the key in the Region of the key, which is that of the bucket"
  }
}

run "the_role_has_the_names_of_services_in_china" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    location = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn", region = "cn-north-1", account_id = "123456789012" }
    bootstrap = {
      secret = null
      s3 = {
        bucket      = "fw-bootstrap"
        prefix      = null
        kms_key_arn = "arn:aws-cn:kms:cn-northwest-1:123456789012:key/1"
      }
      options = null
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == {
      Service = "ec2.amazonaws.com.cn"
    }
    error_message = "EC2 may assume the role"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Condition if statement.Sid == "DecryptBootstrapBucket"
      ]) == {
      StringEquals = { "kms:ViaService" = ["s3.cn-northwest-1.amazonaws.com", "s3.cn-northwest-1.amazonaws.com.cn"] }
    }
    error_message = "S3 may use the key in the Region of the key, which is that of the bucket"
  }
}

run "the_role_has_the_names_of_services_in_govcloud" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    location = { partition = "aws-us-gov", dns_suffix = "amazonaws.com", region = "us-gov-west-1", account_id = "123456789012" }
    bootstrap = {
      secret = null
      s3 = {
        bucket      = "fw-bootstrap"
        prefix      = null
        kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:123456789012:key/1"
      }
      options = null
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == {
      Service = "ec2.amazonaws.com"
    }
    error_message = "EC2 may assume the role"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Condition if statement.Sid == "DecryptBootstrapBucket"
      ]) == {
      StringEquals = { "kms:ViaService" = ["s3.us-gov-east-1.amazonaws.com"] }
    }
    error_message = "S3 may use the key in the Region of the key, which is that of the bucket"
  }
}

run "security_groups_are_closed_by_default" {
  module {
    source = "./modules/firewall-group"
  }

  assert {
    condition = {
      for name, rule in aws_vpc_security_group_ingress_rule.load_balancer :
      name => [rule.ip_protocol, rule.from_port, rule.cidr_ipv4]
      } == {
      us-east-1a-geneve          = ["udp", 6081, "10.0.1.0/24"]
      us-east-1a-health-check-80 = ["tcp", 80, "10.0.1.0/24"]
      us-east-1b-geneve          = ["udp", 6081, "10.0.2.0/24"]
      us-east-1b-health-check-80 = ["tcp", 80, "10.0.2.0/24"]
    }
    error_message = "data: ingress is GENEVE and the health check from the load balancer's subnets"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.management) == 0
    error_message = "management: there is no ingress by default"
  }

  assert {
    condition = toset([
      for rule in values(aws_vpc_security_group_egress_rule.management) : "${rule.ip_protocol}/${rule.from_port}"
    ]) == toset(["tcp/80", "tcp/443", "tcp/444", "tcp/3978", "tcp/28443", "udp/53", "tcp/53", "udp/123"])
    error_message = "management: egress is what PAN-OS needs"
  }

  # The ports that the page "Install the Device Certificate for a Managed Firewall" requires.
  # https://docs.paloaltonetworks.com/panorama/11-1/panorama-admin/manage-firewalls/install-the-device-certificate-for-managed-firewalls/install-the-device-certificate-for-a-managed-firewall
  assert {
    condition = length(setsubtract(
      [80, 443, 444],
      [for rule in values(aws_vpc_security_group_egress_rule.management) : rule.from_port if rule.ip_protocol == "tcp"],
    )) == 0
    error_message = "management: a firewall can get its device certificate"
  }

  assert {
    condition = (
      aws_security_group.this["untrust"].tags.Name == "fw-test-untrust" &&
      length(aws_vpc_security_group_egress_rule.untrust) == 1
    )
    error_message = "untrust: there is only egress"
  }
}

# The user's own security groups, and fewer interfaces: running firewalls still use the groups of the module.
run "security_groups_and_rules_outlive_their_use" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = {
      for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0${name}"] })
      if name != "untrust"
    }
    management_access = { cidr_blocks = { office = "10.1.0.0/24" }, ports = [443], egress = {} }
  }

  assert {
    condition     = keys(aws_security_group.this) == ["data", "management", "untrust"]
    error_message = "every role has its group"
  }

  assert {
    condition = (
      length(aws_vpc_security_group_ingress_rule.load_balancer) == 4 &&
      length(aws_vpc_security_group_egress_rule.data) == 2 &&
      length(aws_vpc_security_group_ingress_rule.management) == 1 &&
      length(aws_vpc_security_group_egress_rule.management) == 8 &&
      length(aws_vpc_security_group_egress_rule.untrust) == 1
    )
    error_message = "every group has its rules"
  }

  assert {
    condition = (
      aws_launch_template.this.network_interfaces[0].security_groups == toset(["sg-0data"]) &&
      output.interface_security_group_ids.data[0] == "sg-0data" &&
      output.interface_security_group_ids.management[0] == "sg-0management"
    )
    error_message = "new firewalls have the groups of the user"
  }
}

run "creates_no_security_groups_if_none_is_wanted" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = {
      for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0${name}"] })
    }
    create_security_groups = false
  }

  override_data {
    target = data.aws_security_groups.given_up[0]
    values = { ids = [] }
  }

  override_data {
    target = data.aws_network_interfaces.with_given_up_groups[0]
    values = { ids = [] }
  }

  assert {
    condition = (
      output.security_group_ids == {} &&
      length(output.load_balancer_rule_ids) == 0 &&
      length(aws_vpc_security_group_egress_rule.management) == 0 &&
      length(aws_vpc_security_group_egress_rule.untrust) == 0
    )
    error_message = "there are neither groups nor rules"
  }
}

run "refuses_to_remove_security_groups_in_use" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = {
      for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0${name}"] })
    }
    create_security_groups = false
  }

  override_data {
    target = data.aws_security_groups.given_up[0]
    values = { ids = ["sg-0123456789abcdef0"] }
  }

  override_data {
    target = data.aws_network_interfaces.with_given_up_groups[0]
    values = { ids = ["eni-0123456789abcdef0"] }
  }

  expect_failures = [aws_launch_template.this]
}

run "refuses_to_remove_rules_in_use" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    interfaces = {
      for name, interface in var.interfaces : name => merge(interface, { security_group_ids = ["sg-0${name}"] })
    }
    load_balancer_access = null
  }

  override_data {
    target = data.aws_security_groups.given_up[0]
    values = { ids = ["sg-0123456789abcdef0"] }
  }

  override_data {
    target = data.aws_network_interfaces.with_given_up_groups[0]
    values = { ids = ["eni-0123456789abcdef0"] }
  }

  assert {
    condition     = local.given_up_groups == ["fw-test-data"]
    error_message = "the other groups keep their rules"
  }

  expect_failures = [aws_launch_template.this]
}

run "management_is_open_for_the_configured_networks" {
  module {
    source = "./modules/firewall-group"
  }

  variables {
    management_access = {
      cidr_blocks = { office = "10.1.0.0/24" }
      ports       = [443, 443]
      egress      = { syslog = { protocol = "tcp", port = 6514, cidr_blocks = { collectors = "10.9.0.0/24" } } }
    }
  }

  assert {
    condition = {
      for name, rule in aws_vpc_security_group_ingress_rule.management :
      name => [rule.cidr_ipv4, rule.from_port, rule.ip_protocol]
    } == { office-443 = ["10.1.0.0/24", 443, "tcp"] }
    error_message = "ingress is one network on one port"
  }

  assert {
    condition = {
      for name, rule in aws_vpc_security_group_egress_rule.management :
      name => [rule.cidr_ipv4, rule.from_port, rule.ip_protocol] if rule.cidr_ipv4 != "0.0.0.0/0"
    } == { "syslog/collectors" = ["10.9.0.0/24", 6514, "tcp"] }
    error_message = "egress has the configured service besides those of PAN-OS"
  }

  assert {
    condition = length(distinct([
      for rule in values(aws_vpc_security_group_egress_rule.management) :
      [rule.ip_protocol, rule.from_port, rule.cidr_ipv4]
    ])) == length(aws_vpc_security_group_egress_rule.management)
    error_message = "EC2 refuses a rule that exists"
  }
}

run "refuses_more_interfaces_than_the_instance_type_supports" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { maximum_network_interfaces = 2, supported_architectures = ["x86_64"] }
  }

  expect_failures = [aws_launch_template.this]
}

run "refuses_more_tags_than_leave_room_for_those_of_the_functions" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    firewall_tags = merge(
      { for number in range(43) : "tag-${number}" => "" },
      { "vmseries-autoscale:deployment" = "fw-test" },
    )
  }

  expect_failures = [aws_launch_template.this]
}

run "refuses_user_data_that_ec2_refuses" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    bootstrap = {
      secret  = null
      s3      = { bucket = "fw-bootstrap", prefix = join("/", [for part in range(1000) : "seventeen-letters"]), kms_key_arn = null }
      options = null
    }
  }

  expect_failures = [output.user_data]
}

run "refuses_a_role_name_that_iam_refuses" {
  command = plan

  module {
    source = "./modules/firewall-group"
  }

  variables {
    name = "a-name-that-is-much-longer-than-the-root-module-allows"
  }

  expect_failures = [aws_iam_role.this]
}
