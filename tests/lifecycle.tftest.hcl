# The path of a lifecycle event: rule, queue, function, and the permissions of the functions.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "fw-test"
  location = { partition = "aws-us-gov", region = "us-gov-west-1", account_id = "123456789012" }
  tags     = { team = "network", "vmseries-autoscale:deployment" = "fw-test" }

  generation    = "0123456789ab"
  bootstrap     = {}
  firewall_tags = { team = "network", "vmseries-autoscale:deployment" = "fw-test" }

  hooks = {
    launch    = { name = "launch", default_result = "ABANDON", heartbeat_timeout_seconds = 3600 }
    terminate = { name = "terminate", default_result = "CONTINUE", heartbeat_timeout_seconds = 3600 }
  }

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

  network   = { vpc_id = "vpc-0a", cidr_blocks = { data = ["10.0.0.0/24"], management = ["10.0.1.0/24"] } }
  readiness = "off"
  licensing = {
    mode                       = "none"
    api_key_secret_arn         = null
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

run "one_rule_for_each_transition_of_this_group_and_hook" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.this["launch"].event_pattern) == {
      source      = ["aws.autoscaling"]
      detail-type = ["EC2 Instance-launch Lifecycle Action"]
      detail      = { AutoScalingGroupName = ["fw-test"], LifecycleHookName = ["launch"] }
    }
    error_message = "the launch rule matches the launch hook of this group"
  }

  assert {
    condition = jsondecode(
      aws_cloudwatch_event_rule.this["terminate"].event_pattern,
    ).detail-type == ["EC2 Instance-terminate Lifecycle Action"]
    error_message = "the terminate rule matches terminations"
  }

  assert {
    condition = alltrue([for role, target in aws_cloudwatch_event_target.this :
      target.dead_letter_config[0].arn == aws_sqs_queue.dead_letters[role].arn && target.retry_policy[0].maximum_retry_attempts == 185
    ])
    error_message = "an event that cannot be delivered is retried, and then sent to the dead-letter queue"
  }
}

run "each_queue_accepts_only_its_own_rule" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_sqs_queue.events["launch"].policy).Statement :
      statement if statement.Sid == "DeliverEvents"
      ]) == {
      Sid       = "DeliverEvents"
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com"] }
      Action    = ["sqs:SendMessage"]
      Resource  = ["arn:aws-us-gov:sqs:us-gov-west-1:123456789012:fw-test-launch"]
      Condition = {
        ArnEquals = { "aws:SourceArn" = ["arn:aws-us-gov:events:us-gov-west-1:123456789012:rule/fw-test-launch"] }
      }
    }
    error_message = "the launch rule may send to the launch queue"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_sqs_queue.events["launch"].policy).Statement :
      statement if statement.Sid == "DenyOtherSenders"
      ]) == {
      Sid       = "DenyOtherSenders"
      Effect    = "Deny"
      Principal = { AWS = ["*"] }
      Action    = ["sqs:SendMessage"]
      Resource  = ["arn:aws-us-gov:sqs:us-gov-west-1:123456789012:fw-test-launch"]
      Condition = {
        ArnNotEquals = {
          "aws:SourceArn"    = ["arn:aws-us-gov:events:us-gov-west-1:123456789012:rule/fw-test-launch"]
          "aws:PrincipalArn" = ["arn:aws-us-gov:iam::123456789012:role/fw-test-reconcile-us-gov-west-1"]
        }
      }
    }
    error_message = "nothing but the launch rule and the reconcile function may send to the launch queue, whatever IAM allows"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_sqs_queue.dead_letters["terminate"].policy).Statement :
      statement.Condition if statement.Sid == "DenyOtherSenders"
      ]) == {
      ArnNotEquals = {
        "aws:SourceArn"    = ["arn:aws-us-gov:events:us-gov-west-1:123456789012:rule/fw-test-terminate"]
        "aws:PrincipalArn" = ["arn:aws-us-gov:iam::123456789012:role/fw-test-terminate-us-gov-west-1"]
      }
    }
    error_message = "nothing but the rule and the function of a transition may send to its dead-letter queue"
  }

  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.events), values(aws_sqs_queue.dead_letters)) :
      length([
        for statement in jsondecode(queue.policy).Statement :
        true if(
          statement.Effect == "Deny" &&
          statement.Action == ["sqs:*"] &&
          try(statement.Condition == { Bool = { "aws:SecureTransport" = ["false"] } }, false)
        )
      ]) == 1
    ])
    error_message = "every queue denies requests without TLS"
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue.events["terminate"].redrive_policy).maxReceiveCount == 1000 &&
      aws_sqs_queue.events["terminate"].visibility_timeout_seconds == 380 &&
      aws_sqs_queue.events["launch"].visibility_timeout_seconds == 360
    )
    error_message = "a message may be received often, and becomes visible after six time-outs and the batching window"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.dead_letters["launch"].redrive_allow_policy).sourceQueueArns == [
      "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:fw-test-launch",
    ]
    error_message = "a dead-letter queue accepts messages only from its own queue"
  }

  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.events), values(aws_sqs_queue.dead_letters)) :
      queue.sqs_managed_sse_enabled
    ])
    error_message = "all queues are encrypted"
  }
}

run "named_principals_may_redrive_dead_letters" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    permissions = { path = "/network/", boundary_arn = null }
    event_delivery = merge(var.event_delivery, {
      redrive_principal_arns = ["arn:aws-us-gov:iam::123456789012:role/ops/break-glass"]
    })
  }

  assert {
    condition = alltrue([
      for queue in values(aws_sqs_queue.events) : one([
        for statement in jsondecode(queue.policy).Statement :
        statement.Condition.ArnNotEquals["aws:PrincipalArn"] if statement.Sid == "DenyOtherSenders"
        ]) == [
        "arn:aws-us-gov:iam::123456789012:role/network/fw-test-reconcile-us-gov-west-1",
        "arn:aws-us-gov:iam::123456789012:role/ops/break-glass",
      ]
    ])
    error_message = "the event queues accept messages of the reconcile function and of the principals that redrive"
  }

  assert {
    condition = alltrue([
      for queue in values(aws_sqs_queue.dead_letters) : !strcontains(queue.policy, "break-glass")
    ])
    error_message = "who redrives does not send to the dead-letter queues"
  }
}

run "refuses_more_redrive_principals_than_a_queue_policy_can_hold" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    event_delivery = merge(var.event_delivery, {
      redrive_principal_arns = [
        for number in range(120) : "arn:aws-us-gov:iam::123456789012:role/network/operators/break-glass-${number}"
      ]
    })
  }

  expect_failures = [aws_sqs_queue.events]
}

run "only_lambda_itself_may_drain_a_queue" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = alltrue(flatten([
      for function, statements in output.statements : [
        for statement in values(statements) :
        statement.conditions == { Null = { "lambda:SourceFunctionArn" = ["true"] } }
        if anytrue([for action in statement.actions : contains(["sqs:ReceiveMessage", "sqs:DeleteMessage"], action)])
      ]
    ]))
    error_message = "the functions' code, whose calls have lambda:SourceFunctionArn, may not receive or delete messages"
  }
}

run "functions_read_batches_that_may_fail_in_part" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = alltrue([
      for mapping in values(aws_lambda_event_source_mapping.this) :
      mapping.function_response_types == toset(["ReportBatchItemFailures"])
    ])
    error_message = "only the failed messages of a batch return to the queue"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.this["launch"].batch_size == 10 &&
      aws_lambda_event_source_mapping.this["launch"].maximum_batching_window_in_seconds == 0 &&
      aws_lambda_event_source_mapping.this["terminate"].batch_size == 100 &&
      aws_lambda_event_source_mapping.this["terminate"].maximum_batching_window_in_seconds == 20
    )
    error_message = "launches are batched without a batching window; terminations have a batching window"
  }
}

run "settings_have_the_keys_that_the_functions_parse" {
  module {
    source = "./modules/lifecycle"
  }

  variables {
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
    licensing = {
      mode                       = "firewall"
      api_key_secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:licensing-AbCdEf"
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
    }
  }

  assert {
    condition = keys(jsondecode(output.settings.launch)) == [
      "auto_scaling_group_name", "dead_letter_queue_url", "deadline_seconds", "firewall_api", "interfaces",
      "license_expected", "lifecycle_hook_name", "maximum_visit_interval_seconds",
      "name", "panorama", "queue_url", "readiness", "records_table", "strata_cloud_manager", "tags", "target_group_arns",
      "visit_interval_seconds",
    ]
    error_message = "the launch function reads exactly these keys"
  }

  assert {
    condition = keys(jsondecode(output.settings.terminate)) == [
      "auto_scaling_group_name", "dead_letter_queue_url", "deadline_seconds", "firewall_api", "licensing",
      "lifecycle_hook_name", "management_device_index", "maximum_visit_interval_seconds",
      "name", "panorama", "queue_url", "records_table", "strata_cloud_manager", "target_group_arns", "target_groups",
      "visit_interval_seconds",
    ]
    error_message = "the terminate function reads exactly these keys"
  }

  assert {
    condition = (
      jsondecode(output.settings.launch).tags == { team = "network" } &&
      jsondecode(output.settings.launch).deadline_seconds == 2700 &&
      jsondecode(output.settings.terminate).maximum_visit_interval_seconds == 300
    )
    error_message = "tags are those of the user, and times are in seconds"
  }

  assert {
    condition = (
      !strcontains(output.settings.terminate, "kms") &&
      jsondecode(output.settings.terminate).licensing == {
        mode                 = "firewall"
        api_key_secret_arn   = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:licensing-AbCdEf"
        license_manager      = null
        join_timeout_seconds = 2700
      }
    )
    error_message = "the settings have nothing that only Terraform needs"
  }
}

run "with_the_readiness_healthy_the_functions_use_the_target_groups_of_the_group" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    readiness         = "healthy"
    target_group_arns = ["arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/fw/1"]
  }

  assert {
    condition = alltrue([
      for function in ["launch", "terminate", "reconcile"] :
      tolist(jsondecode(output.settings[function]).target_group_arns) == var.target_group_arns &&
      tolist(output.statements[function].DeregisterTargets.resources) == var.target_group_arns &&
      contains(output.statements[function].Describe.actions, "elasticloadbalancing:DescribeTargetHealth")
    ])
    error_message = "each function knows the target groups, and may deregister firewalls from them and from no others"
  }

  assert {
    condition = (
      tolist(output.statements.launch.RegisterTargets.resources) == var.target_group_arns &&
      output.statements.launch.RegisterTargets.reason ==
      "Registers new firewalls with the target groups of the Auto Scaling group." &&
      !contains(keys(output.statements.terminate), "RegisterTargets") &&
      !contains(keys(output.statements.reconcile), "RegisterTargets")
    )
    error_message = "only the launch function may register firewalls, and only with these target groups"
  }
}

run "without_the_readiness_healthy_auto_scaling_alone_uses_the_target_groups_of_the_group" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    readiness         = "off"
    target_group_arns = ["arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:targetgroup/fw/1"]
  }

  assert {
    condition = alltrue([
      for function in ["launch", "terminate", "reconcile"] :
      length(jsondecode(output.settings[function]).target_group_arns) == 0 &&
      !strcontains(jsonencode(output.statements[function]), "elasticloadbalancing")
    ])
    error_message = "no function needs a permission for target groups"
  }
}

run "only_functions_that_call_firewalls_get_the_firewall_api" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    readiness = "connected"
    firewall_api = {
      secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:firewalls-AbCdEf"
      secret_kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"
      server_name        = "firewalls.example.com", port = 443, timeout_seconds = 5
    }
  }

  assert {
    condition = (
      output.statements.launch.ReadSecrets.resources == tolist([
        "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:firewalls-AbCdEf",
      ]) &&
      output.statements.launch.ReadSecrets.reason == "Reads the credentials for the firewalls from the configured secrets." &&
      output.statements.launch.DecryptSecrets.resources == tolist([
        "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1",
      ])
    )
    error_message = "the launch function may read the credentials for the firewalls"
  }

  assert {
    condition = (
      !contains(keys(output.statements.terminate), "ReadSecrets") &&
      !contains(keys(output.statements.reconcile), "ReadSecrets")
    )
    error_message = "without licenses to return, no other function may read them"
  }
}

run "functions_of_one_arm_may_not_create_addresses_or_read_secrets" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = alltrue([
      for role, statements in output.statements :
      length([
        for statement in values(statements) :
        statement if anytrue([
          for action in statement.actions :
          contains(
            ["ec2:AllocateAddress", "ec2:AssociateAddress"],
            action,
          ) || startswith(action, "secretsmanager:") || startswith(action, "kms:")
        ])
      ]) == 0
    ])
    error_message = "there are no permissions that nothing needs"
  }

  assert {
    condition = keys(output.statements.terminate) == [
      "CompleteLifecycleAction", "DelayMessages", "DeleteInterfaces", "DeleteWithInstance", "Describe",
      "DisassociateAddresses", "KeepRecords", "PollQueue", "ReleaseAddresses", "SendToDeadLetterQueue", "TagInstances",
    ]
    error_message = "the terminate function may create nothing but tags on the instance"
  }

  assert {
    condition = output.statements.launch.UseSubnets.resources == tolist([
      "arn:aws-us-gov:ec2:us-gov-west-1:*:subnet/subnet-0b",
      "arn:aws-us-gov:ec2:us-gov-west-1:*:security-group/sg-0b",
    ])
    error_message = "interfaces may be created only in the subnets and security groups of the attached interfaces"
  }

  assert {
    condition = output.statements.launch.CompleteLifecycleAction.resources == [
      "arn:aws-us-gov:autoscaling:us-gov-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/fw-test",
    ]
    error_message = "only the hooks of this group may be completed"
  }
}

run "every_statement_is_scoped" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
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
      untrust = {
        role               = "untrust"
        device_index       = 2
        subnet_ids         = { us-gov-west-1a = "subnet-0c" }
        security_group_ids = ["sg-0c"]
        source_dest_check  = false, public_ip = true, public_ipv4_pool = "ipv4pool-ec2-0a"
      }
    }
    panorama = {
      hostnames             = ["panorama.example.com"]
      port                  = 443
      secret_arn            = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:panorama-AbCdEf"
      secret_kms_key_arn    = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"
      server_name           = null
      device_group          = "autoscale"
      template_stack        = "autoscale-stack"
      log_collector_group   = null
      timeout_seconds       = 10
      push_when_out_of_sync = false
    }
    licensing = {
      mode                       = "firewall"
      api_key_secret_arn         = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:licensing-AbCdEf"
      api_key_secret_kms_key_arn = null
      license_manager            = null
      join_timeout_minutes       = 45
    }
  }

  # A wildcard as ID, or instead of an ARN, needs a condition. Only describing EC2 resources goes without.
  assert {
    condition = alltrue(flatten([for role, statements in output.statements : [for sid, statement in statements :
      sid == "Describe" || length(statement.conditions) > 0 || alltrue([
        for resource in statement.resources : !endswith(resource, "/*") && resource != "*"
      ])
    ]]))
    error_message = "every wildcard has a condition"
  }

  assert {
    condition = alltrue([
      for action in output.statements.launch.Describe.actions : startswith(action, "ec2:Describe")
    ])
    error_message = "statements without a scope only describe"
  }

  assert {
    condition = (
      output.statements.launch.ReadSecrets.resources == tolist([
        "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:panorama-AbCdEf",
      ]) &&
      length(output.statements.terminate.ReadSecrets.resources) == 2
    )
    error_message = "the launch function may not read the licensing API key"
  }

  assert {
    condition = output.statements.launch.TagAtCreation.conditions.StringEquals["ec2:CreateAction"] == [
      "CreateNetworkInterface",
      "AllocateAddress",
    ]
    error_message = "interfaces and addresses may be tagged only when they are created"
  }

  assert {
    condition = output.statements.launch.UseAddressPools.resources == [
      "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:ipv4pool-ec2/ipv4pool-ec2-0a",
    ]
    error_message = "addresses may be allocated only from the configured pool"
  }
}

run "queues_and_bad_outcomes_have_alarms" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = (
      keys(aws_cloudwatch_metric_alarm.dead_letters) == ["launch", "terminate"] &&
      keys(aws_cloudwatch_metric_alarm.oldest_message) == ["launch", "terminate"]
    )
    error_message = "every queue and every dead-letter queue has an alarm"
  }

  assert {
    condition = aws_cloudwatch_metric_alarm.bad_outcome["license-not-returned"].dimensions == tomap({
      service    = "terminate"
      deployment = "fw-test"
    })
    error_message = "alarms use the metrics of this deployment's functions"
  }
}

# The group depends on the IDs in hook_dependencies.
run "alarms_exist_until_the_last_firewall_has_terminated" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = length(setsubtract(
      concat(
        values(aws_cloudwatch_metric_alarm.dead_letters)[*].id,
        values(aws_cloudwatch_metric_alarm.oldest_message)[*].id,
        values(aws_cloudwatch_metric_alarm.function)[*].id,
        values(aws_cloudwatch_metric_alarm.bad_outcome)[*].id,
        aws_cloudwatch_metric_alarm.below_capacity[*].id,
        aws_cloudwatch_metric_alarm.terminate_held[*].id,
        aws_cloudwatch_metric_alarm.reconcile_silent[*].id,
      ),
      values(output.hook_dependencies),
    )) == 0
    error_message = "the group depends on every alarm"
  }
}

run "no_alarm_has_a_period_of_more_than_a_day" {
  command = plan

  module {
    source = "./modules/lifecycle"
  }

  variables {
    deadlines = merge(var.deadlines, { launch_minutes = 2880, visit_interval_seconds = 300 })
  }

  assert {
    condition = alltrue(flatten([
      for query in aws_cloudwatch_metric_alarm.below_capacity[0].metric_query : [
        for metric in query.metric : metric.period <= 86400
      ]
    ]))
    error_message = "CloudWatch refuses longer periods"
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
    condition = length(aws_cloudwatch_metric_alarm.dead_letters) + length(
      aws_cloudwatch_metric_alarm.oldest_message,
    ) + length(aws_cloudwatch_metric_alarm.bad_outcome) == 0
    error_message = "there are no alarms"
  }
}

run "the_records_outlive_their_firewalls_and_a_deleted_table" {
  module {
    source = "./modules/lifecycle"
  }

  assert {
    condition = (
      aws_dynamodb_table.firewalls.name == "fw-test-firewalls" &&
      aws_dynamodb_table.firewalls.hash_key == "instance_id" &&
      aws_dynamodb_table.firewalls.billing_mode == "PAY_PER_REQUEST" &&
      one(aws_dynamodb_table.firewalls.ttl).attribute_name == "expires" &&
      one(aws_dynamodb_table.firewalls.ttl).enabled &&
      one(aws_dynamodb_table.firewalls.point_in_time_recovery).enabled &&
      aws_dynamodb_table.firewalls.tags == tomap(var.tags)
    )
    error_message = "one table per deployment, whose system backup outlives terraform destroy"
  }

  assert {
    condition     = length(aws_dynamodb_table.firewalls.server_side_encryption) == 0
    error_message = "without a key of the user's own, DynamoDB encrypts with one of AWS"
  }

  assert {
    condition = {
      for function, statements in output.statements : function => join(" ", sort(statements.KeepRecords.actions))
      } == {
      launch    = "dynamodb:BatchGetItem dynamodb:PutItem"
      terminate = "dynamodb:BatchGetItem dynamodb:PutItem"
      reconcile = "dynamodb:PutItem dynamodb:Scan"
    }
    error_message = "each function reads and writes as it has to"
  }

  assert {
    condition = toset(flatten([for statements in values(output.statements) : statements.KeepRecords.resources])) == toset([
      "arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/fw-test-firewalls",
    ])
    error_message = "no function reads or writes another table"
  }

  assert {
    condition     = alltrue([for statements in values(output.statements) : !contains(keys(statements), "DecryptRecords")])
    error_message = "a key of AWS needs no permission"
  }

  assert {
    condition = alltrue([
      for document in values(output.settings) : jsondecode(document).records_table == "fw-test-firewalls"
    ])
    error_message = "each function knows the table"
  }

  assert {
    condition     = contains(keys(output.hook_dependencies), "records")
    error_message = "the table exists until the group is empty"
  }
}

run "the_key_of_the_functions_encrypts_the_records" {
  module {
    source = "./modules/lifecycle"
  }

  variables {
    functions = {
      runtime                       = "python3.13"
      architecture                  = "arm64"
      memory_mib                    = 512
      timeout_seconds               = 60
      log_level                     = "INFO"
      log_retention_days            = 90
      kms_key_arn                   = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"
      code_signing_config_arn       = null
      vpc                           = null
      event_batching_window_seconds = 20
      launch_concurrency            = 2
      terminate_concurrency         = 2
    }
  }

  assert {
    condition = (
      one(aws_dynamodb_table.firewalls.server_side_encryption).enabled &&
      one(aws_dynamodb_table.firewalls.server_side_encryption).kms_key_arn == var.functions.kms_key_arn
    )
    error_message = "the table is encrypted with the key"
  }

  assert {
    condition = alltrue([for statements in values(output.statements) : statements.DecryptRecords == {
      actions    = ["kms:Decrypt"]
      resources  = ["arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"]
      conditions = { StringEquals = { "kms:EncryptionContext:aws:dynamodb:tableName" = ["fw-test-firewalls"] } }
      reason     = "Decrypts the records of the firewalls, and nothing else, with your KMS key."
    }])
    error_message = "each function may use the key for this table only"
  }
}
