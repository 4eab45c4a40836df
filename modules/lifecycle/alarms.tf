locals {
  # Known in every plan, also when an action is sensitive.
  has_alarms = nonsensitive(var.alarms != null)

  # The reconcile function publishes once per interval. An alarm with a shorter period would change state between the
  # runs.
  reconcile_seconds = var.reconcile.interval_minutes * 60

  # A visit abandons a launch that passes its deadline, at most one visit interval of five minutes later, and the metrics
  # of a minute arrive after it. A period has at most a day.
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
  capacity_alarm_seconds = min(86400, var.deadlines.launch_minutes * 60 + 600)

  # Outcomes that require action by an operator.
  bad_outcomes = {
    launch-abandoned = {
      service     = "launch"
      metric      = "LaunchAbandoned"
      description = "A launch of ${var.name} was abandoned: the firewall did not become ready in time."
    }
    launch-refused = {
      service     = "reconcile"
      metric      = "LaunchRefused"
      description = "EC2 refuses launches of ${var.name}. The report in ${var.name}-reconcile's log has EC2's message."
    }
    launches-abandoned-in-a-row = {
      service     = "reconcile"
      metric      = "LaunchesAbandonedInARow"
      description = "Launches of ${var.name} are abandoned one after the other, and each may take a license. See docs/licensing.md."
    }
    terminate-deadline-passed = {
      service     = "terminate"
      metric      = "TerminationDeadlinePassed"
      description = "A firewall of ${var.name} terminated before its cleanup was complete. Check Panorama for its entries."
    }
    license-not-returned = {
      service     = "terminate"
      metric      = "LicenseNotReturned"
      description = "A firewall of ${var.name} did not return its license. Return it manually: see ${var.name}-terminate's log."
    }
    reconcile-license-not-returned = {
      service     = "reconcile"
      metric      = "LicenseNotReturned"
      description = "A firewall of ${var.name} died without returning its license. See ${var.name}-reconcile's log."
    }
    identity-ambiguous = {
      service     = "terminate"
      metric      = "FirewallIdentityAmbiguous"
      description = "The firewall of an instance of ${var.name} is ambiguous, and was left alone. See ${var.name}-terminate's log."
    }
    reconcile-identity-ambiguous = {
      service     = "reconcile"
      metric      = "FirewallIdentityAmbiguous"
      description = "A terminated firewall of ${var.name} is ambiguous, and stays in Panorama. See ${var.name}-reconcile's log."
    }
    orphan-removal-failed = {
      service     = "reconcile"
      metric      = "OrphanRemovalFailed"
      description = "An orphan of ${var.name} could not be removed. It is retried: see ${var.name}-reconcile's log."
    }
    event-resend-failed = {
      service     = "reconcile"
      metric      = "LifecycleEventResendFailed"
      description = "A lost lifecycle event of ${var.name} could not be resent. It is retried: see ${var.name}-reconcile's log."
    }
    launch-message-refused = {
      service     = "launch"
      metric      = "MessageRefused"
      description = "${var.name}-launch was invoked with a record that is not a message of its queue. Find out who invoked it."
    }
    terminate-message-refused = {
      service     = "terminate"
      metric      = "MessageRefused"
      description = "${var.name}-terminate was invoked with a record that is not a message of its queue. Find out who invoked it."
    }
    event-resent = {
      service     = "reconcile"
      metric      = "LifecycleEventResent"
      description = "A lost lifecycle event of ${var.name} was resent. Find out why the function did not receive or process it."
    }
  }

  # Outcomes that each run of the reconcile function reports until they end. A run may start shortly before or after its
  # period, so such an alarm ends only after two periods.
  lasting_outcomes = toset(["launch-refused", "launches-abandoned-in-a-row"])

  # Failures that the functions cannot report themselves. The functions turn errors into outcomes, so a Lambda error is
  # an invocation that crashed or timed out, and its message is delivered again. The reconcile function has an alarm on
  # missing runs instead.
  function_alarms = {
    errors = {
      metric      = "Errors"
      periods     = 1
      description = "failed: it crashed or timed out. See its log."
    }
    throttles = {
      metric      = "Throttles"
      periods     = 3
      description = "was throttled for 15 minutes: the account has no concurrency left for it."
    }
  }
  watched_functions = merge([
    for function, _ in local.transitions : {
      for key, alarm in local.function_alarms :
      "${function}-${key}" => merge(alarm, { function_name = module.function[function].name })
    }
  ]...)
}

# The alarm lasts until the queue is empty.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = local.has_alarms ? aws_sqs_queue.dead_letters : {}

  alarm_name        = each.value.name
  alarm_description = "${each.value.name} has messages. Find out why they failed, then redrive or delete them."

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}

# The metric ignores messages that were received three times or more, so retried visits do not raise the alarm. It shows
# that the function does not read the queue.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  for_each = local.has_alarms ? aws_sqs_queue.events : {}

  alarm_name        = "${var.name}-${each.key}-oldest-message"
  alarm_description = "${var.name}-${each.key} has a message older than half of the heartbeat timeout: the function does not read it."

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.hooks[each.key].heartbeat_timeout_seconds / 2
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.has_alarms ? local.watched_functions : {}

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.function_name} ${each.value.description}"

  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = each.value.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "bad_outcome" {
  for_each = local.has_alarms ? local.bad_outcomes : {}

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.description

  namespace           = local.metrics_namespace
  metric_name         = each.value.metric
  dimensions          = { service = each.value.service, deployment = var.name }
  statistic           = "Sum"
  period              = each.value.service == "reconcile" ? local.reconcile_seconds : 300
  evaluation_periods  = contains(local.lasting_outcomes, each.key) ? 2 : 1
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions
  ok_actions    = contains(local.lasting_outcomes, each.key) ? var.alarms.actions : null

  tags = var.tags
}

# Fewer firewalls are in service than were wanted all the time in which a launch must end, whatever the cause. A period of
# that length compares the fewest that were wanted with the most that were in service, so that a group that keeps growing
# raises no alarm. In the first period of a new group, the metrics begin in its middle: hence two periods.
resource "aws_cloudwatch_metric_alarm" "below_capacity" {
  count = local.has_alarms ? 1 : 0

  alarm_name        = "${var.name}-below-capacity"
  alarm_description = "${var.name} has had fewer firewalls in service than it should have for longer than deadlines.launch_minutes."

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "missing"
    label       = "Missing firewalls"
    expression  = "wanted - serving"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      serving = { metric = "GroupInServiceInstances", statistic = "Maximum" }
      wanted  = { metric = "GroupDesiredCapacity", statistic = "Minimum" }
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/AutoScaling"
        metric_name = metric_query.value.metric
        dimensions  = { AutoScalingGroupName = var.name }
        stat        = metric_query.value.statistic
        period      = local.capacity_alarm_seconds
      }
    }
  }

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}

# Long before the deadline, so that an operator can fix the cause in time. The period is longer than the longest
# interval between two visits.
resource "aws_cloudwatch_metric_alarm" "terminate_held" {
  count = local.has_alarms ? 1 : 0

  alarm_name        = "${var.name}-terminate-held"
  alarm_description = "A termination of ${var.name} takes longer than 25 % of deadlines.terminate_minutes. See ${var.name}-terminate's log."

  namespace           = local.metrics_namespace
  metric_name         = "TerminationHeldSeconds"
  dimensions          = { service = "terminate", deployment = var.name }
  statistic           = "Maximum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.deadlines.terminate_minutes * 60 / 4
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}

# Missing data is breaching, also in a new deployment until the first run. With `missing`, the alarm would keep its first
# state, INSUFFICIENT_DATA, if the function never runs, and actions follow changes of the state only. What FILL returns
# for a metric without any data is not documented.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
resource "aws_cloudwatch_metric_alarm" "reconcile_silent" {
  count = local.has_alarms ? 1 : 0

  alarm_name        = "${var.name}-reconcile-silent"
  alarm_description = "${var.name}-reconcile has completed no run for three intervals. See its log. Normal until its first run."

  namespace           = local.metrics_namespace
  metric_name         = "ReconcileCompleted"
  dimensions          = { service = "reconcile", deployment = var.name }
  statistic           = "Sum"
  period              = local.reconcile_seconds
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}
