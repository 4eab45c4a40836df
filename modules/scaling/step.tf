# The pair of policies that Palo Alto Networks recommends: add firewalls after a time of high session utilization, and
# remove firewalls after a longer time of low utilization.
locals {
  # With n firewalls at the upper threshold, one more reduces the load to upper * n / (n + 1). If that is below the lower
  # threshold, the new firewall is removed again.
  smallest_group = max(var.minimum_capacity, 1)
  after_adding = one([
    for step in var.step[*] :
    floor(step.add_above_percent * local.smallest_group * 10 / (local.smallest_group + step.adjustment)) / 10
  ])

  # The recommended 50 %, or less where the smallest group would flap.
  remove_below_percent = one([
    for step in var.step[*] : coalesce(step.remove_below_percent, max(min(50, floor(local.after_adding)), 1))
  ])

  step = var.step == null ? {} : {
    add = {
      comparison = "GreaterThanThreshold"
      threshold  = var.step.add_above_percent
      minutes    = var.step.add_after_minutes
      adjustment = var.step.adjustment
      condition  = "above ${var.step.add_above_percent} % for ${var.step.add_after_minutes} minutes"
    }
    remove = {
      comparison = "LessThanThreshold"
      threshold  = local.remove_below_percent
      minutes    = var.step.remove_after_minutes
      adjustment = -var.step.adjustment
      condition  = "below ${local.remove_below_percent} % for ${var.step.remove_after_minutes} minutes"
    }
  }
}

resource "aws_autoscaling_policy" "step" {
  for_each = local.step

  name                    = "${var.name}-session-utilization-${each.key}"
  autoscaling_group_name  = var.autoscaling_group_name
  policy_type             = "StepScaling"
  adjustment_type         = "ChangeInCapacity"
  metric_aggregation_type = "Average"

  step_adjustment {
    scaling_adjustment          = each.value.adjustment
    metric_interval_lower_bound = each.value.adjustment > 0 ? "0" : null
    metric_interval_upper_bound = each.value.adjustment > 0 ? null : "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "step" {
  for_each = local.step

  alarm_name        = "${var.name}-session-utilization-${each.key}"
  alarm_description = "Session utilization of ${var.name} ${each.value.condition}: changes capacity by ${each.value.adjustment}."

  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold

  # Missing data does not change the size of the group.
  treat_missing_data = "missing"

  dynamic "metric_query" {
    for_each = local.load_queries

    content {
      id          = metric_query.key
      expression  = metric_query.value.expression
      return_data = metric_query.key == "load"

      dynamic "metric" {
        for_each = metric_query.value.statistic[*]

        content {
          namespace   = metric_query.value.group_metric == null ? var.namespace : local.group_metric_namespace
          metric_name = coalesce(metric_query.value.group_metric, local.metrics.session_utilization.name)
          dimensions  = metric_query.value.group_metric == null ? var.dimensions : local.group_metric_dimensions
          stat        = metric.value
          period      = 60 # Publishing interval of the firewalls.
        }
      }
    }
  }

  alarm_actions = [aws_autoscaling_policy.step[each.key].arn]

  tags = var.tags
}

check "step_scaling_settles" {
  assert {
    # For a minimum of 0, see the check scaling_starts.
    condition = var.minimum_capacity == 0 || alltrue([
      for step in var.step[*] : local.after_adding >= local.remove_below_percent
    ])
    error_message = var.step == null ? "" : <<-EOT
      scaling.step flaps at capacity.min = ${var.minimum_capacity}:
      adding ${var.step.adjustment} at ${var.step.add_above_percent} % leaves ${local.after_adding} %, which is
      below remove_below_percent = ${local.remove_below_percent}, so the firewall is removed again.
      Set remove_below_percent to ${floor(local.after_adding)} or less, or to null, or increase capacity.min.
    EOT
  }
}
