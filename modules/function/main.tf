resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn

  tags = var.tags
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  package_type     = "Zip"
  filename         = var.package.path
  source_code_hash = var.package.base64sha256
  handler          = var.handler
  runtime          = var.runtime.name
  architectures    = [var.runtime.architecture]
  layers           = var.layer_arns
  memory_size      = var.runtime.memory_mib
  timeout          = var.runtime.timeout_seconds
  kms_key_arn      = var.kms_key_arn

  code_signing_config_arn = var.code_signing_config_arn

  environment {
    variables = merge(var.environment, { POWERTOOLS_LOG_LEVEL = var.runtime.log_level })
  }

  # Lambda filters before the logger does, so both have the same level. Metrics are log lines without a level, which
  # Lambda treats as INFO, so higher levels are not allowed.
  # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
  logging_config {
    log_format            = "JSON"
    application_log_level = var.runtime.log_level
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = var.tags

  # The role needs its permissions before the first invocation, and until the function is deleted: Lambda deletes its
  # network interfaces with this role.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    # The provider compares source_code_hash with the state only, so it does not detect code that was changed in AWS.
    # code_sha256 is the digest of the code that AWS runs. When Terraform itself uploads code, the planned code_sha256 is
    # still the old one, but last_modified is unknown, which postpones the comparison until after the upload.
    postcondition {
      condition     = self.last_modified == "" || self.code_sha256 == var.package.base64sha256
      error_message = <<-EOT
        The code of Lambda function ${self.function_name} is not the code that Terraform deployed. Its SHA-256 is
        ${self.code_sha256} in AWS, but ${var.package.base64sha256} in this configuration.
        Find out who changed it (UpdateFunctionCode in CloudTrail). Then restore the code and plan again:
          aws lambda update-function-code --function-name ${self.function_name} --zip-file "fileb://${var.package.path}"
      EOT
    }
  }
}
