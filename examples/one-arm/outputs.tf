output "autoscaling_group" {
  description = "Name and ARN of the Auto Scaling group."
  value       = module.firewalls.autoscaling_group
}

output "metric_namespace" {
  description = "CloudWatch namespace in which the firewalls must publish."
  value       = module.firewalls.metric_namespace
}

output "panorama_set_commands" {
  description = "What to enter in Panorama's configuration mode, once, before anything can scale."
  value       = module.firewalls.panorama_set_commands
}

output "functions" {
  description = "The lifecycle functions: names, roles and log groups."
  value       = module.firewalls.functions
}

output "queues" {
  description = "The queues of lifecycle events."
  value       = module.firewalls.queues
}

output "dead_letter_queues" {
  description = "Where lifecycle events end up that could not be handled."
  value       = module.firewalls.dead_letter_queues
}

output "endpoint_service" {
  description = "The endpoint service for further spoke VPCs."
  value       = module.firewalls.endpoint_service
}

output "nat_addresses" {
  description = "Public addresses from which firewalls and functions reach AWS, the license servers and a public Panorama."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}

output "spoke" {
  description = "The spoke VPC: its id and, by zone, application subnets and endpoints."
  value = {
    vpc_id                 = aws_vpc.spoke.id
    application_subnet_ids = { for zone, subnet in aws_subnet.application : zone => subnet.id }
    endpoint_ids           = { for zone, endpoint in aws_vpc_endpoint.this : zone => endpoint.id }
  }
}
