variable "name" {
  description = "Name of the Auto Scaling group, launch template and related resources."
  type        = string
  nullable    = false
}

variable "location" {
  description = "AWS partition with its DNS suffix, Region and account ID, read once by the root module."
  type = object({
    partition  = string
    dns_suffix = string
    region     = string
    account_id = string
  })
  nullable = false
}

variable "vpc_id" {
  description = "ID of the firewalls' VPC."
  type        = string
  nullable    = false
}

variable "interfaces" {
  description = "Network interfaces of each firewall, by name. Null `security_group_ids` uses the security group of the role."
  type = map(object({
    role               = string
    device_index       = number
    subnet_ids         = map(string)
    security_group_ids = list(string)
    source_dest_check  = optional(bool, false)
    public_ip          = optional(bool, false)
    public_ipv4_pool   = optional(string)
    target_groups      = optional(list(object({ arn = string, port = number })), [])
  }))
  nullable = false
}

variable "create_security_groups" {
  description = "Whether to create a security group for each role, for interfaces without `security_group_ids`."
  type        = bool
  nullable    = false
}

variable "management_access" {
  description = <<-EOT
    CIDR blocks by name that may reach the management interface, the TCP ports, and further services by name that it may
    reach.
  EOT
  type = object({
    cidr_blocks = map(string)
    ports       = list(number)
    egress = map(object({
      protocol    = string
      port        = number
      cidr_blocks = map(string)
    }))
  })
  nullable = false
}

variable "load_balancer_access" {
  description = <<-EOT
    CIDR block of the load balancer's subnet by zone, and its health check port.
    Null with target groups of the user.
  EOT
  type = object({
    cidr_blocks       = map(string)
    health_check_port = number
  })
  default = null
}

variable "firewall" {
  description = "Image, instance type and access of the firewalls."
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
    instance_profile    = object({ name = string })
    detailed_monitoring = bool
  })
  nullable = false
}

variable "bootstrap" {
  description = <<-EOT
    Source of the bootstrap configuration, which is exactly one of a secret, an S3 bucket and options, and the revision of
    its content.
  EOT
  type = object({
    revision = optional(string)
    secret   = object({ name = string, arn = string, kms_key_arn = string })
    s3       = object({ bucket = string, prefix = string, kms_key_arn = string })
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
  description = "CloudWatch namespace to which the firewalls publish metrics."
  type        = string
  nullable    = false
}

variable "capacity" {
  description = "Size of the Auto Scaling group, and how it handles its firewalls."
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
  description = "ARNs of the GENEVE target groups with which the group registers its firewalls."
  type        = list(string)
  nullable    = false
}

variable "hooks" {
  description = "Initial lifecycle hooks, by transition. Changing one replaces the group."
  type = object({
    launch    = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
    terminate = object({ name = string, default_result = string, heartbeat_timeout_seconds = number })
  })
  nullable = false
}

variable "hook_dependencies" {
  description = "IDs of everything that handles lifecycle hooks. The group is created after it and destroyed before it."
  type        = map(string)
  nullable    = false
}

variable "drain_seconds" {
  description = "Maximum time for which the last firewalls may terminate when the group is destroyed."
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

variable "firewall_tags" {
  description = "Tags of the firewalls: of their instances, volumes and network interfaces."
  type        = map(string)
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources that Terraform creates."
  type        = map(string)
  nullable    = false
}

variable "group_tags" {
  description = "Additional tags of the Auto Scaling group."
  type        = map(string)
  default     = {}
  nullable    = false
}
