mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name       = "fw-test"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0a", "subnet-1a"]

  health_check = {
    protocol         = "TCP", port = 80, path = null, status_codes = null
    interval_seconds = 10, timeout_seconds = 5, healthy_threshold = 3, unhealthy_threshold = 3
  }

  ip_address_type              = "ipv4"
  tcp_idle_timeout_seconds     = 350
  deregistration_delay_seconds = 300
  target_failover              = "no_rebalance"
  cross_zone                   = true
  deletion_protection          = false
  endpoint_service = {
    acceptance_required = false
    allowed_principals  = ["arn:aws:iam::123456789012:root"]
  }
  tags = {}
}

run "sends_geneve_to_instances" {
  module {
    source = "./modules/load-balancer"
  }

  assert {
    condition = (
      aws_lb.this.load_balancer_type == "gateway" &&
      aws_lb_target_group.this.protocol == "GENEVE" &&
      aws_lb_target_group.this.port == 6081 &&
      aws_lb_target_group.this.target_type == "instance"
    )
    error_message = "the target group uses GENEVE on port 6081"
  }

  assert {
    condition     = length(aws_lb_target_group.this.stickiness) == 0
    error_message = "a flow is identified by its 5-tuple by default"
  }

  assert {
    condition     = aws_vpc_endpoint_service.this.allowed_principals == toset(["arn:aws:iam::123456789012:root"])
    error_message = "only the allowed principals may create endpoints"
  }

  assert {
    condition = (
      aws_lb.this.ip_address_type == "ipv4" &&
      aws_vpc_endpoint_service.this.supported_ip_address_types == toset(["ipv4"])
    )
    error_message = "endpoints carry IPv4 by default"
  }
}

run "sets_every_attribute" {
  module {
    source = "./modules/load-balancer"
  }

  variables {
    health_check = {
      protocol         = "HTTPS", port = 443, path = "/php/login.php", status_codes = "200"
      interval_seconds = 5, timeout_seconds = 2, healthy_threshold = 2, unhealthy_threshold = 2
    }
    ip_address_type          = "dualstack"
    tcp_idle_timeout_seconds = 6000
    target_failover          = "rebalance"
    stickiness               = "source_ip_dest_ip"
    cross_zone               = false
  }

  assert {
    condition = (
      aws_lb_target_group.this.health_check[0].path == "/php/login.php" &&
      aws_lb_target_group.this.health_check[0].matcher == "200"
    )
    error_message = "an HTTPS health check requests its path"
  }

  assert {
    condition = (
      aws_lb.this.ip_address_type == "dualstack" &&
      aws_vpc_endpoint_service.this.supported_ip_address_types == toset(["ipv4", "ipv6"]) &&
      aws_lb_listener.this.tcp_idle_timeout_seconds == 6000
    )
    error_message = "endpoints can carry IPv6, and the listener has the configured idle timeout"
  }

  assert {
    condition = (
      one(aws_lb_target_group.this.target_failover) == {
        on_deregistration = "rebalance"
        on_unhealthy      = "rebalance"
      } &&
      aws_lb_target_group.this.stickiness[0].type == "source_ip_dest_ip" &&
      !aws_lb.this.enable_cross_zone_load_balancing
    )
    error_message = "the load balancer and the target group have the configured attributes"
  }
}
