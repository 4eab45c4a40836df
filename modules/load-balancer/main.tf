resource "aws_lb" "this" {
  # checkov:skip=CKV_AWS_150: Deletion protection is an input. By default it would make destroy fail after the firewalls
  # are terminated.
  # checkov:skip=CKV_AWS_152: Cross-zone load balancing is an input and enabled by default, which the scanner cannot
  # evaluate.
  name                             = var.name
  load_balancer_type               = "gateway"
  ip_address_type                  = var.ip_address_type
  subnets                          = var.subnet_ids
  enable_cross_zone_load_balancing = var.cross_zone
  enable_deletion_protection       = var.deletion_protection

  tags = var.tags
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
