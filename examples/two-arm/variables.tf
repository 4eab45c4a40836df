variable "name" {
  description = "Name of the deployment and prefix of everything in it."
  type        = string
  default     = "edge"
  nullable    = false
}

variable "region" {
  description = "AWS Region; its first three availability zones are used."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "tags" {
  description = "Tags for everything, the firewalls and what their functions create included."
  type        = map(string)
  default     = { Example = "two-arm" }
  nullable    = false
}

variable "security_vpc_cidr" {
  description = "Address range of the security VPC, a /16: each zone takes a /24 for data, management and untrust."
  type        = string
  default     = "10.100.0.0/16"
  nullable    = false
}

variable "spoke_vpc_cidr" {
  description = "Address range of the spoke VPC, a /16: each zone takes a /24 for applications and one for its endpoint."
  type        = string
  default     = "10.104.0.0/16"
  nullable    = false
}

variable "firewall" {
  description = <<-EOT
    The firewalls.
    - `panos_version` - (Optional) version of the image to look up in the Marketplace, bring-your-own-license; defaults to `11.1.4-h7`.
    - `instance_type` - (Optional) defaults to `m5.xlarge`.
    - `key_name`      - (Optional) EC2 key pair for the administrator's first login; without one only Panorama gets in.
  EOT
  type = object({
    panos_version = optional(string, "11.1.4-h7")
    instance_type = optional(string, "m5.xlarge")
    key_name      = optional(string)
  })
  default  = {}
  nullable = false
}

variable "capacity" {
  description = "How many firewalls at least and at most. Three keep one in each zone."
  type = object({
    min = optional(number, 3)
    max = optional(number, 6)
  })
  default  = {}
  nullable = false
}

variable "session_utilization_percent" {
  description = "The share of its session table that each firewall should carry on average: the target of the scaling policy."
  type        = number
  default     = 60
  nullable    = false
}

variable "panorama" {
  description = <<-EOT
    The Panorama that manages the firewalls.
    - `hostnames`           - (Optional) one name, or two of a high-availability pair, as in its certificate.
    - `secret_name`         - (Optional) secret in Secrets Manager with `api_key` and `username`, and `ca_bundle` if its certificate has a private issuer.
    - `device_group`        - (Optional) device group that the firewalls join.
    - `template_stack`      - (Optional) template stack that the firewalls join.
    - `log_collector_group` - (Optional) collector group that takes their logs; null if there is none.
  EOT
  type = object({
    hostnames           = optional(list(string), ["panorama.example.com"])
    secret_name         = optional(string, "vmseries-autoscale/panorama")
    device_group        = optional(string, "autoscale")
    template_stack      = optional(string, "autoscale-stack")
    log_collector_group = optional(string, "autoscale-logs")
  })
  default  = {}
  nullable = false
}

variable "bootstrap_secret_name" {
  description = "Secret in Secrets Manager with the bootstrap settings, the registration auth key and the license auth codes among them; the README lists them."
  type        = string
  default     = "vmseries-autoscale/bootstrap"
  nullable    = false
}

variable "licensing_secret_name" {
  description = "Secret in Secrets Manager with `api_key`, the licensing API key of the support account: a firewall needs it to give its license back."
  type        = string
  default     = "vmseries-autoscale/licensing-api-key"
  nullable    = false
}

variable "management_cidr_blocks" {
  description = "Who may reach the firewalls' management interfaces by HTTPS and SSH. Panorama needs no entry: the firewalls connect to it."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "functions_in_vpc" {
  description = "Whether the functions run in the management subnets. They have to where Panorama has a private address, as it mostly does."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs (of SNS topics, for example) to notify when a lifecycle event is not handled in time or lands in a dead-letter queue."
  type        = list(string)
  default     = []
  nullable    = false
}
