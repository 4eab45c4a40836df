# A function with its role and log group.

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
    log_level       = "DEBUG"
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

run "a_function_logs_json_and_is_traced" {
  module {
    source = "./modules/function"
  }

  assert {
    condition = (
      aws_lambda_function.this.logging_config[0].log_format == "JSON" &&
      aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/fw-test-launch" &&
      aws_lambda_function.this.tracing_config[0].mode == "Active"
    )
    error_message = "the function logs JSON to its own group, and is traced"
  }

  assert {
    condition = (
      aws_lambda_function.this.logging_config[0].application_log_level == "DEBUG" &&
      aws_lambda_function.this.environment[0].variables.POWERTOOLS_LOG_LEVEL == "DEBUG"
    )
    error_message = "the log level of Lambda's filter is that of the logger"
  }

  assert {
    condition = (
      length(aws_lambda_function.this.vpc_config) == 0 &&
      aws_cloudwatch_log_group.this.retention_in_days == 90
    )
    error_message = "the function is in no VPC by default"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid
    ] == ["Describe", "Trace", "WriteOwnLog"]
    error_message = "the function has the given statements, and those for logs and traces"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Resource if statement.Sid == "WriteOwnLog"
    ]) == ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/fw-test-launch:log-stream:*"]
    error_message = "the function may write only to its own log group"
  }
}

run "uses_the_vpc_and_the_key_of_the_user" {
  module {
    source = "./modules/function"
  }

  variables {
    vpc         = { subnet_ids = ["subnet-0b"], security_group_ids = ["sg-0b"] }
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Condition if statement.Sid == "AttachToVpc"
    ]) == { Null = { "lambda:SourceFunctionArn" = ["true"] } }
    error_message = "only Lambda itself has the permissions for network interfaces, not the function's code"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Resource if statement.Sid == "ReadOwnEnvironment"
    ]) == ["arn:aws:kms:us-east-1:123456789012:key/1"]
    error_message = "the function may use only this key"
  }
}

run "refuses_an_environment_beyond_4_kb" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    environment = { SETTINGS = join("", [for number in range(500) : "0123456789"]) }
  }

  expect_failures = [var.environment]
}

# 3,000 characters, for which Lambda counts 6,000.
run "refuses_an_environment_beyond_4_kb_with_its_escapes" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    environment = { SETTINGS = join("", [for number in range(1000) : "\"\"\""]) }
  }

  expect_failures = [var.environment]
}

run "the_role_has_its_own_policy_and_no_other" {
  module {
    source = "./modules/function"
  }

  assert {
    condition = (
      aws_iam_role_policies_exclusive.this.role_name == "fw-test-launch-us-east-1" &&
      aws_iam_role_policies_exclusive.this.policy_names == toset(["fw-test-launch-us-east-1"]) &&
      aws_iam_role_policy_attachments_exclusive.this.role_name == "fw-test-launch-us-east-1" &&
      length(aws_iam_role_policy_attachments_exclusive.this.policy_arns) == 0
    )
    error_message = "a policy that someone adds to the role shows up in the next plan"
  }
}

run "uses_the_code_signing_configuration_of_the_user" {
  module {
    source = "./modules/function"
  }

  variables {
    code_signing_config_arn = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
  }

  assert {
    condition = (
      aws_lambda_function.this.code_signing_config_arn ==
      "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
    )
    error_message = "the function has the code signing configuration"
  }
}

run "refuses_a_role_name_that_iam_refuses" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name = "a-name-that-is-much-longer-than-the-root-module-allows-launch"
  }

  expect_failures = [aws_iam_role.this]
}
