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
      for name, policy in aws_autoscaling_policy.target_tracking : name => one(distinct([
        for query in policy.target_tracking_configuration[0].customized_metric_specification[0].metrics :
        query.metric_stat[0].metric[0].metric_name
        if contains(["average", "maximum", "points"], query.id)
      ]))
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
      tracking.target_value == 55 && toset(flatten([
        for query in tracking.customized_metric_specification[0].metrics : [
          for stat in query.metric_stat : [stat.metric[0].namespace, stat.unit]
        ]
      ])) == toset(["VMseries-fw-test", "AWS/AutoScaling", null])
    ])
    error_message = "each policy has the target of its metric's unit, and names no unit to CloudWatch"
  }
}

# documents: failure-modes/G12
run "tracks_the_load_of_firewalls_in_service" {
  module {
    source = "./modules/scaling"
  }

  variables {
    dimensions = { Fleet = "edge" }
    target_tracking = {
      cpu = {
        metric         = "data_plane_cpu"
        raw_metric     = null
        statistic      = "Average"
        scale_in       = true
        warmup_seconds = null
        target = {
          percent                = 60
          count                  = null
          connections_per_second = null
          kilobits_per_second    = null
          packets_per_second     = null
          value                  = null
        }
      }
      own = {
        metric         = null
        raw_metric     = { name = "Tunnels", unit = "Count" }
        statistic      = "Average"
        scale_in       = true
        warmup_seconds = null
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
    condition = {
      for query in(
        aws_autoscaling_policy.target_tracking["cpu"].target_tracking_configuration[0].customized_metric_specification[0].metrics
        ) : query.id => join(" ", concat([query.return_data], compact([query.expression]), [
          for stat in query.metric_stat : join(" ", concat(
            [stat.stat, stat.metric[0].namespace, stat.metric[0].metric_name],
            [for dimension in stat.metric[0].dimensions : "${dimension.name}=${dimension.value}"],
          ))
      ]))
      } == {
      average    = "false Average VMseries-fw-test DataPlaneCPUUtilizationPct Fleet=edge"
      maximum    = "false Maximum VMseries-fw-test DataPlaneCPUUtilizationPct Fleet=edge"
      points     = "false SampleCount VMseries-fw-test DataPlaneCPUUtilizationPct Fleet=edge"
      in_service = "false Average AWS/AutoScaling GroupInServiceInstances AutoScalingGroupName=fw-test"
      total      = "false Average AWS/AutoScaling GroupTotalInstances AutoScalingGroupName=fw-test"
      standby    = "false Average AWS/AutoScaling GroupStandbyInstances AutoScalingGroupName=fw-test"
      serving    = "false FILL(in_service, REPEAT)"
      firewalls  = "false FILL(total, REPEAT) + FILL(standby, REPEAT)"
      published  = "false IF(points < firewalls, points, firewalls)"
      spread     = "false average * published / serving"
      bounded    = "false IF(spread > maximum, maximum, spread)"
      uncounted  = "false IF((points + firewalls) > points, 0, 1)"
      valid      = "false points * (serving + uncounted)"
      load       = "true (IF(bounded > average, bounded, average) * valid) / valid"
    }
    error_message = "the load of firewalls that carry no traffic is spread over those in service"
  }

  assert {
    condition = {
      for query in(
        aws_autoscaling_policy.target_tracking["own"].target_tracking_configuration[0].customized_metric_specification[0].metrics
      ) : query.id => join(" ", [for stat in query.metric_stat : join(" ", compact([stat.metric[0].metric_name, stat.unit]))])
      if query.expression == null
      } == {
      average    = "Tunnels Count"
      maximum    = "Tunnels Count"
      points     = "Tunnels Count"
      in_service = "GroupInServiceInstances"
      total      = "GroupTotalInstances"
      standby    = "GroupStandbyInstances"
    }
    error_message = "the average of a raw metric is that of the firewalls in service, in the metric's unit"
  }

  assert {
    condition = alltrue([
      for policy in values(aws_autoscaling_policy.target_tracking) : alltrue([
        for specification in policy.target_tracking_configuration[0].customized_metric_specification :
        specification.metric_name == null && specification.namespace == null && specification.statistic == null
      ])
    ])
    error_message = "a policy has either one metric or metric math"
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
      tracking.customized_metric_specification[0].metric_name == "Tunnels" &&
      tracking.customized_metric_specification[0].statistic == "Maximum" &&
      length(tracking.customized_metric_specification[0].metrics) == 0 &&
      aws_autoscaling_policy.target_tracking["tunnels"].estimated_instance_warmup == 60
    ])
    error_message = "a metric with another statistic than the average is used as it is"
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
      name => [
        alarm.comparison_operator, alarm.threshold,
        alarm.evaluation_periods * one(distinct(flatten(alarm.metric_query[*].metric[*].period))) / 60,
      ]
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

# documents: failure-modes/G12
run "steps_on_the_load_of_firewalls_in_service" {
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
    condition = alltrue([
      for alarm in values(aws_cloudwatch_metric_alarm.step) : {
        for query in alarm.metric_query : query.id => join(" ", concat([query.return_data], compact([query.expression]), [
          for metric in query.metric : join(" ", concat(
            [metric.stat, metric.namespace, metric.metric_name],
            [for name, value in coalesce(metric.dimensions, {}) : "${name}=${value}"],
          ))
        ]))
        } == {
        average    = "false Average VMseries-fw-test panSessionUtilization"
        maximum    = "false Maximum VMseries-fw-test panSessionUtilization"
        points     = "false SampleCount VMseries-fw-test panSessionUtilization"
        in_service = "false Average AWS/AutoScaling GroupInServiceInstances AutoScalingGroupName=fw-test"
        total      = "false Average AWS/AutoScaling GroupTotalInstances AutoScalingGroupName=fw-test"
        standby    = "false Average AWS/AutoScaling GroupStandbyInstances AutoScalingGroupName=fw-test"
        serving    = "false FILL(in_service, REPEAT)"
        firewalls  = "false FILL(total, REPEAT) + FILL(standby, REPEAT)"
        published  = "false IF(points < firewalls, points, firewalls)"
        spread     = "false average * published / serving"
        bounded    = "false IF(spread > maximum, maximum, spread)"
        uncounted  = "false IF((points + firewalls) > points, 0, 1)"
        valid      = "false points * (serving + uncounted)"
        load       = "true (IF(bounded > average, bounded, average) * valid) / valid"
      }
    ])
    error_message = "the alarms watch the same estimate as target tracking"
  }
}

# The recommended 50 % would remove a firewall that was just added to a group of fewer than five.
run "removes_below_what_a_small_group_has_after_adding" {
  command = plan

  module {
    source = "./modules/scaling"
  }

  variables {
    minimum_capacity = 1
    step = {
      add_above_percent    = 60
      add_after_minutes    = 15
      remove_below_percent = null
      remove_after_minutes = 30
      adjustment           = 1
    }
  }

  assert {
    condition     = { for name, alarm in aws_cloudwatch_metric_alarm.step : name => alarm.threshold } == { add = 60, remove = 30 }
    error_message = "two firewalls at 30 % each follow one at 60 %, and none of them is removed again"
  }
}

run "removes_below_50_percent_in_a_group_of_five" {
  command = plan

  module {
    source = "./modules/scaling"
  }

  variables {
    minimum_capacity = 5
    step = {
      add_above_percent    = 60
      add_after_minutes    = 15
      remove_below_percent = null
      remove_after_minutes = 30
      adjustment           = 1
    }
  }

  assert {
    condition     = { for name, alarm in aws_cloudwatch_metric_alarm.step : name => alarm.threshold } == { add = 60, remove = 50 }
    error_message = "the pair is the one that Palo Alto Networks recommends"
  }
}

run "warns_that_no_policy_adds_the_first_firewall" {
  command = plan

  module {
    source = "./modules/scaling"
  }

  # With explicit thresholds that would flap in any group that has a minimum.
  variables {
    minimum_capacity = 0
    step = {
      add_above_percent    = 60
      add_after_minutes    = 15
      remove_below_percent = 50
      remove_after_minutes = 30
      adjustment           = 1
    }
  }

  expect_failures = [check.scaling_starts]
}

run "does_not_warn_about_an_empty_group_without_policies" {
  command = plan

  module {
    source = "./modules/scaling"
  }

  variables {
    minimum_capacity = 0
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
