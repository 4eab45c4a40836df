# Validations of the inputs `capacity`, `scaling`.

# Control run: without it, an invalid value in terraform.tfvars would let every refusal pass.
run "accepts_the_valid_values" {
  command = plan
}

# capacity -----------------------------------------------------------------------------------------

run "refuses_a_capacity_that_is_not_a_whole_number" {
  command = plan

  variables {
    capacity = { min = 1.5, max = 3 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_minimum_above_the_maximum" {
  command = plan

  variables {
    capacity = { min = 4, max = 3 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_desired_capacity_above_the_maximum" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, desired = 4 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_warmup_of_a_day" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, default_instance_warmup_seconds = 86400 }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_health_check_type" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, health_check = { type = "GWLB" } }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_termination_policy" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, termination_policies = ["FewestSessions"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_to_suspend_launches" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, suspended_processes = ["Launch"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_group_metric" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, metrics = ["CPUUtilization"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_instance_lifetime_of_more_than_a_year" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, max_instance_lifetime_days = 366 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_wait_for_capacity_without_a_unit" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, wait_for_capacity_timeout = "45" }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_refresh_that_can_replace_nothing" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { min_healthy_percentage = 100, max_healthy_percentage = 100 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_checkpoint_delay_without_checkpoints" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_delay_seconds = 3600 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_an_unknown_treatment_of_standby_instances" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { standby_instances = "Refresh" } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_warm_up_with_a_fraction" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, default_instance_warmup_seconds = 120.5 }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_negative_warm_up_of_a_refresh" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { instance_warmup_seconds = -1 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_function_behind_another_termination_policy" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, termination_policies = ["OldestInstance", "arn:aws:lambda:us-east-1:123456789012:function:choose:1"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_two_functions_as_termination_policies" {
  command = plan

  variables {
    capacity = {
      min = 1
      max = 3
      termination_policies = [
        "arn:aws:lambda:us-east-1:123456789012:function:choose:1",
        "arn:aws:lambda:us-east-1:123456789012:function:choose:2",
      ]
    }
  }

  expect_failures = [var.capacity]
}

run "refuses_the_latest_version_of_a_function_as_termination_policy" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, termination_policies = ["arn:aws:lambda:us-east-1:123456789012:function:choose:$LATEST"] }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_function_of_another_region_as_termination_policy" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, termination_policies = ["arn:aws:lambda:us-west-2:123456789012:function:choose"] }
  }

  expect_failures = [var.capacity]
}

run "accepts_a_function_before_other_termination_policies" {
  command = plan

  variables {
    capacity = {
      min = 1
      max = 3
      termination_policies = [
        "arn:aws:lambda:us-east-1:123456789012:function:choose:prod",
        "OldestInstance",
        "Default",
      ]
    }
  }
}

run "accepts_an_unqualified_function_as_termination_policy" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, termination_policies = ["arn:aws:lambda:us-east-1:123456789012:function:choose"] }
  }
}

run "refuses_a_lifetime_with_a_fraction_of_a_second" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, max_instance_lifetime_days = 1.00001 }
  }

  expect_failures = [var.capacity]
}

run "accepts_a_lifetime_of_one_and_a_half_days" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, max_instance_lifetime_days = 1.5 }
  }
}

run "refuses_to_wait_for_less_than_a_boot" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    capacity = { min = 1, max = 3, wait_for_capacity_timeout = "24m" }
  }

  expect_failures = [var.readiness]
}

run "refuses_to_wait_for_less_than_a_boot_in_seconds" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    capacity = { min = 1, max = 3, wait_for_capacity_timeout = "1499s" }
  }

  expect_failures = [var.readiness]
}

run "accepts_to_wait_for_a_boot" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    capacity = { min = 1, max = 3, wait_for_capacity_timeout = "25m" }
  }
}

run "accepts_to_wait_for_an_hour" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    capacity = { min = 1, max = 3, wait_for_capacity_timeout = "1h" }
  }
}

run "accepts_a_short_wait_for_an_empty_group" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    capacity = { min = 0, max = 3, wait_for_capacity_timeout = "1m" }
  }
}

run "accepts_a_short_wait_if_firewalls_need_not_boot" {
  command = plan

  variables {
    readiness = "off"
    capacity  = { min = 1, max = 3, wait_for_capacity_timeout = "5m" }
  }
}

run "refuses_a_healthy_percentage_with_a_fraction" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { max_healthy_percentage = 133.4 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_checkpoints_in_descending_order" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_percentages = [50, 20, 100] } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_checkpoint_twice" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_percentages = [50, 50, 100] } }
  }

  expect_failures = [var.capacity]
}

run "refuses_a_checkpoint_at_zero" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_percentages = [0, 100] } }
  }

  expect_failures = [var.capacity]
}

run "accepts_checkpoints_in_ascending_order" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_percentages = [1, 50, 100], checkpoint_delay_seconds = 172800 } }
  }
}

run "refuses_a_checkpoint_delay_of_more_than_two_days" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { checkpoint_percentages = [50, 100], checkpoint_delay_seconds = 172801 } }
  }

  expect_failures = [var.capacity]
}

run "refuses_eleven_alarms_of_a_refresh" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { alarm_names = [for number in range(11) : "alarm-${number}"] } }
  }

  expect_failures = [var.capacity]
}

run "refuses_the_arn_of_an_alarm_of_a_refresh" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { alarm_names = ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:fw"] } }
  }

  expect_failures = [var.capacity]
}

run "accepts_ten_alarms_of_a_refresh" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, instance_refresh = { alarm_names = [for number in range(10) : "alarm-${number}"] } }
  }
}

run "refuses_health_checks_of_target_groups_that_the_group_does_not_have" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, {
      data = merge(var.interfaces.data, {
        security_group_ids = ["sg-0a"]
        target_groups = [{
          arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
          port = 443
        }]
      })
    })
    load_balancer = null
    capacity      = { min = 1, max = 3, health_check = { type = "ELB" } }
  }

  expect_failures = [var.capacity]
}

run "accepts_health_checks_of_the_gateway_load_balancer" {
  command = plan

  variables {
    capacity = { min = 1, max = 3, health_check = { type = "ELB" } }
  }
}

# scaling ------------------------------------------------------------------------------------------

run "refuses_a_namespace_of_aws" {
  command = plan

  variables {
    scaling = { namespace = "AWS/EC2" }
  }

  expect_failures = [var.scaling]
}

run "refuses_dimensions_without_a_policy" {
  command = plan

  variables {
    scaling = { dimensions = { AutoScalingGroupName = "fw-test" } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_name_with_blanks" {
  command = plan

  variables {
    scaling = { target_tracking = { "Session load" = { metric = "session_utilization", target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_without_a_metric" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_with_two_metrics" {
  command = plan

  variables {
    scaling = {
      target_tracking = {
        sessions = { metric = "session_utilization", raw_metric = { name = "Other" }, target = { percent = 60 } }
      }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_an_unknown_metric" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { metric = "cpu", target = { value = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_without_a_target" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", target = {} } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_policy_with_two_targets" {
  command = plan

  variables {
    scaling = {
      target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60, count = 50000 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_percentage_as_target_of_a_session_count" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_active", target = { percent = 75 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_count_as_target_of_a_utilization" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { metric = "data_plane_cpu", target = { count = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_packets_as_target_of_a_throughput_in_kilobits" {
  command = plan

  variables {
    scaling = {
      target_tracking = { sessions = { metric = "session_throughput_kbps", target = { packets_per_second = 500000 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_percentage_as_target_of_a_raw_metric" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { raw_metric = { name = "Other" }, target = { percent = 60 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_target_of_more_than_100_percent" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_utilization", target = { percent = 600 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_target_of_zero" {
  command = plan

  variables {
    scaling = { target_tracking = { sessions = { metric = "session_active", target = { count = 0 } } } }
  }

  expect_failures = [var.scaling]
}

run "refuses_an_unknown_statistic" {
  command = plan

  variables {
    scaling = {
      target_tracking = { sessions = { metric = "session_utilization", statistic = "p99", target = { percent = 60 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_step_whose_remove_threshold_is_above_its_add_threshold" {
  command = plan

  variables {
    scaling = { step = { add_above_percent = 50, remove_below_percent = 60 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_step_that_adds_above_0_percent" {
  command = plan

  variables {
    scaling = { step = { add_above_percent = 0 } }
  }

  expect_failures = [var.scaling]
}

run "accepts_a_step_whose_remove_threshold_the_module_chooses" {
  command = plan

  variables {
    scaling = { step = { add_above_percent = 40 } }
  }
}

run "refuses_a_step_after_half_a_minute" {
  command = plan

  variables {
    scaling = { step = { add_after_minutes = 0.5 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_step_of_zero_firewalls" {
  command = plan

  variables {
    scaling = { step = { adjustment = 0 } }
  }

  expect_failures = [var.scaling]
}

run "refuses_31_dimensions" {
  command = plan

  variables {
    scaling = {
      dimensions      = { for number in range(31) : "dimension-${number}" => "x" }
      target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_dimension_without_a_value" {
  command = plan

  variables {
    scaling = {
      dimensions      = { hub = null }
      target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_dimension_that_starts_with_a_colon" {
  command = plan

  variables {
    scaling = {
      dimensions      = { ":hub" = "east" }
      target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "accepts_30_dimensions" {
  command = plan

  variables {
    scaling = {
      dimensions      = { for number in range(30) : "dimension ${number}" => "x" }
      target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60 } } }
    }
  }
}

run "refuses_the_name_of_a_step_policy" {
  command = plan

  variables {
    scaling = {
      target_tracking = { session-utilization-add = { metric = "session_utilization", target = { percent = 60 } } }
      step            = {}
    }
  }

  expect_failures = [var.scaling]
}

run "accepts_that_name_without_step_policies" {
  command = plan

  variables {
    scaling = {
      target_tracking = { session-utilization-add = { metric = "session_utilization", target = { percent = 60 } } }
    }
  }
}

run "refuses_a_raw_metric_without_a_name" {
  command = plan

  variables {
    scaling = {
      target_tracking = { sessions = { raw_metric = { name = "" }, target = { value = 60 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "refuses_a_unit_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    scaling = {
      target_tracking = { sessions = { raw_metric = { name = "panSessionActive", unit = "Sessions" }, target = { value = 60 } } }
    }
  }

  expect_failures = [var.scaling]
}

run "accepts_each_unit_of_cloudwatch" {
  command = plan

  variables {
    scaling = {
      target_tracking = {
        for unit in [
          "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits",
          "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second",
          "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second",
          "Gigabits/Second", "Terabits/Second", "Count/Second", "None",
        ] : lower(replace(unit, "/", "-")) => { raw_metric = { name = "custom", unit = unit }, target = { value = 60 } }
      }
    }
  }
}

run "refuses_a_warm_up_of_a_policy_with_a_fraction" {
  command = plan

  variables {
    scaling = {
      target_tracking = { sessions = { metric = "session_utilization", target = { percent = 60 }, warmup_seconds = 0.5 } }
    }
  }

  expect_failures = [var.scaling]
}
