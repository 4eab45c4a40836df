locals {
  # The reconcile function counts once in each of its intervals: an alarm that looked more often would come and go.
  reconcile_seconds = var.reconcile.interval_minutes * 60

  # Outcomes that need a person, by function and metric.
  bad_outcomes = {
    launch-abandoned               = { service = "launch", metric = "LaunchAbandoned", description = "A new firewall of ${var.name} did not become ready and was given up." }
    terminate-deadline-passed      = { service = "terminate", metric = "TerminationDeadlinePassed", description = "A firewall of ${var.name} went although its clean-up had not finished: look for what it left in Panorama." }
    license-not-returned           = { service = "terminate", metric = "LicenseNotReturned", description = "A firewall of ${var.name} went with its license: return it by hand; the log of ${var.name}-terminate has the serial number." }
    reconcile-license-not-returned = { service = "reconcile", metric = "LicenseNotReturned", description = "A firewall of ${var.name} went, without its hook, with its license: return it by hand; the log of ${var.name}-reconcile has the serial number." }
    removal-failed                 = { service = "reconcile", metric = "OrphanRemovalFailed", description = "Something that a firewall of ${var.name} has left could not be removed, and is tried again: the log of ${var.name}-reconcile says what and why." }
    event-written-anew             = { service = "reconcile", metric = "LifecycleEventResent", description = "A lifecycle event of ${var.name} was lost and written anew, so nothing is lost: look for what keeps events from the functions." }
  }

  # What a run that dies cannot count itself. Visits turn errors into outcomes, so an error is a run that ended in its middle: its message
  # comes back, and so does the error. Throttling passes by itself, or it does not. Of the reconcile function nobody needs to know more than
  # that it is silent.
  function_alarms = {
    errors    = { metric = "Errors", periods = 1, description = "did not get to the end of a run: it crashed or ran out of time; its log says where." }
    throttles = { metric = "Throttles", periods = 3, description = "is kept from running for a quarter of an hour: the account has no concurrency left for it." }
  }
  watched_functions = merge([
    for function, _ in local.transitions : { for key, alarm in local.function_alarms : "${function}-${key}" => merge(alarm, { function_name = module.function[function].name }) }
  ]...)
}

# It lasts until the queue is empty, so the age of what is in it would tell nothing more.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.alarms == null ? {} : aws_sqs_queue.dead_letters

  alarm_name        = each.value.name
  alarm_description = "${each.value.name} holds messages that nobody answers: see what they are, then move them back or delete them."

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

# The metric counts messages that were received less than three times, so visits that come back do not raise it: it shows that nobody reads.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  for_each = var.alarms == null ? {} : aws_sqs_queue.events

  alarm_name        = "${var.name}-${each.key}-oldest-message"
  alarm_description = "${var.name}-${each.key} holds a message that waited for half of the hook's heartbeat time-out: the function does not run."

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
  for_each = var.alarms == null ? {} : local.watched_functions

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
  for_each = var.alarms == null ? {} : local.bad_outcomes

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.description

  namespace           = local.metrics_namespace
  metric_name         = each.value.metric
  dimensions          = { service = each.value.service, deployment = var.name }
  statistic           = "Sum"
  period              = each.value.service == "reconcile" ? local.reconcile_seconds : 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions

  tags = var.tags
}

# Long before the deadline, while what keeps the firewalls can still be put right. A period holds a visit even where pauses are longest.
resource "aws_cloudwatch_metric_alarm" "terminate_held" {
  count = var.alarms == null ? 0 : 1

  alarm_name        = "${var.name}-terminate-held"
  alarm_description = "A leaving firewall of ${var.name} has been held for a quarter of deadlines.terminate_minutes: the log of ${var.name}-terminate says what it waits for."

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

# Silence is the sign here, so it is one also in a new deployment until the first run.
resource "aws_cloudwatch_metric_alarm" "reconcile_silent" {
  count = var.alarms == null ? 0 : 1

  alarm_name        = "${var.name}-reconcile-silent"
  alarm_description = "${var.name}-reconcile has not come to the end of a run for three intervals, so nobody looks for what is lost: its log says why. Normal in a new deployment until the first run."

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
