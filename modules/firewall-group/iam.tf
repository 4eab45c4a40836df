locals {
  # IAM is global. With the Region in its name, the same deployment can exist in several Regions of an account.
  role_name = "${var.name}-firewall-${var.location.region}"

  instance_profile_name = try(var.firewall.instance_profile.name, aws_iam_instance_profile.this.name)

  # Log group to which PAN-OS writes its boot log.
  boot_log_group_arn = join(":", [
    "arn:${var.location.partition}:logs:${var.location.region}:${var.location.account_id}",
    "log-group:PaloAltoNetworksFirewalls",
  ])

  bucket_arn     = try("arn:${var.location.partition}:s3:::${var.bootstrap.s3.bucket}", null)
  bucket_objects = try(join("/", compact([local.bucket_arn, var.bootstrap.s3.prefix, "*"])), null)

  # Values of kms:ViaService. AWS documents them with the domain amazonaws.com. Endpoints in China have another domain, and
  # AWS does not document whether the values have it, too. So both are allowed there.
  # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
  s3_of_bucket_key = [
    for domain in distinct(["amazonaws.com", var.location.dns_suffix]) :
    "s3.${split(":", coalesce(try(var.bootstrap.s3.kms_key_arn, null), ":::"))[3]}.${domain}"
  ]

  # IAM permissions of a firewall.
  statements = merge(
    {
      PublishMetrics = {
        actions = ["cloudwatch:PutMetricData"]
        # The action supports no resource-level permissions, so a condition limits the namespaces. PAN-OS also publishes
        # to the second one.
        resources = ["*"]
        conditions = {
          StringEquals = { "cloudwatch:namespace" = [var.metric_namespace, "${var.metric_namespace}_dimensions"] }
        }
      }
      WriteBootLog = {
        actions    = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        resources  = [local.boot_log_group_arn, "${local.boot_log_group_arn}:log-stream:*"]
        conditions = {}
      }
    },
    var.bootstrap.secret == null ? {} : {
      ReadBootstrapSecret = {
        actions    = ["secretsmanager:GetSecretValue"]
        resources  = [var.bootstrap.secret.arn]
        conditions = {}
      }
    },
    try(var.bootstrap.secret.kms_key_arn, null) == null ? {} : {
      DecryptBootstrapSecret = {
        actions    = ["kms:Decrypt"]
        resources  = [var.bootstrap.secret.kms_key_arn]
        conditions = { StringEquals = { "kms:EncryptionContext:SecretARN" = [var.bootstrap.secret.arn] } }
      }
    },
    var.bootstrap.s3 == null ? {} : {
      # Without a condition on the prefix, as in Palo Alto Networks' policy: it is not documented whether PAN-OS lists
      # only the prefix of its package. The names of all objects can be listed; only those of the package can be read.
      # https://docs.paloaltonetworks.com/vm-series/11-1/vm-series-deployment/bootstrap-the-vm-series-firewall/bootstrap-the-vm-series-firewall-in-aws
      ListBootstrapBucket = {
        actions    = ["s3:ListBucket"]
        resources  = [local.bucket_arn]
        conditions = {}
      }
      ReadBootstrapBucket = {
        actions    = ["s3:GetObject"]
        resources  = [local.bucket_objects]
        conditions = {}
      }
    },
    try(var.bootstrap.s3.kms_key_arn, null) == null ? {} : {
      DecryptBootstrapBucket = {
        actions   = ["kms:Decrypt"]
        resources = [var.bootstrap.s3.kms_key_arn]
        # The Region of the bucket, which is that of its key and may be another one than that of the firewalls.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        conditions = { StringEquals = { "kms:ViaService" = local.s3_of_bucket_key } }
      }
    },
  )
}

module "policy" {
  source = "../iam-policy"

  statements = local.statements
}

# The role and the profile exist also beside a profile of the user: firewalls keep the profile with which they were
# launched, and would lose its permissions while they are in service.
resource "aws_iam_role" "this" {
  name                 = local.role_name
  path                 = var.permissions.path
  permissions_boundary = var.permissions.boundary_arn
  description          = "Permissions of the firewalls of ${var.name}."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = "sts:AssumeRole"
      # In China, ec2.amazonaws.com.cn.
      # https://docs.amazonaws.cn/en_us/aws/latest/userguide/iam.html
      Principal = { Service = "ec2.${var.location.dns_suffix}" }
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

resource "aws_iam_role_policy" "this" {
  name   = local.role_name
  role   = aws_iam_role.this.id
  policy = module.policy.json
}

resource "aws_iam_instance_profile" "this" {
  name = local.role_name
  path = var.permissions.path
  role = aws_iam_role.this.name

  tags = var.tags
}
