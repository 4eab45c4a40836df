locals {
  # IAM is global. With the Region in its name, the same deployment can exist in several Regions of an account.
  role_name = "${var.name}-${var.location.region}"

  statements = merge(
    var.statements,
    {
      WriteOwnLog = {
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = [
          join(":", [
            "arn:${var.location.partition}:logs:${var.location.region}:${var.location.account_id}",
            "log-group:/aws/lambda/${var.name}:log-stream:*",
          ]),
        ]
        conditions = {}
        reason     = "Writes logs and metrics to its own log group."
      }
      Trace = {
        actions    = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        resources  = ["*"] # X-Ray supports no resource-level permissions for these actions.
        conditions = {}
        reason     = "Sends traces to X-Ray."
      }
    },
    # For Lambda itself only: calls of the function's code have lambda:SourceFunctionArn and are not allowed by this
    # statement.
    # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    var.vpc == null ? {} : {
      AttachToVpc = {
        actions = sort(setsubtract([
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:UnassignPrivateIpAddresses",
        ], local.unrestricted_actions))
        # The IDs of Lambda's interfaces are unknown, and they have no tags.
        resources  = ["*"]
        conditions = { Null = { "lambda:SourceFunctionArn" = ["true"] } }
        reason     = "Allows Lambda itself, and not the function's code, to attach the function to your VPC."
      }
    },
    var.kms_key_arn == null ? {} : {
      ReadOwnEnvironment = {
        actions   = ["kms:Decrypt"]
        resources = [var.kms_key_arn]
        conditions = {
          StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = [local.function_arn] }
        }
        reason = "Decrypts its own environment variables, which are encrypted with your KMS key."
      }
    },
  )

  # Actions that the function's own statements already allow on all resources.
  unrestricted_actions = flatten([
    for statement in values(var.statements) :
    statement.actions if contains(statement.resources, "*") && length(statement.conditions) == 0
  ])

  function_arn = "arn:${var.location.partition}:lambda:${var.location.region}:${var.location.account_id}:function:${var.name}"
}

module "policy" {
  source = "../iam-policy"

  statements = local.statements
}

resource "aws_iam_role" "this" {
  name                 = local.role_name
  path                 = var.role.path
  permissions_boundary = var.role.boundary_arn
  description          = "Permissions of the Lambda function ${var.name}."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })

  tags = var.tags

  lifecycle {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(local.role_name) <= 64
      error_message = <<-EOT
        The role name ${local.role_name} has ${length(local.role_name)} characters, but IAM allows 64.
        Use a shorter name.
      EOT
    }
  }
}

# Removes all other policies from the role, and shows them in a plan.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = [aws_iam_role_policy.this.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = []
}

resource "aws_iam_role_policy" "this" {
  name   = local.role_name
  role   = aws_iam_role.this.id
  policy = module.policy.json

  lifecycle {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(module.policy.json) <= 10240
      error_message = <<-EOT
        The policy of role ${local.role_name} has ${length(module.policy.json)} characters,
        but IAM allows 10,240 for a role's inline policies.
        Use fewer subnets, security groups or target groups.
      EOT
    }
  }
}
