# Validations of the inputs `interfaces`, `management_access`, `firewall`, `bootstrap`.

variables {
  web = {
    arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
    port = 443
  }
}

# Control run: without it, an invalid value in terraform.tfvars would let every refusal pass.
run "accepts_the_valid_values" {
  command = plan
}

# interfaces ---------------------------------------------------------------------------------------

run "refuses_an_interface_name_with_blanks" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { "to the internet" = { role = "untrust", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } } },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_unknown_role" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { dmz = { role = "dmz", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } } },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_interfaces_without_a_data_interface" {
  command = plan

  variables {
    interfaces = { management = var.interfaces.management }
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_local_zone" {
  command = plan

  variables {
    interfaces = {
      data       = { role = "data", device_index = 0, subnet_ids = { us-west-2-lax-1a = "subnet-0a" } }
      management = { role = "management", device_index = 1, subnet_ids = { us-west-2-lax-1a = "subnet-0b" } }
    }
  }

  expect_failures = [var.interfaces]
}

run "accepts_zones_of_other_partitions" {
  command = plan

  variables {
    interfaces = {
      data       = { role = "data", device_index = 0, subnet_ids = { us-gov-west-1a = "subnet-0a", cn-north-1b = "subnet-1a" } }
      management = { role = "management", device_index = 1, subnet_ids = { us-gov-west-1a = "subnet-0b", cn-north-1b = "subnet-1b" } }
    }
  }
}

run "refuses_a_data_interface_that_is_not_at_index_0" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { device_index = 2 }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_two_data_interfaces" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, { more = merge(var.interfaces.data, { device_index = 2 }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_interfaces_without_a_management_interface" {
  command = plan

  variables {
    interfaces = { data = var.interfaces.data }
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_management_interface_that_is_not_at_index_1" {
  command = plan

  variables {
    interfaces = {
      data       = var.interfaces.data
      management = merge(var.interfaces.management, { device_index = 2 })
      untrust    = { role = "untrust", device_index = 1, subnet_ids = { us-east-1a = "subnet-0c" } }
    }
  }

  expect_failures = [var.interfaces]
}

run "refuses_two_untrust_interfaces" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      {
        one = { role = "untrust", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } }
        two = { role = "untrust", device_index = 3, subnet_ids = { us-east-1a = "subnet-0c" } }
      },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_extra_interface_without_security_groups" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { dmz = { role = "extra", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" } } },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_extra_interface_at_the_index_of_management" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      {
        dmz = {
          role = "extra", device_index = 1, subnet_ids = { us-east-1a = "subnet-0c" }, security_group_ids = ["sg-0c"]
        }
      },
    )
  }

  expect_failures = [var.interfaces]
}

run "accepts_extra_interfaces_before_and_after_untrust" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      {
        dmz = {
          role               = "extra"
          device_index       = 2
          subnet_ids         = { us-east-1a = "subnet-0c" }
          security_group_ids = ["sg-0c"]
          public_ip          = true
          source_dest_check  = false
          target_groups      = [var.web]
        }
        untrust = { role = "untrust", device_index = 3, subnet_ids = { us-east-1a = "subnet-0d" } }
        partner = {
          role = "extra", device_index = 4, subnet_ids = { us-east-1a = "subnet-0e" }, security_group_ids = ["sg-0e"]
        }
      },
    )
  }
}

run "refuses_a_gap_between_device_indices" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { untrust = { role = "untrust", device_index = 3, subnet_ids = { us-east-1a = "subnet-0c" } } },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_repeated_device_index" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { untrust = { role = "untrust", device_index = 1, subnet_ids = { us-east-1a = "subnet-0c" } } },
    )
  }

  expect_failures = [var.interfaces]
}

# documents: failure-modes/L5
run "refuses_interfaces_in_different_zones" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { management = merge(var.interfaces.management, { subnet_ids = { us-east-1b = "subnet-0b" } }) },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_interfaces_without_subnets" {
  command = plan

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, { subnet_ids = {} }) }
  }

  expect_failures = [var.interfaces]
}

run "refuses_subnets_whose_key_is_not_a_zone" {
  command = plan

  variables {
    interfaces = {
      for name, interface in var.interfaces : name => merge(interface, { subnet_ids = { first = "subnet-0a" } })
    }
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_cidr_block_as_subnet_id" {
  command = plan

  variables {
    interfaces = {
      for name, interface in var.interfaces : name => merge(interface, { subnet_ids = { us-east-1a = "10.0.0.0/24" } })
    }
  }

  expect_failures = [var.interfaces]
}

# documents: failure-modes/L4
run "refuses_an_empty_list_of_security_groups" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, { management = merge(var.interfaces.management, { security_group_ids = [] }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_public_address_for_data" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { public_ip = true }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_address_pool_without_a_public_address" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { management = merge(var.interfaces.management, { public_ipv4_pool = "ipv4pool-ec2-0123456789abcdef0" }) },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_an_invalid_address_pool_id" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { management = merge(var.interfaces.management, { public_ip = true, public_ipv4_pool = "203.0.113.0/24" }) },
    )
  }

  expect_failures = [var.interfaces]
}

run "accepts_two_ports_of_one_target_group" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      {
        untrust = {
          role          = "untrust"
          device_index  = 2
          subnet_ids    = { us-east-1a = "subnet-0c" }
          target_groups = [var.web, merge(var.web, { port = 65535 })]
        }
      },
    )
  }
}

run "refuses_a_load_balancer_as_target_group" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      {
        data = merge(
          var.interfaces.data,
          {
            target_groups = [{
              arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/web/0123456789abcdef"
              port = 443
            }]
          },
        )
      },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_port_beyond_65535" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { data = merge(var.interfaces.data, { target_groups = [merge(var.web, { port = 65536 })] }) },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_port_zero" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { data = merge(var.interfaces.data, { target_groups = [merge(var.web, { port = 0 })] }) },
    )
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_repeated_target" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { target_groups = [var.web, var.web] }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_wavelength_zone" {
  command = plan

  variables {
    interfaces = {
      data       = { role = "data", device_index = 0, subnet_ids = { us-east-1-wl1-bos-wlz-1 = "subnet-0a" } }
      management = { role = "management", device_index = 1, subnet_ids = { us-east-1-wl1-bos-wlz-1 = "subnet-0b" } }
    }
  }

  expect_failures = [var.interfaces]
}

run "refuses_the_id_of_a_zone" {
  command = plan

  variables {
    interfaces = {
      data       = { role = "data", device_index = 0, subnet_ids = { use1-az1 = "subnet-0a" } }
      management = { role = "management", device_index = 1, subnet_ids = { use1-az1 = "subnet-0b" } }
    }
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_region_instead_of_a_zone" {
  command = plan

  variables {
    interfaces = {
      data       = { role = "data", device_index = 0, subnet_ids = { us-east-1 = "subnet-0a" } }
      management = { role = "management", device_index = 1, subnet_ids = { us-east-1 = "subnet-0b" } }
    }
  }

  expect_failures = [var.interfaces]
}

run "refuses_the_name_of_a_security_group" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { data = merge(var.interfaces.data, { security_group_ids = ["firewalls"] }) },
    )
  }

  expect_failures = [var.interfaces]
}

run "accepts_five_security_groups" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a", "sg-0b", "sg-0c", "sg-0d", "sg-0123456789abcdef0"] }) },
    )
  }
}

run "refuses_a_target_group_of_another_region" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { data = merge(var.interfaces.data, { target_groups = [merge(var.web, { arn = replace(var.web.arn, "us-east-1", "us-east-2") })] }) },
    )
  }

  expect_failures = [var.interfaces]
}

# management_access --------------------------------------------------------------------------------

run "refuses_management_access_without_a_network" {
  command = plan

  variables {
    management_access = { cidr_blocks = { a = "office" } }
  }

  expect_failures = [var.management_access]
}

run "refuses_management_access_from_everywhere" {
  command = plan

  variables {
    management_access = { cidr_blocks = { a = "0.0.0.0/0" } }
  }

  expect_failures = [var.management_access]
}

run "refuses_management_access_without_a_port" {
  command = plan

  variables {
    management_access = { cidr_blocks = { a = "10.0.0.0/24" }, ports = [] }
  }

  expect_failures = [var.management_access]
}

run "accepts_management_access_beside_security_groups_of_the_user" {
  command = plan

  variables {
    interfaces = merge(
      var.interfaces,
      { management = merge(var.interfaces.management, { security_group_ids = ["sg-0a"] }) },
    )
    management_access = { cidr_blocks = { a = "10.0.0.0/24" } }
  }
}

run "refuses_egress_to_a_name" {
  command = plan

  variables {
    management_access = { egress = { syslog = { port = 6514, cidr_blocks = { a = "syslog.example.com" } } } }
  }

  expect_failures = [var.management_access]
}

run "refuses_egress_with_an_unknown_protocol" {
  command = plan

  variables {
    management_access = { egress = { ping = { protocol = "icmp", port = 1, cidr_blocks = { a = "10.0.9.0/24" } } } }
  }

  expect_failures = [var.management_access]
}

run "refuses_a_network_of_management_access_without_a_name" {
  command = plan

  variables {
    management_access = { cidr_blocks = { "10.0.0.0/24" = "10.0.0.0/24" } }
  }

  expect_failures = [var.management_access]
}

run "refuses_a_network_of_management_access_twice" {
  command = plan

  variables {
    management_access = { cidr_blocks = { a = "10.0.0.0/24", b = "10.0.0.0/24" } }
  }

  expect_failures = [var.management_access]
}

run "refuses_the_same_egress_twice" {
  command = plan

  variables {
    management_access = { egress = {
      syslog = { port = 6514, cidr_blocks = { a = "10.0.9.0/24" } }
      siem   = { port = 6514, cidr_blocks = { b = "10.0.9.0/24" } }
    } }
  }

  expect_failures = [var.management_access]
}

run "refuses_egress_that_is_open_already" {
  command = plan

  variables {
    management_access = { egress = { proxy = { port = 443, cidr_blocks = { internet = "0.0.0.0/0" } } } }
  }

  expect_failures = [var.management_access]
}

run "accepts_further_egress" {
  command = plan

  variables {
    management_access = { egress = { syslog = { port = 6514, cidr_blocks = { a = "10.0.9.0/24", b = "10.1.9.0/24" } } } }
  }
}

# security_groups ----------------------------------------------------------------------------------

run "refuses_an_interface_without_any_security_group" {
  command = plan

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, {
      security_group_ids = name == "data" ? null : ["sg-0a"]
    }) }
    security_groups = { create = false }
  }

  expect_failures = [var.security_groups]
}

run "refuses_management_access_that_has_no_effect" {
  command = plan

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, {
      security_group_ids = ["sg-0a"]
    }) }
    security_groups   = { create = false }
    management_access = { cidr_blocks = { a = "10.0.0.0/24" } }
  }

  expect_failures = [var.security_groups]
}

run "accepts_security_groups_of_the_user_alone" {
  command = plan

  variables {
    interfaces = { for name, interface in var.interfaces : name => merge(interface, {
      security_group_ids = ["sg-0a"]
    }) }
    security_groups = { create = false }
  }
}

run "refuses_a_network_by_one_of_its_addresses" {
  command = plan

  variables {
    management_access = { cidr_blocks = { a = "10.0.0.1/24" } }
  }

  expect_failures = [var.management_access]
}

run "refuses_the_network_of_a_service_by_one_of_its_addresses" {
  command = plan

  variables {
    management_access = { egress = { syslog = { port = 6514, cidr_blocks = { a = "10.0.9.10/24" } } } }
  }

  expect_failures = [var.management_access]
}

run "accepts_a_single_address" {
  command = plan

  variables {
    management_access = { cidr_blocks = { a = "10.0.0.1/32" } }
  }
}

run "refuses_ports_without_networks" {
  command = plan

  variables {
    management_access = { ports = [8443] }
  }

  expect_failures = [var.management_access]
}

run "accepts_the_default_ports_in_any_order" {
  command = plan

  variables {
    management_access = { ports = [22, 443] }
  }
}

# firewall -----------------------------------------------------------------------------------------

run "refuses_a_firewall_without_an_image" {
  command = plan

  variables {
    firewall = {}
  }

  expect_failures = [var.firewall]
}

run "refuses_two_images" {
  command = plan

  variables {
    firewall = { ami_id = "ami-0123456789abcdef0", panos_version = "11.2.15" }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_name_as_image_id" {
  command = plan

  variables {
    firewall = { ami_id = "PA-VM-AWS-11.2.15" }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_incomplete_panos_version" {
  command = plan

  variables {
    firewall = { panos_version = "11.1" }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_unknown_license_type" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", license_type = "bundle3" }
  }

  expect_failures = [var.firewall]
}

run "refuses_deprecated_images_together_with_an_image_id" {
  command = plan

  variables {
    firewall = { ami_id = "ami-0123456789abcdef0", include_deprecated = true }
  }

  expect_failures = [var.firewall]
}

run "accepts_an_image_id" {
  command = plan

  variables {
    firewall = { ami_id = "ami-0123456789abcdef0" }
  }
}

run "refuses_an_invalid_instance_type" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", instance_type = "large" }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_root_volume_that_is_too_small" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", root_volume = { size_gib = 30 } }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_unsupported_type_of_root_volume" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", root_volume = { type = "standard" } }
  }

  expect_failures = [var.firewall]
}

# documents: failure-modes/G7
run "refuses_an_alias_as_kms_key_of_the_root_volume" {
  command = plan

  variables {
    firewall = {
      panos_version = "11.2.15"
      root_volume   = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/ebs" }
    }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_empty_key_name" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", key_name = "" }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_key_name_that_ends_with_a_space" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", key_name = "network " }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_key_name_of_256_characters" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", key_name = join("", [for number in range(256) : "k"]) }
  }

  expect_failures = [var.firewall]
}

run "accepts_a_key_name_of_255_characters" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", key_name = join("", [for number in range(255) : "k"]) }
  }
}

run "refuses_a_volume_that_is_too_large_for_gp2" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", root_volume = { type = "gp2", size_gib = 16385 } }
  }

  expect_failures = [var.firewall]
}

run "refuses_a_volume_that_is_too_large_for_gp3" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", root_volume = { size_gib = 65537 } }
  }

  expect_failures = [var.firewall]
}

run "accepts_the_largest_volume" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", root_volume = { size_gib = 65536 } }
  }
}

run "refuses_a_volume_key_of_another_region" {
  command = plan

  variables {
    firewall = {
      panos_version = "11.2.15"
      root_volume   = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
    }
  }

  expect_failures = [var.firewall]
}

run "accepts_a_volume_key_of_another_account" {
  command = plan

  variables {
    firewall = {
      panos_version = "11.2.15"
      root_volume   = { kms_key_arn = "arn:aws:kms:us-east-1:210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
    }
  }
}

run "refuses_the_arn_of_an_instance_profile" {
  command = plan

  variables {
    firewall = {
      panos_version    = "11.2.15"
      instance_profile = { name = "arn:aws:iam::123456789012:instance-profile/firewalls" }
    }
  }

  expect_failures = [var.firewall]
}

run "refuses_an_empty_name_of_an_instance_profile" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", instance_profile = { name = "" } }
  }

  expect_failures = [var.firewall]
}

run "accepts_the_longest_name_of_an_instance_profile" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", instance_profile = { name = join("", [for number in range(128) : "p"]) } }
  }
}

# bootstrap ----------------------------------------------------------------------------------------

run "refuses_a_bootstrap_without_a_source" {
  command = plan

  variables {
    bootstrap = {}
  }

  expect_failures = [var.bootstrap]
}

run "refuses_two_bootstrap_sources" {
  command = plan

  variables {
    bootstrap = { options = {}, s3 = { bucket = "fw-bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_secret_without_its_arn" {
  command = plan

  variables {
    bootstrap = { secret = { name = "fw/bootstrap", arn = "fw/bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_all_bootstrap_secrets" {
  command = plan

  variables {
    bootstrap = { secret = { name = "bootstrap", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:*" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_partial_arn_of_the_bootstrap_secret" {
  command = plan

  variables {
    bootstrap = { secret = { name = "bootstrap", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_another_name_than_that_of_the_bootstrap_secret" {
  command = plan

  variables {
    bootstrap = { secret = { name = "fw", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf" } }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_the_arn_of_the_bootstrap_secret_alone" {
  command = plan

  variables {
    bootstrap = { secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf" } }
  }
}

run "refuses_all_keys_for_the_bootstrap_secret" {
  command = plan

  variables {
    bootstrap = {
      secret = {
        name        = "bootstrap"
        arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf"
        kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/*"
      }
    }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_prefix_with_a_wildcard" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "fw-bootstrap", prefix = "prod*" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_an_alias_as_kms_key_of_the_bootstrap_bucket" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "fw-bootstrap", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/s3" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_secret_with_a_semicolon" {
  command = plan

  variables {
    bootstrap = {
      secret = { name = "fw;bootstrap", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf" }
    }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_url_as_bootstrap_bucket" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "s3://fw-bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_prefix_with_a_trailing_slash" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "fw-bootstrap", prefix = "prod/" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_bootstrap_option_with_a_semicolon" {
  command = plan

  variables {
    bootstrap = { options = { hostname = "fw;auth-key=other" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_an_unknown_operational_mode" {
  command = plan

  variables {
    bootstrap = { options = { op_command_modes = ["mgmt-interface-swap"] } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_several_plugin_commands_in_one_string" {
  command = plan

  variables {
    bootstrap = { options = { plugin_op_commands = ["aws-gwlb-inspect:enable,aws-gwlb-overlay-routing:enable"] } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_registration_pin_id_without_its_value" {
  command = plan

  variables {
    bootstrap = { options = { vm_series_auto_registration_pin_id = "id" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_device_group_that_differs_from_panorama" {
  command = plan

  variables {
    panorama = {
      hostnames      = ["panorama.example.com"]
      secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
      device_group   = "autoscale"
      template_stack = "autoscale-stack"
    }
    bootstrap = { options = { dgname = "other" } }
  }

  expect_failures = [var.bootstrap]
}

# For the role of the module, which running firewalls keep.
run "accepts_a_kms_key_beside_an_instance_profile_of_the_user" {
  command = plan

  variables {
    firewall = { panos_version = "11.2.15", instance_profile = { name = "mine" } }
    bootstrap = {
      secret = {
        name        = "bootstrap"
        arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf"
        kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
      }
    }
  }
}

run "refuses_a_bucket_name_with_two_dots_in_a_row" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "fw..bootstrap" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_an_address_as_bucket_name" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "10.0.0.2" } }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_a_bucket_name_with_dots" {
  command = plan

  variables {
    bootstrap = { s3 = { bucket = "fw.bootstrap.10.0.0" } }
  }
}

run "refuses_a_key_in_another_region_than_the_bootstrap_secret" {
  command = plan

  variables {
    bootstrap = {
      secret = {
        arn         = "arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf"
        kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      }
    }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_a_package_whose_key_is_in_another_region" {
  command = plan

  variables {
    bootstrap = {
      s3 = { bucket = "fw-bootstrap", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
    }
  }
}

run "refuses_a_name_as_dns_server" {
  command = plan

  variables {
    bootstrap = { options = { dns_primary = "ns.example.com" } }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_ipv6_addresses_of_dns_servers" {
  command = plan

  variables {
    bootstrap = { options = { dns_primary = "10.0.0.2", dns_secondary = "2001:db8::2" } }
  }
}

run "refuses_a_url_as_panorama_server" {
  command = plan

  variables {
    bootstrap = { options = { panorama_server = "https://panorama.example.com" } }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_addresses_of_panorama_servers" {
  command = plan

  variables {
    bootstrap = { options = { panorama_server = "10.0.0.10", panorama_server_2 = "2001:db8::10" } }
  }
}

run "refuses_a_device_group_without_a_panorama" {
  command = plan

  variables {
    bootstrap = { options = { dgname = "autoscale" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_an_auth_key_without_a_panorama" {
  command = plan

  variables {
    bootstrap = { options = { vm_auth_key = "123456789012345" } }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_a_device_group_of_a_panorama_that_only_the_firewalls_know" {
  command = plan

  variables {
    bootstrap = { options = { panorama_server = "panorama.example.com", dgname = "autoscale" } }
  }
}

run "refuses_a_redis_server_without_a_port" {
  command = plan

  variables {
    bootstrap = { options = { redis_endpoint = "redis.example.com" } }
  }

  expect_failures = [var.bootstrap]
}

run "refuses_a_redis_password_without_a_server" {
  command = plan

  variables {
    bootstrap = { options = { redis_auth = "secret" } }
  }

  expect_failures = [var.bootstrap]
}

run "accepts_a_redis_server_with_a_password" {
  command = plan

  variables {
    bootstrap = { options = { redis_endpoint = "10.0.0.5:6379", redis_auth = "secret" } }
  }
}
