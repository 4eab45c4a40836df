variable "name" {
  description = "Name of the deployment; policies and alarms are named after it."
  type        = string
  nullable    = false
}

variable "autoscaling_group_name" {
  description = "Auto Scaling group that the policies size."
  type        = string
  nullable    = false
}

variable "minimum_capacity" {
  description = "The group's least number of firewalls."
  type        = number
  nullable    = false
}

variable "namespace" {
  description = "CloudWatch namespace into which the firewalls publish."
  type        = string
  nullable    = false
}

variable "dimensions" {
  description = "Dimensions under which the metrics were published."
  type        = map(string)
  nullable    = false
}

variable "target_tracking" {
  description = "Target tracking policies by a name of the user's choice."
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
  description = "The pair of step scaling policies on session utilization; null for none."
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
  description = "Tags of everything that is made here."
  type        = map(string)
  nullable    = false
}
