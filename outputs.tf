output "autoscaling_group" {
  description = "Name and ARN of the Auto Scaling group."
  value       = module.firewall_group.autoscaling_group
}

output "launch_template" {
  description = "Id and latest version of the launch template."
  value       = module.firewall_group.launch_template
}

output "ami_id" {
  description = "Image of the firewalls, given or looked up."
  value       = module.firewall_group.ami_id
}

output "instance_role" {
  description = "Name and ARN of the firewalls' role, to add policies to; null with your own instance profile."
  value       = module.firewall_group.instance_role
}

output "security_group_ids" {
  description = "Security group of each interface for which the module made one, by interface name."
  value       = module.firewall_group.security_group_ids
}

output "lifecycle_hooks" {
  description = "Names of the lifecycle hooks by transition."
  value       = { for transition, hook in local.hooks : transition => hook.name }
}

output "load_balancer" {
  description = "ARN of the Gateway Load Balancer; null with your own target groups."
  value       = one([for balancer in module.load_balancer : { arn = balancer.arn }])
}

output "target_group_arns" {
  description = "Target groups in which the firewalls are registered."
  value       = concat(module.load_balancer[*].target_group_arn, var.target_group_arns)
}

output "endpoint_service" {
  description = "Name and id of the endpoint service; Gateway Load Balancer endpoints in other VPCs take the name. Null with your own target groups."
  value       = one(module.load_balancer[*].endpoint_service)
}

output "scaling_policies" {
  description = "ARN of each scaling policy by its name."
  value       = module.scaling.policies
}

output "metric_namespace" {
  description = "CloudWatch namespace into which the firewalls must publish."
  value       = local.metric_namespace
}

output "panorama_set_commands" {
  description = "What must be set in Panorama for scaling to work, as commands of its configuration mode: firewalls publish no metrics unless told to, and every five minutes where scaling wants one. Commit and push afterwards. Null without Panorama."
  value = var.panorama == null ? null : [
    for setting in ["enabled yes", "name ${local.metric_namespace}", "timeout 1"] :
    "set template-stack ${strcontains(var.panorama.template_stack, " ") ? "\"${var.panorama.template_stack}\"" : var.panorama.template_stack} config deviceconfig plugins vm_series aws-cloudwatch ${setting}"
  ]
}

output "functions" {
  description = "The functions `launch`, `terminate` and `reconcile`: `name`, `arn`, `role_name`, `role_arn`, `log_group_name`."
  value       = module.lifecycle.functions
}

output "permissions" {
  description = "Everything that each function may do, for a review: function => `Sid` => `actions`, `resources`, `conditions`, `reason`."
  value       = module.lifecycle.permissions
}

output "queues" {
  description = "The queues by transition: `url`, `arn`."
  value       = module.lifecycle.queues
}

output "dead_letter_queues" {
  description = "The dead-letter queue of each transition, also for events that EventBridge could not hand over: `url`, `arn`."
  value       = module.lifecycle.dead_letter_queues
}

output "event_rules" {
  description = "ARN of the event rule of each function; that of `reconcile` is its schedule."
  value       = module.lifecycle.event_rules
}

output "dependencies_layer_arn" {
  description = "Version of the layer with the functions' third-party Python; a second deployment may use it as its `dependencies.layer_arn`."
  value       = module.dependencies.layer_arn
}

output "tags" {
  description = "Tags of everything that the module makes, its own included."
  value       = local.tags
}
