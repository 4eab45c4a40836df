# Alarms about what each run of the reconcile function reports. A run may start shortly before or after its period, so such
# an alarm ends only after two periods.
locals {
  credit_alarms = !local.has_alarms || nonsensitive(var.licensing.credit_pool == null) ? {} : {
    license-credits-short = {
      metric      = "FirewallsWithoutCredits"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      datapoints  = 1
      description = "The credit pool does not suffice for capacity.max of ${var.name}. See docs/credits.md and ${var.name}-reconcile's log."
    }
    license-credits-expire = {
      metric      = "LicenseCreditsDaysLeft"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 30
      datapoints  = 1
      description = "The credits that license the firewalls of ${var.name} expire in less than 30 days. Renew them."
    }
    license-credits-unknown = {
      metric      = "LicenseCreditsUnknown"
      statistic   = "Minimum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      datapoints  = 2
      description = "${var.name}-reconcile cannot read the credit pool. Its report has the reason."
    }
  }

  strata_cloud_manager_alarms = !local.has_alarms || nonsensitive(var.strata_cloud_manager == null) ? {} : {
    left-registered = {
      metric      = "LeftRegistered"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      datapoints  = 1
      description = "Strata Cloud Manager lists terminated firewalls of ${var.name}. Remove those in ${var.name}-reconcile's report."
    }
    strata-cloud-manager-unavailable = {
      metric      = "StrataCloudManagerUnavailable"
      statistic   = "Minimum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      datapoints  = 2
      description = "${var.name}-reconcile cannot read Strata Cloud Manager. Its report has the reason. Launches wait."
    }
  }

  # A new key takes minutes. Three days are longer than a weekend, and short enough for keys that a job renews often. If
  # Panorama no longer lists a key that has expired, there are no data: the alarm lasts. Without any key, and in licensing
  # mode plugin, it never begins.
  vm_auth_key_alarms = !local.has_alarms || nonsensitive(var.panorama == null) ? {} : {
    vm-auth-key-expires = {
      metric      = "VmAuthKeyDaysLeft"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 3
      datapoints  = 1
      missing     = "ignore"
      description = "The last VM auth key in Panorama expires in less than 3 days. Then no new firewall of ${var.name} can join."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "report" {
  for_each = merge(local.credit_alarms, local.strata_cloud_manager_alarms, local.vm_auth_key_alarms)

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.description

  namespace           = local.metrics_namespace
  metric_name         = each.value.metric
  dimensions          = { service = "reconcile", deployment = var.name }
  statistic           = each.value.statistic
  period              = local.reconcile_seconds
  evaluation_periods  = 2
  datapoints_to_alarm = each.value.datapoints
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = try(each.value.missing, "notBreaching")

  alarm_actions = var.alarms.actions
  ok_actions    = var.alarms.actions

  tags = var.tags
}
