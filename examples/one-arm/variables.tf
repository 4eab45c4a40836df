variable "name" {
  description = "Name of the deployment, and prefix of all names."
  type        = string
  default     = "inspection"
  nullable    = false
}

variable "region" {
  description = "AWS Region. The example uses its first three Availability Zones, or both if the account has two."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources, including those that the firewalls' functions create."
  type        = map(string)
  default     = { Example = "one-arm" }
  nullable    = false
}

variable "security_vpc_cidr" {
  description = <<-EOT
    IPv4 CIDR block of the security VPC, a /16: each zone gets a /24 for data, management and public subnets.
  EOT
  type        = string
  default     = "10.110.0.0/16"
  nullable    = false
}

variable "spoke_vpc_cidr" {
  description = <<-EOT
    IPv4 CIDR block of the spoke VPC, a /16: each zone gets a /24 for applications and one for its endpoint.
  EOT
  type        = string
  default     = "10.114.0.0/16"
  nullable    = false
}

variable "firewall" {
  description = <<-EOT
    Image, instance type and key pair of the firewalls.
    - `panos_version` - (Optional) PAN-OS version of the BYOL image to look up in AWS Marketplace.
    - `instance_type` - (Optional) EC2 instance type.
    - `key_name`      - (Optional) Name of the EC2 key pair for the administrator's first login. Without it, only Panorama has
      access.
  EOT
  type = object({
    panos_version = optional(string, "11.2.15")
    instance_type = optional(string, "m5.xlarge")
    key_name      = optional(string)
  })
  default  = {}
  nullable = false
}

variable "capacity" {
  description = <<-EOT
    Number of firewalls.
    - `min` - (Optional) Minimum number. Three firewalls are one per zone.
    - `max` - (Optional) Maximum number.
  EOT
  type = object({
    min = optional(number, 3)
    max = optional(number, 6)
  })
  default  = {}
  nullable = false
}

variable "session_utilization" {
  description = <<-EOT
    Average session utilization of the firewalls at which to add and remove one.
    - `add_above_percent`    - (Optional) Utilization above which to add a firewall.
    - `add_after_minutes`    - (Optional) Minutes for which it must stay above.
    - `remove_below_percent` - (Optional) Utilization below which to remove a firewall. It must be less than the utilization
      after adding one: with three firewalls 60 × 3 ÷ 4 = 45.
    - `remove_after_minutes` - (Optional) Minutes for which it must stay below.
  EOT
  type = object({
    add_above_percent    = optional(number, 60)
    add_after_minutes    = optional(number, 15)
    remove_below_percent = optional(number, 40)
    remove_after_minutes = optional(number, 30)
  })
  default  = {}
  nullable = false
}

variable "panorama" {
  description = <<-EOT
    Panorama that manages the firewalls.
    - `hostnames`           - (Optional) Host name of Panorama as in its certificate, or of both peers of an HA pair.
    - `secret_name`         - (Optional) Name of the Secrets Manager secret with `api_key` and `username`, and `ca_bundle` if
      the certificate has a private issuer.
    - `device_group`        - (Optional) Device group of the firewalls.
    - `template_stack`      - (Optional) Template stack of the firewalls.
    - `log_collector_group` - (Optional) Collector group of the firewalls. Null for none.
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
  description = <<-EOT
    Name of the Secrets Manager secret with the bootstrap settings.
    They include the VM auth key and the license auth codes. The README lists them.
  EOT
  type        = string
  default     = "vmseries-autoscale/bootstrap"
  nullable    = false
}

variable "bootstrap_keys" {
  description = <<-EOT
    Keys to write to the user data instead of reading them from the bootstrap secret.
    Null, the default, uses the secret. Otherwise all bootstrap settings and these keys are written to the instances' user
    data, where everyone who may describe launch templates can read them, and the plan warns. Use this only for a first test,
    with a short-lived key.
    - `vm_auth_key` - VM auth key, from `request bootstrap vm-auth-key generate lifetime <hours>` on Panorama.
    - `authcodes`   - (Optional) License auth codes.
  EOT
  type = object({
    vm_auth_key = string
    authcodes   = optional(string)
  })
  default   = null
  sensitive = true
}

variable "licensing_secret_name" {
  description = <<-EOT
    Name of the Secrets Manager secret with `api_key`, the licensing API key of your support account.
    Firewalls need it to return their license.
  EOT
  type        = string
  default     = "vmseries-autoscale/licensing-api-key"
  nullable    = false
}

variable "management_cidr_blocks" {
  description = <<-EOT
    IPv4 CIDR blocks, by a name of your choice, that may reach the firewalls' management interfaces by HTTPS and SSH.
    Panorama needs no entry, because the firewalls connect to it.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "functions_in_vpc" {
  description = <<-EOT
    Whether the Lambda functions run in the management subnets.
    A Panorama with a private address requires it.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs of CloudWatch alarm actions, such as SNS topics."
  type        = list(string)
  default     = []
  nullable    = false
}
