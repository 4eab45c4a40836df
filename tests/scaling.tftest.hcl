# Scaling policies on the firewalls' metrics.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                   = "fw-test"
  autoscaling_group_name = "fw-test"
  minimum_capacity       = 6
  namespace              = "VMseries-fw-test"
  dimensions             = {}
  target_tracking        = {}
  tags                   = {}
}

run "creates_nothing_by_default" {
  module {
    source = "./modules/scaling"
  }

  assert {
    condition     = output.policies == {}
    error_message = "there are no policies"
  }
}

# documents: failure-modes/G10
run "knows_every_metric_by_name" {
  module {
    source = "./modules/scaling"
  }

  variables {
    target_tracking = { for name, kind in {
      data_plane_cpu           = "percent"
      data_plane_packet_buffer = "percent"
      gp_gateway_utilization   = "percent"
      gp_gateway_tunnels       = "count"
      session_active           = "count"
      session_cps              = "connections_per_second"
      session_ssl_proxy        = "percent"
      session_throughput_kbps  = "kilobits_per_second"
      session_throughput_pps   = "packets_per_second"
      session_utilization      = "percent"
      } : replace(name, "_", "-") => {
      metric = name, raw_metric = null, statistic = "Average", scale_in = true, warmup_seconds = null
      target = merge(
        {
          percent                = null
          count                  = null
          connections_per_second = null
          kilobits_per_second    = null
          packets_per_second     = null
          value                  = null
        },
        { (kind) = 55 },
      )
    } }
  }

  assert {
    condition = {
      for name, policy in aws_autoscaling_policy.target_tracking :
      name => policy.target_tracking_configuration[0].customized_metric_specification[0].metric_name
      } == {
      data-plane-cpu           = "DataPlaneCPUUtilizationPct"
      data-plane-packet-buffer = "DataPlanePacketBufferUtilization"
      gp-gateway-utilization   = "panGPGatewayUtilizationPct"
      gp-gateway-tunnels       = "panGPGWUtilizationActiveTunnels"
      session-active           = "panSessionActive"
      session-cps              = "panSessionConnectionsPerSecond"
      session-ssl-proxy        = "panSessionSslProxyUtilization"
      session-throughput-kbps  = "panSessionThroughputKbps"
      session-throughput-pps   = "panSessionThroughputPps"
      session-utilization      = "panSessionUtilization"
    }
    error_message = "the metric names are those of PAN-OS"
  }

  assert {
    condition = alltrue([
      for tracking in values(aws_autoscaling_policy.target_tracking)[*].target_tracking_configuration[0] :
      tracking.target_value == 55 && tracking.customized_metric_specification[0].namespace == "VMseries-fw-test"
    ])
    error_message = "each policy has the target of its metric's unit"
  }
}

# documents: failure-modes/G10
run "accepts_a_raw_metric_with_dimensions" {
  module {
    source = "./modules/scaling"
  }

  variables {
    dimensions = { AutoScalingGroupName = "fw-test" }
    target_tracking = {
      tunnels = {
        metric         = null
        raw_metric     = { name = "Tunnels", unit = "Count" }
        statistic      = "Maximum"
        scale_in       = false
        warmup_seconds = 60
        target = {
          percent                = null
          count                  = null
          connections_per_second = null
          kilobits_per_second    = null
          packets_per_second     = null
          value                  = 100
        }
      }
    }
  }

  assert {
    condition = alltrue([
      for tracking in aws_autoscaling_policy.target_tracking["tunnels"].target_tracking_configuration :
      tracking.disable_scale_in &&
      tracking.customized_metric_specification[0].unit == "Count" &&
      one(tracking.customized_metric_specification[0].metric_dimension).value == "fw-test" &&
      aws_autoscaling_policy.target_tracking["tunnels"].estimated_instance_warmup == 60
    ])
    error_message = "a raw metric is used as it is"
  }
}

run "creates_the_recommended_step_policies" {
  module {
    source = "./modules/scaling"
  }

  variables {
    step = {
      add_above_percent    = 60
      add_after_minutes    = 15
      remove_below_percent = 50
      remove_after_minutes = 30
      adjustment           = 1
    }
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.step :
      name => [alarm.comparison_operator, alarm.threshold, alarm.evaluation_periods * alarm.period / 60]
      } == {
      add    = ["GreaterThanThreshold", 60, 15]
      remove = ["LessThanThreshold", 50, 30]
    }
    error_message = "more than 60 % for 15 minutes adds a firewall, less than 50 % for 30 minutes removes one"
  }

  assert {
    condition = {
      for name, policy in aws_autoscaling_policy.step : name => one(policy.step_adjustment).scaling_adjustment
    } == { add = 1, remove = -1 }
    error_message = "each policy adds or removes one firewall at a time"
  }
}

run "warns_if_a_small_group_would_flap" {
  command = plan

  module {
    source = "./modules/scaling"
  }

  # 60 * 4 / 5 = 48, which is below 50. With five firewalls it is 50, which is not below.
  variables {
    minimum_capacity = 4
    step = {
      add_above_percent    = 60
      add_after_minutes    = 15
      remove_below_percent = 50
      remove_after_minutes = 30
      adjustment           = 1
    }
  }

  expect_failures = [check.step_scaling_settles]
}

run "does_not_warn_about_five_firewalls" {
  command = plan

  module {
    source = "./modules/scaling"
  }

  variables {
    minimum_capacity = 5
    step = {
      add_above_percent    = 60
      add_after_minutes    = 15
      remove_below_percent = 50
      remove_after_minutes = 30
      adjustment           = 1
    }
  }
}
