# What the functions know of each firewall, for longer than its instance exists: its serial number, and how far the
# return of its license is. lambda/src/vmseries_autoscale/firewall_records has the content of an item.
#
# The table is encrypted with the key of the functions, if there is one, else with one of AWS.
#trivy:ignore:AWS-0025
resource "aws_dynamodb_table" "firewalls" {
  # checkov:skip=CKV_AWS_119: The table is encrypted with the key of the functions, if there is one, else with one of AWS.
  name         = local.records_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "instance_id"

  attribute {
    name = "instance_id"
    type = "S"
  }

  # Only records of firewalls that have returned their license have this attribute.
  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  # A table that terraform destroy deletes is then kept as a system backup for 35 days, with the licenses that were not
  # returned. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
  point_in_time_recovery {
    enabled = true
  }

  dynamic "server_side_encryption" {
    for_each = var.functions.kms_key_arn[*]

    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }

  tags = var.tags
}

locals {
  records_table = "${var.name}-firewalls"

  records_actions = {
    launch    = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
    terminate = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
    reconcile = ["dynamodb:PutItem", "dynamodb:Scan"]
  }

  records_statements = { for function, actions in local.records_actions : function => merge(
    {
      KeepRecords = {
        actions    = actions
        resources  = [local.arn.records]
        conditions = {}
        reason = join("", [
          "Reads and writes what is known of each firewall",
          function == "reconcile" ? ", including those that no longer exist." : ".",
        ])
      }
    },
    # DynamoDB decrypts the table's key for the caller.
    # https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
    var.functions.kms_key_arn == null ? {} : {
      DecryptRecords = {
        actions   = ["kms:Decrypt"]
        resources = [var.functions.kms_key_arn]
        conditions = {
          StringEquals = { "kms:EncryptionContext:aws:dynamodb:tableName" = [local.records_table] }
        }
        reason = "Decrypts the records of the firewalls, and nothing else, with your KMS key."
      }
    },
  ) }
}
