# Validations of the inputs `panorama`, `firewall_api`, `readiness`, `licensing`.

variables {
  valid_credit_pool = {
    secret_arn           = "arn:aws:secretsmanager:us-east-1:123456789012:secret:credits-AbCdEf"
    id                   = "315861234"
    credits_per_firewall = 13.68
  }

  valid_panorama = {
    hostnames      = ["panorama.example.com"]
    secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
    device_group   = "autoscale"
    template_stack = "autoscale-stack"
  }
  valid_firewall_api = {
    secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
    server_name = "firewalls.example.com"
  }
}

# Control run: without it, an invalid value in terraform.tfvars would let every refusal pass.
run "accepts_the_valid_values" {
  command = plan
}

# panorama -----------------------------------------------------------------------------------------

run "refuses_three_panorama_host_names" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { hostnames = ["one.example.com", "two.example.com", "three.example.com"] })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_url_as_panorama_host_name" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { hostnames = ["https://panorama.example.com"] })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_panorama_on_port_0" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { port = 0 })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_password_as_secret_arn" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { secret_arn = "correct horse" })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_device_group_with_a_slash" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { device_group = "a/b" })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_panorama_timeout_longer_than_that_of_the_function" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { timeout_seconds = 61 })
  }

  expect_failures = [var.panorama]
}

run "accepts_the_panorama_timeout_and_name_of_a_pair" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, {
      hostnames       = ["10.0.0.10", "10.0.1.10"]
      server_name     = "panorama.example.com"
      timeout_seconds = 30
    })
  }
}

run "refuses_a_server_name_with_a_wildcard" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { server_name = "*.example.com" })
  }

  expect_failures = [var.panorama]
}

run "accepts_the_license_plugin" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    licensing = { mode = "plugin", license_manager = "Autoscale licenses 1.0_a-b" }
  }
}

# documents: panorama/contention/five-calls, readiness/batch/concurrency
run "refuses_a_launch_concurrency_with_too_many_calls_to_panorama" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    functions = { launch_concurrency = 3 }
  }

  expect_failures = [var.panorama]
}

# documents: panorama/contention/five-calls, readiness/batch/concurrency
run "refuses_a_terminate_concurrency_with_too_many_calls_to_panorama" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    functions = { terminate_concurrency = 3 }
  }

  expect_failures = [var.panorama]
}

run "refuses_an_address_that_does_not_exist" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["10.0.0.300"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_host_name_with_two_dots_in_a_row" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama..example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_host_name_with_a_label_of_64_characters" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["${join("", [for number in range(64) : "p"])}.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }

  expect_failures = [var.panorama]
}

run "accepts_addresses_and_long_host_names" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["10.0.0.255", "${join("", [for number in range(63) : "p"])}.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
  }
}

run "refuses_a_port_of_panorama_with_a_fraction" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
      port           = 443.5
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_time_limit_of_panorama_with_a_fraction" {
  command = plan

  variables {
    panorama = {
      hostnames       = ["panorama.example.com"]
      secret_arn      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group    = "autoscale"
      template_stack  = "autoscale-stack"
      timeout_seconds = 7.5
    }
  }

  expect_failures = [var.panorama]
}

run "refuses_a_key_in_another_region_than_the_secret_of_panorama" {
  command = plan

  variables {
    panorama = {
      hostnames          = ["panorama.example.com"]
      secret_arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group       = "autoscale"
      template_stack     = "autoscale-stack"
      secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }

  expect_failures = [var.panorama]
}

run "accepts_a_key_in_the_region_of_the_secret_of_panorama" {
  command = plan

  variables {
    panorama = {
      hostnames          = ["panorama.example.com"]
      secret_arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group       = "autoscale"
      template_stack     = "autoscale-stack"
      secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

# firewall_api -------------------------------------------------------------------------------------

run "accepts_the_firewall_api_without_panorama" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness    = "connected"
  }
}

run "refuses_the_firewall_api_with_panorama_if_it_returns_no_license" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    panorama     = var.valid_panorama
  }

  expect_failures = [var.licensing]
}

run "accepts_the_firewall_api_with_panorama_for_licenses_of_unregistered_firewalls" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    panorama     = var.valid_panorama
    licensing = {
      mode               = "firewall"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }
}

run "refuses_a_bound_for_unregistered_firewalls_that_is_shorter_than_any_boot" {
  command = plan

  variables {
    licensing = { join_timeout_minutes = 4 }
  }

  expect_failures = [var.licensing]
}

run "refuses_to_stop_launches_without_a_license_to_return" {
  command = plan

  variables {
    licensing = { stop_launches_after = 3 }
  }

  expect_failures = [var.licensing]
}

run "refuses_to_stop_launches_after_the_first_one" {
  command = plan

  variables {
    panorama = var.valid_panorama
    licensing = {
      mode                = "firewall"
      api_key_secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
      stop_launches_after = 1
    }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_firewall_api_for_functions_without_a_vpc" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
  }

  expect_failures = [var.firewall_api]
}

run "refuses_firewall_credentials_in_clear_text" {
  command = plan

  variables {
    firewall_api = merge(var.valid_firewall_api, { secret_arn = "admin:secret" })
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_wildcard_as_server_name" {
  command = plan

  variables {
    firewall_api = merge(var.valid_firewall_api, { server_name = "*.example.com" })
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_firewall_api_on_port_0" {
  command = plan

  variables {
    firewall_api = merge(var.valid_firewall_api, { port = 0 })
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_firewall_timeout_longer_than_that_of_the_function" {
  command = plan

  variables {
    firewall_api = merge(var.valid_firewall_api, { timeout_seconds = 13 })
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_key_in_another_region_than_the_secret_of_the_firewalls" {
  command = plan

  variables {
    firewall_api = {
      secret_arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      server_name        = "firewalls.example.com"
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

run "refuses_a_port_of_the_firewalls_with_a_fraction" {
  command = plan

  variables {
    firewall_api = {
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf"
      server_name = "firewalls.example.com"
      port        = 443.5
    }
    functions = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
  }

  expect_failures = [var.firewall_api]
}

# readiness ----------------------------------------------------------------------------------------

run "refuses_an_unknown_readiness" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    readiness = "booted"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_readiness_check_without_panorama_or_firewall_api" {
  command = plan

  variables {
    readiness = "in-sync"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_launch_deadline_shorter_than_a_boot" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    deadlines = { launch_minutes = 20 }
  }

  expect_failures = [var.readiness]
}

run "refuses_a_launch_deadline_shorter_than_a_boot_with_the_default_readiness" {
  command = plan

  variables {
    deadlines = { launch_minutes = 20 }
  }

  expect_failures = [var.readiness]
}

run "accepts_the_readiness_healthy_with_panorama" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    readiness = "healthy"
  }
}

# documents: readiness/gate/off-warm-up
run "refuses_a_default_warm_up_shorter_than_a_boot_with_the_readiness_off" {
  command = plan

  variables {
    readiness = "off"
    capacity  = { min = 1, max = 3, default_instance_warmup_seconds = 1499 }
  }

  expect_failures = [var.readiness]
}

# documents: readiness/gate/off-warm-up
run "refuses_a_warm_up_of_the_refresh_shorter_than_a_boot_with_the_readiness_off" {
  command = plan

  variables {
    readiness = "off"
    capacity  = { min = 1, max = 3, instance_refresh = { instance_warmup_seconds = 300 } }
  }

  expect_failures = [var.readiness]
}

# documents: readiness/gate/off-warm-up
run "refuses_a_warm_up_of_a_policy_shorter_than_a_boot_with_the_readiness_off" {
  command = plan

  variables {
    readiness = "off"
    scaling = {
      target_tracking = {
        sessions = { metric = "session_utilization", target = { percent = 60 }, warmup_seconds = 120 }
      }
    }
  }

  expect_failures = [var.readiness]
}

run "refuses_health_checks_of_the_group_during_the_boot_with_the_readiness_off" {
  command = plan

  variables {
    readiness = "off"
    capacity  = { min = 1, max = 3, health_check = { type = "ELB" } }
  }

  expect_failures = [var.readiness]
}

run "accepts_warm_ups_of_a_boot_with_the_readiness_off" {
  command = plan

  variables {
    readiness = "off"
    capacity = {
      min                             = 1
      max                             = 3
      default_instance_warmup_seconds = 1500
      instance_refresh                = { instance_warmup_seconds = 1800 }
      health_check                    = { type = "ELB", grace_period_seconds = 1500 }
    }
  }
}

run "accepts_panorama_with_a_readiness_that_needs_no_push" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    readiness = "connected"
  }
}

run "accepts_no_push_with_any_readiness" {
  command = plan

  variables {
    panorama  = merge(var.valid_panorama, { push_when_out_of_sync = false })
    readiness = "connected"
  }
}

run "refuses_a_push_without_the_readiness_in_sync" {
  command = plan

  variables {
    panorama  = merge(var.valid_panorama, { push_when_out_of_sync = true })
    readiness = "connected"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_firewall_api_that_no_function_calls" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness    = "off"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_firewall_api_that_the_readiness_healthy_does_not_call" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness    = "healthy"
  }

  expect_failures = [var.readiness]
}

run "refuses_the_readiness_in_sync_without_panorama" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    readiness    = "in-sync"
  }

  expect_failures = [var.readiness]
}

run "refuses_a_launch_deadline_shorter_than_a_boot_with_the_firewall_api" {
  command = plan

  variables {
    firewall_api = var.valid_firewall_api
    functions    = { vpc = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] } }
    deadlines    = { launch_minutes = 20 }
  }

  expect_failures = [var.readiness]
}

# licensing ----------------------------------------------------------------------------------------

run "refuses_an_unknown_licensing_mode" {
  command = plan

  variables {
    licensing = { mode = "panorama" }
  }

  expect_failures = [var.licensing]
}

run "refuses_license_returns_without_panorama" {
  command = plan

  variables {
    licensing = {
      mode               = "firewall"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }

  expect_failures = [var.licensing]
}

run "refuses_all_secrets_of_panorama" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:*" })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_secret_with_a_wildcard_of_panorama" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-??????" })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_partial_secret_arn_of_panorama" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama" })
  }

  expect_failures = [var.panorama]
}

run "refuses_all_keys_for_the_secret_of_panorama" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/*" })
  }

  expect_failures = [var.panorama]
}

run "refuses_all_secrets_of_the_licensing_api_key" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    licensing = { mode = "firewall", api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:*" }
  }

  expect_failures = [var.licensing]
}

run "refuses_all_keys_for_the_licensing_api_key" {
  command = plan

  variables {
    panorama = var.valid_panorama
    licensing = {
      mode                       = "firewall"
      api_key_secret_arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
      api_key_secret_kms_key_arn = "*"
    }
  }

  expect_failures = [var.licensing]
}

run "refuses_license_returns_without_a_licensing_api_key" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    licensing = { mode = "firewall" }
  }

  expect_failures = [var.licensing]
}

run "refuses_license_returns_for_a_bundle" {
  command = plan

  variables {
    panorama = var.valid_panorama
    firewall = { panos_version = "11.2.15", license_type = "bundle1" }
    licensing = {
      mode               = "firewall"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_licensing_api_key_without_effect" {
  command = plan

  variables {
    licensing = { api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_licensing_api_key_in_clear_text" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    licensing = { mode = "firewall", api_key_secret_arn = "0123456789abcdef" }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_license_plugin_without_panorama" {
  command = plan

  variables {
    licensing = { mode = "plugin", license_manager = "autoscale" }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_license_plugin_without_a_license_manager" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    licensing = { mode = "plugin" }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_license_plugin_for_a_bundle" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    firewall  = { panos_version = "11.2.15", license_type = "bundle2" }
    licensing = { mode = "plugin", license_manager = "autoscale" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_licensing_api_key_together_with_the_license_plugin" {
  command = plan

  variables {
    panorama = var.valid_panorama
    licensing = {
      mode               = "plugin"
      license_manager    = "autoscale"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_manager_without_effect" {
  command = plan

  variables {
    panorama = var.valid_panorama
    licensing = {
      mode               = "firewall"
      license_manager    = "autoscale"
      api_key_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
    }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_license_manager_with_a_quote_in_its_name" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    licensing = { mode = "plugin", license_manager = "the hub's" }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_key_in_another_region_than_the_licensing_secret" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    licensing = {
      mode                       = "firewall"
      api_key_secret_arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
      api_key_secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }

  expect_failures = [var.licensing]
}

# licensing.credit_pool ----------------------------------------------------------------------------

run "accepts_a_credit_pool" {
  command = plan

  variables {
    licensing = { credit_pool = var.valid_credit_pool }
  }
}

run "accepts_a_credit_pool_with_the_size_of_its_deployment_profile" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { profile_firewalls = 10 }) }
  }
}

run "refuses_a_credit_pool_for_pay_as_you_go_firewalls" {
  command = plan

  variables {
    firewall  = { panos_version = "11.2.15", license_type = "bundle1" }
    licensing = { credit_pool = var.valid_credit_pool }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_credential_instead_of_the_arn_of_its_secret" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { secret_arn = "client-secret" }) }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_name_of_a_credit_pool" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { id = "Software NGFW Credits" }) }
  }

  expect_failures = [var.licensing]
}

run "refuses_firewalls_that_take_no_credits" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { credits_per_firewall = 0 }) }
  }

  expect_failures = [var.licensing]
}

run "refuses_half_a_firewall_in_a_deployment_profile" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { profile_firewalls = 1.5 }) }
  }

  expect_failures = [var.licensing]
}

run "refuses_the_alias_of_a_key_for_the_credit_pool" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/credits" }) }
  }

  expect_failures = [var.licensing]
}

run "refuses_a_key_of_another_region_for_the_credit_pool" {
  command = plan

  variables {
    licensing = { credit_pool = merge(var.valid_credit_pool, { secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd" }) }
  }

  expect_failures = [var.licensing]
}

# panorama.call_slots_table_arn --------------------------------------------------------------------

run "accepts_a_table_that_limits_the_calls_of_several_deployments" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { call_slots_table_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/panorama-calls" })
  }
}

run "refuses_the_name_of_a_table_that_limits_calls" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { call_slots_table_arn = "panorama-calls" })
  }

  expect_failures = [var.panorama]
}

run "refuses_a_table_that_limits_calls_in_another_region" {
  command = plan

  variables {
    panorama = merge(var.valid_panorama, { call_slots_table_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/panorama-calls" })
  }

  expect_failures = [var.panorama]
}
