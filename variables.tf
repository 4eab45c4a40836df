variable "name" {
  description = <<-EOT
    Name of the Auto Scaling group, launch template and load balancer, and prefix of all other names, such as `fw-prod`.
    Changing it replaces all resources. Deployments in several Regions of an account can have the same name.
  EOT
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}[a-z0-9]$", var.name))
    error_message = <<-EOT
      name must have 3 to 25 lowercase letters, digits and hyphens, start with a letter and not end with a hyphen,
      e.g. "fw-prod".
    EOT
  }

  validation {
    condition     = !startswith(var.name, "sg-") && !startswith(var.name, "internal-")
    error_message = <<-EOT
      name must not start with "sg-" or "internal-", which AWS reserves in names of security groups and load balancers.
      Use another name, e.g. "fw-prod".
    EOT
  }
}

variable "tags" {
  description = <<-EOT
    Tags to add to every resource of the module, and to the firewalls' instances, volumes, network interfaces and
    Elastic IP addresses, such as `{ team = "network" }`. All of them also get the provider's `default_tags`. A change
    replaces no firewall: the reconcile function writes new tags to running ones.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key in keys(var.tags) :
      !startswith(key, "vmseries-autoscale:") && !startswith(lower(key), "aws:")
    ])
    error_message = <<-EOT
      tags must not have keys that start with "vmseries-autoscale:" or "aws:", which the module and AWS reserve.
      Use another key, e.g. "team".
    EOT
  }

  validation {
    condition     = alltrue([for value in values(var.tags) : value != null])
    error_message = <<-EOT
      tags must not have null as a value, but has it for: ${join(", ", [for key, value in var.tags : key if value == null])}.
      Set a value, which may be empty, e.g. { team = "" }, or leave out the key.
    EOT
  }

  # "You cannot have separate Department and department tag keys."
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#case-sensitivity
  validation {
    condition     = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = <<-EOT
      tags must not have two keys that differ only in case, such as "team" and "Team": IAM, unlike other services, takes
      them for the same key. Use one of them, e.g. { team = "network" }.
    EOT
  }

  validation {
    condition = alltrue([
      for key, value in var.tags :
      can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,127}$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value))
      if value != null
    ])
    error_message = <<-EOT
      tags must have keys of 1 to 127 and values of at most 256 letters, digits, spaces and _.:/=+-@,
      e.g. { team = "network" }. AWS accepts no other characters in the tags of all its services.
    EOT
  }

  validation {
    condition     = length(var.tags) <= 40
    error_message = <<-EOT
      tags must have at most 40 entries, e.g. { team = "network" }.
      AWS allows 50 per resource, and the module adds its own.
    EOT
  }
}

variable "network" {
  description = <<-EOT
    Network in which the firewalls run.
    - `vpc_id` - ID of the VPC for the load balancer and for the security groups that the module creates. It cannot change.
  EOT
  type = object({
    vpc_id = string
  })
  nullable = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.network.vpc_id))
    error_message = "network.vpc_id must be the ID of a VPC, e.g. \"vpc-0123456789abcdef0\"."
  }
}

variable "permissions" {
  description = <<-EOT
    Settings for all IAM roles that the module creates.
    - `path`         - (Optional) Path of the roles and of the instance profile.
    - `boundary_arn` - (Optional) ARN of the permissions boundary for the roles.
  EOT
  type = object({
    path         = optional(string, "/")
    boundary_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.permissions.path))
    error_message = <<-EOT
      permissions.path must start and end with a slash, and have only letters, digits and _+=,.@- between slashes,
      e.g. "/network/".
    EOT
  }

  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
  validation {
    condition     = length(var.permissions.path) <= 512
    error_message = "permissions.path must have at most 512 characters, the limit of IAM, e.g. \"/network/\"."
  }

  validation {
    condition = alltrue([
      for arn in var.permissions.boundary_arn[*] :
      can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]+$", arn))
    ])
    error_message = <<-EOT
      permissions.boundary_arn must be the whole ARN of an IAM policy, e.g. "arn:aws:iam::123456789012:policy/boundary".
    EOT
  }
}
