# The resources that tests/terraform/test_recorded.py records: the module as in the two-arm example, without firewalls,
# and then its functions as AWS describes them.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {}

locals {
  zones = { us-east-1a = 0, us-east-1b = 1 }
  roles = { data = 0, management = 1, untrust = 2 }
}

# No flow logs: the lab has no traffic that a test could look for in them.
#trivy:ignore:AWS-0178
resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "this" {
  for_each = {
    for pair in setproduct(keys(local.roles), keys(local.zones)) :
    "${pair[0]}/${pair[1]}" => 10 * local.roles[pair[0]] + local.zones[pair[1]]
  }

  vpc_id            = aws_vpc.this.id
  availability_zone = split("/", each.key)[1]
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, each.value)
}

data "aws_secretsmanager_secret" "this" {
  for_each = toset(["bootstrap", "licensing-api-key", "panorama"])

  name = "vmseries-autoscale/${each.key}"
}

module "firewalls" {
  source = "../../.."

  name    = "recorded"
  tags    = { team = "network" }
  network = { vpc_id = aws_vpc.this.id }

  interfaces = {
    for role, index in local.roles : role => {
      role         = role
      device_index = index
      public_ip    = role == "untrust"
      subnet_ids   = { for zone in keys(local.zones) : zone => aws_subnet.this["${role}/${zone}"].id }
    }
  }

  firewall = { panos_version = "11.2.15" }
  capacity = { min = 0, max = 3 }

  bootstrap = {
    secret = {
      name = data.aws_secretsmanager_secret.this["bootstrap"].name
      arn  = data.aws_secretsmanager_secret.this["bootstrap"].arn
    }
  }

  panorama = {
    hostnames           = ["panorama.example.com"]
    secret_arn          = data.aws_secretsmanager_secret.this["panorama"].arn
    device_group        = "autoscale"
    template_stack      = "autoscale-stack"
    log_collector_group = "autoscale-logs"
  }

  licensing = {
    mode               = "firewall"
    api_key_secret_arn = data.aws_secretsmanager_secret.this["licensing-api-key"].arn
  }
}

# The names of the functions are known before the functions exist.
data "aws_lambda_function" "launch" {
  function_name = module.firewalls.functions.launch.name

  depends_on = [module.firewalls]
}

data "aws_lambda_function" "terminate" {
  function_name = module.firewalls.functions.terminate.name

  depends_on = [module.firewalls]
}

data "aws_lambda_function" "reconcile" {
  function_name = module.firewalls.functions.reconcile.name

  depends_on = [module.firewalls]
}

output "set_commands" {
  value = module.firewalls.panorama_set_commands
}

output "metric_namespace" {
  value = module.firewalls.metric_namespace
}
