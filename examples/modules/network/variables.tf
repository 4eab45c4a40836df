variable "name" {
  description = "Prefix of all names."
  type        = string
  nullable    = false
}

variable "cidr_block" {
  description = "IPv4 CIDR block of the VPC, a /16: each zone gets a /24 for data, management and public subnets."
  type        = string
  nullable    = false
}
