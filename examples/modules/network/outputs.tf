output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.security.id
}

output "zones" {
  description = "Availability Zones of the subnets."
  value       = keys(local.zones)
}

# Subnet IDs come from the route table associations: who uses a subnet also waits for its routes (see main.tf).

output "data_subnet_ids" {
  description = "IDs of the data subnets, by zone."
  value       = { for zone, association in aws_route_table_association.data : zone => association.subnet_id }
}

output "management_subnet_ids" {
  description = "IDs of the management subnets, by zone."
  value       = { for zone, association in aws_route_table_association.management : zone => association.subnet_id }
}

output "public_subnet_ids" {
  description = "IDs of the public subnets, by zone."
  value       = { for zone, association in aws_route_table_association.public : zone => association.subnet_id }
}

output "functions_security_group_id" {
  description = "ID of the security group for the Lambda functions."
  value       = aws_security_group.functions.id
}

output "nat_addresses" {
  description = "Public IP addresses of the NAT gateways, by zone."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}
