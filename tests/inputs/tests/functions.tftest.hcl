# Validations of the inputs `functions`, `deadlines`, `reconcile`, `event_delivery`, `dependencies`, `alarms`.

# Control run: without it, an invalid value in terraform.tfvars would let every refusal pass.
run "accepts_the_valid_values" {
  command = plan
}

# functions ----------------------------------------------------------------------------------------

run "accepts_license_returns_by_the_firewall_api_without_panorama" {
  command = plan

  variables {
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
    }
    licensing = {
      mode               = "firewall"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }
}

run "refuses_an_old_runtime" {
  command = plan

  variables {
    functions = { runtime = "python3.9" }
  }

  expect_failures = [var.functions]
}

run "accepts_the_oldest_runtime" {
  command = plan

  variables {
    functions = { runtime = "python3.12" }
  }
}

run "accepts_a_runtime_that_needs_a_newer_provider" {
  command = plan

  variables {
    functions = { runtime = "python3.14" }
  }
}

run "refuses_a_runtime_that_is_not_supported" {
  command = plan

  variables {
    functions = { runtime = "python3.15" }
  }

  expect_failures = [var.functions]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    functions = { architecture = "arm" }
  }

  expect_failures = [var.functions]
}

run "refuses_too_little_memory" {
  command = plan

  variables {
    functions = { memory_mib = 128 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_timeout_of_less_than_a_minute" {
  command = plan

  variables {
    functions = { timeout_seconds = 3 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_retry_after_a_crash_that_comes_after_the_hook_timeout" {
  command = plan

  variables {
    functions = { timeout_seconds = 500, event_batching_window_seconds = 300 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_log_level_that_drops_metrics" {
  command = plan

  variables {
    functions = { log_level = "ERROR" }
  }

  expect_failures = [var.functions]
}

run "refuses_a_log_retention_that_cloudwatch_does_not_support" {
  command = plan

  variables {
    functions = { log_retention_days = 45 }
  }

  expect_failures = [var.functions]
}

run "refuses_an_alias_as_kms_key_of_the_functions" {
  command = plan

  variables {
    functions = { kms_key_arn = "alias/functions" }
  }

  expect_failures = [var.functions]
}

run "refuses_functions_in_a_vpc_without_security_groups" {
  command = plan

  variables {
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = [] } }
  }

  expect_failures = [var.functions]
}

run "refuses_terminations_without_a_batching_window" {
  command = plan

  variables {
    functions = { event_batching_window_seconds = 0 }
  }

  expect_failures = [var.functions]
}

run "refuses_a_concurrency_of_one" {
  command = plan

  variables {
    functions = { terminate_concurrency = 1 }
  }

  expect_failures = [var.functions]
}

run "accepts_a_high_concurrency_without_panorama" {
  command = plan

  variables {
    functions = { launch_concurrency = 10, terminate_concurrency = 10 }
  }
}

run "refuses_a_key_of_another_region_for_the_functions" {
  command = plan

  variables {
    functions = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
  }

  expect_failures = [var.functions]
}

run "accepts_a_multi_region_key_for_the_functions" {
  command = plan

  variables {
    functions = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab" }
  }
}

run "refuses_a_code_signing_configuration_of_another_region" {
  command = plan

  variables {
    functions = { code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdef0" }
  }

  expect_failures = [var.functions]
}

run "refuses_a_package_that_does_not_exist" {
  command = plan

  variables {
    functions = {
      code_signing_config_arn = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
      package_filename        = "no-such-file.zip"
    }
  }

  expect_failures = [var.functions]
}

run "refuses_the_name_of_a_security_group_of_the_functions" {
  command = plan

  variables {
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["functions"] } }
  }

  expect_failures = [var.functions]
}

run "refuses_the_name_of_a_subnet_of_the_functions" {
  command = plan

  variables {
    functions = { vpc = { subnet_ids = ["private-a"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.functions]
}

run "refuses_17_subnets_of_the_functions" {
  command = plan

  variables {
    functions = { vpc = { subnet_ids = [for number in range(17) : "subnet-${number}"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.functions]
}

run "refuses_six_security_groups_of_the_functions" {
  command = plan

  variables {
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = [for number in range(6) : "sg-${number}"] } }
  }

  expect_failures = [var.functions]
}

run "accepts_16_subnets_and_five_security_groups_of_the_functions" {
  command = plan

  variables {
    functions = {
      vpc = {
        subnet_ids         = [for number in range(16) : "subnet-${number}"]
        security_group_ids = [for number in range(5) : "sg-${number}"]
      }
    }
  }
}

run "refuses_a_batching_window_with_a_fraction" {
  command = plan

  variables {
    functions = { event_batching_window_seconds = 20.5 }
  }

  expect_failures = [var.functions]
}

# deadlines ----------------------------------------------------------------------------------------

run "refuses_a_deadline_beyond_48_hours" {
  command = plan

  variables {
    deadlines = { terminate_minutes = 2881 }
  }

  expect_failures = [var.deadlines]
}

run "refuses_a_visit_every_second" {
  command = plan

  variables {
    deadlines = { visit_interval_seconds = 1 }
  }

  expect_failures = [var.deadlines]
}

run "refuses_more_visits_than_sqs_receives_allow" {
  command = plan

  variables {
    deadlines = { launch_minutes = 200, visit_interval_seconds = 10 }
  }

  expect_failures = [var.deadlines]
}

# reconcile ----------------------------------------------------------------------------------------

run "accepts_the_bounds_of_the_reconcile_function" {
  command = plan

  variables {
    reconcile = {
      interval_minutes  = 1
      age_floor_minutes = 57
      maximum_firewalls = 1
      maximum_percent   = 100
      dry_run           = true
    }
  }
}

run "accepts_the_lowest_age_floor" {
  command = plan

  variables {
    reconcile = { age_floor_minutes = 28 }
  }
}

run "refuses_to_reconcile_too_often" {
  command = plan

  variables {
    reconcile = { interval_minutes = 0 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_a_reconcile_interval_of_two_and_a_half_minutes" {
  command = plan

  variables {
    reconcile = { interval_minutes = 2.5 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_to_reconcile_only_after_hooks_have_timed_out" {
  command = plan

  variables {
    reconcile = { interval_minutes = 18 } # 2 * 18 + 25 = 61
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_that_leaves_no_time_for_a_lost_event" {
  command = plan

  variables {
    reconcile = { age_floor_minutes = 30 } # 2 * 15 + 30 = 60
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_below_the_slowest_chain_of_visits" {
  command = plan

  variables {
    reconcile = { age_floor_minutes = 27 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_that_is_too_low_for_slow_functions" {
  command = plan

  variables {
    functions = { timeout_seconds = 150 } # 600 + 300 + 900 + 20 = 1820 s
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_that_is_not_in_whole_minutes" {
  command = plan

  variables {
    reconcile = { age_floor_minutes = 25.5 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_a_removal_limit_of_zero_firewalls" {
  command = plan

  variables {
    reconcile = { maximum_firewalls = 0 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_a_removal_limit_that_is_not_a_whole_number" {
  command = plan

  variables {
    reconcile = { maximum_firewalls = 1.5 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_a_removal_limit_of_zero_percent" {
  command = plan

  variables {
    reconcile = { maximum_percent = 0 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_a_removal_limit_of_more_than_100_percent" {
  command = plan

  variables {
    reconcile = { maximum_percent = 101 }
  }

  expect_failures = [var.reconcile]
}

# event_delivery -----------------------------------------------------------------------------------

run "refuses_a_maximum_event_age_of_a_second" {
  command = plan

  variables {
    event_delivery = { maximum_age_seconds = 1 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_more_retries_than_eventbridge_supports" {
  command = plan

  variables {
    event_delivery = { maximum_retries = 186 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_a_message_retention_shorter_than_the_deadline" {
  command = plan

  variables {
    event_delivery = { message_retention_seconds = 100000 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_a_dead_letter_retention_that_does_not_exceed_that_of_the_queue" {
  command = plan

  variables {
    event_delivery = { dead_letter_retention_seconds = 345600 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_an_age_of_events_with_a_fraction" {
  command = plan

  variables {
    event_delivery = { maximum_age_seconds = 86399.5 }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_a_number_of_retries_with_a_fraction" {
  command = plan

  variables {
    event_delivery = { maximum_retries = 0.5 }
  }

  expect_failures = [var.event_delivery]
}

# dependencies -------------------------------------------------------------------------------------

run "refuses_two_sources_of_dependencies" {
  command = plan

  variables {
    dependencies = { archive = { filename = "dependencies.zip" }, python = "python3.12" }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_layer_arn_without_a_version" {
  command = plan

  variables {
    dependencies = { layer = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:dependencies" } }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_folder_as_dependencies" {
  command = plan

  variables {
    dependencies = { archive = { filename = "artifacts" } }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_python_with_shell_metacharacters" {
  command = plan

  variables {
    dependencies = { python = "python3; true" }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_layer_of_another_region" {
  command = plan

  variables {
    dependencies = { layer = { arn = "arn:aws:lambda:eu-west-1:123456789012:layer:fw-dependencies:3" } }
  }

  expect_failures = [var.dependencies]
}

run "accepts_a_layer_of_another_account" {
  command = plan

  variables {
    dependencies = { layer = { arn = "arn:aws:lambda:us-east-1:210987654321:layer:fw-dependencies:3" } }
  }
}

# alarms -------------------------------------------------------------------------------------------

run "refuses_an_email_address_as_alarm_action" {
  command = plan

  variables {
    alarms = { actions = ["on-call@example.com"] }
  }

  expect_failures = [var.alarms]
}

run "refuses_every_role_of_the_account_as_redrive_principal" {
  command = plan

  variables {
    event_delivery = { redrive_principal_arns = ["arn:aws:iam::123456789012:role/*"] }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_the_whole_account_as_redrive_principal" {
  command = plan

  variables {
    event_delivery = { redrive_principal_arns = ["arn:aws:iam::123456789012:root"] }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_a_session_as_redrive_principal" {
  command = plan

  variables {
    event_delivery = { redrive_principal_arns = ["arn:aws:sts::123456789012:assumed-role/operators/me"] }
  }

  expect_failures = [var.event_delivery]
}

run "refuses_everybody_as_redrive_principal" {
  command = plan

  variables {
    event_delivery = { redrive_principal_arns = ["*"] }
  }

  expect_failures = [var.event_delivery]
}

run "accepts_roles_and_users_as_redrive_principals" {
  command = plan

  variables {
    event_delivery = {
      redrive_principal_arns = [
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef",
        "arn:aws:iam::123456789012:user/break-glass@example.com",
      ]
    }
  }
}

run "refuses_a_name_as_code_signing_configuration" {
  command = plan

  variables {
    functions = { code_signing_config_arn = "csc-0123456789abcdef0" }
  }

  expect_failures = [var.functions]
}

run "refuses_another_package_without_code_signing" {
  command = plan

  variables {
    functions = { package_filename = "artifacts/functions.zip" }
  }

  expect_failures = [var.functions]
}

run "refuses_a_package_that_is_no_zip_archive" {
  command = plan

  variables {
    functions = {
      code_signing_config_arn = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
      package_filename        = "artifacts/functions.tar"
    }
  }

  expect_failures = [var.functions]
}

run "accepts_a_signed_package" {
  command = plan

  variables {
    functions = {
      code_signing_config_arn = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
      package_filename        = "../../lambda/dist/functions.zip"
    }
  }
}

run "refuses_all_keys_for_the_functions" {
  command = plan

  variables {
    functions = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/*" }
  }

  expect_failures = [var.functions]
}

run "refuses_all_topics_as_alarm_action" {
  command = plan

  variables {
    alarms = { actions = ["arn:aws:sns:us-east-1:123456789012:*"] }
  }

  expect_failures = [var.alarms]
}

run "refuses_a_layer_with_a_wildcard" {
  command = plan

  variables {
    dependencies = { layer = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:*:1" } }
  }

  expect_failures = [var.dependencies]
}

run "refuses_a_topic_of_another_region" {
  command = plan

  variables {
    alarms = { actions = ["arn:aws:sns:eu-west-1:123456789012:on-call"] }
  }

  expect_failures = [var.alarms]
}

run "refuses_a_queue_as_alarm_action" {
  command = plan

  variables {
    alarms = { actions = ["arn:aws:sqs:us-east-1:123456789012:on-call"] }
  }

  expect_failures = [var.alarms]
}

run "refuses_to_stop_an_instance_as_alarm_action" {
  command = plan

  variables {
    alarms = { actions = ["arn:aws:automate:us-east-1:ec2:stop"] }
  }

  expect_failures = [var.alarms]
}

run "accepts_each_kind_of_alarm_action" {
  command = plan

  variables {
    alarms = {
      actions = [
        "arn:aws:sns:us-east-1:123456789012:on-call",
        "arn:aws:lambda:us-east-1:123456789012:function:on-call:1",
        "arn:aws:ssm:us-east-1:123456789012:opsitem:1#CATEGORY=Availability",
        "arn:aws:ssm-incidents::123456789012:response-plan/on-call",
      ]
    }
  }
}
