locals {
  # The ten metrics that VM-Series publishes, by their names in this module, with their units.
  # https://docs.paloaltonetworks.com/vm-series/11-1/vm-series-deployment/about-the-vm-series-firewall/custom-pan-os-metrics-published-for-monitoring
  metrics = {
    data_plane_cpu           = { name = "DataPlaneCPUUtilizationPct", kind = "percent" }
    data_plane_packet_buffer = { name = "DataPlanePacketBufferUtilization", kind = "percent" }
    gp_gateway_utilization   = { name = "panGPGatewayUtilizationPct", kind = "percent" }
    gp_gateway_tunnels       = { name = "panGPGWUtilizationActiveTunnels", kind = "count" }
    session_active           = { name = "panSessionActive", kind = "count" }
    session_cps              = { name = "panSessionConnectionsPerSecond", kind = "connections_per_second" }
    session_ssl_proxy        = { name = "panSessionSslProxyUtilization", kind = "percent" }
    session_throughput_kbps  = { name = "panSessionThroughputKbps", kind = "kilobits_per_second" }
    session_throughput_pps   = { name = "panSessionThroughputPps", kind = "packets_per_second" }
    session_utilization      = { name = "panSessionUtilization", kind = "percent" }
  }

  # Each policy with its metric and the attributes of `target` that are set, of which validation allows one.
  policies = { for name, policy in var.target_tracking : name => merge(policy, {
    # No unit for the ten metrics: CloudWatch treats another unit as another metric, and PAN-OS does not document its
    # units.
    metric_name   = policy.metric == null ? policy.raw_metric.name : local.metrics[policy.metric].name
    unit          = policy.metric == null ? policy.raw_metric.unit : null
    kind          = policy.metric == null ? "value" : local.metrics[policy.metric].kind
    target_values = { for kind, value in policy.target : kind => value if value != null }
  }) }
}

resource "aws_autoscaling_policy" "target_tracking" {
  for_each = local.policies

  name                      = "${var.name}-${each.key}"
  autoscaling_group_name    = var.autoscaling_group_name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = each.value.warmup_seconds

  target_tracking_configuration {
    target_value     = one(values(each.value.target_values))
    disable_scale_in = !each.value.scale_in

    customized_metric_specification {
      namespace   = var.namespace
      metric_name = each.value.metric_name
      statistic   = each.value.statistic
      unit        = each.value.unit

      dynamic "metric_dimension" {
        for_each = var.dimensions

        content {
          name  = metric_dimension.key
          value = metric_dimension.value
        }
      }
    }
  }
}
