variable "name" {
  description = "Name of the load balancer and of its target group."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "ID of the firewalls' VPC."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "ID of the load balancer's subnet in each zone, by name of the zone."
  type        = map(string)
  nullable    = false
}

variable "rule_ids" {
  description = "IDs of the security group rules that allow the load balancer to reach the firewalls."
  type        = list(string)
  nullable    = false
}

variable "health_check" {
  description = "Health check of the firewalls."
  type = object({
    protocol            = string
    port                = number
    path                = string
    status_codes        = string
    interval_seconds    = number
    timeout_seconds     = number
    healthy_threshold   = number
    unhealthy_threshold = number
  })
  nullable = false
}

variable "ip_address_type" {
  description = "IP versions of the traffic: `ipv4` or `dualstack`."
  type        = string
  nullable    = false
}

variable "tcp_idle_timeout_seconds" {
  description = "Time without packets after which the load balancer forgets a TCP flow."
  type        = number
  nullable    = false
}

variable "deregistration_delay_seconds" {
  description = "Time for which a firewall that is being deregistered is still draining."
  type        = number
  nullable    = false
}

variable "target_failover" {
  description = <<-EOT
    Where existing flows go after their firewall is deregistered or unhealthy: `no_rebalance` (still to it) or
    `rebalance` (to another firewall).
  EOT
  type        = string
  nullable    = false
}

variable "stickiness" {
  description = "Flow stickiness: `source_ip_dest_ip_proto` or `source_ip_dest_ip`. Null uses the 5-tuple."
  type        = string
  default     = null
}

variable "cross_zone" {
  description = "Whether flows may go to firewalls in other zones."
  type        = bool
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the load balancer is protected from deletion."
  type        = bool
  nullable    = false
}

variable "endpoint_service" {
  description = "Principals that may create endpoints, and whether each endpoint must be accepted."
  type = object({
    acceptance_required = bool
    allowed_principals  = list(string)
  })
  nullable = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  nullable    = false
}
