# One queue per transition. The same message lasts from delivery to completion: a visit that is not finished changes its
# visibility, so that it is received again. Without that, the visibility timeout is six times the function's timeout
# plus the batching window, as AWS recommends.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
resource "aws_sqs_queue" "events" {
  for_each = local.transitions

  name                       = "${var.name}-${each.key}"
  visibility_timeout_seconds = 6 * var.functions.timeout_seconds + each.value.batch_seconds
  message_retention_seconds  = var.event_delivery.message_retention_seconds
  sqs_managed_sse_enabled    = true

  # The maximum of SQS. The function itself moves invalid messages to the dead-letter queue.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = 1000
  })

  # Inline, because the provider waits 25 s for a separate queue policy resource at creation and at deletion.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DeliverEvents"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.arn.queues[each.key]
      Condition = { ArnEquals = { "aws:SourceArn" = local.arn.rules[each.key] } }
    }]
  })

  tags = var.tags
}

# Messages that are invalid or were received too often, and events that EventBridge could not deliver. One queue per
# transition, so that all messages can be redriven to the same queue.
resource "aws_sqs_queue" "dead_letters" {
  for_each = local.transitions

  name                      = "${var.name}-${each.key}-dead-letters"
  message_retention_seconds = var.event_delivery.dead_letter_retention_seconds
  sqs_managed_sse_enabled   = true

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arn.queues[each.key]]
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "KeepUndelivered"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.arn.dead_letters[each.key]
      Condition = { ArnEquals = { "aws:SourceArn" = local.arn.rules[each.key] } }
    }]
  })

  tags = var.tags
}
