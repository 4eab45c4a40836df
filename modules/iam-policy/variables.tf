variable "statements" {
  description = <<-EOT
    IAM statements by their `Sid`.
    - `actions`    - IAM actions.
    - `resources`  - ARNs of the resources.
    - `conditions` - (Optional) Condition values by operator and condition key.
  EOT
  type = map(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
  }))
  nullable = false
}
