output "hook_dependencies" {
  description = <<-EOT
    Everything that answers a lifecycle hook, or sees that nothing does, by ids that stay the same when a function is updated. The Auto Scaling group
    must depend on it: then all of it is there before the first firewall launches and stays until the last one is gone.
  EOT
  value = merge(
    { for function, target in aws_cloudwatch_event_target.this : "${function}-target" => target.id },
    { for function, mapping in aws_lambda_event_source_mapping.this : "${function}-mapping" => mapping.id },
    { for name, function in module.function : "${name}-policy" => function.role.policy_id },
    { for name, function in module.function : "${name}-logs" => function.log_group_name },
    { reconcile-target = aws_cloudwatch_event_target.reconcile.id },
  )
}

output "functions" {
  description = "The functions, `launch`, `terminate` and `reconcile`: name, ARN, role and log group."
  value = { for name, function in module.function : name => {
    name           = function.name
    arn            = function.arn
    role_name      = function.role.name
    role_arn       = function.role.arn
    log_group_name = function.log_group_name
  } }
}

output "queues" {
  description = "The queues by transition: URL and ARN."
  value       = { for function, queue in aws_sqs_queue.events : function => { url = queue.url, arn = queue.arn } }
}

output "dead_letter_queues" {
  description = "The dead-letter queue of each transition: URL and ARN."
  value       = { for function, queue in aws_sqs_queue.dead_letters : function => { url = queue.url, arn = queue.arn } }
}

output "event_rules" {
  description = "ARN of the event rule of each function; that of `reconcile` is its schedule."
  value       = merge({ for function, rule in aws_cloudwatch_event_rule.this : function => rule.arn }, { reconcile = aws_cloudwatch_event_rule.reconcile.arn })
}

output "settings" {
  description = "The settings document of each function, as it is handed over in VMSERIES_AUTOSCALE_SETTINGS."
  value       = { for function, settings in local.settings : function => jsonencode(settings) }

  precondition {
    condition     = alltrue([for characters in values(local.settings_characters) : characters <= local.maximum_settings_characters])
    error_message = "The settings are too long for the environment of a Lambda function, which leaves ${local.maximum_settings_characters} characters for them: ${join(", ", [for function, characters in local.settings_characters : "${characters} for ${function}" if characters > local.maximum_settings_characters])}. Use fewer or shorter tags, zones, security groups, target groups or interface names."
  }
}

output "statements" {
  description = "What this module asks for each function, as data: IAM statements by their `Sid`."
  value       = local.statements
}

output "permissions" {
  description = "Everything that each function may do, as data: IAM statements by their `Sid`, each with its reason."
  value       = { for name, function in module.function : name => function.statements }
}
