# The security VPC, in which the load balancer, the firewalls and the Lambda functions run.
#
# Route tables define their routes inline, and the outputs take each subnet ID from its route table association. So
# nothing starts before its route to the internet exists. More importantly, terraform destroy keeps NAT gateways, routes
# and the internet gateway until the group is empty: a terminating firewall returns its license through its management
# interface, and the functions reach AWS and Panorama the same way.

data "aws_availability_zones" "available" {
  state = "available"

  # Exclude Local Zones, which lack Gateway Load Balancers and many instance types.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  # Some accounts have only two zones in a Region, such as us-west-1.
  available = sort(data.aws_availability_zones.available.names)
  zones     = { for index, zone in slice(local.available, 0, min(3, length(local.available))) : zone => index }
}

# No flow logs: their destination, retention and cost are decisions for a whole account, not for an example.
#trivy:ignore:AWS-0178
resource "aws_vpc" "security" {
  # checkov:skip=CKV2_AWS_11: As above.
  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = "${var.name}-security" }
}

# Without rules, so that a resource without a security group of its own can neither open nor accept connections.
resource "aws_default_security_group" "security" {
  vpc_id = aws_vpc.security.id

  tags = { Name = "${var.name}-security-default" }
}

resource "aws_internet_gateway" "security" {
  vpc_id = aws_vpc.security.id

  tags = { Name = "${var.name}-security" }
}

# Data: the load balancer and the firewalls' data interfaces. There is no route out of the VPC, because inspected
# traffic travels in GENEVE tunnels between the load balancer and the firewalls.

resource "aws_subnet" "data" {
  for_each = local.zones

  vpc_id            = aws_vpc.security.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 8, each.value)

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

# Public: the NAT gateways, and the firewalls' untrust interfaces in two-arm deployments.

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id            = aws_vpc.security.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 8, 20 + each.value)

  tags = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.security.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.security.id
  }

  tags = { Name = "${var.name}-public" }
}

resource "aws_route_table_association" "public" {
  for_each = local.zones

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

# Management: private, with a NAT gateway in the same zone, so that the loss of a zone does not affect management in the
# others. To reach Panorama through a transit gateway or a VPC peering connection, add a second `route` block here: a
# separate aws_route resource would conflict with the inline routes.

resource "aws_subnet" "management" {
  for_each = local.zones

  vpc_id            = aws_vpc.security.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 8, 10 + each.value)

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
  subnet_id     = aws_route_table_association.public[each.key].subnet_id

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

# The functions only open HTTPS connections, to the AWS APIs and to Panorama. No narrower destination than everywhere is
# possible here: AWS has no managed prefix list for the public endpoints of these APIs, and the address of Panorama is only
# known by name. With interface endpoints for the APIs, you can limit the rule to the VPC's CIDR block and to Panorama's
# address. https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "Lifecycle functions: HTTPS to AWS and Panorama"
  vpc_id      = aws_vpc.security.id

  egress {
    description = "HTTPS to the APIs of AWS and to Panorama"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"] #trivy:ignore:AWS-0104 The reason is above.
  }

  tags = { Name = "${var.name}-functions" }
}
