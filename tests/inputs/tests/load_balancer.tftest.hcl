# Validations of the inputs `load_balancer`, `target_group_arns`.

# Control run: without it, an invalid value in terraform.tfvars would let every refusal pass.
run "accepts_the_valid_values" {
  command = plan
}

# load_balancer ------------------------------------------------------------------------------------

run "refuses_neither_a_load_balancer_nor_target_groups" {
  command = plan

  variables {
    load_balancer = null
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_load_balancer_without_a_zone_of_the_firewalls" {
  command = plan

  variables {
    load_balancer = { subnet_ids = { us-east-1f = "subnet-0123456789abcdef0" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_list_of_subnets_for_the_load_balancer" {
  command = plan

  variables {
    load_balancer = { subnet_ids = merge(
      { for zone, id in var.interfaces.data.subnet_ids : zone => id },
      { "0" = "subnet-0123456789abcdef0" },
    ) }
  }

  expect_failures = [var.load_balancer]
}

run "accepts_a_load_balancer_in_more_zones_than_the_firewalls" {
  command = plan

  variables {
    load_balancer = { subnet_ids = merge(
      { for zone, id in var.interfaces.data.subnet_ids : zone => id },
      { us-east-1f = "subnet-0123456789abcdef0" },
    ) }
  }
}

run "refuses_a_load_balancer_and_target_groups" {
  command = plan

  variables {
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef"]
    interfaces        = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
  }

  expect_failures = [var.load_balancer]
}

run "refuses_geneve_as_health_check_protocol" {
  command = plan

  variables {
    load_balancer = { health_check = { protocol = "GENEVE" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_on_port_0" {
  command = plan

  variables {
    load_balancer = { health_check = { port = 0 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_status_code_of_an_error" {
  command = plan

  variables {
    load_balancer = { health_check = { protocol = "HTTP", path = "/", status_codes = "200-499" } }
  }

  expect_failures = [var.load_balancer]
}

run "accepts_status_codes" {
  command = plan

  variables {
    load_balancer = { health_check = { protocol = "HTTP", path = "/", status_codes = "200,301-302" } }
  }
}

run "refuses_a_health_check_path_with_tcp" {
  command = plan

  variables {
    load_balancer = { health_check = { path = "/" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_http_health_check_without_a_path" {
  command = plan

  variables {
    load_balancer = { health_check = { protocol = "HTTP" } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_timeout_longer_than_its_interval" {
  command = plan

  variables {
    load_balancer = { health_check = { interval_seconds = 5, timeout_seconds = 6 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_threshold_of_one" {
  command = plan

  variables {
    load_balancer = { health_check = { healthy_threshold = 1 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_deregistration_delay_of_a_day" {
  command = plan

  variables {
    load_balancer = { deregistration_delay_seconds = 86400 }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_unknown_failover_mode" {
  command = plan

  variables {
    load_balancer = { target_failover = "drop" }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_unknown_stickiness_type" {
  command = plan

  variables {
    load_balancer = { stickiness = "cookie" }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_account_id_as_principal" {
  command = plan

  variables {
    load_balancer = { endpoint_service = { allowed_principals = ["123456789012"] } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_every_principal_without_acceptance" {
  command = plan

  variables {
    load_balancer = { endpoint_service = { allowed_principals = ["*"] } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_principal_with_a_wildcard" {
  command = plan

  variables {
    load_balancer = { endpoint_service = { allowed_principals = ["arn:aws:iam::123456789012:role/*"] } }
  }

  expect_failures = [var.load_balancer]
}

run "accepts_every_principal_with_acceptance" {
  command = plan

  variables {
    load_balancer = { endpoint_service = { acceptance_required = true, allowed_principals = ["*"] } }
  }
}

run "refuses_an_unknown_ip_address_type" {
  command = plan

  variables {
    load_balancer = { ip_address_type = "ipv6" }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_idle_timeout_below_a_minute" {
  command = plan

  variables {
    load_balancer = { tcp_idle_timeout_seconds = 59 }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_an_idle_timeout_above_the_maximum" {
  command = plan

  variables {
    load_balancer = { tcp_idle_timeout_seconds = 6001 }
  }

  expect_failures = [var.load_balancer]
}

run "accepts_the_bounds_of_the_idle_timeout" {
  command = plan

  variables {
    load_balancer = { ip_address_type = "dualstack", tcp_idle_timeout_seconds = 6000 }
  }
}

run "refuses_a_health_check_port_with_a_fraction" {
  command = plan

  variables {
    load_balancer = { health_check = { port = 80.5 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_interval_with_a_fraction" {
  command = plan

  variables {
    load_balancer = { health_check = { interval_seconds = 7.5 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_threshold_with_a_fraction" {
  command = plan

  variables {
    load_balancer = { health_check = { healthy_threshold = 2.5 } }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_deregistration_delay_with_a_fraction" {
  command = plan

  variables {
    load_balancer = { deregistration_delay_seconds = 0.5 }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_health_check_path_of_1025_characters" {
  command = plan

  variables {
    load_balancer = { health_check = { protocol = "HTTP", path = "/${join("", [for number in range(1024) : "p"])}" } }
  }

  expect_failures = [var.load_balancer]
}

run "accepts_a_health_check_path_of_1024_characters" {
  command = plan

  variables {
    load_balancer = { health_check = { protocol = "HTTP", path = "/${join("", [for number in range(1023) : "p"])}" } }
  }
}

run "refuses_target_groups_without_a_security_group_for_data" {
  command = plan

  variables {
    load_balancer     = null
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef"]
  }

  expect_failures = [var.load_balancer]
}

run "refuses_firewalls_without_any_target_group" {
  command = plan

  variables {
    interfaces    = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
    load_balancer = null
  }

  expect_failures = [var.load_balancer]
}

run "refuses_other_load_balancers_without_a_security_group_for_data" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, {
      data = merge(var.interfaces.data, {
        target_groups = [{
          arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
          port = 443
        }]
      })
    })
    load_balancer = null
  }

  expect_failures = [var.load_balancer]
}

run "accepts_other_load_balancers_without_a_gateway_load_balancer" {
  command = plan

  variables {
    interfaces = merge(var.interfaces, {
      data = merge(var.interfaces.data, {
        security_group_ids = ["sg-0a"]
        target_groups = [{
          arn  = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
          port = 443
        }]
      })
    })
    load_balancer = null
  }
}

# target_group_arns --------------------------------------------------------------------------------

run "refuses_a_name_as_target_group_arn" {
  command = plan

  variables {
    load_balancer     = null
    target_group_arns = ["fw"]
    interfaces        = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
  }

  expect_failures = [var.target_group_arns]
}

run "refuses_all_target_groups" {
  command = plan

  variables {
    load_balancer     = null
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/*"]
    interfaces        = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
  }

  expect_failures = [var.target_group_arns]
}

run "refuses_target_groups_of_another_region" {
  command = plan

  variables {
    interfaces        = merge(var.interfaces, { data = merge(var.interfaces.data, { security_group_ids = ["sg-0a"] }) })
    load_balancer     = null
    target_group_arns = ["arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/fw/0123456789abcdef"]
  }

  expect_failures = [var.target_group_arns]
}
