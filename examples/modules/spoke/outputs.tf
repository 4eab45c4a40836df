output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.spoke.id
}

output "application_subnet_ids" {
  description = "IDs of the application subnets, by zone."
  value       = { for zone, subnet in aws_subnet.application : zone => subnet.id }
}

output "endpoint_ids" {
  description = "IDs of the Gateway Load Balancer endpoints, by zone."
  value       = { for zone, endpoint in aws_vpc_endpoint.this : zone => endpoint.id }
}
