variable "capacity" {
  description = <<-EOT
    Size of the Auto Scaling group, and how it handles its firewalls.
    - `min`                             - Minimum number of firewalls. Use at least one per zone.
    - `max`                             - Maximum number of firewalls.
    - `desired`                         - (Optional) Initial number of firewalls; scaling policies change it afterwards.
      Null starts with `min`.
    - `default_instance_warmup_seconds` - (Optional) Time for which a new firewall in service does not count toward the
      group's metrics, and for which an instance refresh waits for it. With the readiness `off` it is the time of the
      boot, at least 1500. Otherwise the launch hook waits for the boot, so that the time does not include it. Null uses
      120 with `healthy`. With `off`, and with `connected` and `panorama`, it uses 1500 and the time of the load
      balancer's health checks, otherwise 180 and that time.
    - `health_check`                    - (Optional) Health check of the group.
      - `type`                 - (Optional) `EC2` or `ELB`. With `EC2`, the load balancer avoids unhealthy firewalls,
        but Auto Scaling does not replace them, so that a bad configuration pushed to all firewalls does not terminate
        them all.
      - `grace_period_seconds` - (Optional) Time after a firewall enters service for which it is not checked.
    - `termination_policies`            - (Optional) Termination policies: which firewall terminates first within the
      zone that has the most.
    - `suspended_processes`             - (Optional) Auto Scaling processes to suspend, e.g. `["AZRebalance"]`.
    - `metrics`                         - (Optional) Group metrics to publish, every minute and free of charge. With
      scaling policies, `GroupInServiceInstances`, `GroupTotalInstances` and `GroupStandbyInstances` are published in
      any case, because the policies use them; with `alarms`, `GroupDesiredCapacity` and `GroupInServiceInstances`.
    - `max_instance_lifetime_days`      - (Optional) Maximum age of a firewall, after which it is replaced. Null sets no
      limit.
    - `scale_in_protection`             - (Optional) Whether new firewalls are protected from scale-in.
    - `wait_for_capacity_timeout`       - (Optional) Time for which apply waits until the firewalls are in service, e.g.
      `45m`. `0` does not wait. After a timeout, Terraform replaces the group.
    - `instance_refresh`                - (Optional) Instance refresh that replaces firewalls when the launch template
      changes. Null leaves the replacement to you. With the defaults, no firewall terminates before its replacement is
      a healthy target, and a third of the group is replaced at a time.
      - `min_healthy_percentage`       - (Optional) Minimum healthy firewalls, in percent of the desired capacity.
      - `max_healthy_percentage`       - (Optional) Maximum firewalls, in percent of the desired capacity.
      - `instance_warmup_seconds`      - (Optional) Warm-up of replacements. Null uses
        `default_instance_warmup_seconds`.
      - `checkpoint_percentages`       - (Optional) Percentages of replaced firewalls at which to pause, ending with
        100.
      - `checkpoint_delay_seconds`     - (Optional) Length of the pause at a checkpoint.
      - `auto_rollback`                - (Optional) Whether a failed refresh rolls back to the previous launch template.
      - `skip_matching`                - (Optional) Whether firewalls that already match the launch template are
        skipped.
      - `scale_in_protected_instances` - (Optional) Handling of protected firewalls: `Refresh`, `Ignore` or `Wait`.
      - `standby_instances`            - (Optional) Handling of firewalls in standby: `Terminate`, `Ignore` or `Wait`.
      - `alarm_names`                  - (Optional) CloudWatch alarms that make the refresh fail.
  EOT
  type = object({
    min                             = number
    max                             = number
    desired                         = optional(number)
    default_instance_warmup_seconds = optional(number)
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
    condition = alltrue([
      for number in compact([var.capacity.min, var.capacity.max, var.capacity.desired]) :
      number >= 0 && floor(number) == tonumber(number)
    ])
    error_message = "capacity.min, max and desired must be whole numbers of at least 0, e.g. min = 3."
  }

  validation {
    condition     = var.capacity.max >= 1 && var.capacity.min <= var.capacity.max
    error_message = "capacity.max must be at least 1 and at least capacity.min, e.g. { min = 3, max = 6 }."
  }

  validation {
    condition = alltrue([
      for desired in var.capacity.desired[*] : desired >= var.capacity.min && desired <= var.capacity.max
    ])
    error_message = <<-EOT
      capacity.desired must be from capacity.min to capacity.max, e.g. { min = 3, max = 6, desired = 4 }, or null to
      start with min.
    EOT
  }

  validation {
    condition = alltrue([
      for seconds in var.capacity.default_instance_warmup_seconds[*] : seconds >= 0 && seconds <= 3600
    ])
    error_message = <<-EOT
      capacity.default_instance_warmup_seconds must be from 0 to 3600, e.g. 240, or null for a value that fits readiness.
    EOT
  }

  validation {
    condition = (
      contains(["EC2", "ELB"], var.capacity.health_check.type) &&
      var.capacity.health_check.grace_period_seconds >= 0 &&
      var.capacity.health_check.grace_period_seconds <= 7200
    )
    error_message = <<-EOT
      capacity.health_check must have type "EC2" or "ELB", and grace_period_seconds from 0 to 7200,
      e.g. { type = "ELB", grace_period_seconds = 300 }.
    EOT
  }

  validation {
    condition = (
      var.capacity.health_check.type != "ELB" || var.load_balancer != null || length(var.target_group_arns) > 0
    )
    error_message = <<-EOT
      capacity.health_check.type = "ELB" has no effect without load_balancer and target_group_arns: Auto Scaling asks only
      the target groups with which it registers the firewalls, not those of interfaces. Set type = "EC2".
    EOT
  }

  validation {
    condition = alltrue([
      for seconds in [
        var.capacity.default_instance_warmup_seconds,
        var.capacity.health_check.grace_period_seconds,
        try(var.capacity.instance_refresh.instance_warmup_seconds, null),
      ] : seconds >= 0 && floor(seconds) == seconds if seconds != null
    ])
    error_message = <<-EOT
      capacity.default_instance_warmup_seconds, health_check.grace_period_seconds and
      instance_refresh.instance_warmup_seconds must be whole numbers of at least 0, e.g. 300.
    EOT
  }

  validation {
    condition = length(var.capacity.termination_policies) > 0 && alltrue([
      for policy in var.capacity.termination_policies :
      can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$", policy)) || contains([
        "Default", "AllocationStrategy", "ClosestToNextInstanceHour", "NewestInstance", "OldestInstance",
        "OldestLaunchConfiguration", "OldestLaunchTemplate",
      ], policy)
    ])
    error_message = <<-EOT
      capacity.termination_policies must be termination policies of Auto Scaling or ARNs of Lambda functions,
      e.g. ["OldestLaunchTemplate", "OldestInstance"].
    EOT
  }

  # "You can only specify one Lambda function […]. If there are multiple termination policies specified, the Lambda
  # function must be specified first."
  # https://docs.aws.amazon.com/autoscaling/ec2/userguide/lambda-custom-termination-policy.html
  validation {
    condition = alltrue([
      for index, policy in var.capacity.termination_policies : index == 0 if startswith(policy, "arn:")
    ])
    error_message = <<-EOT
      capacity.termination_policies must have a Lambda function only as its first policy, and only one,
      e.g. ["arn:aws:lambda:us-east-1:123456789012:function:choose:1", "OldestInstance"].
    EOT
  }

  # The same page: "You can't use a qualified ARN with the $LATEST suffix."
  validation {
    condition     = alltrue([for policy in var.capacity.termination_policies : !endswith(policy, ":$LATEST")])
    error_message = <<-EOT
      capacity.termination_policies must not name $LATEST of a Lambda function, which Auto Scaling does not call. Name a
      version or an alias, or none, e.g. ["arn:aws:lambda:us-east-1:123456789012:function:choose:1"].
    EOT
  }

  validation {
    condition = alltrue([
      for policy in var.capacity.termination_policies :
      try(split(":", policy)[3] == local.region, true) if startswith(policy, "arn:")
    ])
    error_message = <<-EOT
      capacity.termination_policies must have a Lambda function in the Region of the group, ${local.region}.
      Create the function there and set its ARN.
    EOT
  }

  validation {
    condition = alltrue([
      for process in var.capacity.suspended_processes :
      contains([
        "AZRebalance", "AlarmNotification", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions",
      ], process)
    ])
    error_message = <<-EOT
      capacity.suspended_processes must be AZRebalance, AlarmNotification, HealthCheck, InstanceRefresh,
      ReplaceUnhealthy or ScheduledActions, e.g. ["AZRebalance"].
      Launch, Terminate and AddToLoadBalancer are not allowed: the group cannot work or be destroyed without them.
    EOT
  }

  validation {
    condition = alltrue([
      for metric in var.capacity.metrics :
      contains([
        "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity", "GroupDesiredCapacity",
        "GroupInServiceCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize", "GroupPendingCapacity",
        "GroupPendingInstances", "GroupStandbyCapacity", "GroupStandbyInstances", "GroupTerminatingCapacity",
        "GroupTerminatingInstances", "GroupTotalCapacity", "GroupTotalInstances",
      ], metric)
    ])
    error_message = <<-EOT
      capacity.metrics must be group metrics of Auto Scaling, e.g. ["GroupInServiceInstances", "GroupDesiredCapacity"].
    EOT
  }

  validation {
    condition = alltrue([
      for days in var.capacity.max_instance_lifetime_days[*] :
      days >= 1 && days <= 365 && floor(days * 86400) == days * 86400
    ])
    error_message = <<-EOT
      capacity.max_instance_lifetime_days must be from 1 to 365 and a whole number of seconds, e.g. 90, or null for no
      limit.
    EOT
  }

  validation {
    condition     = can(regex("^0$|^[0-9]+[smh]$", var.capacity.wait_for_capacity_timeout))
    error_message = "capacity.wait_for_capacity_timeout must be a duration, e.g. \"45m\", or \"0\" to not wait."
  }

  validation {
    condition = alltrue([
      for refresh in var.capacity.instance_refresh[*] :
      refresh.min_healthy_percentage >= 0 &&
      refresh.min_healthy_percentage <= 100 &&
      refresh.max_healthy_percentage >= 100 &&
      refresh.max_healthy_percentage <= 200 &&
      refresh.max_healthy_percentage > refresh.min_healthy_percentage &&
      refresh.max_healthy_percentage - refresh.min_healthy_percentage <= 100
    ])
    error_message = <<-EOT
      capacity.instance_refresh must have min_healthy_percentage from 0 to 100, and max_healthy_percentage from 100 to
      200 and greater than min_healthy_percentage by 1 to 100,
      e.g. { min_healthy_percentage = 100, max_healthy_percentage = 134 }.
    EOT
  }

  # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
  validation {
    condition = alltrue(flatten([
      for refresh in var.capacity.instance_refresh[*] : [
        for number in [refresh.min_healthy_percentage, refresh.max_healthy_percentage] : floor(number) == number
      ]
    ]))
    error_message = <<-EOT
      capacity.instance_refresh.min_healthy_percentage and max_healthy_percentage must be whole numbers,
      e.g. { min_healthy_percentage = 100, max_healthy_percentage = 134 }.
    EOT
  }

  # "Threshold values for each checkpoint in ascending order. Each number must be unique."
  validation {
    condition = alltrue(flatten([
      for refresh in var.capacity.instance_refresh[*] : [
        for index, percent in refresh.checkpoint_percentages :
        percent >= 1 && percent <= 100 && floor(percent) == percent && (
          index == 0 || percent > refresh.checkpoint_percentages[max(index - 1, 0)]
        )
      ] if refresh.checkpoint_percentages != null
    ]))
    error_message = <<-EOT
      capacity.instance_refresh.checkpoint_percentages must be whole numbers from 1 to 100 in ascending order, each of them
      once, e.g. [20, 50, 100].
    EOT
  }

  validation {
    condition = alltrue([
      for refresh in var.capacity.instance_refresh[*] :
      refresh.checkpoint_delay_seconds >= 0 &&
      refresh.checkpoint_delay_seconds <= 172800 &&
      floor(refresh.checkpoint_delay_seconds) == refresh.checkpoint_delay_seconds
      if refresh.checkpoint_delay_seconds != null
    ])
    error_message = <<-EOT
      capacity.instance_refresh.checkpoint_delay_seconds must be a whole number from 0 to 172800, which is two days,
      e.g. 3600.
    EOT
  }

  validation {
    condition = alltrue([
      for refresh in var.capacity.instance_refresh[*] :
      length(refresh.alarm_names) <= 10 && alltrue([
        for name in refresh.alarm_names : length(name) >= 1 && length(name) <= 255 && !startswith(name, "arn:")
      ])
    ])
    error_message = <<-EOT
      capacity.instance_refresh.alarm_names must be at most ten names of CloudWatch alarms, of 1 to 255 characters, and not
      their ARNs, e.g. ["firewalls-unhealthy"].
    EOT
  }

  validation {
    condition = alltrue([
      for refresh in var.capacity.instance_refresh[*] :
      refresh.checkpoint_delay_seconds == null || refresh.checkpoint_percentages != null
    ])
    error_message = <<-EOT
      capacity.instance_refresh.checkpoint_delay_seconds has no effect without checkpoint_percentages.
      Set both, e.g. { checkpoint_percentages = [20, 100], checkpoint_delay_seconds = 3600 }.
    EOT
  }

  validation {
    condition = alltrue([
      for refresh in var.capacity.instance_refresh[*] :
      contains(["Refresh", "Ignore", "Wait"], refresh.scale_in_protected_instances) &&
      contains(["Terminate", "Ignore", "Wait"], refresh.standby_instances)
    ])
    error_message = <<-EOT
      capacity.instance_refresh must have scale_in_protected_instances "Refresh", "Ignore" or "Wait", and
      standby_instances "Terminate", "Ignore" or "Wait", e.g. { standby_instances = "Wait" }.
    EOT
  }
}

variable "scaling" {
  description = <<-EOT
    Scaling policies of the group, based on the CloudWatch metrics that the firewalls publish.
    - `namespace`       - (Optional) CloudWatch namespace of the metrics, for this group alone, as configured in the
      Panorama template (see output `panorama_set_commands`). Null uses `VMseries-<name>`.
    - `dimensions`      - (Optional) Dimensions of the metrics, if your firewalls publish them with any. The default, no
      dimensions, uses all firewalls in the namespace.
    - `target_tracking` - (Optional) Target tracking policies, by a name of your choice.
      - `metric`         - (Optional) `data_plane_cpu`, `data_plane_packet_buffer`, `gp_gateway_utilization`,
        `gp_gateway_tunnels`, `session_active`, `session_cps`, `session_ssl_proxy`, `session_throughput_kbps`,
        `session_throughput_pps` or `session_utilization`.
      - `raw_metric`     - (Optional) Any other metric of the namespace, instead of `metric`. `statistic` applies to it
        in the same way.
        - `name` - Name of the metric.
        - `unit` - (Optional) Unit of the metric, if it is published with one.
      - `statistic`      - (Optional) `Average` is the average of the firewalls in service: those that are held in a
        lifecycle hook and publish about zero do not reduce it. `Maximum`, `Minimum`, `SampleCount` and `Sum` are those
        of CloudWatch, over all firewalls that publish.
      - `target`         - Target value. Set exactly one attribute, the one for the unit of the metric.
        - `percent`                - (Optional) For `data_plane_cpu`, `data_plane_packet_buffer`,
          `gp_gateway_utilization`, `session_ssl_proxy` and `session_utilization`.
        - `count`                  - (Optional) For `gp_gateway_tunnels` and `session_active`.
        - `connections_per_second` - (Optional) For `session_cps`.
        - `kilobits_per_second`    - (Optional) For `session_throughput_kbps`.
        - `packets_per_second`     - (Optional) For `session_throughput_pps`.
        - `value`                  - (Optional) For `raw_metric`.
      - `scale_in`       - (Optional) Whether the policy may also remove firewalls.
      - `warmup_seconds` - (Optional) Warm-up of new firewalls. Null uses `capacity.default_instance_warmup_seconds`.
    - `step`            - (Optional) Pair of step scaling policies on session utilization, as Palo Alto Networks
      recommends. `{}` uses its defaults, null creates none.
      - `add_above_percent`    - (Optional) Session utilization above which to add firewalls.
      - `add_after_minutes`    - (Optional) Minutes for which it must stay above.
      - `remove_below_percent` - (Optional) Session utilization below which to remove firewalls. Null uses 50, or in a
        group whose `capacity.min` is so small that an added firewall would be removed again, the utilization after
        adding one.
      - `remove_after_minutes` - (Optional) Minutes for which it must stay below.
      - `adjustment`           - (Optional) Number of firewalls to add or remove at a time.
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
      remove_below_percent = optional(number)
      remove_after_minutes = optional(number, 30)
      adjustment           = optional(number, 1)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for namespace in var.scaling.namespace[*] :
      can(regex("^[A-Za-z0-9_.#/-]{1,63}$", namespace)) && !startswith(namespace, "AWS/")
    ])
    error_message = <<-EOT
      scaling.namespace must have 1 to 63 letters, digits or ._-/# and must not start with "AWS/",
      e.g. "VMseries-fw-prod".
    EOT
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
  validation {
    condition = length(var.scaling.dimensions) <= 30 && alltrue([
      for name, value in var.scaling.dimensions :
      can(regex("^[!-9;-~][ -~]{0,254}$", name)) && can(regex("^[ -~]*[!-~][ -~]*$", value)) && try(length(value), 0) <= 1024
    ])
    error_message = <<-EOT
      scaling.dimensions must be at most 30 dimensions, with names of 1 to 255 ASCII characters that do not start with a
      colon, and values of 1 to 1024 ASCII characters, e.g. { hub = "east" }.
    EOT
  }

  validation {
    condition = (
      length(var.scaling.dimensions) == 0 ||
      length(var.scaling.target_tracking) > 0 ||
      var.scaling.step != null
    )
    error_message = <<-EOT
      scaling.dimensions has no effect without a scaling policy. Remove it, or add a policy to scaling.target_tracking,
      e.g. { sessions = { metric = "session_utilization", target = { percent = 50 } } }.
    EOT
  }

  validation {
    condition = alltrue([
      for name in keys(var.scaling.target_tracking) : can(regex("^[a-z][a-z0-9-]{0,60}$", name))
    ])
    error_message = <<-EOT
      scaling.target_tracking must have names of 1 to 61 lowercase letters, digits and hyphens that start with a letter,
      e.g. "sessions".
    EOT
  }

  # Auto Scaling would replace the step policy of this name, and Terraform would put it back with the next apply.
  validation {
    condition = var.scaling.step == null || alltrue([
      for name in keys(var.scaling.target_tracking) :
      !contains(["session-utilization-add", "session-utilization-remove"], name)
    ])
    error_message = <<-EOT
      scaling.target_tracking must not have the names "session-utilization-add" and "session-utilization-remove", which
      scaling.step gives to its own policies. Use another name, e.g. "sessions".
    EOT
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
  validation {
    condition = alltrue([
      for metric in values(var.scaling.target_tracking)[*].raw_metric :
      length(metric.name) >= 1 && length(metric.name) <= 255 && alltrue([
        for unit in metric.unit[*] :
        can(regex("^(((Kilo|Mega|Giga|Tera)(bytes|bits)|Bytes|Bits|Count)(/Second)?|(Micro|Milli)?seconds|Seconds|Percent|None)$", unit))
      ]) if metric != null
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].raw_metric must have a name of 1 to 255 characters, and a unit that CloudWatch knows, if any,
      e.g. { name = "panSessionActive", unit = "Count" }.
    EOT
  }

  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) :
      policy.warmup_seconds >= 0 && floor(policy.warmup_seconds) == policy.warmup_seconds
      if policy.warmup_seconds != null
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].warmup_seconds must be a whole number of at least 0, e.g. 300.
    EOT
  }

  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) : (policy.metric == null) != (policy.raw_metric == null)
    ])
    error_message = <<-EOT
      scaling.target_tracking[*] must have exactly one of metric and raw_metric, e.g. metric = "session_utilization".
    EOT
  }

  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) :
      contains([
        "data_plane_cpu", "data_plane_packet_buffer", "gp_gateway_utilization", "gp_gateway_tunnels", "session_active",
        "session_cps", "session_ssl_proxy", "session_throughput_kbps", "session_throughput_pps", "session_utilization",
      ], policy.metric)
      if policy.metric != null
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].metric must be data_plane_cpu, data_plane_packet_buffer, gp_gateway_utilization,
      gp_gateway_tunnels, session_active, session_cps, session_ssl_proxy, session_throughput_kbps,
      session_throughput_pps or session_utilization, e.g. metric = "data_plane_cpu". For any other metric, use raw_metric.
    EOT
  }

  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) :
      length([for value in values(policy.target) : value if value != null]) == 1
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].target must have exactly one attribute, e.g. { percent = 60 } or { count = 50000 }.
    EOT
  }

  # The unit of each metric. A count of 75 where 75 % was meant would scale out to the maximum at once.
  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) :
      lookup({
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
      }, coalesce(policy.metric, "raw"), policy.target.value) != null
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].target must have the attribute for the unit of the metric:
      percent for data_plane_cpu, data_plane_packet_buffer, gp_gateway_utilization, session_ssl_proxy and
      session_utilization; count for gp_gateway_tunnels and session_active; connections_per_second for session_cps;
      kilobits_per_second for session_throughput_kbps; packets_per_second for session_throughput_pps;
      value for raw_metric.
      For example { metric = "session_active", target = { count = 50000 } }.
    EOT
  }

  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) : policy.target.percent > 0 && policy.target.percent <= 100
      if policy.target.percent != null
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].target.percent must be greater than 0 and at most 100, e.g. { percent = 60 }.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for policy in values(var.scaling.target_tracking) : [
        for value in values(policy.target) : value > 0 if value != null
      ]
    ]))
    error_message = "scaling.target_tracking[*].target must be greater than 0, e.g. { count = 50000 }."
  }

  validation {
    condition = alltrue([
      for policy in values(var.scaling.target_tracking) :
      contains(["Average", "Maximum", "Minimum", "SampleCount", "Sum"], policy.statistic)
    ])
    error_message = <<-EOT
      scaling.target_tracking[*].statistic must be Average, Maximum, Minimum, SampleCount or Sum,
      e.g. statistic = "Average".
    EOT
  }

  validation {
    condition = alltrue([
      for step in var.scaling.step[*] :
      step.add_above_percent > 0 &&
      step.add_above_percent < 100 &&
      alltrue([for percent in step.remove_below_percent[*] : percent > 0 && percent < step.add_above_percent])
    ])
    error_message = <<-EOT
      scaling.step must have 0 < remove_below_percent < add_above_percent < 100,
      e.g. { add_above_percent = 60, remove_below_percent = 40 }.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for step in var.scaling.step[*] : [
        for minutes in [step.add_after_minutes, step.remove_after_minutes] :
        minutes >= 1 && minutes <= 1440 && floor(minutes) == minutes
      ]
    ]))
    error_message = <<-EOT
      scaling.step.add_after_minutes and remove_after_minutes must be whole numbers from 1 to 1440,
      e.g. add_after_minutes = 15.
    EOT
  }

  validation {
    condition = alltrue([
      for step in var.scaling.step[*] : step.adjustment >= 1 && floor(step.adjustment) == step.adjustment
    ])
    error_message = "scaling.step.adjustment must be a whole number of at least 1, e.g. adjustment = 1."
  }
}
