# The security VPC: where the load balancer, the firewalls and their functions are.
#
# Route tables hold their routes inline, and whoever needs a subnet *with* its routes takes the
# subnet's id from the route table's association. So nothing starts before its way out exists and,
# what matters more, nothing loses it too early: on destroy Terraform keeps NAT gateways, routes and
# the internet gateway until the group is empty, because a leaving firewall returns its license
# through its management interface, and the functions reach AWS and Panorama by the same way.

data "aws_availability_zones" "available" {
  state = "available"

  # No local zones: neither Gateway Load Balancers nor all instance types exist there.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = { for index, zone in slice(sort(data.aws_availability_zones.available.names), 0, 3) : zone => index }
}

resource "aws_vpc" "security" {
  cidr_block           = var.security_vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = "${var.name}-security" }
}

resource "aws_internet_gateway" "security" {
  vpc_id = aws_vpc.security.id

  tags = { Name = "${var.name}-security" }
}

# Data: the load balancer and the firewalls' first interface. Nothing in it talks to anything outside
# of the VPC: what the firewalls inspect travels in tunnels from and to the load balancer.

resource "aws_subnet" "data" {
  for_each = local.zones

  vpc_id            = aws_vpc.security.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.security_vpc_cidr, 8, each.value)

  tags = { Name = "${var.name}-data-${each.key}" }
}

resource "aws_route_table" "data" {
  vpc_id = aws_vpc.security.id

  tags = { Name = "${var.name}-data" }
}

resource "aws_route_table_association" "data" {
  for_each = local.zones

  subnet_id      = aws_subnet.data[each.key].id
  route_table_id = aws_route_table.data.id
}

# Untrust: where the firewalls send inspected traffic to the internet, each with an Elastic IP of
# its own. The NAT gateways of the management subnets stand here too.

resource "aws_subnet" "untrust" {
  for_each = local.zones

  vpc_id            = aws_vpc.security.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.security_vpc_cidr, 8, 20 + each.value)

  tags = { Name = "${var.name}-untrust-${each.key}" }
}

resource "aws_route_table" "untrust" {
  vpc_id = aws_vpc.security.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.security.id
  }

  tags = { Name = "${var.name}-untrust" }
}

resource "aws_route_table_association" "untrust" {
  for_each = local.zones

  subnet_id      = aws_subnet.untrust[each.key].id
  route_table_id = aws_route_table.untrust.id
}

# Management: private, out by a NAT gateway in the same zone, so that the loss of a zone takes no
# other zone's management with it. If Panorama is reached through a transit gateway or a peering, put
# that route here as a second `route` block: an aws_route of its own would fight with the inline ones.

resource "aws_subnet" "management" {
  for_each = local.zones

  vpc_id            = aws_vpc.security.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.security_vpc_cidr, 8, 10 + each.value)

  tags = { Name = "${var.name}-management-${each.key}" }
}

resource "aws_eip" "nat" {
  for_each = local.zones

  domain = "vpc"

  tags = { Name = "${var.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = local.zones

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_route_table_association.untrust[each.key].subnet_id

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_route_table" "management" {
  for_each = local.zones

  vpc_id = aws_vpc.security.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.this[each.key].id
  }

  tags = { Name = "${var.name}-management-${each.key}" }
}

resource "aws_route_table_association" "management" {
  for_each = local.zones

  subnet_id      = aws_subnet.management[each.key].id
  route_table_id = aws_route_table.management[each.key].id
}

# The functions open connections and accept none: to the APIs of AWS and to Panorama, all by HTTPS.

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "Lifecycle functions: HTTPS to AWS and Panorama"
  vpc_id      = aws_vpc.security.id

  egress {
    description = "HTTPS to the APIs of AWS and to Panorama"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = { Name = "${var.name}-functions" }
}
