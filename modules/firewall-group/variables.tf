variable "name" {
  description = "Name of the Auto Scaling group, its launch template and what belongs to them."
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

variable "vpc_id" {
  description = "VPC of the firewalls."
  type        = string
  nullable    = false
}

variable "interfaces" {
  description = "Network interfaces of each firewall by name; null `security_group_ids` for a group that is made here."
  type = map(object({
    role               = string
    device_index       = number
    subnet_ids         = map(string)
    security_group_ids = list(string)
  }))
  nullable = false
}

variable "management_access" {
  description = "Who may reach the management interface, and on which ports."
  type = object({
    cidr_blocks = list(string)
    ports       = list(number)
  })
  nullable = false
}

variable "load_balancer_access" {
  description = "From where the load balancer reaches the data interface: CIDR block by zone, and the port of its health check; null where the user names the data interface's security groups."
  type = object({
    cidr_blocks       = map(string)
    health_check_port = number
  })
  default = null
}

variable "firewall" {
  description = "Image, size and access of the firewalls."
  type = object({
    ami_id             = string
    panos_version      = string
    license_type       = string
    include_deprecated = bool
    instance_type      = string
    key_name           = string
    root_volume = object({
      size_gib    = number
      type        = string
      kms_key_arn = string
    })
    instance_profile_name = string
    detailed_monitoring   = bool
  })
  nullable = false
}

variable "bootstrap" {
  description = "With what the firewalls start: exactly one of a secret, a bucket or options."
  type = object({
    secret = object({ name = string, arn = string, kms_key_arn = string })
    s3     = object({ bucket = string, prefix = string, kms_key_arn = string })
    options = object({
      hostname                              = optional(string)
      panorama_server                       = optional(string)
      panorama_server_2                     = optional(string)
      tplname                               = optional(string)
      dgname                                = optional(string)
      cgname                                = optional(string)
      vm_auth_key                           = optional(string)
      auth_key                              = optional(string)
      authcodes                             = optional(string)
      dns_primary                           = optional(string)
      dns_secondary                         = optional(string)
      op_command_modes                      = optional(list(string))
      op_cmd_dpdk_pkt_io                    = optional(bool)
      plugin_op_commands                    = optional(list(string))
      dhcp_send_hostname                    = optional(bool)
      dhcp_send_client_id                   = optional(bool)
      dhcp_accept_server_hostname           = optional(bool)
      dhcp_accept_server_domain             = optional(bool)
      vm_series_auto_registration_pin_id    = optional(string)
      vm_series_auto_registration_pin_value = optional(string)
      redis_endpoint                        = optional(string)
      redis_auth                            = optional(string)
      redis_certificate                     = optional(string)
    })
  })
  nullable = false
}

variable "metric_namespace" {
  description = "CloudWatch namespace into which the firewalls publish."
  type        = string
  nullable    = false
}

variable "capacity" {
  description = "How many firewalls, and how the group handles them."
  type = object({
    min                             = number
    max                             = number
    desired                         = number
    default_instance_warmup_seconds = number
    health_check                    = object({ type = string, grace_period_seconds = number })
    termination_policies            = list(string)
    suspended_processes             = set(string)
    metrics                         = set(string)
    max_instance_lifetime_days      = number
    scale_in_protection             = bool
    wait_for_capacity_timeout       = string
    instance_refresh = object({
      min_healthy_percentage       = number
      max_healthy_percentage       = number
      instance_warmup_seconds      = number
      checkpoint_percentages       = list(number)
      checkpoint_delay_seconds     = number
      auto_rollback                = bool
      skip_matching                = bool
      scale_in_protected_instances = string
      standby_instances            = string
      alarm_names                  = list(string)
    })
  })
  nullable = false
}

variable "target_group_arns" {
  description = "GENEVE target groups in which the group registers its firewalls."
  type        = list(string)
  nullable    = false
}

variable "hooks" {
  description = "The two initial lifecycle hooks. Constants of the root: changing one replaces the group."
  type = object({
    launch    = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
    terminate = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
  })
  nullable = false
}

variable "hook_dependencies" {
  description = "Ids of everything that answers a hook. The group is made after all of it and goes before any of it."
  type        = map(string)
  nullable    = false
}

variable "drain_seconds" {
  description = "The longest that the last firewalls may take to leave when the group is destroyed."
  type        = number
  nullable    = false
}

variable "permissions" {
  description = "Path and permissions boundary of the firewalls' role."
  type = object({
    path         = string
    boundary_arn = string
  })
  nullable = false
}

variable "tags" {
  description = "Tags of everything that is made here, of instances, volumes and interfaces too."
  type        = map(string)
  nullable    = false
}

variable "group_tags" {
  description = "Further tags of the Auto Scaling group itself."
  type        = map(string)
  default     = {}
  nullable    = false
}
