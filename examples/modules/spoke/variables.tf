variable "name" {
  description = "Prefix of all names."
  type        = string
  nullable    = false
}

variable "cidr_block" {
  description = "IPv4 CIDR block of the VPC, a /16: each zone gets a /24 for applications and one for its endpoint."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Availability Zones of the subnets."
  type        = list(string)
  nullable    = false
}

variable "endpoint_service_name" {
  description = "Name of the endpoint service of the Gateway Load Balancer."
  type        = string
  nullable    = false
}

variable "internet_gateway" {
  description = <<-EOT
    Whether the VPC has an internet gateway, whose traffic passes the endpoints. One-arm firewalls need it, because they
    return traffic to the endpoint. Two-arm firewalls send traffic to the internet themselves.
  EOT
  type        = bool
  nullable    = false
}
