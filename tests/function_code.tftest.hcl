# Code in AWS that Terraform did not deploy. A file of its own, because an override applies to resources that a run creates.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "fw-test-launch"
  description = "A function."
  handler     = "vmseries_autoscale.handlers.launch.handler"
  package     = { path = "functions.zip", base64sha256 = "0000" }
  layer_arns  = ["arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3"]
  runtime = {
    name            = "python3.13"
    architecture    = "arm64"
    memory_mib      = 512
    timeout_seconds = 60
    log_level       = "INFO"
  }
  environment = { SETTINGS = "{}" }
  statements = {
    Describe = { actions = ["ec2:DescribeInstances"], resources = ["*"], reason = "Reads the instances." }
  }
  role               = { path = "/", boundary_arn = null }
  log_retention_days = 90
  tags               = {}
  location           = { partition = "aws", region = "us-east-1", account_id = "123456789012" }
}

run "refuses_code_that_terraform_did_not_deploy" {
  module {
    source = "./modules/function"
  }

  override_resource {
    target = aws_lambda_function.this
    values = {
      arn           = "arn:aws:lambda:us-east-1:123456789012:function:fw"
      last_modified = "2026-01-01T00:00:00.000+0000"
      code_sha256   = "1111"
    }
  }

  expect_failures = [aws_lambda_function.this]
}
