# Any root can plan the module: with values that the same root makes, and with values that are sensitive. What Terraform
# needs for the addresses of resources must be known: whether an object is there, and the names of interfaces, zones and
# networks.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "plans_with_values_that_the_same_root_makes" {
  command = plan

  module {
    source = "./tests/fixtures/values-of-this-root"
  }
}

run "plans_with_sensitive_values" {
  command = plan

  module {
    source = "./tests/fixtures/sensitive-values"
  }

  # No image of the other architecture.
  override_data {
    target = module.objects.module.firewall_group.data.aws_ami_ids.of_other_architecture
    values = { ids = [] }
  }

  override_data {
    target = module.objects.data.aws_lb_target_group.of_group
    values = { target_type = "instance", vpc_id = "vpc-0123456789abcdef0" }
  }
}
