# Values of the mocked provider where a random string would not do, because another resource validates the value or a
# test reads it.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
}

mock_data "aws_region" {
  defaults = { id = "us-east-1" }
}

mock_data "aws_subnet" {
  defaults = {
    availability_zone = "us-east-1a"
    vpc_id            = "vpc-0123456789abcdef0"
    cidr_block        = "10.0.1.0/24"
  }
}

mock_data "aws_lb_target_group" {
  defaults = {
    name        = "web"
    protocol    = "TLS"
    target_type = "ip"
    vpc_id      = "vpc-0123456789abcdef0"
  }
}

mock_data "aws_ec2_instance_type" {
  defaults = { maximum_network_interfaces = 4, supported_architectures = ["x86_64"] }
}

mock_data "aws_ec2_instance_type_offerings" {
  defaults = { locations = ["us-east-1a", "us-east-1b", "us-east-1c"] }
}

mock_data "aws_ami_ids" {
  defaults = { ids = ["ami-0123456789abcdef0"] }
}

mock_data "aws_autoscaling_groups" {
  defaults = { names = [] }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/fw" }
}

mock_resource "aws_lb" {
  defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/gwy/fw/0123456789abcdef" }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef" }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:us-east-1:123456789012:fw"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/fw"
  }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:us-east-1:123456789012:rule/fw" }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn           = "arn:aws:lambda:us-east-1:123456789012:function:fw"
    last_modified = "" # Never uploaded: the digest of the code is not compared.
  }
}

mock_resource "aws_autoscaling_policy" {
  defaults = {
    arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:autoScalingGroupName/fw:policyName/fw"
  }
}

mock_resource "aws_launch_template" {
  defaults = {
    id             = "lt-0123456789abcdef0"
    latest_version = 1
  }
}

mock_resource "aws_lambda_layer_version" {
  defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:1" }
}
