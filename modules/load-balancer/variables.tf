variable "name" {
  description = "Name of the load balancer and of its target group."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the firewalls."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets of the load balancer, one in each zone; the firewalls' data subnets."
  type        = list(string)
  nullable    = false
}

variable "health_check" {
  description = "How the load balancer finds out whether a firewall forwards."
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

variable "deregistration_delay_seconds" {
  description = "How long flows may go on to a firewall that leaves."
  type        = number
  nullable    = false
}

variable "target_failover" {
  description = "What becomes of the flows of a firewall that leaves or is unhealthy: `no_rebalance` or `rebalance`."
  type        = string
  nullable    = false
}

variable "stickiness" {
  description = "What makes a flow: null for the 5-tuple, or `source_ip_dest_ip_proto`, `source_ip_dest_ip`."
  type        = string
  default     = null
}

variable "cross_zone" {
  description = "Whether a flow may go to a firewall in another zone."
  type        = bool
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  nullable    = false
}

variable "endpoint_service" {
  description = "Who may make endpoints to the load balancer, and whether each one must be accepted by hand."
  type = object({
    acceptance_required = bool
    allowed_principals  = list(string)
  })
  nullable = false
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  nullable    = false
}
