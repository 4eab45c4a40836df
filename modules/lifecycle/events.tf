resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.transitions

  name        = "${var.name}-${each.key}"
  description = "Lifecycle hook ${each.value.hook_name} of Auto Scaling group ${var.name}."

  event_pattern = jsonencode({
    source      = ["aws.autoscaling"]
    detail-type = [each.value.detail_type]
    detail = {
      AutoScalingGroupName = [var.name]
      LifecycleHookName    = [each.value.hook_name]
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.transitions

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "queue"
  arn       = aws_sqs_queue.events[each.key].arn

  retry_policy {
    maximum_event_age_in_seconds = var.event_delivery.maximum_age_seconds
    maximum_retry_attempts       = var.event_delivery.maximum_retries
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters[each.key].arn
  }
}
