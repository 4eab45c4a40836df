output "answers" {
  description = <<-EOT
    Everything that answers a lifecycle hook, by ids that stay the same when a function is updated. The Auto Scaling group must depend on it:
    then all of it is there before the first firewall launches and stays until the last one is gone.
  EOT
  value = merge(
    { for role, target in aws_cloudwatch_event_target.this : "${role}-target" => target.id },
    { for role, mapping in aws_lambda_event_source_mapping.this : "${role}-mapping" => mapping.id },
    { for role, function in module.function : "${role}-policy" => function.role.policy_id },
    { for role, function in module.function : "${role}-logs" => function.log_group_name },
  )
}

output "functions" {
  description = "The functions by transition: name, ARN, role and log group."
  value = { for role, function in module.function : role => {
    name           = function.name
    arn            = function.arn
    role_name      = function.role.name
    role_arn       = function.role.arn
    log_group_name = function.log_group_name
  } }
}

output "queues" {
  description = "The queues by transition: URL and ARN."
  value       = { for role, queue in aws_sqs_queue.events : role => { url = queue.url, arn = queue.arn } }
}

output "dead_letter_queues" {
  description = "The dead-letter queues: of each transition's queue, and of EventBridge for what it could not hand over."
  value       = { for role, queue in local.dead_letter_queues : role => { url = queue.url, arn = queue.arn } }
}

output "event_rules" {
  description = "ARN of the event rule of each transition."
  value       = { for role, rule in aws_cloudwatch_event_rule.this : role => rule.arn }
}

output "settings" {
  description = "The settings document of each function, as it is handed over in VMSERIES_AUTOSCALE_SETTINGS."
  value       = { for role, settings in local.settings : role => jsonencode(settings) }
}

output "statements" {
  description = "What each function may do, as data: IAM statements by their Sid."
  value       = local.statements
}
