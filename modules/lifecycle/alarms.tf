locals {
  dead_letter_queues = merge(aws_sqs_queue.dead_letters, { events = aws_sqs_queue.undelivered })

  # Outcomes that need a person, by function and metric.
  bad_outcomes = {
    launch-abandoned          = { service = "launch", metric = "LaunchAbandoned", description = "A new firewall of ${var.name} did not become ready and was given up." }
    terminate-deadline-passed = { service = "terminate", metric = "TerminateDeadlinePassed", description = "A firewall of ${var.name} went although its clean-up had not finished: look for what it left in Panorama." }
    licence-not-returned      = { service = "terminate", metric = "LicenceNotReturned", description = "A firewall of ${var.name} went with its licence: return it by hand; the log of ${var.name}-terminate has the serial number." }
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.alarms == null ? {} : local.dead_letter_queues

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
  threshold           = var.transitions[each.key].heartbeat_timeout_seconds / 2
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
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarms.actions

  tags = var.tags
}
