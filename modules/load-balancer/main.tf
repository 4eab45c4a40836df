locals {
  # The zones of the subnets, which the provider does not read from AWS.
  zone_tag = "vmseries-autoscale:subnets"
  zones    = join(" ", [for zone, id in var.subnet_ids : "${zone}=${id}"])
}

resource "aws_lb" "this" {
  # checkov:skip=CKV_AWS_150: Deletion protection is an input. By default it would make destroy fail after the firewalls
  # are terminated.
  # checkov:skip=CKV_AWS_152: Cross-zone load balancing is an input and enabled by default, which the scanner cannot
  # evaluate.
  name                             = var.name
  load_balancer_type               = "gateway"
  ip_address_type                  = var.ip_address_type
  subnets                          = values(var.subnet_ids)
  enable_cross_zone_load_balancing = var.cross_zone
  enable_deletion_protection       = var.deletion_protection

  tags = merge(var.tags, { (local.zone_tag) = local.zones })

  # A new subnet sends traffic and health checks to the firewalls at once, so its rules come first.
  depends_on = [var.rule_ids]
}

# The load balancer before this apply: Terraform reads it in the plan also if the plan changes the load balancer, because
# it depends on the load balancer not directly, but by a local value, and has no condition. Only a precondition uses it.
# https://developer.hashicorp.com/terraform/language/data-sources#dependencies
data "aws_lb" "now" {
  arn = local.arn
}

locals {
  arn = aws_lb.this.arn

  # SetSubnets refuses to leave out a subnet of a Gateway Load Balancer.
  # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html
  missing_subnet_ids = sort(setsubtract(data.aws_lb.now.subnets, values(var.subnet_ids)))

  zone_of = {
    for pair in split(" ", lookup(data.aws_lb.now.tags, local.zone_tag, "")) :
    split("=", pair)[1] => split("=", pair)[0] if strcontains(pair, "=")
  }
  required_subnet_ids = merge(var.subnet_ids, {
    for id in local.missing_subnet_ids : lookup(local.zone_of, id, "<the zone of ${id}>") => id
  })
}

resource "aws_lb_target_group" "this" {
  name                 = var.name
  vpc_id               = var.vpc_id
  target_type          = "instance"
  protocol             = "GENEVE"
  port                 = 6081
  deregistration_delay = var.deregistration_delay_seconds

  health_check {
    protocol            = var.health_check.protocol
    port                = var.health_check.port
    path                = var.health_check.path
    matcher             = var.health_check.status_codes
    interval            = var.health_check.interval_seconds
    timeout             = var.health_check.timeout_seconds
    healthy_threshold   = var.health_check.healthy_threshold
    unhealthy_threshold = var.health_check.unhealthy_threshold
  }

  # The health check of the load balancer changes after the rules that allow it, and before those that no longer do.
  depends_on = [var.rule_ids]

  # AWS requires both to be equal.
  target_failover {
    on_deregistration = var.target_failover
    on_unhealthy      = var.target_failover
  }

  # Without stickiness, a flow is identified by its 5-tuple.
  dynamic "stickiness" {
    for_each = var.stickiness[*]

    content {
      enabled = true
      type    = stickiness.value
    }
  }

  tags = var.tags
}

resource "aws_lb_listener" "this" {
  load_balancer_arn        = aws_lb.this.arn
  tcp_idle_timeout_seconds = var.tcp_idle_timeout_seconds

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  tags = var.tags
}

resource "aws_vpc_endpoint_service" "this" {
  # checkov:skip=CKV_AWS_123: Manual acceptance is an input. Without it, only the allowed principals may connect, by
  # default this account.
  acceptance_required        = var.endpoint_service.acceptance_required
  allowed_principals         = var.endpoint_service.allowed_principals
  gateway_load_balancer_arns = [aws_lb.this.arn]
  supported_ip_address_types = var.ip_address_type == "dualstack" ? ["ipv4", "ipv6"] : ["ipv4"]

  tags = merge(var.tags, { Name = var.name })
}
