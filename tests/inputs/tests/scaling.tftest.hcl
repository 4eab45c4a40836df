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
