# The root module of a user of the registry: two deployments of the module side by side, with as many differences as
# possible. The test puts the module beside this folder, as the registry serves it.

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

  interfaces = {
    data = {
      role         = "data"
      device_index = 0
      subnet_ids   = { for zone, subnet in aws_subnet.data : zone => subnet.id }
    }
    management = {
      role         = "management"
      device_index = 1
      # The associations and not the subnets, so that a destroy keeps the routes until the firewalls are gone.
      subnet_ids = { for zone, subnet in aws_route_table_association.management : zone => subnet.subnet_id }
    }
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "data" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, each.value)
}

resource "aws_subnet" "management" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, 10 + each.value)
}

# The way of the management interfaces to Panorama, the license servers and AWS.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.this.id
  availability_zone = "us-east-1a"
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, 20)
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "this" {
  domain = "vpc"
}

resource "aws_nat_gateway" "this" {
  subnet_id     = aws_subnet.public.id
  allocation_id = aws_eip.this.allocation_id

  depends_on = [aws_route_table_association.public]
}

resource "aws_route_table" "management" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.this.id
  }
}

resource "aws_route_table_association" "management" {
  for_each = aws_subnet.management

  subnet_id      = each.value.id
  route_table_id = aws_route_table.management.id
}

data "aws_secretsmanager_secret" "this" {
  for_each = toset(["bootstrap", "licensing-api-key", "panorama"])

  name = "vmseries-autoscale/${each.key}"
}

# With Panorama, licenses to return, and a load balancer of the module.
module "blue" {
  source = "../module"

  name       = "blue"
  network    = { vpc_id = aws_vpc.this.id }
  interfaces = local.interfaces
  firewall   = { panos_version = "11.2.15" }
  capacity   = { min = 1, max = 2 }

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

# Without Panorama, with hourly licenses, and with the user's load balancer and security group.
module "green" {
  source = "../module"

  name    = "green"
  network = { vpc_id = aws_vpc.this.id }
  interfaces = merge(local.interfaces, {
    data = merge(local.interfaces.data, { security_group_ids = [aws_security_group.data.id] })
  })
  firewall          = { panos_version = "11.2.15", license_type = "bundle1" }
  capacity          = { min = 1, max = 2 }
  load_balancer     = null
  target_group_arns = [aws_lb_target_group.own.arn]
  alarms            = null
}

resource "aws_security_group" "data" {
  name        = "own-data"
  description = "Data interfaces of green"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "data" {
  for_each = { geneve = { protocol = "udp", port = 6081 }, health-check = { protocol = "tcp", port = 80 } }

  security_group_id = aws_security_group.data.id
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = aws_vpc.this.cidr_block
}

resource "aws_lb" "own" {
  name               = "own"
  load_balancer_type = "gateway"
  subnets            = [for subnet in aws_subnet.data : subnet.id]
}

resource "aws_lb_listener" "own" {
  load_balancer_arn = aws_lb.own.arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.own.arn
  }
}

resource "aws_lb_target_group" "own" {
  name     = "own"
  protocol = "GENEVE"
  port     = 6081
  vpc_id   = aws_vpc.this.id

  health_check {
    protocol = "TCP"
    port     = 80
  }
}

output "groups" {
  value = { for group in [module.blue.autoscaling_group, module.green.autoscaling_group] : group.name => group.arn }
}
