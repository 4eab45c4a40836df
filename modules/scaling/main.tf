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
    in_service    = policy.statistic == "Average"
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

    # The metric itself with any statistic but Average, which is replaced by the load of a firewall in service.
    customized_metric_specification {
      namespace   = each.value.in_service ? null : var.namespace
      metric_name = each.value.in_service ? null : each.value.metric_name
      statistic   = each.value.in_service ? null : each.value.statistic
      unit        = each.value.in_service ? null : each.value.unit

      dynamic "metric_dimension" {
        for_each = each.value.in_service ? {} : var.dimensions

        content {
          name  = metric_dimension.key
          value = metric_dimension.value
        }
      }

      dynamic "metrics" {
        for_each = { for id, query in local.load_queries : id => query if each.value.in_service }

        content {
          id          = metrics.key
          expression  = metrics.value.expression
          return_data = metrics.key == "load"

          dynamic "metric_stat" {
            for_each = metrics.value.statistic[*]

            content {
              stat = metric_stat.value
              unit = metrics.value.group_metric == null ? each.value.unit : null

              metric {
                namespace   = metrics.value.group_metric == null ? var.namespace : local.group_metric_namespace
                metric_name = coalesce(metrics.value.group_metric, each.value.metric_name)

                dynamic "dimensions" {
                  for_each = metrics.value.group_metric == null ? var.dimensions : local.group_metric_dimensions

                  content {
                    name  = dimensions.key
                    value = dimensions.value
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

check "scaling_starts" {
  assert {
    condition     = var.minimum_capacity > 0 || (length(var.target_tracking) == 0 && var.step == null)
    error_message = <<-EOT
      capacity.min = 0 with scaling policies: an empty group publishes no metrics, so no policy adds the first firewall.
      Set capacity.min to at least 1, or launch the first firewall yourself, by hand or by a scheduled action.
    EOT
  }
}
