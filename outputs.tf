output "autoscaling_group" {
  description = "Name and ARN of the Auto Scaling group."
  value       = module.firewall_group.autoscaling_group

  # Here and not in a data source, which would then wait for every pending change of a secret.
  precondition {
    condition     = length(local.secrets_elsewhere) == 0
    error_message = <<-EOT
      A secret is in another Region than the firewalls and functions, ${local.region}, which read it there:
      ${join(", ", local.secrets_elsewhere)}.
      Create the secret in ${local.region}, or replicate it there and set the ARN of the replica.
    EOT
  }
}

output "launch_template" {
  description = "ID and latest version of the launch template."
  value       = module.firewall_group.launch_template
}

output "ami_id" {
  description = "ID of the firewalls' image, set or looked up."
  value       = module.firewall_group.ami_id
}

output "instance_role" {
  description = <<-EOT
    Name and ARN of the firewalls' IAM role, to attach further policies.
    Null with your own instance profile.
  EOT
  value       = module.firewall_group.instance_role
}

output "security_group_ids" {
  description = "ID of each security group that the module created, by role: `data`, `management` and `untrust`."
  value       = module.firewall_group.security_group_ids
}

output "lifecycle_hooks" {
  description = "Names of the lifecycle hooks, by transition."
  value       = { for transition, hook in local.hooks : transition => hook.name }
}

output "load_balancer" {
  description = "ARN of the Gateway Load Balancer. Null if the module creates none."
  value       = one([for balancer in module.load_balancer : { arn = balancer.arn }])
}

output "target_group_arns" {
  description = "ARNs of the GENEVE target groups with which the firewalls are registered."
  value       = concat(module.load_balancer[*].target_group_arn, var.target_group_arns)
}

output "endpoint_service" {
  description = <<-EOT
    Name and ID of the endpoint service.
    Gateway Load Balancer endpoints in other VPCs use the name. Null without a Gateway Load Balancer of the module.
  EOT
  value       = one(module.load_balancer[*].endpoint_service)

  precondition {
    condition = alltrue([
      for principal in try(var.load_balancer.endpoint_service.allowed_principals, []) :
      principal == "*" || startswith(principal, "arn:${local.location.partition}:")
    ])
    error_message = <<-EOT
      load_balancer.endpoint_service.allowed_principals has an ARN of another partition than ${local.location.partition}, from
      which nobody can create an endpoint.
      Use ARNs of this partition, e.g. "arn:${local.location.partition}:iam::123456789012:root".
    EOT
  }
}

output "scaling_policies" {
  description = "ARN of each scaling policy, by name."
  value       = module.scaling.policies
}

output "metric_namespace" {
  description = "CloudWatch namespace to which the firewalls must publish metrics."
  value       = local.metric_namespace
}

output "panorama_set_commands" {
  description = <<-EOT
    Panorama commands for configuration mode that make the firewalls publish metrics every minute, as scaling requires.
    Without them, firewalls publish none. Commit and push afterwards. Null without Panorama.
  EOT
  # A template stack has the whole path in its commands, unlike a template, as in these files of Palo Alto Networks:
  # https://github.com/PaloAltoNetworks/iron-skillet/blob/panos_v10.1/templates/panorama/set_commands/iron_skillet_panorama_full.conf
  value = var.panorama == null ? null : [
    for setting in ["enabled yes", "name ${local.metric_namespace}", "timeout 1"] : join(" ", [
      "set template-stack",
      strcontains(var.panorama.template_stack, " ") ? "\"${var.panorama.template_stack}\"" : var.panorama.template_stack,
      "config devices localhost.localdomain deviceconfig plugins vm_series aws-cloudwatch ${setting}",
    ])
  ]
}

output "functions" {
  description = <<-EOT
    Lambda functions `launch`, `terminate` and `reconcile`:
    `name`, `arn`, `role_name`, `role_arn` and `log_group_name`.
  EOT
  value       = module.lifecycle.functions
}

output "permissions" {
  description = <<-EOT
    All IAM permissions of each function, for review:
    `actions`, `resources`, `conditions` and `reason`, by function and `Sid`.
  EOT
  value       = module.lifecycle.permissions

  # A managed policy belongs to one account, or to AWS.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
  precondition {
    condition = alltrue([
      for arn in var.permissions.boundary_arn[*] :
      startswith(arn, "arn:${local.location.partition}:iam::${local.location.account_id}:") ||
      startswith(arn, "arn:${local.location.partition}:iam::aws:")
    ])
    error_message = <<-EOT
      permissions.boundary_arn is a policy of another account or partition than the roles,
      arn:${local.location.partition}:iam::${local.location.account_id}, in which IAM looks for it.
      Create the policy in this account and set its ARN.
    EOT
  }
}

output "queues" {
  description = "SQS queue of each transition: `url` and `arn`."
  value       = module.lifecycle.queues
}

output "dead_letter_queues" {
  description = <<-EOT
    SQS dead-letter queue of each transition, which also gets events that EventBridge cannot deliver:
    `url` and `arn`.
  EOT
  value       = module.lifecycle.dead_letter_queues
}

output "records_table" {
  description = <<-EOT
    DynamoDB table with a record of each firewall, which also shows the licenses that were not returned:
    `name` and `arn`.
  EOT
  value       = module.lifecycle.records_table
}

output "event_rules" {
  description = "ARN of the EventBridge rule of each function. The rule of `reconcile` is its schedule."
  value       = module.lifecycle.event_rules
}

output "dependencies_layer_arn" {
  description = <<-EOT
    ARN of the layer version with the third-party Python packages, for `dependencies.layer` of a second deployment.
  EOT
  value       = module.dependencies.layer_arn
}

output "tags" {
  description = "Tags of all resources, including those of the module."
  value       = local.tags
}
