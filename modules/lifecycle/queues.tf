# One queue for each transition. A message stays one message from delivery to completion: a visit that has to come back makes it visible
# again, so it is received many times. Until a visit says so, a message stays invisible for six times the function's time-out and the time
# that it may wait for its batch.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
resource "aws_sqs_queue" "events" {
  for_each = local.transitions

  name                       = "${var.name}-${each.key}"
  visibility_timeout_seconds = 6 * var.functions.timeout_seconds + each.value.batch_seconds
  message_retention_seconds  = var.event_delivery.message_retention_seconds
  sqs_managed_sse_enabled    = true

  # The limit is SQS's highest. What cannot be understood does not wait for it: the function puts it into the dead-letter queue itself.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = 1000
  })

  # Inline, because the provider waits 25 s for a queue policy that is a resource of its own, at create and at destroy.
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

# What the function cannot understand, what comes too often, and what EventBridge cannot hand over: one place for each transition, so that
# everything in it goes back to one queue.
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
