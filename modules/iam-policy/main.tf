locals {
  document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for sid, statement in var.statements : merge(
        {
          Sid      = sid
          Effect   = "Allow"
          Action   = statement.actions
          Resource = statement.resources
        },
        length(statement.conditions) == 0 ? {} : { Condition = statement.conditions },
      )
    ]
  })
}
