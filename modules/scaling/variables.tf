variable "name" {
  description = "Name of the deployment, and prefix of the names of policies and alarms."
  type        = string
  nullable    = false
}

variable "autoscaling_group_name" {
  description = "Name of the Auto Scaling group that the policies scale."
  type        = string
  nullable    = false
}

variable "minimum_capacity" {
  description = "Minimum number of firewalls in the group."
  type        = number
  nullable    = false
}

variable "namespace" {
  description = "CloudWatch namespace to which the firewalls publish metrics."
  type        = string
  nullable    = false
}

variable "dimensions" {
  description = "Dimensions with which the metrics are published."
  type        = map(string)
  nullable    = false
}

variable "target_tracking" {
  description = "Target tracking policies, by name."
  type = map(object({
    metric     = string
    raw_metric = object({ name = string, unit = string })
    statistic  = string
    target = object({
      percent                = number
      count                  = number
      connections_per_second = number
      kilobits_per_second    = number
      packets_per_second     = number
      value                  = number
    })
    scale_in       = bool
    warmup_seconds = number
  }))
  nullable = false
}

variable "step" {
  description = <<-EOT
    Pair of step scaling policies on session utilization. Null creates none. Without `remove_below_percent`, it is 50, or
    less in a small group.
  EOT
  type = object({
    add_above_percent    = number
    add_after_minutes    = number
    remove_below_percent = number
    remove_after_minutes = number
    adjustment           = number
  })
  default = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  nullable    = false
}
