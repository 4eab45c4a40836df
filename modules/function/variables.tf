variable "name" {
  description = "Name of the function, its role and, under `/aws/lambda/`, its log group."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What the function does, in one sentence."
  type        = string
  nullable    = false
}

variable "handler" {
  description = "Dotted path of the Python handler inside the package, e.g. `vmseries_autoscale.handlers.launch.handler`."
  type        = string
  nullable    = false
}

variable "package" {
  description = "The zip with the function's own code and its digest: `path` on this machine, `base64sha256` of its bytes."
  type = object({
    path         = string
    base64sha256 = string
  })
  nullable = false
}

variable "layer_arns" {
  description = "Versions of the layers that the function needs."
  type        = list(string)
  nullable    = false
}

variable "runtime" {
  description = "How the function runs: Lambda runtime and architecture, memory, time limit of one run and log level, `INFO` or `DEBUG`."
  type = object({
    name            = string
    architecture    = string
    memory_mib      = number
    timeout_seconds = number
    log_level       = string
  })
  nullable = false
}

variable "environment" {
  description = "Environment variables. Lambda allows 4 KB for all of them together."
  type        = map(string)
  nullable    = false

  validation {
    condition     = sum([for name, value in var.environment : length(name) + length(value)]) <= 4000
    error_message = "environment must stay below Lambda's limit of 4 KB (here: 4000 characters). Use fewer or shorter interface names, zones, security groups or tags."
  }
}

variable "statements" {
  description = <<-EOT
    What the function may do: IAM statements by their `Sid`, one for each capability. Writing to its own log group, tracing, and what
    Lambda needs for a network or a key of the user's own are added.
    - `actions`    - IAM actions.
    - `resources`  - ARNs, as narrow as the actions allow.
    - `conditions` - (Optional) operator => condition key => values.
    - `reason`     - one sentence for the user: why the function needs it.
  EOT
  type = map(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
    reason     = string
  }))
  nullable = false
}

variable "role" {
  description = "Path and permissions boundary of the function's role; `boundary_arn` null for none."
  type = object({
    path         = string
    boundary_arn = string
  })
  nullable = false
}

variable "log_retention_days" {
  description = "Days that the log group keeps entries; 0 keeps them for ever."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the environment and the log group; null for the keys that AWS owns."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Subnets and security groups from which the function reaches the network; null runs it outside of any VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Where this is: AWS partition, region and account id, read once by the root."
  type = object({
    partition  = string
    region     = string
    account_id = string
  })
  nullable = false
}
