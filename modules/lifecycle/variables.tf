variable "name" {
  description = "Name of the deployment and of its Auto Scaling group."
  type        = string
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

variable "hooks" {
  description = "Lifecycle hooks of the Auto Scaling group, by transition."
  type = object({
    launch    = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
    terminate = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
  })
  nullable = false
}

variable "interfaces" {
  description = "Network interfaces of each firewall by name; every interface with its security groups and its source/destination check."
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
  description = "Where the firewalls are: their VPC, and the CIDR blocks of the subnets of each interface by its name."
  type = object({
    vpc_id      = string
    cidr_blocks = map(list(string))
  })
  nullable = false
}

variable "readiness" {
  description = "What a firewall must show before it gets into service: `in-sync`, `connected` or `off`."
  type        = string
  nullable    = false
}

variable "panorama" {
  description = "Panorama that manages the firewalls; null for none."
  type = object({
    hostnames             = list(string)
    port                  = number
    secret_arn            = string
    secret_kms_key_arn    = string
    device_group          = string
    template_stack        = string
    log_collector_group   = string
    timeout_seconds       = number
    push_when_out_of_sync = bool
  })
  default = null
}

variable "firewall_api" {
  description = "The firewalls' own API at their management addresses, for a deployment without Panorama; null for none."
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
  description = "How a firewall gives its license back: `mode` `firewall`, `plugin` or `none`, the secret with the licensing API key for the first, and the license manager for the second."
  type = object({
    mode                       = string
    api_key_secret_arn         = string
    api_key_secret_kms_key_arn = string
    license_manager            = string
  })
  nullable = false
}

variable "deadlines" {
  description = "How long a launch and a termination may take, and the first pause between two looks at it."
  type = object({
    launch_minutes         = number
    terminate_minutes      = number
    visit_interval_seconds = number
  })
  nullable = false
}

variable "reconcile" {
  description = "How often the reconcile function runs, for how long something must have been wrong before it acts, and how much one run may do."
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
  description = "CloudWatch namespace that scaling policies look into; null without any policy. The pre-flight compares it with what Panorama has the firewalls do."
  type        = string
  default     = null
}

variable "functions" {
  description = "How the functions run."
  type = object({
    runtime                       = string
    architecture                  = string
    memory_mib                    = number
    timeout_seconds               = number
    log_level                     = string
    log_retention_days            = number
    kms_key_arn                   = string
    vpc                           = object({ subnet_ids = list(string), security_group_ids = list(string) })
    event_batching_window_seconds = number
    launch_concurrency            = number
    terminate_concurrency         = number
  })
  nullable = false
}

variable "package" {
  description = "The zip with the functions' own code and its digest."
  type = object({
    path         = string
    base64sha256 = string
  })
  nullable = false
}

variable "layer_arn" {
  description = "Version of the layer with the third-party Python."
  type        = string
  nullable    = false
}

variable "event_delivery" {
  description = "How long and how often EventBridge tries to hand an event over, and how long queues keep messages."
  type = object({
    maximum_age_seconds           = number
    maximum_retries               = number
    message_retention_seconds     = number
    dead_letter_retention_seconds = number
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
  description = "What the alarms do; null makes none."
  type = object({
    actions = list(string)
  })
  default = null
}

variable "tags" {
  description = "Tags of everything that is made here, and of the interfaces and addresses that the launch function makes."
  type        = map(string)
  nullable    = false
}
