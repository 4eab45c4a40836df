# The load of a firewall in service, by CloudWatch metric math.
#
# Firewalls publish without dimensions, and those that are held in a lifecycle hook may publish, too: about zero, because
# they carry no traffic. The Average of the metric is then below the load of the firewalls in service, by so much that
# the group may never scale out. So the load of those that carry no traffic is spread over those in service. How many
# firewalls publish, and how often, is unknown, so that the estimate has bounds: docs/decisions/0014-load-in-service.md.
locals {
  # The firewalls' metric. SampleCount is the number of data points of all firewalls in a period.
  load_statistics = {
    average = "Average"
    maximum = "Maximum"
    points  = "SampleCount"
  }

  # Metrics of the group, from namespace AWS/AutoScaling. GroupTotalInstances does not include those in standby:
  # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
  group_metrics = {
    in_service = "GroupInServiceInstances"
    total      = "GroupTotalInstances"
    standby    = "GroupStandbyInstances"
  }

  group_metric_namespace  = "AWS/AutoScaling"
  group_metric_dimensions = { AutoScalingGroupName = var.autoscaling_group_name }

  # CloudWatch takes a missing value as 0, and drops a result that is divided by 0. Without group metrics, `load` is
  # therefore the average. It is missing, which changes no capacity, without the firewalls' metric, and while no firewall
  # is in service: the zeros of those that boot would remove firewalls during an outage. REPEAT is for group metrics that
  # arrive later than the firewalls'.
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
  load_expressions = {
    serving   = "FILL(in_service, REPEAT)"
    firewalls = "FILL(total, REPEAT) + FILL(standby, REPEAT)"
    published = "IF(points < firewalls, points, firewalls)"
    spread    = "average * published / serving"
    bounded   = "IF(spread > maximum, maximum, spread)"
    uncounted = "IF((points + firewalls) > points, 0, 1)" # 1 without group metrics.
    valid     = "points * (serving + uncounted)"
    load      = "(IF(bounded > average, bounded, average) * valid) / valid"
  }

  load_queries = merge(
    { for id, statistic in local.load_statistics : id => {
      statistic = statistic, group_metric = null, expression = null
    } },
    { for id, metric in local.group_metrics : id => {
      statistic = "Average", group_metric = metric, expression = null
    } },
    { for id, expression in local.load_expressions : id => {
      statistic = null, group_metric = null, expression = expression
    } },
  )
}
