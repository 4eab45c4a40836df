# Validations of the input `strata_cloud_manager`, and of others that depend on it.

variables {
  valid_strata = {
    secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:strata-AbCdEf"
    folder     = "autoscale"
  }
  valid_licensing_secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf"
  key_elsewhere          = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  valid_pin = {
    vm_series_auto_registration_pin_id    = "0a1b2c3d-0000-4000-8000-000000000001"
    vm_series_auto_registration_pin_value = "0123456789abcdef"
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

run "accepts_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }
}

run "accepts_readiness_in_sync_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    readiness            = "in-sync"
  }
}

run "accepts_readiness_connected_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    readiness            = "connected"
  }
}

run "accepts_a_folder_of_64_characters" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { folder = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }
}

run "accepts_the_pin_among_the_options" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = var.valid_pin }
  }
}

run "accepts_the_defaults_among_the_options" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = merge(var.valid_pin, { panorama_server = "cloud", dgname = "autoscale" }) }
  }
}

run "accepts_licenses_returned_by_the_firewalls" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    functions            = { vpc = { subnet_ids = ["subnet-0a"], security_group_ids = ["sg-0a"] } }
    firewall_api         = var.valid_firewall_api
    licensing            = { mode = "firewall", api_key_secret_arn = var.valid_licensing_secret }
  }
}

run "refuses_two_managers" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    panorama             = var.valid_panorama
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_password_as_strata_secret_arn" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { secret_arn = "correct horse" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_an_alias_as_strata_secret_key" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { secret_kms_key_arn = "alias/key" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_strata_secret_key_of_another_region" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { secret_kms_key_arn = var.key_elsewhere })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_folder_with_a_space" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { folder = "All Firewalls" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_folder_of_65_characters" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { folder = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_url_as_strata_api_host_name" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { api_hostname = "https://api.strata.paloaltonetworks.com" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_path_in_the_strata_identity_host_name" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { identity_hostname = "auth.apps.paloaltonetworks.com/oauth2" })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_strata_timeout_of_0" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { timeout_seconds = 0 })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_a_strata_timeout_longer_than_half_of_that_of_the_function" {
  command = plan

  variables {
    strata_cloud_manager = merge(var.valid_strata, { timeout_seconds = 61 })
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
  }

  expect_failures = [var.strata_cloud_manager]
}

run "refuses_cloud_as_panorama_server_with_panorama" {
  command = plan

  variables {
    panorama  = var.valid_panorama
    bootstrap = { options = { panorama_server = "cloud" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_panorama_server_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = merge(var.valid_pin, { panorama_server = "panorama.example.com" }) }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_dgname_that_differs_from_the_folder" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = merge(var.valid_pin, { dgname = "branches" }) }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_vm_auth_key_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = merge(var.valid_pin, { vm_auth_key = "123456789012345" }) }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_template_stack_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = merge(var.valid_pin, { tplname = "stack" }) }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_options_without_a_pin_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { options = {} }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_the_license_plugin_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    licensing            = { mode = "plugin", license_manager = "autoscale" }
  }

  expect_failures = [var.licensing]
}

run "refuses_licenses_that_only_strata_cloud_manager_could_return" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    licensing            = { mode = "firewall", api_key_secret_arn = var.valid_licensing_secret }
  }

  expect_failures = [var.licensing]
}

run "refuses_an_api_of_firewalls_without_licenses_with_strata_cloud_manager" {
  command = plan

  variables {
    strata_cloud_manager = var.valid_strata
    bootstrap            = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" } }
    functions            = { vpc = { subnet_ids = ["subnet-0a"], security_group_ids = ["sg-0a"] } }
    firewall_api         = var.valid_firewall_api
  }

  expect_failures = [var.licensing]
}
