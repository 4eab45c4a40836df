# The ARNs of secrets, by their names. Only names and ARNs are read: no value of a secret appears in the plan or in the
# state.
#
# The data source aws_secretsmanager_secret would fail if a secret is gone, and with it terraform destroy. A list of
# secrets can be empty. A postcondition stops every other plan, and is only a warning in a destroy.

data "aws_region" "current" {}

data "aws_secretsmanager_secrets" "this" {
  for_each = var.names

  # Matches the beginning of a name.
  filter {
    name   = "name"
    values = [each.value]
  }

  lifecycle {
    postcondition {
      condition     = contains(self.names, each.value)
      error_message = <<-EOT
        There is no secret ${each.value} in Secrets Manager in ${data.aws_region.current.id}.
        Create it as the README describes, or set the name of another secret (${each.key}).
      EOT
    }
  }
}

locals {
  # An ARN ends with a hyphen and six random characters after the name.
  found = {
    for key, name in var.names : key => [
      for arn in data.aws_secretsmanager_secrets.this[key].arns :
      arn if try(regex(":secret:(.+)-[A-Za-z0-9]{6}$", arn)[0], "") == name
    ]
  }
}
