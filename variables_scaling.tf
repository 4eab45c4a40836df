variable "capacity" {
  description = <<-EOT
    How many firewalls there are, and how their group handles them.
    - `min`, `max`                      - least and greatest number; at least one for each zone is wise.
    - `desired`                         - (Optional) number to begin with; null for `min`. Scaling decides afterwards.
    - `default_instance_warmup_seconds` - (Optional) how long a firewall in service is not counted yet. The launch hook has waited for it already, so two publishing intervals of a minute do.
    - `health_check`                    - (Optional) `type` `EC2` or `ELB`, and `grace_period_seconds` after a firewall got into service. `EC2`: the load balancer passes by a firewall that does not answer, and a bad
      configuration pushed to all of them does not make Auto Scaling replace them all.
    - `termination_policies`            - (Optional) which firewall leaves first, within the zone that has most.
    - `suspended_processes`             - (Optional) processes of Auto Scaling to suspend, e.g. `["AZRebalance"]`.
    - `metrics`                         - (Optional) group metrics, by the minute and free.
    - `max_instance_lifetime_days`      - (Optional) replaces firewalls that are older.
    - `scale_in_protection`             - (Optional) protects new firewalls from scaling in.
    - `wait_for_capacity_timeout`       - (Optional) how long apply waits for firewalls in service, e.g. `45m`; `0` does not wait: a wait that times out makes Terraform replace the group.
    - `instance_refresh`                - (Optional) replaces firewalls when their launch template changes; null leaves that to you. Percentages of desired capacity: with 100 and 134, no firewall leaves before its successor serves, a third of the group at once.
  EOT
  type = object({
    min                             = number
    max                             = number
    desired                         = optional(number)
    default_instance_warmup_seconds = optional(number, 120)
    health_check = optional(object({
      type                 = optional(string, "EC2")
      grace_period_seconds = optional(number, 300)
    }), {})
    termination_policies = optional(list(string), ["Default"])
    suspended_processes  = optional(set(string), [])
    metrics = optional(set(string), [
      "GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize",
      "GroupPendingInstances", "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances",
    ])
    max_instance_lifetime_days = optional(number)
    scale_in_protection        = optional(bool, false)
    wait_for_capacity_timeout  = optional(string, "0")
    instance_refresh = optional(object({
      min_healthy_percentage       = optional(number, 100)
      max_healthy_percentage       = optional(number, 134)
      instance_warmup_seconds      = optional(number)
      checkpoint_percentages       = optional(list(number))
      checkpoint_delay_seconds     = optional(number)
      auto_rollback                = optional(bool, false)
      skip_matching                = optional(bool, true)
      scale_in_protected_instances = optional(string, "Refresh")
      standby_instances            = optional(string, "Ignore")
      alarm_names                  = optional(list(string), [])
    }))
  })
  nullable = false

  validation {
    condition     = alltrue([for number in compact([var.capacity.min, var.capacity.max, var.capacity.desired]) : number >= 0 && floor(number) == tonumber(number)])
    error_message = "capacity.min, max and desired must be whole numbers of at least 0, e.g. min = 3."
  }

  validation {
    condition     = var.capacity.max >= 1 && var.capacity.min <= var.capacity.max
    error_message = "capacity.max must be at least 1 and at least capacity.min, e.g. { min = 3, max = 6 }."
  }

  validation {
    condition     = var.capacity.desired == null ? true : var.capacity.desired >= var.capacity.min && var.capacity.desired <= var.capacity.max
    error_message = "capacity.desired must lie between capacity.min and capacity.max, e.g. { min = 3, max = 6, desired = 4 }; null begins with min."
  }

  validation {
    condition     = var.capacity.default_instance_warmup_seconds >= 0 && var.capacity.default_instance_warmup_seconds <= 3600
    error_message = "capacity.default_instance_warmup_seconds must be between 0 and 3600, e.g. 120; the time to boot does not belong to it, since the launch hook waits for that."
  }

  validation {
    condition     = contains(["EC2", "ELB"], var.capacity.health_check.type) && var.capacity.health_check.grace_period_seconds >= 0 && var.capacity.health_check.grace_period_seconds <= 7200
    error_message = "capacity.health_check must have type \"EC2\" or \"ELB\" and grace_period_seconds between 0 and 7200, e.g. { type = \"ELB\", grace_period_seconds = 300 }."
  }

  validation {
    condition     = length(var.capacity.termination_policies) > 0 && alltrue([for policy in var.capacity.termination_policies : contains(["Default", "AllocationStrategy", "ClosestToNextInstanceHour", "NewestInstance", "OldestInstance", "OldestLaunchConfiguration", "OldestLaunchTemplate"], policy) || can(regex("^arn:[a-z-]+:lambda:", policy))])
    error_message = "capacity.termination_policies must be policies of Auto Scaling or ARNs of Lambda functions, e.g. [\"OldestLaunchTemplate\", \"OldestInstance\"]."
  }

  validation {
    condition     = alltrue([for process in var.capacity.suspended_processes : contains(["AZRebalance", "AlarmNotification", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"], process)])
    error_message = "capacity.suspended_processes may have AZRebalance, AlarmNotification, HealthCheck, InstanceRefresh, ReplaceUnhealthy and ScheduledActions, e.g. [\"AZRebalance\"]; without Launch, Terminate and AddToLoadBalancer the group cannot do its work or be destroyed."
  }

  validation {
    condition = alltrue([for metric in var.capacity.metrics : contains([
      "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity", "GroupDesiredCapacity", "GroupInServiceCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize",
      "GroupPendingCapacity", "GroupPendingInstances", "GroupStandbyCapacity", "GroupStandbyInstances", "GroupTerminatingCapacity", "GroupTerminatingInstances", "GroupTotalCapacity", "GroupTotalInstances",
    ], metric)])
    error_message = "capacity.metrics must be group metrics of Auto Scaling, e.g. [\"GroupInServiceInstances\", \"GroupDesiredCapacity\"]."
  }

  validation {
    condition     = var.capacity.max_instance_lifetime_days == null ? true : var.capacity.max_instance_lifetime_days >= 1 && var.capacity.max_instance_lifetime_days <= 365
    error_message = "capacity.max_instance_lifetime_days must be between 1 and 365, e.g. 90, or null for no limit."
  }

  validation {
    condition     = can(regex("^0$|^[0-9]+[smh]$", var.capacity.wait_for_capacity_timeout))
    error_message = "capacity.wait_for_capacity_timeout must be \"0\" for not waiting, or a time, e.g. \"45m\"."
  }

  validation {
    condition = var.capacity.instance_refresh == null ? true : (
      var.capacity.instance_refresh.min_healthy_percentage >= 0 && var.capacity.instance_refresh.min_healthy_percentage <= 100 &&
      var.capacity.instance_refresh.max_healthy_percentage >= 100 && var.capacity.instance_refresh.max_healthy_percentage <= 200 &&
      var.capacity.instance_refresh.max_healthy_percentage - var.capacity.instance_refresh.min_healthy_percentage <= 100 &&
      var.capacity.instance_refresh.max_healthy_percentage > var.capacity.instance_refresh.min_healthy_percentage
    )
    error_message = "capacity.instance_refresh must have min_healthy_percentage from 0 to 100 and max_healthy_percentage from 100 to 200, the second greater by 1 to 100, e.g. { min_healthy_percentage = 100, max_healthy_percentage = 134 }."
  }

  validation {
    condition     = var.capacity.instance_refresh == null ? true : var.capacity.instance_refresh.checkpoint_delay_seconds == null || var.capacity.instance_refresh.checkpoint_percentages != null
    error_message = "capacity.instance_refresh.checkpoint_delay_seconds has no effect without checkpoint_percentages, e.g. { checkpoint_percentages = [20, 100], checkpoint_delay_seconds = 3600 }."
  }

  validation {
    condition     = var.capacity.instance_refresh == null ? true : contains(["Refresh", "Ignore", "Wait"], var.capacity.instance_refresh.scale_in_protected_instances) && contains(["Terminate", "Ignore", "Wait"], var.capacity.instance_refresh.standby_instances)
    error_message = "capacity.instance_refresh must have scale_in_protected_instances \"Refresh\", \"Ignore\" or \"Wait\" and standby_instances \"Terminate\", \"Ignore\" or \"Wait\", e.g. { standby_instances = \"Wait\" }."
  }
}

variable "scaling" {
  description = <<-EOT
    How the group is sized, by the metrics that the firewalls publish.
    - `namespace`       - (Optional) CloudWatch namespace of this group alone, as set in the Panorama template (see output `panorama_set_commands`); null for `VMseries-<name>`.
    - `dimensions`      - (Optional) dimensions of the metrics, if you know that yours are published with some; none, the default, takes the average of all firewalls of the namespace.
    - `target_tracking` - (Optional) policies by a name of your choice:
      - `metric`         - `data_plane_cpu`, `data_plane_packet_buffer`, `gp_gateway_utilization`, `gp_gateway_tunnels`, `session_active`, `session_cps`, `session_ssl_proxy`, `session_throughput_kbps`, `session_throughput_pps` or `session_utilization`.
      - `raw_metric`     - any other metric of the namespace instead: `name`, and `unit` if it is published with one.
      - `statistic`      - (Optional) `Average`, `Maximum`, `Minimum`, `SampleCount` or `Sum`.
      - `target`         - one of `percent`, `count`, `connections_per_second`, `kilobits_per_second`, `packets_per_second`, whichever the metric is counted in; `value` for a raw metric.
      - `scale_in`       - (Optional) false only adds firewalls.
      - `warmup_seconds` - (Optional) instead of the group's default instance warm-up.
    - `step`            - (Optional) the pair that Palo Alto Networks recommends, on session utilization: add `adjustment` firewalls above one percentage for some minutes, remove as many below another; `{}` for its defaults, null for none.
  EOT
  type = object({
    namespace  = optional(string)
    dimensions = optional(map(string), {})
    target_tracking = optional(map(object({
      metric = optional(string)
      raw_metric = optional(object({
        name = string
        unit = optional(string)
      }))
      statistic = optional(string, "Average")
      target = object({
        percent                = optional(number)
        count                  = optional(number)
        connections_per_second = optional(number)
        kilobits_per_second    = optional(number)
        packets_per_second     = optional(number)
        value                  = optional(number)
      })
      scale_in       = optional(bool, true)
      warmup_seconds = optional(number)
    })), {})
    step = optional(object({
      add_above_percent    = optional(number, 60)
      add_after_minutes    = optional(number, 15)
      remove_below_percent = optional(number, 50)
      remove_after_minutes = optional(number, 30)
      adjustment           = optional(number, 1)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.namespace == null ? true : can(regex("^[A-Za-z0-9_.#/-]{1,63}$", var.scaling.namespace)) && !startswith(var.scaling.namespace, "AWS/")
    error_message = "scaling.namespace must have 1 to 63 letters, digits or ._-/# and not begin with \"AWS/\", e.g. \"VMseries-fw-prod\"."
  }

  validation {
    condition     = length(var.scaling.dimensions) == 0 || length(var.scaling.target_tracking) > 0 || var.scaling.step != null
    error_message = "scaling.dimensions has no effect without a policy; leave it out, or add one to scaling.target_tracking, e.g. { sessions = { metric = \"session_utilization\", target = { percent = 50 } } }."
  }

  validation {
    condition     = alltrue([for name in keys(var.scaling.target_tracking) : can(regex("^[a-z][a-z0-9-]{0,60}$", name))])
    error_message = "scaling.target_tracking must be named by lower-case letters, digits and hyphens, a letter first, e.g. \"sessions\"."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : (policy.metric == null) != (policy.raw_metric == null)])
    error_message = "scaling.target_tracking[*] must have exactly one of metric and raw_metric, e.g. metric = \"session_utilization\"."
  }

  validation {
    condition = alltrue([for policy in values(var.scaling.target_tracking) : contains([
      "data_plane_cpu", "data_plane_packet_buffer", "gp_gateway_utilization", "gp_gateway_tunnels", "session_active",
      "session_cps", "session_ssl_proxy", "session_throughput_kbps", "session_throughput_pps", "session_utilization",
    ], policy.metric) if policy.metric != null])
    error_message = "scaling.target_tracking[*].metric must be one of data_plane_cpu, data_plane_packet_buffer, gp_gateway_utilization, gp_gateway_tunnels, session_active, session_cps, session_ssl_proxy, session_throughput_kbps, session_throughput_pps and session_utilization, e.g. metric = \"data_plane_cpu\"; for any other, use raw_metric."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : length([for value in values(policy.target) : value if value != null]) == 1])
    error_message = "scaling.target_tracking[*].target must say one thing, e.g. { percent = 60 } or { count = 50000 }."
  }

  # What each kind of target may be counted in. A session count of 75 where 75 % was meant would scale to the maximum at once.
  validation {
    condition = alltrue([for policy in values(var.scaling.target_tracking) : lookup({
      data_plane_cpu           = policy.target.percent
      data_plane_packet_buffer = policy.target.percent
      gp_gateway_utilization   = policy.target.percent
      gp_gateway_tunnels       = policy.target.count
      session_active           = policy.target.count
      session_cps              = policy.target.connections_per_second
      session_ssl_proxy        = policy.target.percent
      session_throughput_kbps  = policy.target.kilobits_per_second
      session_throughput_pps   = policy.target.packets_per_second
      session_utilization      = policy.target.percent
    }, coalesce(policy.metric, "raw"), policy.target.value) != null])
    error_message = "scaling.target_tracking[*].target must be of the kind that the metric is counted in: percent for data_plane_cpu, data_plane_packet_buffer, gp_gateway_utilization, session_ssl_proxy and session_utilization; count for gp_gateway_tunnels and session_active; connections_per_second for session_cps; kilobits_per_second for session_throughput_kbps; packets_per_second for session_throughput_pps; value for a raw_metric. For example { metric = \"session_active\", target = { count = 50000 } }."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : policy.target.percent > 0 && policy.target.percent <= 100 if policy.target.percent != null])
    error_message = "scaling.target_tracking[*].target.percent must be greater than 0 and at most 100, e.g. { percent = 60 }."
  }

  validation {
    condition     = alltrue(flatten([for policy in values(var.scaling.target_tracking) : [for value in values(policy.target) : value > 0 if value != null]]))
    error_message = "scaling.target_tracking[*].target must be greater than 0, e.g. { count = 50000 }."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : contains(["Average", "Maximum", "Minimum", "SampleCount", "Sum"], policy.statistic)])
    error_message = "scaling.target_tracking[*].statistic must be Average, Maximum, Minimum, SampleCount or Sum, e.g. statistic = \"Average\"."
  }

  validation {
    condition     = var.scaling.step == null ? true : var.scaling.step.add_above_percent > var.scaling.step.remove_below_percent && var.scaling.step.remove_below_percent > 0 && var.scaling.step.add_above_percent < 100
    error_message = "scaling.step must have 0 < remove_below_percent < add_above_percent < 100, e.g. { add_above_percent = 60, remove_below_percent = 40 }."
  }

  validation {
    condition     = var.scaling.step == null ? true : alltrue([for minutes in [var.scaling.step.add_after_minutes, var.scaling.step.remove_after_minutes] : minutes >= 1 && minutes <= 1440 && floor(minutes) == minutes])
    error_message = "scaling.step.add_after_minutes and remove_after_minutes must be whole minutes between 1 and 1440, e.g. add_after_minutes = 15."
  }

  validation {
    condition     = var.scaling.step == null ? true : var.scaling.step.adjustment >= 1 && floor(var.scaling.step.adjustment) == var.scaling.step.adjustment
    error_message = "scaling.step.adjustment must be a whole number of at least 1, e.g. 1."
  }
}
