# The document that each function reads from VMSERIES_AUTOSCALE_SETTINGS. lambda/src/vmseries_autoscale/settings.py parses it strictly:
# a key that is missing or unknown there is an error, so both sides change together.
locals {
  # Pauses between two visits grow up to these. A launch is looked at evenly, since a minute lost is a minute without the firewall; a
  # termination that waits for Panorama has hours.
  maximum_visit_interval_seconds = {
    launch    = var.deadlines.visit_interval_seconds
    terminate = max(var.deadlines.visit_interval_seconds, 300)
  }

  common_settings = {
    name                    = var.name
    auto_scaling_group_name = var.name
    visit_interval_seconds  = var.deadlines.visit_interval_seconds
    panorama = var.panorama == null ? null : {
      hostnames           = var.panorama.hostnames
      port                = var.panorama.port
      secret_arn          = var.panorama.secret_arn
      device_group        = var.panorama.device_group
      template_stack      = var.panorama.template_stack
      log_collector_group = var.panorama.log_collector_group
      timeout_seconds     = var.panorama.timeout_seconds
    }
  }

  settings = {
    launch    = local.launch_settings
    terminate = local.terminate_settings
  }

  launch_settings = merge(local.common_settings, {
    lifecycle_hook_name            = var.transitions.launch.hook_name
    queue_url                      = aws_sqs_queue.events["launch"].url
    dead_letter_queue_url          = aws_sqs_queue.dead_letters["launch"].url
    deadline_seconds               = var.deadlines.launch_minutes * 60
    maximum_visit_interval_seconds = local.maximum_visit_interval_seconds.launch
    interfaces                     = var.interfaces
    tags                           = { for key, value in var.tags : key => value if !startswith(key, local.tag_prefix) }
    readiness                      = var.readiness
    licence_expected               = var.licensing.mode != "none"
  })

  terminate_settings = merge(local.common_settings, {
    lifecycle_hook_name            = var.transitions.terminate.hook_name
    queue_url                      = aws_sqs_queue.events["terminate"].url
    dead_letter_queue_url          = aws_sqs_queue.dead_letters["terminate"].url
    deadline_seconds               = var.deadlines.terminate_minutes * 60
    maximum_visit_interval_seconds = local.maximum_visit_interval_seconds.terminate
    management_device_index        = one([for interface in values(var.interfaces) : interface.device_index if interface.role == "management"])
    licensing = {
      mode               = var.licensing.mode
      api_key_secret_arn = var.licensing.api_key_secret_arn
    }
  })
}
