# A spoke VPC whose traffic passes through the firewalls in both directions, zone by zone:
#
#   application subnet ── 0.0.0.0/0 ──► endpoint in the same zone ──► firewalls
#   application subnet ── another application subnet ──► endpoint of the zone that is first in the alphabet
#
# and, with an internet gateway:
#
#   internet gateway ── application subnet's CIDR block (edge route table) ──► endpoint in the same zone
#   endpoint subnet ── 0.0.0.0/0 ──► internet gateway (traffic that the firewalls return to the endpoint)
#
# No application subnet has a route to the internet gateway, and the gateway has none to an application subnet, so
# traffic cannot bypass the firewalls. The README of each example shows how to check it.

locals {
  zones = { for index, zone in sort(var.zones) : zone => index }

  # Both directions between two subnets use the same endpoint, in one of their two zones: a load balancer that sees only
  # one direction of a connection drops it. Routes that are more specific than the local route need the CIDR block of a
  # whole subnet. https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
  endpoint_between = { for zone in keys(local.zones) : zone => {
    for other in keys(local.zones) : other => sort([zone, other])[0] if other != zone
  } }
}

# No flow logs: their destination, retention and cost are decisions for a whole account, not for an example.
#trivy:ignore:AWS-0178
resource "aws_vpc" "spoke" {
  # checkov:skip=CKV2_AWS_11: As above.
  cidr_block = var.cidr_block

  tags = { Name = "${var.name}-spoke" }
}

# Without rules, so that a resource without a security group of its own can neither open nor accept connections.
resource "aws_default_security_group" "spoke" {
  vpc_id = aws_vpc.spoke.id

  tags = { Name = "${var.name}-spoke-default" }
}

resource "aws_internet_gateway" "spoke" {
  count = var.internet_gateway ? 1 : 0

  vpc_id = aws_vpc.spoke.id

  tags = { Name = "${var.name}-spoke" }
}

resource "aws_subnet" "endpoint" {
  for_each = local.zones

  vpc_id            = aws_vpc.spoke.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 8, 10 + each.value)

  tags = { Name = "${var.name}-endpoint-${each.key}" }
}

resource "aws_route_table" "endpoint" {
  vpc_id = aws_vpc.spoke.id

  dynamic "route" {
    for_each = aws_internet_gateway.spoke

    content {
      cidr_block = "0.0.0.0/0"
      gateway_id = route.value.id
    }
  }

  tags = { Name = "${var.name}-endpoint" }
}

resource "aws_route_table_association" "endpoint" {
  for_each = local.zones

  subnet_id      = aws_subnet.endpoint[each.key].id
  route_table_id = aws_route_table.endpoint.id
}

resource "aws_vpc_endpoint" "this" {
  for_each = local.zones

  vpc_id            = aws_vpc.spoke.id
  vpc_endpoint_type = "GatewayLoadBalancer"
  service_name      = var.endpoint_service_name
  subnet_ids        = [aws_route_table_association.endpoint[each.key].subnet_id]

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_subnet" "application" {
  for_each = local.zones

  vpc_id            = aws_vpc.spoke.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 8, each.value)

  tags = { Name = "${var.name}-application-${each.key}" }
}

resource "aws_route_table" "application" {
  for_each = local.zones

  vpc_id = aws_vpc.spoke.id

  route {
    cidr_block      = "0.0.0.0/0"
    vpc_endpoint_id = aws_vpc_endpoint.this[each.key].id
  }

  dynamic "route" {
    for_each = local.endpoint_between[each.key]

    content {
      cidr_block      = aws_subnet.application[route.key].cidr_block
      vpc_endpoint_id = aws_vpc_endpoint.this[route.value].id
    }
  }

  tags = { Name = "${var.name}-application-${each.key}" }
}

resource "aws_route_table_association" "application" {
  for_each = local.zones

  subnet_id      = aws_subnet.application[each.key].id
  route_table_id = aws_route_table.application[each.key].id
}

resource "aws_route_table" "edge" {
  count = var.internet_gateway ? 1 : 0

  vpc_id = aws_vpc.spoke.id

  dynamic "route" {
    for_each = local.zones

    content {
      cidr_block      = aws_subnet.application[route.key].cidr_block
      vpc_endpoint_id = aws_vpc_endpoint.this[route.key].id
    }
  }

  tags = { Name = "${var.name}-edge" }
}

resource "aws_route_table_association" "edge" {
  count = var.internet_gateway ? 1 : 0

  gateway_id     = aws_internet_gateway.spoke[0].id
  route_table_id = aws_route_table.edge[0].id
}
