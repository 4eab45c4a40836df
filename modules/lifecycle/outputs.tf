output "hook_dependencies" {
  description = <<-EOT
    IDs of everything that handles lifecycle hooks, and of its alarms; they do not change when a function is updated.
    The Auto Scaling group must depend on it, so that it exists before the first launch and until the last termination.
  EOT
  value = merge(
    { for function, target in aws_cloudwatch_event_target.this : "${function}-target" => target.id },
    { for function, mapping in aws_lambda_event_source_mapping.this : "${function}-mapping" => mapping.id },
    { for name, function in module.function : "${name}-policy" => function.role.policy_id },
    { for name, function in module.function : "${name}-logs" => function.log_group_name },
    { reconcile-target = aws_cloudwatch_event_target.reconcile.id },
    { records = aws_dynamodb_table.firewalls.id },
    # The last terminations can be held for hours, and the alarms must report that, too.
    { for key, alarm in aws_cloudwatch_metric_alarm.dead_letters : "${key}-dead-letters-alarm" => alarm.id },
    { for key, alarm in aws_cloudwatch_metric_alarm.oldest_message : "${key}-oldest-message-alarm" => alarm.id },
    { for key, alarm in aws_cloudwatch_metric_alarm.function : "${key}-alarm" => alarm.id },
    { for key, alarm in aws_cloudwatch_metric_alarm.bad_outcome : "${key}-alarm" => alarm.id },
    { for key, alarm in aws_cloudwatch_metric_alarm.report : "${key}-alarm" => alarm.id },
    { for alarm in aws_cloudwatch_metric_alarm.below_capacity : "below-capacity-alarm" => alarm.id },
    { for alarm in aws_cloudwatch_metric_alarm.terminate_held : "terminate-held-alarm" => alarm.id },
    { for alarm in aws_cloudwatch_metric_alarm.reconcile_silent : "reconcile-silent-alarm" => alarm.id },
  )
}

output "tags_all" {
  description = "Tags of the resources of this module, with the provider's `default_tags`."
  # Any resource has them, and a queue always exists. The data source aws_default_tags is unknown in some plans.
  value = aws_sqs_queue.events["launch"].tags_all
}

output "functions" {
  description = "Lambda functions `launch`, `terminate` and `reconcile`: name, ARN, role and log group."
  value = { for name, function in module.function : name => {
    name           = function.name
    arn            = function.arn
    role_name      = function.role.name
    role_arn       = function.role.arn
    log_group_name = function.log_group_name
  } }
}

output "queues" {
  description = "URL and ARN of the SQS queue of each transition."
  value       = { for function, queue in aws_sqs_queue.events : function => { url = queue.url, arn = queue.arn } }
}

output "dead_letter_queues" {
  description = "URL and ARN of the SQS dead-letter queue of each transition."
  value       = { for function, queue in aws_sqs_queue.dead_letters : function => { url = queue.url, arn = queue.arn } }
}

output "records_table" {
  description = "Name and ARN of the DynamoDB table with a record of each firewall."
  value       = { name = aws_dynamodb_table.firewalls.name, arn = aws_dynamodb_table.firewalls.arn }
}

output "event_rules" {
  description = "ARN of the EventBridge rule of each function. The rule of `reconcile` is its schedule."
  value = merge(
    { for function, rule in aws_cloudwatch_event_rule.this : function => rule.arn },
    { reconcile = aws_cloudwatch_event_rule.reconcile.arn },
  )
}

output "settings" {
  description = "JSON settings of each function, as in its environment variable VMSERIES_AUTOSCALE_SETTINGS."
  value       = { for function, settings in local.settings : function => jsonencode(settings) }

  precondition {
    condition = alltrue([
      for bytes in values(local.settings_bytes) : bytes <= local.maximum_settings_bytes
    ])
    error_message = <<-EOT
      The settings must have at most ${local.maximum_settings_bytes} bytes as a JSON text to fit in the environment
      of a Lambda function, but have
      ${join(", ", [for function, bytes in local.settings_bytes : "${bytes} for ${function}"])}.
      Use fewer or shorter tags, zones, security groups, target groups or interface names.
    EOT
  }
}

output "statements" {
  description = "IAM statements that this module requests for each function, by `Sid`."
  value       = local.statements
}

output "permissions" {
  description = "All IAM statements of each function, by `Sid`, each with its reason."
  value       = { for name, function in module.function : name => function.statements }
}
