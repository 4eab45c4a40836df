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
}
