# The reconcile function, and the target groups of interfaces.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "fw-test"
  location = { partition = "aws-us-gov", region = "us-gov-west-1", account_id = "123456789012" }
  tags     = { team = "network", "vmseries-autoscale:deployment" = "fw-test" }

  generation    = "0123456789ab"
  bootstrap     = { secret = { arn = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:bootstrap-AbCdEf" } }
  firewall_tags = { team = "network", CostCenter = "77", "vmseries-autoscale:deployment" = "fw-test" }

  hooks = {
    launch    = { name = "launch", default_result = "ABANDON", heartbeat_timeout_seconds = 3600 }
    terminate = { name = "terminate", default_result = "CONTINUE", heartbeat_timeout_seconds = 3600 }
  }

  web_arn = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/web/0123456789abcdef"
  vpn_arn = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/vpn/0123456789abcdef"

  interfaces = {
    data = {
      role               = "data"
      device_index       = 0
      subnet_ids         = { us-gov-west-1a = "subnet-0a" }
      security_group_ids = ["sg-0a"]
      source_dest_check  = false, public_ip = false, public_ipv4_pool = null
    }
    management = {
      role               = "management"
      device_index       = 1
      subnet_ids         = { us-gov-west-1a = "subnet-0b" }
      security_group_ids = ["sg-0b"]
      source_dest_check  = true, public_ip = false, public_ipv4_pool = null
    }
  }

  untrust = {
    role               = "untrust"
    device_index       = 2
    subnet_ids         = { us-gov-west-1a = "subnet-0c", us-gov-west-1b = "subnet-0d" }
    security_group_ids = ["sg-0c"]
    source_dest_check  = false, public_ip = true, public_ipv4_pool = null
    target_groups = [
      {
        arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/web/0123456789abcdef"
        port = 443
      },
      {
        arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/web/0123456789abcdef"
        port = 8443
      },
      {
        arn  = "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/vpn/0123456789abcdef"
        port = 443
      },
    ]
  }

  panorama = {
    hostnames             = ["panorama.example.com"]
    port                  = 443
    secret_arn            = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:panorama-AbCdEf"
    secret_kms_key_arn    = null
    server_name           = null
    device_group          = "autoscale"
    template_stack        = "autoscale-stack"
    log_collector_group   = null
    timeout_seconds       = 10
    push_when_out_of_sync = false
  }

  network = {
    vpc_id      = "vpc-0a"
    cidr_blocks = { data = ["10.0.0.0/24"], management = ["10.0.1.0/24"], untrust = ["10.0.2.0/24", "10.0.3.0/24"] }
  }

  readiness = "in-sync"
  licensing = {
    mode                       = "firewall"
    api_key_secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:licensing-AbCdEf"
    api_key_secret_kms_key_arn = null
    license_manager            = null
    join_timeout_minutes       = 45
  }
  deadlines = { launch_minutes = 45, terminate_minutes = 1440, visit_interval_seconds = 30 }
  reconcile = {
    interval_minutes  = 15
    age_floor_minutes = 25
    maximum_firewalls = 25
    maximum_percent   = 50
    dry_run           = false
  }

  functions = {
    runtime                       = "python3.13"
    architecture                  = "arm64"
    memory_mib                    = 512
    timeout_seconds               = 60
    log_level                     = "INFO"
    log_retention_days            = 90
    kms_key_arn                   = null
    code_signing_config_arn       = null
    vpc                           = null
    event_batching_window_seconds = 20
    launch_concurrency            = 2
    terminate_concurrency         = 2
  }

  package   = { path = "functions.zip", base64sha256 = "0000" }
  layer_arn = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:fw-dependencies:3"
  event_delivery = {
    maximum_age_seconds           = 86400
    maximum_retries               = 185
    message_retention_seconds     = 345600
    dead_letter_retention_seconds = 1209600
    redrive_principal_arns        = []
  }
  permissions = { path = "/", boundary_arn = null }
  alarms      = { actions = ["arn:aws-us-gov:sns:us-gov-west-1:123456789012:on-call"] }
}

# The function and its schedule
# --------------------------------------------------------------------------------------------------------

run "the_schedule_invokes_the_function_without_retries" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = (
      aws_cloudwatch_event_rule.reconcile.schedule_expression == "rate(15 minutes)" &&
      aws_cloudwatch_event_target.reconcile.arn == output.functions.reconcile.arn
    )
    error_message = "the schedule invokes the function in every interval"
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_event_target.reconcile.retry_policy[0].maximum_retry_attempts == 0,
      aws_cloudwatch_event_target.reconcile.retry_policy[0].maximum_event_age_in_seconds == 60,
      aws_lambda_function_event_invoke_config.reconcile.maximum_retry_attempts == 0,
      aws_lambda_function_event_invoke_config.reconcile.maximum_event_age_in_seconds == 60,
    ])
    error_message = "a late invocation is dropped, since the next run does the same"
  }

  assert {
    condition = (
      aws_lambda_permission.reconcile.principal == "events.amazonaws.com" &&
      aws_lambda_permission.reconcile.source_arn == aws_cloudwatch_event_rule.reconcile.arn
    )
    error_message = "only this schedule may invoke the function"
  }

  assert {
    condition = (
      output.functions.reconcile.name == "fw-test-reconcile" &&
      output.event_rules.reconcile == aws_cloudwatch_event_rule.reconcile.arn
    )
    error_message = "the function is an output like the others"
  }

  assert {
    condition = alltrue([
      for key in ["reconcile-target", "reconcile-policy", "reconcile-logs"] :
      contains(keys(output.hook_dependencies), key)
    ])
    error_message = "the group is destroyed before the function"
  }
}

run "the_rate_of_one_minute_is_singular" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    reconcile = {
      interval_minutes  = 1
      age_floor_minutes = 25
      maximum_firewalls = 25
      maximum_percent   = 50
      dry_run           = false
    }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.reconcile.schedule_expression == "rate(1 minute)"
    error_message = "EventBridge accepts only the singular"
  }
}

# Settings
# -----------------------------------------------------------------------------------------------------------------------------

run "settings_name_the_target_groups_of_each_interface" {
  module {
    source = "./modules/lifecycle"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = var.untrust })
  }

  assert {
    condition = keys(jsondecode(output.settings.reconcile)) == [
      "age_floor_seconds", "auto_scaling_group_name", "bootstrap", "credit_pool", "dry_run", "generation", "launch",
      "license_manager", "licensing_mode", "management_device_index", "maximum_firewalls", "maximum_share",
      "metric_namespace", "name", "panorama", "records_table", "stop_launches_after", "strata_cloud_manager", "tags", "target_group_arns",
      "target_groups", "terminate",
    ]
    error_message = "the reconcile function reads exactly these keys"
  }

  assert {
    condition = (
      jsondecode(output.settings.reconcile).generation == var.generation &&
      jsondecode(output.settings.reconcile).tags == { team = "network", CostCenter = "77" } &&
      jsondecode(output.settings.launch).tags == { team = "network", CostCenter = "77" }
    )
    error_message = "the functions have the generation and the tags of firewalls, without the tags of the module"
  }

  assert {
    condition = (
      jsondecode(output.settings.reconcile).age_floor_seconds == 1500 &&
      jsondecode(output.settings.reconcile).maximum_share == 0.5 &&
      jsondecode(output.settings.reconcile).maximum_firewalls == 25
    )
    error_message = "times are in seconds, and shares are fractions"
  }

  assert {
    condition = (
      keys(jsondecode(output.settings.reconcile).launch) == ["lifecycle_hook_name", "queue_url"] &&
      jsondecode(output.settings.reconcile).terminate.lifecycle_hook_name == "terminate"
    )
    error_message = "the function knows the hooks and their queues"
  }

  assert {
    condition = jsondecode(output.settings.reconcile).target_groups == [
      { arn = var.web_arn, vpc_id = "vpc-0a", cidr_blocks = ["10.0.2.0/24", "10.0.3.0/24"] },
      { arn = var.vpn_arn, vpc_id = "vpc-0a", cidr_blocks = ["10.0.2.0/24", "10.0.3.0/24"] },
    ]
    error_message = "each target group is listed once, with the networks of the interfaces that use it"
  }

  assert {
    condition = (
      jsondecode(output.settings.launch).interfaces.untrust.target_groups == [
        { arn = var.web_arn, port = 443 },
        { arn = var.web_arn, port = 8443 },
        { arn = var.vpn_arn, port = 443 },
      ] &&
      jsondecode(output.settings.launch).interfaces.data.target_groups == []
    )
    error_message = "the launch function has the target groups of each interface"
  }

  assert {
    condition = jsondecode(output.settings.terminate).target_groups == {
      "2" = [{ arn = var.web_arn, port = 443 }, { arn = var.web_arn, port = 8443 }, { arn = var.vpn_arn, port = 443 }]
    }
    error_message = "the terminate function has the target groups of each device index"
  }
}

run "a_target_group_of_two_interfaces_has_the_networks_of_both" {
  module {
    source = "./modules/lifecycle"
  }

  variables {
    interfaces = merge(
      var.interfaces,
      {
        untrust    = var.untrust
        management = merge(var.interfaces.management, { target_groups = [{ arn = var.vpn_arn, port = 22 }] })
      },
    )
  }

  assert {
    condition = one([
      for group in jsondecode(output.settings.reconcile).target_groups : group.cidr_blocks if group.arn == var.vpn_arn
    ]) == ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    error_message = "the networks are those of the interfaces"
  }

  assert {
    condition     = keys(jsondecode(output.settings.terminate).target_groups) == ["1", "2"]
    error_message = "both interfaces are deregistered"
  }
}

# Permissions
# --------------------------------------------------------------------------------------------------------------------------

run "every_permission_has_its_reason" {
  module {
    source = "./modules/lifecycle"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = merge(var.untrust, { public_ipv4_pool = "ipv4pool-ec2-0a" }) })
    panorama   = merge(var.panorama, { secret_kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1" })
    functions = merge(
      var.functions,
      {
        kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"
        vpc         = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] }
      },
    )
  }

  assert {
    condition     = keys(output.permissions) == ["launch", "reconcile", "terminate"]
    error_message = "the output has the permissions of every function"
  }

  assert {
    condition = alltrue(flatten(
      [
        for statements in values(output.permissions) :
        [
          for statement in values(statements) :
          can(regex(
            "^[A-Z].*[.]$",
            statement.reason,
          )) && length(statement.actions) > 0 && length(statement.resources) > 0
        ]
      ],
    ))
    error_message = "every statement has a sentence as its reason"
  }

  assert {
    condition = alltrue(flatten(
      [
        for statements in values(output.permissions) :
        [for sid in ["WriteOwnLog", "Trace", "AttachToVpc", "ReadOwnEnvironment"] : contains(keys(statements), sid)]
      ],
    ))
    error_message = "the output also has the statements that the function module adds"
  }
}

run "the_reconcile_function_may_not_remove_what_is_in_use" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = var.untrust })
  }

  assert {
    condition = keys(output.statements.reconcile) == [
      "DeleteInterfaces",
      "DeregisterTargets",
      "Describe",
      "KeepRecords",
      "ListBootstrapVersions",
      "ReadSecrets",
      "ReleaseAddresses",
      "ResendEvents",
      "UpdateTags",
    ]
    error_message = "the function may not create, attach or detach anything, and may not complete a hook"
  }

  assert {
    condition = (
      output.statements.reconcile.UpdateTags.actions == ["ec2:CreateTags"] &&
      output.statements.reconcile.UpdateTags.conditions == {
        StringEquals                = { "aws:ResourceTag/vmseries-autoscale:deployment" = ["fw-test"] }
        "ForAllValues:StringEquals" = { "aws:TagKeys" = ["CostCenter", "team"] }
      }
    )
    error_message = "the function may write only the user's tags, and only on resources of this deployment"
  }

  assert {
    condition = (
      output.statements.reconcile.ListBootstrapVersions.actions == ["secretsmanager:ListSecretVersionIds"] &&
      output.statements.reconcile.ListBootstrapVersions.resources == [var.bootstrap.secret.arn]
    )
    error_message = "the function may list the versions of the bootstrap secret, and not read their values"
  }

  assert {
    condition = output.statements.reconcile.ResendEvents.resources == [
      "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:fw-test-launch",
      "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:fw-test-terminate",
    ]
    error_message = "the function may send only to the two queues"
  }

  assert {
    condition = (
      output.statements.reconcile.DeleteInterfaces.conditions == {
        StringEquals = { "aws:ResourceTag/vmseries-autoscale:deployment" = ["fw-test"] }
      } &&
      output.statements.reconcile.ReleaseAddresses.conditions == {
        StringEquals = { "aws:ResourceTag/vmseries-autoscale:deployment" = ["fw-test"] }
      }
    )
    error_message = "the function may remove only resources of this deployment"
  }

  assert {
    condition     = output.statements.reconcile.ReadSecrets.resources == tolist([var.panorama.secret_arn])
    error_message = "the function may not read the licensing API key"
  }
}

run "the_function_may_list_only_the_bootstrap_package" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    bootstrap = { s3 = { bucket = "firewalls", prefix = "edge" } }
  }

  assert {
    condition = output.statements.reconcile.ListBootstrapPackage == {
      actions    = ["s3:ListBucket"]
      resources  = ["arn:aws-us-gov:s3:::firewalls"]
      conditions = { StringEquals = { "s3:prefix" = ["edge/"] } }
      reason     = "Finds out when the bootstrap package was last changed. Its objects cannot be read."
    }
    error_message = "the function may list the folder of the package, and not read it"
  }

  assert {
    condition     = !can(output.statements.reconcile.ListBootstrapVersions)
    error_message = "there is no secret"
  }
}

run "a_package_without_a_prefix_is_the_bucket" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    bootstrap = { s3 = { bucket = "firewalls" } }
  }

  assert {
    condition = (
      length(output.statements.reconcile.ListBootstrapPackage.conditions) == 0 &&
      jsondecode(output.settings.reconcile).bootstrap == { secret_arn = null, bucket = "firewalls", prefix = null }
    )
    error_message = "the function lists the bucket"
  }
}

run "functions_may_change_only_the_configured_target_groups" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = var.untrust })
  }

  assert {
    condition = (
      output.statements.launch.RegisterTargets.resources == [var.web_arn, var.vpn_arn] &&
      alltrue([
        for statements in values(output.statements) :
        statements.DeregisterTargets.resources == [var.web_arn, var.vpn_arn]
      ])
    )
    error_message = "only the configured target groups may be changed"
  }

  assert {
    condition = (
      alltrue([
        for statements in values(output.statements) :
        contains(statements.Describe.actions, "elasticloadbalancing:DescribeTargetHealth")
      ]) &&
      [for role, statements in output.statements : role if contains(keys(statements), "RegisterTargets")] == ["launch"]
    )
    error_message = "all functions may describe targets, and only the launch function may register them"
  }
}

run "no_permissions_for_target_groups_and_addresses_without_them" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    panorama  = null
    readiness = "off"
    licensing = {
      mode                       = "none"
      api_key_secret_arn         = null
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
    }
    bootstrap     = {}
    firewall_tags = { Name = "fw-test", "vmseries-autoscale:deployment" = "fw-test" }
  }

  assert {
    condition = (
      !strcontains(jsonencode(output.statements), "ec2:DescribeTags") &&
      !strcontains(jsonencode(output.statements), "elasticloadbalancing:") &&
      keys(output.statements.reconcile) == [
        "DeleteInterfaces", "Describe", "KeepRecords", "ReleaseAddresses", "ResendEvents",
      ]
    )
    error_message = "there are no permissions that nothing needs"
  }

  assert {
    condition = (
      !strcontains(jsonencode(output.statements), "ec2:DetachNetworkInterface") &&
      output.statements.terminate.DeleteWithInstance.actions == ["ec2:ModifyNetworkInterfaceAttribute"]
    )
    error_message = "no function may detach interfaces; the terminate function has EC2 delete them with their instance"
  }

  assert {
    condition = output.statements.launch.TagInstances.conditions["ForAllValues:StringEquals"]["aws:TagKeys"] == [
      "vmseries-autoscale:serial",
      "vmseries-autoscale:last-visit",
      "vmseries-autoscale:abandoned",
    ]
    error_message = "only the tags of a visit may be written on an instance"
  }
}

# Licenses
# -----------------------------------------------------------------------------------------------------------------------------

run "functions_that_use_the_license_plugin_know_it_and_need_no_further_secret" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    licensing = {
      mode                       = "plugin"
      api_key_secret_arn         = null
      api_key_secret_kms_key_arn = null
      license_manager            = "autoscale licenses"
      join_timeout_minutes       = 45
    }
  }

  assert {
    condition = (
      jsondecode(output.settings.reconcile).license_manager == "autoscale licenses" &&
      jsondecode(output.settings.reconcile).licensing_mode == "plugin"
    )
    error_message = "the reconcile function returns the licenses of terminated firewalls through the plugin"
  }

  assert {
    condition = (
      jsondecode(output.settings.terminate).licensing == {
        mode                 = "plugin"
        api_key_secret_arn   = null
        license_manager      = "autoscale licenses"
        join_timeout_seconds = 2700
      } &&
      jsondecode(output.settings.launch).license_expected
    )
    error_message = "the terminate function uses the plugin, and a firewall needs a license to come into service"
  }

  assert {
    condition = alltrue([
      for statements in values(output.statements) :
      statements.ReadSecrets.resources == tolist([var.panorama.secret_arn])
    ])
    error_message = "no function may read the licensing API key, which is on Panorama"
  }
}

run "with_a_credit_pool_the_reconcile_function_reads_its_secret_and_alarms_exist" {
  module {
    source = "./modules/lifecycle"
  }

  variables {
    licensing = {
      mode                       = "none"
      api_key_secret_arn         = null
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
      credit_pool = {
        secret_arn           = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:credits-AbCdEf"
        secret_kms_key_arn   = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/credits"
        id                   = "315861234"
        credits_per_firewall = 13.68
      }
    }
  }

  assert {
    condition = jsondecode(output.settings.reconcile).credit_pool == {
      secret_arn           = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:credits-AbCdEf"
      id                   = "315861234"
      credits_per_firewall = 13.68
      profile_firewalls    = null
    }
    error_message = "the reconcile function knows the pool, and nothing that only Terraform needs"
  }

  assert {
    condition = { for function, statements in output.statements : function => strcontains(jsonencode(statements), "credits") } == {
      launch = false, terminate = false, reconcile = true
    }
    error_message = "only the reconcile function may read the credentials for the credit pool"
  }

  assert {
    condition = (
      strcontains(output.statements.reconcile.ReadSecrets.reason, "Panorama and the vendor's credit-pool API") &&
      contains(output.statements.reconcile.DecryptSecrets.resources, "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/credits")
    )
    error_message = "the statements name what the secrets are for, and decrypt them"
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.report :
      name => "${alarm.statistic} ${alarm.metric_name} ${alarm.comparison_operator} ${alarm.threshold} ${alarm.datapoints_to_alarm}"
      } == {
      license-credits-expire  = "Minimum LicenseCreditsDaysLeft LessThanThreshold 30 1"
      license-credits-short   = "Maximum FirewallsWithoutCredits GreaterThanThreshold 0 1"
      license-credits-unknown = "Minimum LicenseCreditsUnknown GreaterThanThreshold 0 2"
      vm-auth-key-expires     = "Minimum VmAuthKeyDaysLeft LessThanThreshold 3 1"
    }
    error_message = "credits that do not suffice, expire or cannot be read have an alarm that lasts, as has the last key"
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.report : name => alarm.treat_missing_data if alarm.treat_missing_data != "notBreaching"
    } == { vm-auth-key-expires = "ignore" }
    error_message = "the alarm about the VM auth key lasts when Panorama no longer lists the key"
  }

  assert {
    condition = length(setsubtract(
      values(aws_cloudwatch_metric_alarm.report)[*].id, values(output.hook_dependencies)
    )) == 0
    error_message = "the alarms exist until the last firewall has terminated"
  }
}

run "a_credit_pool_without_panorama_needs_only_its_own_secret" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    panorama  = null
    readiness = "off"
    licensing = {
      mode                       = "none"
      api_key_secret_arn         = null
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
      credit_pool = {
        secret_arn           = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:credits-AbCdEf"
        id                   = "315861234"
        credits_per_firewall = 13.68
      }
    }
    alarms = null
  }

  assert {
    condition = (
      output.statements.reconcile.ReadSecrets.reason ==
      "Reads the credentials for the vendor's credit-pool API from the configured secrets."
    )
    error_message = "the reason names only what is read"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.report) == 0
    error_message = "there are no alarms if alarms are disabled"
  }
}

run "with_strata_cloud_manager_all_functions_read_its_secret" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    panorama = null
    strata_cloud_manager = {
      secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:strata-AbCdEf"
      secret_kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/strata"
      folder             = "autoscale"
      api_hostname       = "api.strata.paloaltonetworks.com"
      identity_hostname  = "auth.apps.paloaltonetworks.com"
      timeout_seconds    = 30
    }
    firewall_api = {
      secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:firewalls-AbCdEf"
      secret_kms_key_arn = null
      server_name        = "firewalls.example.com"
      port               = 443
      timeout_seconds    = 5
    }
    licensing = {
      mode                       = "firewall"
      api_key_secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:licensing-AbCdEf"
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
    }
  }

  assert {
    condition = alltrue([
      for function in ["launch", "terminate", "reconcile"] :
      jsondecode(output.settings[function]).strata_cloud_manager == {
        secret_arn        = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:strata-AbCdEf"
        folder            = "autoscale"
        api_hostname      = "api.strata.paloaltonetworks.com"
        identity_hostname = "auth.apps.paloaltonetworks.com"
        timeout_seconds   = 30
      }
    ])
    error_message = "all functions know the tenant, and nothing that only Terraform needs"
  }

  assert {
    condition = { for function, statements in output.statements : function => statements.ReadSecrets.reason } == {
      launch    = "Reads the credentials for Strata Cloud Manager and the firewalls from the configured secrets."
      terminate = "Reads the credentials for Strata Cloud Manager and the firewalls and the licensing API key from the configured secrets."
      reconcile = "Reads the credentials for Strata Cloud Manager from the configured secrets."
    }
    error_message = "each function reads the secrets that it uses, and the reason names them"
  }

  assert {
    condition = alltrue([
      for statements in values(output.statements) :
      contains(statements.DecryptSecrets.resources, "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/strata")
    ])
    error_message = "each function may decrypt the secret"
  }

  assert {
    condition     = jsondecode(output.settings.launch).firewall_api != null
    error_message = "the launch function asks firewalls for their licenses"
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.report :
      name => "${alarm.statistic} ${alarm.metric_name} ${alarm.comparison_operator} ${alarm.threshold} ${alarm.datapoints_to_alarm}"
      } == {
      left-registered                  = "Maximum LeftRegistered GreaterThanThreshold 0 1"
      strata-cloud-manager-unavailable = "Minimum StrataCloudManagerUnavailable GreaterThanThreshold 0 2"
    }
    error_message = "firewalls that stay listed, and a manager that cannot be read, have an alarm that lasts"
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.report :
      alarm.alarm_actions == toset(var.alarms.actions) && alarm.ok_actions == toset(var.alarms.actions)
    ])
    error_message = "the alarms report when they begin and when they end"
  }
}

run "with_strata_cloud_manager_and_no_licenses_no_firewall_is_asked" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    panorama = null
    strata_cloud_manager = {
      secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:strata-AbCdEf"
      secret_kms_key_arn = null
      folder             = "autoscale"
      api_hostname       = "api.strata.paloaltonetworks.com"
      identity_hostname  = "auth.apps.paloaltonetworks.com"
      timeout_seconds    = 30
    }
    firewall_api = {
      secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:firewalls-AbCdEf"
      secret_kms_key_arn = null
      server_name        = "firewalls.example.com"
      port               = 443
      timeout_seconds    = 5
    }
    licensing = {
      mode                       = "none"
      api_key_secret_arn         = null
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
    }
  }

  assert {
    condition     = jsondecode(output.settings.launch).firewall_api == null
    error_message = "a function that asks no firewall has no credentials for them"
  }
}

# Alarms
# -------------------------------------------------------------------------------------------------------------------------------

run "alarms_report_missing_runs_and_losses" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.reconcile_silent[0].treat_missing_data == "breaching" &&
      aws_cloudwatch_metric_alarm.reconcile_silent[0].period == 900 &&
      aws_cloudwatch_metric_alarm.reconcile_silent[0].evaluation_periods == 3
    )
    error_message = "the alarm reports three intervals without a completed run"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.terminate_held[0].threshold == 21600 &&
      aws_cloudwatch_metric_alarm.terminate_held[0].metric_name == "TerminationHeldSeconds"
    )
    error_message = "the alarm leaves three quarters of the deadline to act"
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.bad_outcome :
      name => "${alarm.dimensions.service}/${alarm.metric_name}"
      } == {
      event-resend-failed            = "reconcile/LifecycleEventResendFailed"
      event-resent                   = "reconcile/LifecycleEventResent"
      identity-ambiguous             = "terminate/FirewallIdentityAmbiguous"
      reconcile-identity-ambiguous   = "reconcile/FirewallIdentityAmbiguous"
      launch-abandoned               = "launch/LaunchAbandoned"
      launch-message-refused         = "launch/MessageRefused"
      launch-refused                 = "reconcile/LaunchRefused"
      launches-abandoned-in-a-row    = "reconcile/LaunchesAbandonedInARow"
      license-not-returned           = "terminate/LicenseNotReturned"
      reconcile-license-not-returned = "reconcile/LicenseNotReturned"
      orphan-removal-failed          = "reconcile/OrphanRemovalFailed"
      terminate-deadline-passed      = "terminate/TerminationDeadlinePassed"
      terminate-message-refused      = "terminate/MessageRefused"
    }
    error_message = "each outcome that needs an operator has an alarm"
  }

  assert {
    condition = alltrue([
      for alarm in values(aws_cloudwatch_metric_alarm.bad_outcome) :
      alarm.period == (alarm.dimensions.service == "reconcile" ? 900 : 300)
    ])
    error_message = "an alarm lasts until the next run of the reconcile function"
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.bad_outcome :
      name => [alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.ok_actions]
      if alarm.evaluation_periods != 1 || alarm.ok_actions != null
      } == {
      for name in ["launch-refused", "launches-abandoned-in-a-row"] :
      name => [2, 1, aws_cloudwatch_metric_alarm.bad_outcome[name].alarm_actions]
    }
    error_message = "an alarm on what lasts outlives a run that is a little late, and reports its end"
  }

  assert {
    condition = {
      for query in aws_cloudwatch_metric_alarm.below_capacity[0].metric_query :
      query.id => query.expression == null ? [
        for metric in query.metric : "${metric.stat} ${metric.metric_name} ${metric.period}"
      ][0] : query.expression
      } == {
      missing = "wanted - serving"
      serving = "Maximum GroupInServiceInstances 3300"
      wanted  = "Minimum GroupDesiredCapacity 3300"
    }
    error_message = "the alarm compares what was wanted and in service in the time in which a launch must end"
  }

  assert {
    condition = (
      keys(aws_cloudwatch_metric_alarm.function) == [
        "launch-errors",
        "launch-throttles",
        "terminate-errors",
        "terminate-throttles",
      ] &&
      aws_cloudwatch_metric_alarm.function["launch-errors"].dimensions == tomap({ FunctionName = "fw-test-launch" })
    )
    error_message = "alarms on Lambda's metrics report functions that crash"
  }
}

run "no_alarms_if_disabled" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    alarms = null
  }

  assert {
    condition = length(aws_cloudwatch_metric_alarm.function) + length(
      aws_cloudwatch_metric_alarm.reconcile_silent,
      ) + length(aws_cloudwatch_metric_alarm.terminate_held) + length(
      aws_cloudwatch_metric_alarm.below_capacity,
    ) == 0
    error_message = "there are no alarms"
  }
}
