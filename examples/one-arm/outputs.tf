output "autoscaling_group" {
  description = "Name and ARN of the Auto Scaling group."
  value       = module.firewalls.autoscaling_group
}

output "metric_namespace" {
  description = "CloudWatch namespace to which the firewalls must publish metrics."
  value       = module.firewalls.metric_namespace
}

output "panorama_set_commands" {
  description = "Commands to run once in Panorama's configuration mode, before the group can scale."
  value       = module.firewalls.panorama_set_commands
}

output "functions" {
  description = "Names, roles and log groups of the Lambda functions."
  value       = module.firewalls.functions
}

output "queues" {
  description = "SQS queues of the lifecycle events."
  value       = module.firewalls.queues
}

output "dead_letter_queues" {
  description = "SQS dead-letter queues of the lifecycle events."
  value       = module.firewalls.dead_letter_queues
}

output "endpoint_service" {
  description = "Endpoint service for endpoints in other VPCs."
  value       = module.firewalls.endpoint_service
}

output "nat_addresses" {
  description = <<-EOT
    Public IP addresses, by zone, from which firewalls and functions reach AWS, the license server and a public
    Panorama.
  EOT
  value       = module.network.nat_addresses
}

output "spoke" {
  description = "ID of the spoke VPC, and its application subnets and endpoints by zone."
  value       = module.spoke
}
