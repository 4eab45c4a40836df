# JSON settings that each function reads from VMSERIES_AUTOSCALE_SETTINGS. lambda/src/vmseries_autoscale/settings.py
# rejects missing and unknown keys, so change both together.
locals {
  # Maximum interval between two visits. A launch has a constant interval, because each minute counts. A termination has
  # hours.
  maximum_visit_interval_seconds = {
    launch    = var.deadlines.visit_interval_seconds
    terminate = max(var.deadlines.visit_interval_seconds, 300)
  }

  # The functions add the module's own tags, which name the firewall.
  tags_of_firewalls = { for key, value in var.firewall_tags : key => value if !startswith(key, local.tag_prefix) }

  management_device_index = one([
    for interface in values(var.interfaces) : interface.device_index if interface.role == "management"
  ])

  common_settings = {
    name                    = var.name
    auto_scaling_group_name = var.name
    records_table           = local.records_table
    panorama = var.panorama == null ? null : {
      hostnames             = var.panorama.hostnames
      port                  = var.panorama.port
      secret_arn            = var.panorama.secret_arn
      server_name           = var.panorama.server_name
      device_group          = var.panorama.device_group
      template_stack        = var.panorama.template_stack
      log_collector_group   = var.panorama.log_collector_group
      timeout_seconds       = var.panorama.timeout_seconds
      push_when_out_of_sync = var.panorama.push_when_out_of_sync
      call_slots_table_arn  = var.panorama.call_slots_table_arn
    }
    strata_cloud_manager = var.strata_cloud_manager == null ? null : {
      secret_arn        = var.strata_cloud_manager.secret_arn
      folder            = var.strata_cloud_manager.folder
      api_hostname      = var.strata_cloud_manager.api_hostname
      identity_hostname = var.strata_cloud_manager.identity_hostname
      timeout_seconds   = var.strata_cloud_manager.timeout_seconds
    }
  }

  firewall_api_settings = { for function, api in local.firewall_api : function => api == null ? null : {
    secret_arn      = api.secret_arn
    server_name     = api.server_name
    port            = api.port
    timeout_seconds = api.timeout_seconds
  } }

  settings = {
    launch    = local.launch_settings
    terminate = local.terminate_settings
    reconcile = local.reconcile_settings
  }

  launch_settings = merge(local.common_settings, {
    lifecycle_hook_name            = var.hooks.launch.name
    queue_url                      = aws_sqs_queue.events["launch"].url
    dead_letter_queue_url          = aws_sqs_queue.dead_letters["launch"].url
    deadline_seconds               = var.deadlines.launch_minutes * 60
    visit_interval_seconds         = var.deadlines.visit_interval_seconds
    maximum_visit_interval_seconds = local.maximum_visit_interval_seconds.launch
    interfaces                     = var.interfaces
    tags                           = local.tags_of_firewalls
    readiness                      = var.readiness
    license_expected               = var.licensing.mode != "none"
    firewall_api                   = local.firewall_api_settings.launch
    target_group_arns              = local.instance_target_group_arns
  })

  terminate_settings = merge(local.common_settings, {
    lifecycle_hook_name            = var.hooks.terminate.name
    queue_url                      = aws_sqs_queue.events["terminate"].url
    dead_letter_queue_url          = aws_sqs_queue.dead_letters["terminate"].url
    deadline_seconds               = var.deadlines.terminate_minutes * 60
    visit_interval_seconds         = var.deadlines.visit_interval_seconds
    maximum_visit_interval_seconds = local.maximum_visit_interval_seconds.terminate
    management_device_index        = local.management_device_index
    licensing = {
      mode                 = var.licensing.mode
      api_key_secret_arn   = var.licensing.api_key_secret_arn
      license_manager      = var.licensing.license_manager
      join_timeout_seconds = var.licensing.join_timeout_minutes * 60
    }
    firewall_api = local.firewall_api_settings.terminate
    target_groups = {
      for interface in values(var.interfaces) :
      tostring(interface.device_index) => interface.target_groups if length(interface.target_groups) > 0
    }
    target_group_arns = local.instance_target_group_arns
  })

  reconcile_settings = merge(local.common_settings, {
    launch    = { lifecycle_hook_name = var.hooks.launch.name, queue_url = aws_sqs_queue.events["launch"].url }
    terminate = { lifecycle_hook_name = var.hooks.terminate.name, queue_url = aws_sqs_queue.events["terminate"].url }
    target_groups = [for group in local.target_groups : {
      arn         = group.arn
      vpc_id      = var.network.vpc_id
      cidr_blocks = distinct(flatten([for name in group.interfaces : var.network.cidr_blocks[name]]))
    }]
    management_device_index = local.management_device_index
    target_group_arns       = local.instance_target_group_arns
    licensing_mode          = var.licensing.mode
    license_manager         = var.licensing.license_manager
    credit_pool = var.licensing.credit_pool == null ? null : {
      secret_arn           = var.licensing.credit_pool.secret_arn
      id                   = var.licensing.credit_pool.id
      credits_per_firewall = var.licensing.credit_pool.credits_per_firewall
      profile_firewalls    = var.licensing.credit_pool.profile_firewalls
    }
    stop_launches_after = var.licensing.stop_launches_after
    age_floor_seconds   = var.reconcile.age_floor_minutes * 60
    maximum_firewalls   = var.reconcile.maximum_firewalls
    maximum_share       = var.reconcile.maximum_percent / 100
    dry_run             = var.reconcile.dry_run
    metric_namespace    = var.metric_namespace
    generation          = var.generation
    bootstrap = {
      secret_arn = one(var.bootstrap.secret[*].arn)
      bucket     = one(var.bootstrap.s3[*].bucket)
      prefix     = one(var.bootstrap.s3[*].prefix)
    }
    tags = local.tags_of_firewalls
  })
}

# Lambda rejects environments larger than 4,096 bytes, but only during apply. Values that are unknown at plan time have a
# known maximum length, so the size is checked at plan time. Lambda counts the variables as JSON, in which the quotation
# marks of the settings are escaped. https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
locals {
  at_full_length = {
    cidr_block        = "255.255.255.255/32"
    generation        = "0123456789ab"
    queue_url         = "https://sqs.${var.location.region}.amazonaws.com.cn/${var.location.account_id}/${var.name}-terminate-dead-letters"
    security_group_id = "sg-0123456789abcdef0"
    subnet_id         = "subnet-0123456789abcdef0"
    # A name has at most 32 characters. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    target_group_arn = join("", [
      "arn:${var.location.partition}:elasticloadbalancing:${var.location.region}:${var.location.account_id}:",
      "targetgroup/01234567890123456789012345678901/0123456789abcdef",
    ])
    vpc_id = "vpc-0123456789abcdef0"
  }

  target_groups_at_full_length = [for _ in local.instance_target_group_arns : local.at_full_length.target_group_arn]

  hook_settings_at_full_length = {
    queue_url             = local.at_full_length.queue_url
    dead_letter_queue_url = local.at_full_length.queue_url
    target_group_arns     = local.target_groups_at_full_length
  }

  settings_at_full_length = {
    launch = merge(local.launch_settings, local.hook_settings_at_full_length, {
      interfaces = { for name, interface in var.interfaces : name => merge(interface, {
        subnet_ids         = { for zone, _ in interface.subnet_ids : zone => local.at_full_length.subnet_id }
        security_group_ids = [for _ in interface.security_group_ids : local.at_full_length.security_group_id]
      }) }
    })
    terminate = merge(local.terminate_settings, local.hook_settings_at_full_length)
    reconcile = merge(local.reconcile_settings, {
      target_group_arns = local.target_groups_at_full_length
      launch            = { lifecycle_hook_name = var.hooks.launch.name, queue_url = local.at_full_length.queue_url }
      terminate         = { lifecycle_hook_name = var.hooks.terminate.name, queue_url = local.at_full_length.queue_url }
      target_groups = [for group in local.target_groups : {
        arn    = group.arn
        vpc_id = local.at_full_length.vpc_id
        cidr_blocks = flatten([
          for name in group.interfaces : [for _ in var.network.cidr_blocks[name] : local.at_full_length.cidr_block]
        ])
      }]
      generation = local.at_full_length.generation
    })
  }

  # Of the 4,065 bytes that ../function allows, without the names of the variables and the values of the others.
  maximum_settings_bytes = 3940
  settings_bytes = {
    # Base64 has four characters for three bytes.
    for function, settings in local.settings_at_full_length :
    function => ceil(length(base64encode(jsonencode(jsonencode(settings)))) * 3 / 4)
  }
}
