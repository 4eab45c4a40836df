variable "name" {
  description = "Name of the deployment and of its Auto Scaling group."
  type        = string
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

variable "hooks" {
  description = "Lifecycle hooks of the Auto Scaling group, by transition."
  type = object({
    launch    = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
    terminate = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
  })
  nullable = false
}

variable "interfaces" {
  description = "Network interfaces of each firewall, by name, with security groups and source/destination check."
  type = map(object({
    role               = string
    device_index       = number
    subnet_ids         = map(string)
    security_group_ids = list(string)
    source_dest_check  = bool
    public_ip          = bool
    public_ipv4_pool   = string
    target_groups      = optional(list(object({ arn = string, port = number })), [])
  }))
  nullable = false
}

variable "network" {
  description = "VPC of the firewalls, and the CIDR blocks of the subnets of each interface, by name."
  type = object({
    vpc_id      = string
    cidr_blocks = map(list(string))
  })
  nullable = false
}

variable "readiness" {
  description = "Condition for a new firewall to enter service: `in-sync`, `connected`, `healthy` or `off`."
  type        = string
  nullable    = false
}

variable "target_group_arns" {
  description = <<-EOT
    ARNs of the GENEVE target groups in which a firewall must be healthy, with the readiness `healthy`.
  EOT
  type        = list(string)
  default     = []
  nullable    = false
}

variable "panorama" {
  description = "Panorama that manages the firewalls. Null for none."
  type = object({
    hostnames             = list(string)
    port                  = number
    secret_arn            = string
    secret_kms_key_arn    = string
    server_name           = string
    device_group          = string
    template_stack        = string
    log_collector_group   = string
    timeout_seconds       = number
    push_when_out_of_sync = bool
    call_slots_table_arn  = optional(string)
  })
  default = null
}

variable "strata_cloud_manager" {
  description = "Strata Cloud Manager that manages the firewalls. Null for none."
  type = object({
    secret_arn         = string
    secret_kms_key_arn = string
    folder             = string
    api_hostname       = string
    identity_hostname  = string
    timeout_seconds    = number
  })
  default = null
}

variable "firewall_api" {
  description = "XML API of the firewalls, which reports readiness without a manager and returns licenses. Null for none."
  type = object({
    secret_arn         = string
    secret_kms_key_arn = string
    server_name        = string
    port               = number
    timeout_seconds    = number
  })
  default = null
}

variable "licensing" {
  description = <<-EOT
    How a terminating firewall returns its license: mode, secret with the licensing API key, license manager, how long an
    unregistered firewall is held, and after how many abandoned launches the group stops to launch.
    With `credit_pool`, the reconcile function compares the pool's credits with the group's maximum size.
  EOT
  type = object({
    mode                       = string
    api_key_secret_arn         = string
    api_key_secret_kms_key_arn = string
    license_manager            = string
    join_timeout_minutes       = number
    stop_launches_after        = optional(number)
    credit_pool = optional(object({
      secret_arn           = string
      secret_kms_key_arn   = optional(string)
      id                   = string
      credits_per_firewall = number
      profile_firewalls    = optional(number)
    }))
  })
  nullable = false
}

variable "deadlines" {
  description = "Deadlines of launches and terminations, and the initial interval between two visits."
  type = object({
    launch_minutes         = number
    terminate_minutes      = number
    visit_interval_seconds = number
  })
  nullable = false
}

variable "reconcile" {
  description = "Interval, minimum age and limits of the reconcile function."
  type = object({
    interval_minutes  = number
    age_floor_minutes = number
    maximum_firewalls = number
    maximum_percent   = number
    dry_run           = bool
  })
  nullable = false
}

variable "metric_namespace" {
  description = <<-EOT
    CloudWatch namespace of the scaling policies, which the pre-flight check compares with Panorama.
    Null without a policy.
  EOT
  type        = string
  default     = null
}

variable "functions" {
  description = "Settings of the Lambda functions."
  type = object({
    runtime                       = string
    architecture                  = string
    memory_mib                    = number
    timeout_seconds               = number
    log_level                     = string
    log_retention_days            = number
    kms_key_arn                   = string
    code_signing_config_arn       = string
    vpc                           = object({ subnet_ids = list(string), security_group_ids = list(string) })
    event_batching_window_seconds = number
    launch_concurrency            = number
    terminate_concurrency         = number
  })
  nullable = false
}

variable "package" {
  description = "Zip archive with the functions' code: path and digest."
  type = object({
    path         = string
    base64sha256 = string
  })
  nullable = false
}

variable "layer_arn" {
  description = "ARN of the layer version with the third-party Python packages."
  type        = string
  nullable    = false
}

variable "event_delivery" {
  description = "Retries of EventBridge, retention of the queues, and who may redrive the dead-letter queues."
  type = object({
    maximum_age_seconds           = number
    maximum_retries               = number
    message_retention_seconds     = number
    dead_letter_retention_seconds = number
    redrive_principal_arns        = list(string)
  })
  nullable = false
}

variable "permissions" {
  description = "Path and permissions boundary of the functions' roles."
  type = object({
    path         = string
    boundary_arn = string
  })
  nullable = false
}

variable "alarms" {
  description = "Actions of the CloudWatch alarms. Null creates no alarms."
  type = object({
    actions = list(string)
  })
  default = null
}

variable "generation" {
  description = "Value of the generation tag of firewalls that are launched now."
  type        = string
  nullable    = false
}

variable "bootstrap" {
  description = "Secret or package with the firewalls' bootstrap configuration: `secret.arn`; `s3.bucket` and `s3.prefix`."
  type = object({
    secret = optional(object({ arn = string }))
    s3     = optional(object({ bucket = string, prefix = optional(string) }))
  })
  nullable = false
}

variable "firewall_tags" {
  description = "Tags of the firewalls: of their instances, volumes, network interfaces and addresses."
  type        = map(string)
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources that Terraform creates."
  type        = map(string)
  nullable    = false
}
