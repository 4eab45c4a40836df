locals {
  tag_prefix        = "vmseries-autoscale:"
  metrics_namespace = "VMSeriesAutoscale"

  # The two halves of the path are alike: an event rule, a queue, a function. This is all in which they differ.
  transitions = {
    launch = {
      hook_name     = var.hooks.launch.name
      detail_type   = "EC2 Instance-launch Lifecycle Action"
      description   = "Wires the network interfaces of a new firewall of ${var.name} and lets it into service when it is ready."
      concurrency   = var.functions.launch_concurrency
      batch_size    = 10 # Many launches share one look at Panorama; a batch of ten needs no window, and nobody waits for it to fill.
      batch_seconds = 0
    }
    terminate = {
      hook_name     = var.hooks.terminate.name
      detail_type   = "EC2 Instance-terminate Lifecycle Action"
      description   = "Returns the license of a leaving firewall of ${var.name}, removes it from Panorama and releases its interfaces."
      concurrency   = var.functions.terminate_concurrency
      batch_size    = 100 # Many terminations share one commit in Panorama.
      batch_seconds = var.functions.event_batching_window_seconds
    }
  }

  # A run of the reconcile function looks at everything there is, where a visit looks at one firewall or a few.
  reconcile = {
    description     = "Compares what Auto Scaling, EC2 and Panorama know of the firewalls of ${var.name}, and puts right what no visit will."
    timeout_seconds = 300
  }

  # Every function, with that in which they differ.
  functions = {
    launch    = { description = local.transitions.launch.description, timeout_seconds = var.functions.timeout_seconds }
    terminate = { description = local.transitions.terminate.description, timeout_seconds = var.functions.timeout_seconds }
    reconcile = local.reconcile
  }

  # The firewalls' own API, for the functions that have a use for it.
  firewall_api = {
    launch    = var.readiness == "off" ? null : var.firewall_api
    terminate = var.licensing.mode == "firewall" ? var.firewall_api : null
    reconcile = null
  }

  # Which interfaces name which target group. How often any is named is known at plan; which one it is may not be.
  named_target_groups = flatten([for name, interface in var.interfaces : [for group in interface.target_groups : { interface = name, arn = group.arn }]])
  target_groups = [for arn in distinct(local.named_target_groups[*].arn) : {
    arn        = arn
    interfaces = distinct([for named in local.named_target_groups : named.interface if named.arn == arn])
  }]

  # ARNs that can be told from names alone. A queue's policy names its rule and a dead-letter queue its queue; told this way, neither
  # waits for the other, and the functions' permissions are known at plan.
  arn = {
    ec2               = "arn:${var.location.partition}:ec2:${var.location.region}:${var.location.account_id}"
    queues            = { for function, _ in local.transitions : function => "${local.arn_of_queues}:${var.name}-${function}" }
    dead_letters      = { for function, _ in local.transitions : function => "${local.arn_of_queues}:${var.name}-${function}-dead-letters" }
    rules             = { for function, _ in local.transitions : function => "arn:${var.location.partition}:events:${var.location.region}:${var.location.account_id}:rule/${var.name}-${function}" }
    autoscaling_group = "arn:${var.location.partition}:autoscaling:${var.location.region}:${var.location.account_id}:autoScalingGroup:*:autoScalingGroupName/${var.name}" # The UUID is made with the group.
  }
  arn_of_queues = "arn:${var.location.partition}:sqs:${var.location.region}:${var.location.account_id}"
}
