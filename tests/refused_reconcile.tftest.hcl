# What the module refuses of the reconcile function and of target groups, in the manner of refused.tftest.hcl.

variables {
  name    = "fw-test"
  network = { vpc_id = "vpc-0123456789abcdef0" }

  interfaces = {
    data       = { role = "data", device_index = 0, subnet_ids = { us-east-1a = "subnet-0a" } }
    management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
  }

  firewall = { panos_version = "11.1.4-h7" }
  capacity = { min = 1, max = 3 }

  web = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef", port = 443 }
}

# Without these, a mistake in the values would make every other run pass.
run "accepts_what_the_others_start_from" {
  command = plan

  module {
    source = "./tests/inputs"
  }
}

run "accepts_the_bounds_of_the_reconcile_function" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { interval_minutes = 1, age_floor_minutes = 57, maximum_firewalls = 1, maximum_percent = 100, dry_run = true }
  }
}

run "accepts_the_lowest_age_floor" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { age_floor_minutes = 22 }
  }
}

run "accepts_two_ports_of_one_target_group" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { untrust = { role = "untrust", device_index = 2, subnet_ids = { us-east-1a = "subnet-0c" }, target_groups = [var.web, merge(var.web, { port = 65535 })] } })
  }
}

# The reconcile function -------------------------------------------------------------------------------------------------------------------

run "refuses_to_reconcile_all_the_time" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { interval_minutes = 0 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_to_reconcile_every_two_and_a_half_minutes" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { interval_minutes = 2.5 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_to_reconcile_when_hooks_have_ended" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { interval_minutes = 18 } # 2 * 18 + 25 = 61
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_that_leaves_no_time_for_a_lost_event" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { age_floor_minutes = 30 } # 2 * 15 + 30 = 60
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_below_the_slowest_chain_of_visits" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { age_floor_minutes = 21 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_below_what_slower_functions_need" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    functions = { timeout_seconds = 120 } # 600 + 300 + 720 + 20 = 1640 s
  }

  expect_failures = [var.reconcile]
}

run "refuses_an_age_floor_in_parts_of_a_minute" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { age_floor_minutes = 25.5 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_to_remove_what_no_firewall_left" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { maximum_firewalls = 0 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_to_remove_half_a_firewall_s" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { maximum_firewalls = 1.5 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_a_share_of_nothing" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { maximum_percent = 0 }
  }

  expect_failures = [var.reconcile]
}

run "refuses_more_than_all" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    reconcile = { maximum_percent = 101 }
  }

  expect_failures = [var.reconcile]
}

# Target groups of interfaces --------------------------------------------------------------------------------------------------------------

run "refuses_a_load_balancer_for_a_target_group" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { target_groups = [{ arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/web/0123456789abcdef", port = 443 }] }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_port_beyond_65535" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { target_groups = [merge(var.web, { port = 65536 })] }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_port_zero" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { target_groups = [merge(var.web, { port = 0 })] }) })
  }

  expect_failures = [var.interfaces]
}

run "refuses_a_target_twice" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    interfaces = merge(var.interfaces, { data = merge(var.interfaces.data, { target_groups = [var.web, var.web] }) })
  }

  expect_failures = [var.interfaces]
}
