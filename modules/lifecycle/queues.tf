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
  policy = module.queue_policy[each.key].json

  tags = var.tags

  lifecycle {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
    precondition {
      condition     = length(module.queue_policy[each.key].json) <= 8192
      error_message = <<-EOT
        The policy of queue ${var.name}-${each.key} has ${length(module.queue_policy[each.key].json)} characters,
        but SQS allows 8,192 bytes.
        Use fewer event_delivery.redrive_principal_arns, e.g. one role that all operators assume.
      EOT
    }
  }
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

  policy = module.queue_policy["${each.key}-dead-letters"].json

  tags = var.tags
}

# The queue policies restrict who may send. A statement that allows EventBridge is not enough: every role of the account
# with sqs:SendMessage could send, too, and a message makes a function visit an instance. So all other senders are denied.
#
# The two keys of the Deny are ANDed, and a negated operator is true if its key is absent. EventBridge has aws:SourceArn
# and no aws:PrincipalArn; roles and users have aws:PrincipalArn, and cannot set aws:SourceArn. For a role session,
# aws:PrincipalArn is the ARN of the role.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
#
# SQS itself needs no permission to move messages to a dead-letter queue, except its redrive allow policy.
locals {
  queue_access = merge(
    # The reconcile function resends lost events. Operators redrive dead letters.
    { for function, _ in local.transitions : function => {
      arn     = local.arn.queues[function]
      rule    = local.arn.rules[function]
      senders = concat([local.arn.roles["reconcile"]], var.event_delivery.redrive_principal_arns)
    } },
    # The function moves invalid messages.
    { for function, _ in local.transitions : "${function}-dead-letters" => {
      arn     = local.arn.dead_letters[function]
      rule    = local.arn.rules[function]
      senders = [local.arn.roles[function]]
    } },
  )
}

module "queue_policy" {
  source   = "../iam-policy"
  for_each = local.queue_access

  statements = {
    DeliverEvents = {
      principals = { Service = ["events.amazonaws.com"] }
      actions    = ["sqs:SendMessage"]
      resources  = [each.value.arn]
      conditions = { ArnEquals = { "aws:SourceArn" = [each.value.rule] } }
    }
    DenyOtherSenders = {
      effect     = "Deny"
      principals = { AWS = ["*"] }
      actions    = ["sqs:SendMessage"]
      resources  = [each.value.arn]
      conditions = {
        ArnNotEquals = { "aws:SourceArn" = [each.value.rule], "aws:PrincipalArn" = each.value.senders }
      }
    }
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html
    DenyWithoutTls = {
      effect     = "Deny"
      principals = { AWS = ["*"] }
      actions    = ["sqs:*"]
      resources  = [each.value.arn]
      conditions = { Bool = { "aws:SecureTransport" = ["false"] } }
    }
  }
}
