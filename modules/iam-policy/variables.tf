variable "statements" {
  description = <<-EOT
    IAM statements by their `Sid`.
    - `effect`     - (Optional) `Allow` or `Deny`.
    - `principals` - (Optional) Principals by type, e.g. `{ Service = ["events.amazonaws.com"] }`. Only policies of
      resources have principals.
    - `actions`    - IAM actions.
    - `resources`  - ARNs of the resources.
    - `conditions` - (Optional) Condition values by operator and condition key.
  EOT
  type = map(object({
    effect     = optional(string, "Allow")
    principals = optional(map(list(string)))
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
  }))
  nullable = false

  # A scanner cannot evaluate these statements, so it would accept each action.
  validation {
    condition = alltrue(flatten([
      for statement in values(var.statements) : [
        for action in statement.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))
      ] if statement.effect == "Allow"
    ]))
    error_message = "Each allowed action must be one action by its whole name, such as sqs:SendMessage: wildcards are not allowed."
  }
}
