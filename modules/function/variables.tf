variable "name" {
  description = "Name of the function, its role and, under `/aws/lambda/`, its log group."
  type        = string
  nullable    = false
}

variable "description" {
  description = "Description of the function."
  type        = string
  nullable    = false
}

variable "handler" {
  description = <<-EOT
    Dotted path of the Python handler inside the package, e.g.
    `vmseries_autoscale.handlers.launch.handler`.
  EOT
  type        = string
  nullable    = false
}

variable "package" {
  description = "Zip archive with the function's code: path and digest."
  type = object({
    path         = string
    base64sha256 = string
  })
  nullable = false
}

variable "layer_arns" {
  description = "ARNs of the layer versions of the function."
  type        = list(string)
  nullable    = false
}

variable "runtime" {
  description = "Lambda runtime, architecture, memory, timeout and log level (`INFO` or `DEBUG`)."
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
    # Lambda counts the bytes of all variables as JSON: names, values with their escaped quotation marks, and signs. The
    # module adds POWERTOOLS_LOG_LEVEL.
    # https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    condition     = length(base64encode(jsonencode(var.environment))) * 3 / 4 <= 4096 - length(",\"POWERTOOLS_LOG_LEVEL\":\"DEBUG\"")
    error_message = <<-EOT
      environment must have at most 4,065 bytes as JSON, because Lambda allows 4,096 for all variables.
      Use fewer or shorter interface names, zones, security groups or tags.
    EOT
  }
}

variable "statements" {
  description = <<-EOT
    IAM statements of the function, by `Sid`.
    The module adds statements for logs, tracing, the VPC and the KMS key.
    - `actions`    - IAM actions.
    - `resources`  - ARNs of the resources.
    - `conditions` - (Optional) Condition values by operator and condition key.
    - `reason`     - Sentence that explains to the user why the function needs it.
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
  description = "Path and permissions boundary of the function's role."
  type = object({
    path         = string
    boundary_arn = string
  })
  nullable = false
}

variable "log_retention_days" {
  description = "Retention of the log group in days. 0 keeps the logs forever."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for environment variables and logs. Null uses AWS owned keys."
  type        = string
  default     = null
}

variable "code_signing_config_arn" {
  description = "ARN of the code signing configuration of the function. Null for none."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Subnets and security groups of the function. Null runs it outside of any VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "AWS partition, Region and account ID, read once by the root module."
  type = object({
    partition  = string
    region     = string
    account_id = string
  })
  nullable = false
}
