locals {
  tag_prefix        = "vmseries-autoscale:"
  metrics_namespace = "VMSeriesAutoscale"

  # Each transition has an event rule, a queue and a function. This map has everything in which they differ.
  transitions = {
    launch = {
      hook_name   = var.hooks.launch.name
      detail_type = "EC2 Instance-launch Lifecycle Action"
      description = "Attaches the network interfaces of new firewalls of ${var.name} and puts them in service when they are ready."
      concurrency = var.functions.launch_concurrency
      # Many launches share one query of Panorama. A batch of ten needs no batching window.
      batch_size    = 10
      batch_seconds = 0
    }
    terminate = {
      hook_name     = var.hooks.terminate.name
      detail_type   = "EC2 Instance-terminate Lifecycle Action"
      description   = "Returns licenses of terminating firewalls of ${var.name} and removes them from Panorama and EC2."
      concurrency   = var.functions.terminate_concurrency
      batch_size    = 100 # Many terminations share one commit in Panorama.
      batch_seconds = var.functions.event_batching_window_seconds
    }
  }

  # A run of the reconcile function examines the whole deployment, so it takes longer than a visit.
  reconcile = {
    description     = "Resends lost lifecycle events of ${var.name} and removes orphans of its terminated firewalls."
    timeout_seconds = 300
  }

  # All functions.
  functions = {
    launch = { description = local.transitions.launch.description, timeout_seconds = var.functions.timeout_seconds }
    terminate = {
      description     = local.transitions.terminate.description
      timeout_seconds = var.functions.timeout_seconds
    }
    reconcile = local.reconcile
  }

  # The launch function asks the firewalls themselves if nothing else reports their readiness, and for licenses, which
  # Strata Cloud Manager does not show.
  asks_firewalls = (
    !contains(["healthy", "off"], var.readiness) && var.panorama == null &&
    (var.strata_cloud_manager == null || var.licensing.mode != "none")
  )

  # XML API of the firewalls, for the functions that use it.
  firewall_api = {
    launch    = local.asks_firewalls ? var.firewall_api : null
    terminate = var.licensing.mode == "firewall" ? var.firewall_api : null
    reconcile = null
  }

  # Target groups with their interfaces. The number of entries is known at plan time, their ARNs may not be.
  named_target_groups = flatten([
    for name, interface in var.interfaces :
    [for group in interface.target_groups : { interface = name, arn = group.arn }]
  ])
  target_groups = [for arn in distinct(local.named_target_groups[*].arn) : {
    arn        = arn
    interfaces = distinct([for named in local.named_target_groups : named.interface if named.arn == arn])
  }]

  # GENEVE target groups, in which the launch function registers the firewalls if their health checks decide about
  # readiness. Otherwise Auto Scaling registers them, and the functions need no permission for these target groups.
  registers_instances        = var.readiness == "healthy"
  instance_target_group_arns = local.registers_instances ? var.target_group_arns : []

  # ARNs derived from names. They avoid dependency cycles between a queue, its dead-letter queue and its rule, and make
  # the functions' permissions known at plan time.
  arn = {
    ec2 = "arn:${var.location.partition}:ec2:${var.location.region}:${var.location.account_id}"
    queues = {
      for function, _ in local.transitions : function => "${local.arn_of_queues}:${var.name}-${function}"
    }
    dead_letters = {
      for function, _ in local.transitions : function => "${local.arn_of_queues}:${var.name}-${function}-dead-letters"
    }
    rules = {
      for function, _ in local.transitions :
      function => "arn:${var.location.partition}:events:${var.location.region}:${var.location.account_id}:rule/${var.name}-${function}"
    }
    records = "arn:${var.location.partition}:dynamodb:${var.location.region}:${var.location.account_id}:table/${local.records_table}"
    roles = {
      for function, _ in local.functions : function => join("", [
        "arn:${var.location.partition}:iam::${var.location.account_id}:",
        "role${var.permissions.path}${var.name}-${function}-${var.location.region}",
      ])
    }
    # The UUID is generated with the group.
    autoscaling_group = join(":", [
      "arn:${var.location.partition}:autoscaling:${var.location.region}:${var.location.account_id}",
      "autoScalingGroup:*:autoScalingGroupName/${var.name}",
    ])
  }
  arn_of_queues = "arn:${var.location.partition}:sqs:${var.location.region}:${var.location.account_id}"
}
