locals {
  document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for sid, statement in var.statements : merge(
        {
          Sid      = sid
          Effect   = statement.effect
          Action   = statement.actions
          Resource = statement.resources
        },
        statement.principals == null ? {} : { Principal = statement.principals },
        length(statement.conditions) == 0 ? {} : { Condition = statement.conditions },
      )
    ]
  })
}
