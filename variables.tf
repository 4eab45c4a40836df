variable "name" {
  description = "Name of the deployment: of the Auto Scaling group, its launch template and load balancer, and the beginning of every other name, e.g. `fw-prod`. Changing it makes everything anew."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 25 characters: lower-case letters, digits and hyphens, a letter first and no hyphen last, e.g. \"fw-prod\"."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes and of every instance, volume, interface and address of its firewalls, e.g. `{ team = \"network\" }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "vmseries-autoscale:") && !startswith(lower(key), "aws:")])
    error_message = "tags must not have keys that begin with \"vmseries-autoscale:\" (the module's own, by which it knows its interfaces) or \"aws:\" (AWS's own); use another key, e.g. \"team\"."
  }

  validation {
    condition     = length(var.tags) <= 40
    error_message = "tags may have 40 entries at most: AWS allows 50 on a resource, and the module adds its own, e.g. { team = \"network\" }."
  }
}

variable "network" {
  description = <<-EOT
    The network of the firewalls.
    - `vpc_id` - VPC of the load balancer and of the security groups that the module makes.
  EOT
  type = object({
    vpc_id = string
  })
  nullable = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.network.vpc_id))
    error_message = "network.vpc_id must be the id of a VPC, e.g. \"vpc-0123456789abcdef0\"."
  }
}

variable "permissions" {
  description = <<-EOT
    What your organisation asks of IAM roles.
    - `path`         - (Optional) path of every role and of the instance profile.
    - `boundary_arn` - (Optional) permissions boundary of every role.
  EOT
  type = object({
    path         = optional(string, "/")
    boundary_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.permissions.path))
    error_message = "permissions.path must begin and end with a slash, e.g. \"/network/\"."
  }

  validation {
    condition     = var.permissions.boundary_arn == null ? true : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", var.permissions.boundary_arn))
    error_message = "permissions.boundary_arn must be the ARN of an IAM policy, e.g. \"arn:aws:iam::123456789012:policy/boundary\"."
  }
}
