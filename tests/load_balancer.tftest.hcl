mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name       = "fw-test"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" }
  rule_ids   = ["sgr-0a"]

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

# Its subnets
# ------------------------------------------------------------------------------------------------------------------

run "has_the_subnets_and_their_zones" {
  module {
    source = "./modules/load-balancer"
  }

  assert {
    condition = (
      aws_lb.this.subnets == toset(["subnet-0a", "subnet-1a"]) &&
      aws_lb.this.tags["vmseries-autoscale:subnets"] == "us-east-1a=subnet-0a us-east-1b=subnet-1a"
    )
    error_message = "a plan reads the zones of its subnets from the tag"
  }
}

run "refuses_to_leave_out_a_subnet_that_the_load_balancer_has" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  variables {
    subnet_ids = { us-east-1a = "subnet-0a" }
  }

  override_data {
    target = data.aws_lb.now
    values = {
      subnets = ["subnet-0a", "subnet-1a"]
      tags    = { "vmseries-autoscale:subnets" = "us-east-1a=subnet-0a us-east-1b=subnet-1a" }
    }
  }

  assert {
    condition     = local.required_subnet_ids == { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" }
    error_message = "the message has the value to set"
  }

  expect_failures = [output.arn]
}

run "refuses_another_subnet_in_a_zone" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  variables {
    subnet_ids = { us-east-1a = "subnet-0a", us-east-1b = "subnet-2a" }
  }

  override_data {
    target = data.aws_lb.now
    values = {
      subnets = ["subnet-0a", "subnet-1a"]
      tags    = { "vmseries-autoscale:subnets" = "us-east-1a=subnet-0a us-east-1b=subnet-1a" }
    }
  }

  assert {
    condition     = local.required_subnet_ids == { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a" }
    error_message = "the message has the value to set"
  }

  expect_failures = [output.arn]
}

run "accepts_a_further_zone" {
  module {
    source = "./modules/load-balancer"
  }

  variables {
    subnet_ids = { us-east-1a = "subnet-0a", us-east-1b = "subnet-1a", us-east-1c = "subnet-2a" }
  }

  override_data {
    target = data.aws_lb.now
    values = { subnets = ["subnet-0a", "subnet-1a"] }
  }

  assert {
    condition     = length(aws_lb.this.subnets) == 3
    error_message = "AWS adds subnets"
  }
}
