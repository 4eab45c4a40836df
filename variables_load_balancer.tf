variable "load_balancer" {
  description = <<-EOT
    The Gateway Load Balancer that the module makes in the data subnets, with its endpoint service; null with `target_group_arns`.
    - `health_check`                 - (Optional) `protocol` TCP, HTTP or HTTPS, `port`, `path` and `status_codes` (not for TCP), `interval_seconds`, `timeout_seconds`, `healthy_threshold`, `unhealthy_threshold`.
      The data interface of the firewall must answer it: an interface management profile and a rule.
    - `deregistration_delay_seconds` - (Optional) how long flows may go on to a firewall that leaves; the terminate hook begins after it.
    - `target_failover`              - (Optional) flows of a firewall that leaves or fails: `no_rebalance` keeps them there until they end, `rebalance` moves them at once to firewalls that do not know them.
    - `stickiness`                   - (Optional) `source_ip_dest_ip_proto` or `source_ip_dest_ip`; null for the 5-tuple.
    - `cross_zone`                   - (Optional) a flow may go to a firewall in another zone, so that a zone without one still works.
    - `deletion_protection`          - (Optional) refuses to be deleted.
    - `endpoint_service`             - (Optional) `acceptance_required`, and `allowed_principals` that may make endpoints; an empty list allows this account.
  EOT
  type = object({
    health_check = optional(object({
      protocol            = optional(string, "TCP")
      port                = optional(number, 80)
      path                = optional(string)
      status_codes        = optional(string)
      interval_seconds    = optional(number, 10)
      timeout_seconds     = optional(number, 5)
      healthy_threshold   = optional(number, 3)
      unhealthy_threshold = optional(number, 3)
    }), {})
    deregistration_delay_seconds = optional(number, 300)
    target_failover              = optional(string, "no_rebalance")
    stickiness                   = optional(string)
    cross_zone                   = optional(bool, true)
    deletion_protection          = optional(bool, false)
    endpoint_service = optional(object({
      acceptance_required = optional(bool, false)
      allowed_principals  = optional(list(string), [])
    }), {})
  })
  default = {}

  validation {
    condition     = (var.load_balancer == null) != (length(var.target_group_arns) == 0)
    error_message = "Exactly one of load_balancer and target_group_arns must be set: with your own target groups, say load_balancer = null."
  }

  validation {
    condition     = var.load_balancer == null ? true : contains(["TCP", "HTTP", "HTTPS"], var.load_balancer.health_check.protocol)
    error_message = "load_balancer.health_check.protocol must be \"TCP\", \"HTTP\" or \"HTTPS\", e.g. protocol = \"TCP\"."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.health_check.port >= 1 && var.load_balancer.health_check.port <= 65535
    error_message = "load_balancer.health_check.port must be between 1 and 65535, e.g. 80."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.health_check.protocol != "TCP" || (var.load_balancer.health_check.path == null && var.load_balancer.health_check.status_codes == null)
    error_message = "load_balancer.health_check.path and status_codes have no effect with TCP; leave them out, or say protocol = \"HTTP\"."
  }

  validation {
    condition     = var.load_balancer == null ? true : !contains(["HTTP", "HTTPS"], var.load_balancer.health_check.protocol) || can(regex("^/", var.load_balancer.health_check.path))
    error_message = "load_balancer.health_check.path must begin with a slash and is needed with HTTP and HTTPS, e.g. path = \"/php/login.php\"."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.health_check.interval_seconds >= 5 && var.load_balancer.health_check.interval_seconds <= 300 && var.load_balancer.health_check.timeout_seconds >= 2 && var.load_balancer.health_check.timeout_seconds <= 120 && var.load_balancer.health_check.timeout_seconds <= var.load_balancer.health_check.interval_seconds
    error_message = "load_balancer.health_check must have interval_seconds from 5 to 300 and timeout_seconds from 2 to 120, not longer than the interval, e.g. { interval_seconds = 10, timeout_seconds = 5 }."
  }

  validation {
    condition     = var.load_balancer == null ? true : alltrue([for threshold in [var.load_balancer.health_check.healthy_threshold, var.load_balancer.health_check.unhealthy_threshold] : threshold >= 2 && threshold <= 10])
    error_message = "load_balancer.health_check.healthy_threshold and unhealthy_threshold must be between 2 and 10, e.g. 3."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.deregistration_delay_seconds >= 0 && var.load_balancer.deregistration_delay_seconds <= 3600
    error_message = "load_balancer.deregistration_delay_seconds must be between 0 and 3600, e.g. 300."
  }

  validation {
    condition     = var.load_balancer == null ? true : contains(["rebalance", "no_rebalance"], var.load_balancer.target_failover)
    error_message = "load_balancer.target_failover must be \"rebalance\" or \"no_rebalance\", e.g. target_failover = \"no_rebalance\"."
  }

  validation {
    condition     = try(var.load_balancer.stickiness, null) == null ? true : contains(["source_ip_dest_ip", "source_ip_dest_ip_proto"], var.load_balancer.stickiness)
    error_message = "load_balancer.stickiness must be \"source_ip_dest_ip\" or \"source_ip_dest_ip_proto\", e.g. stickiness = \"source_ip_dest_ip\"; null is the 5-tuple."
  }

  validation {
    condition     = var.load_balancer == null ? true : alltrue([for principal in var.load_balancer.endpoint_service.allowed_principals : principal == "*" || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:", principal))])
    error_message = "load_balancer.endpoint_service.allowed_principals must be ARNs of accounts, users or roles, e.g. [\"arn:aws:iam::123456789012:root\"], or [\"*\"] for everybody."
  }
}

variable "target_group_arns" {
  description = "Your own GENEVE target groups instead of `load_balancer`. The data interface must name its security groups then: only you know from where and on which port it is checked."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.target_group_arns : can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/", arn))])
    error_message = "target_group_arns must be ARNs of target groups, e.g. [\"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef\"]."
  }

  validation {
    condition     = length(var.target_group_arns) == 0 || alltrue([for interface in values(var.interfaces) : interface.security_group_ids != null if interface.role == "data"])
    error_message = "interfaces: the data interface must name its security_group_ids with target_group_arns, e.g. [\"sg-0123456789abcdef0\"]; they must let in GENEVE (UDP 6081) and your health check."
  }
}
