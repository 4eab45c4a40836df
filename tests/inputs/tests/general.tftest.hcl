# Validations of the inputs `name`, `tags`, `network`, `permissions`.

# Control run: without it, an invalid value in terraform.tfvars would let every refusal pass.
run "accepts_the_valid_values" {
  command = plan
}

# name ---------------------------------------------------------------------------------------------

# documents: failure-modes/G8
run "refuses_a_name_with_capital_letters" {
  command = plan

  variables {
    name = "FW"
  }

  expect_failures = [var.name]
}

# documents: failure-modes/G8
run "refuses_a_name_longer_than_25_characters" {
  command = plan

  variables {
    name = "firewalls-of-the-northern-hub"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_that_starts_as_the_id_of_a_security_group" {
  command = plan

  variables {
    name = "sg-prod"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_that_starts_as_an_internal_load_balancer" {
  command = plan

  variables {
    name = "internal-fw"
  }

  expect_failures = [var.name]
}

# tags ---------------------------------------------------------------------------------------------

run "refuses_a_tag_with_the_prefix_of_the_module" {
  command = plan

  variables {
    tags = { "vmseries-autoscale:group" = "other" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_tag_with_the_prefix_of_aws" {
  command = plan

  variables {
    tags = { "aws:cloudformation:stack-name" = "other" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_tag_with_a_character_that_aws_refuses" {
  command = plan

  variables {
    tags = { owner = "R&D" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_tag_with_a_key_that_is_too_long" {
  command = plan

  variables {
    tags = { (join("", [for number in range(128) : "k"])) = "value" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_tag_with_a_value_that_is_too_long" {
  command = plan

  variables {
    tags = { key = join("", [for number in range(257) : "v"]) }
  }

  expect_failures = [var.tags]
}

run "accepts_a_tag_at_its_bounds" {
  command = plan

  variables {
    tags = {
      (join("", [for number in range(127) : "k"])) = join("", [for number in range(256) : "v"])
      "Kostenstelle Süd"                           = "a_b.c:d/e=f+g-h@i"
      empty                                        = ""
    }
  }
}

run "refuses_too_many_tags" {
  command = plan

  variables {
    tags = { for number in range(41) : "key-${number}" => "value" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_tag_without_a_value" {
  command = plan

  variables {
    tags = { team = "network", owner = null }
  }

  expect_failures = [var.tags]
}

run "accepts_a_tag_with_an_empty_value" {
  command = plan

  variables {
    tags = { owner = "" }
  }
}

run "refuses_tag_keys_that_differ_only_in_case" {
  command = plan

  variables {
    tags = { team = "network", Team = "network" }
  }

  expect_failures = [var.tags]
}

run "accepts_equal_values_of_two_tags" {
  command = plan

  variables {
    tags = { team = "network", owner = "network" }
  }
}

# network ------------------------------------------------------------------------------------------

run "refuses_a_name_as_vpc_id" {
  command = plan

  variables {
    network = { vpc_id = "security" }
  }

  expect_failures = [var.network]
}

# permissions --------------------------------------------------------------------------------------

run "refuses_a_path_without_slashes" {
  command = plan

  variables {
    permissions = { path = "network" }
  }

  expect_failures = [var.permissions]
}

run "refuses_a_path_with_a_wildcard" {
  command = plan

  variables {
    permissions = { path = "/net*/" }
  }

  expect_failures = [var.permissions]
}

run "refuses_a_permissions_boundary_with_a_wildcard" {
  command = plan

  variables {
    permissions = { boundary_arn = "arn:aws:iam::123456789012:policy/*" }
  }

  expect_failures = [var.permissions]
}

run "refuses_a_name_as_permissions_boundary" {
  command = plan

  variables {
    permissions = { boundary_arn = "boundary" }
  }

  expect_failures = [var.permissions]
}

run "refuses_a_path_of_513_characters" {
  command = plan

  variables {
    permissions = { path = "/${join("", [for number in range(511) : "a"])}/" }
  }

  expect_failures = [var.permissions]
}

run "accepts_a_path_of_512_characters" {
  command = plan

  variables {
    permissions = { path = "/${join("", [for number in range(510) : "a"])}/" }
  }
}
