locals {
  statements = merge(
    var.statements,
    {
      WriteOwnLog = {
        actions    = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources  = ["arn:${var.location.partition}:logs:${var.location.region}:${var.location.account_id}:log-group:/aws/lambda/${var.name}:log-stream:*"]
        conditions = {}
        reason     = "Writes what it did and what it counted into its own log group, and into no other."
      }
      Trace = {
        actions    = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        resources  = ["*"] # X-Ray knows no resources for these actions.
        conditions = {}
        reason     = "Hands its traces to X-Ray, which tell how long each call took."
      }
    },
    # Only for Lambda itself: a call from the function's own code carries lambda:SourceFunctionArn and is not allowed by this.
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
        ], local.anyway))
        resources  = ["*"] # Lambda makes and removes its interfaces under ids and without tags that could be named here.
        conditions = { Null = { "lambda:SourceFunctionArn" = ["true"] } }
        reason     = "Lets Lambda itself, and not the function's code, attach the function to your VPC."
      }
    },
    var.kms_key_arn == null ? {} : {
      ReadOwnEnvironment = {
        actions   = ["kms:Decrypt"]
        resources = [var.kms_key_arn]
        conditions = {
          StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = [local.function_arn] }
        }
        reason = "Decrypts its own environment, which your key encrypts."
      }
    },
  )

  # What the function's own statements allow on everything and without a condition is not said twice.
  anyway = flatten([for statement in values(var.statements) : statement.actions if contains(statement.resources, "*") && length(statement.conditions) == 0])

  function_arn = "arn:${var.location.partition}:lambda:${var.location.region}:${var.location.account_id}:function:${var.name}"
}

module "policy" {
  source = "../iam-policy"

  statements = local.statements
}

resource "aws_iam_role" "this" {
  name                 = var.name
  path                 = var.role.path
  permissions_boundary = var.role.boundary_arn
  description          = "Lets the function ${var.name} do its work."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = var.name
  role   = aws_iam_role.this.id
  policy = module.policy.json

  lifecycle {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(module.policy.json) <= 10240
      error_message = "The policy of role ${var.name} has ${length(module.policy.json)} characters; IAM allows 10,240 for a role's inline policies. Use fewer subnets, security groups or target groups."
    }
  }
}
