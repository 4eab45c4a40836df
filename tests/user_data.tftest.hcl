# The user data of firewalls, compared with the files in tests/golden/user-data.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name    = "fw-test"
  network = { vpc_id = "vpc-0123456789abcdef0" }

  interfaces = {
    data       = { role = "data", device_index = 0, subnet_ids = { us-east-1a = "subnet-0a" } }
    management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
  }

  firewall = { panos_version = "11.2.15" }
  capacity = { min = 1, max = 3 }

  panorama = {
    hostnames           = ["panorama-1.example.com", "panorama-2.example.com"]
    secret_arn          = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
    device_group        = "autoscale"
    template_stack      = "autoscale-stack"
    log_collector_group = "autoscale-logs"
  }
}

run "has_only_the_interface_swap_inspection_and_dhcp_without_panorama" {
  command = plan

  variables {
    panorama = null
  }

  assert {
    condition     = module.firewall_group.user_data == trimspace(file("tests/golden/user-data/defaults.txt"))
    error_message = "user data differs from tests/golden/user-data/defaults.txt"
  }
}

run "takes_names_from_the_input_panorama" {
  command = plan

  assert {
    condition     = module.firewall_group.user_data == trimspace(file("tests/golden/user-data/panorama.txt"))
    error_message = "user data differs from tests/golden/user-data/panorama.txt"
  }
}

run "registers_with_strata_cloud_manager_in_its_folder" {
  command = plan

  variables {
    panorama = null
    strata_cloud_manager = {
      secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:strata-AbCdEf"
      folder     = "autoscale"
    }
    bootstrap = {
      options = {
        plugin_op_commands                    = ["advance-routing:enable"]
        vm_series_auto_registration_pin_id    = "pin"
        vm_series_auto_registration_pin_value = "value"
      }
    }
  }

  expect_failures = [check.bootstrap_keeps_no_secrets]

  assert {
    condition     = module.firewall_group.user_data == trimspace(file("tests/golden/user-data/strata-cloud-manager.txt"))
    error_message = "user data differs from tests/golden/user-data/strata-cloud-manager.txt"
  }
}

run "renders_every_option" {
  command = plan

  variables {
    bootstrap = {
      options = {
        hostname                              = "firewall"
        panorama_server                       = "10.0.0.10"
        panorama_server_2                     = "10.0.0.11"
        tplname                               = "autoscale-stack"
        dgname                                = "autoscale"
        cgname                                = "other-logs"
        vm_auth_key                           = "123456789012345"
        auth_key                              = "_AQ__key"
        authcodes                             = "I1234567"
        dns_primary                           = "10.0.0.2"
        dns_secondary                         = "10.0.0.3"
        op_command_modes                      = ["jumbo-frame", "multi-vsys"]
        op_cmd_dpdk_pkt_io                    = false
        plugin_op_commands                    = ["aws-gwlb-inspect:enable", "aws-gwlb-overlay-routing:enable"]
        dhcp_send_hostname                    = false
        dhcp_send_client_id                   = false
        dhcp_accept_server_hostname           = false
        dhcp_accept_server_domain             = false
        vm_series_auto_registration_pin_id    = "pin"
        vm_series_auto_registration_pin_value = "value"
        redis_endpoint                        = "redis.example.com:6379"
        redis_auth                            = "auth"
        redis_certificate                     = "certificate"
      }
    }
  }

  assert {
    condition     = module.firewall_group.user_data == trimspace(file("tests/golden/user-data/every-option.txt"))
    error_message = "user data differs from tests/golden/user-data/every-option.txt"
  }

  # The keys above are in clear text, so the plan warns.
  expect_failures = [check.bootstrap_keeps_no_secrets]
}

run "inspects_geneve_beside_other_plugin_commands" {
  command = plan

  variables {
    bootstrap = { options = { plugin_op_commands = ["aws-gwlb-overlay-routing:enable"] } }
  }

  assert {
    condition = strcontains(
      module.firewall_group.user_data,
      ";plugin-op-commands=aws-gwlb-inspect:enable,aws-gwlb-overlay-routing:enable;",
    )
    error_message = "without the command, PAN-OS does not inspect what the load balancer sends"
  }
}

run "inspects_geneve_as_the_list_says" {
  command = plan

  variables {
    bootstrap = { options = { plugin_op_commands = ["aws-gwlb-inspect:disable"] } }
  }

  assert {
    condition     = strcontains(module.firewall_group.user_data, ";plugin-op-commands=aws-gwlb-inspect:disable;")
    error_message = "the list can name the command itself"
  }
}

run "only_refers_to_a_secret" {
  command = plan

  variables {
    bootstrap = {
      secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf" }
    }
  }

  assert {
    condition     = module.firewall_group.user_data == trimspace(file("tests/golden/user-data/secret.txt"))
    error_message = "user data differs from tests/golden/user-data/secret.txt"
  }
}

run "only_refers_to_a_bucket" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "fw-bootstrap", prefix = "prod/blue" } }
  }

  assert {
    condition     = module.firewall_group.user_data == trimspace(file("tests/golden/user-data/bucket.txt"))
    error_message = "user data differs from tests/golden/user-data/bucket.txt"
  }
}
