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
}
