variable "panorama" {
  description = <<-EOT
    The Panorama that manages the firewalls; null for none.
    - `hostnames`             - one, or the two of an HA pair, e.g. `["panorama.example.com"]`.
    - `port`                  - (Optional) port of its API.
    - `secret_arn`            - Secrets Manager secret: JSON with `api_key` and `username`, or `username` and `password`; `ca_bundle` (PEM) unless the certificate is publicly trusted.
      An administrator for this deployment alone: only its own changes are committed.
    - `secret_kms_key_arn`    - (Optional) your own key for that secret.
    - `device_group`          - device group of the firewalls.
    - `template_stack`        - template stack of the firewalls.
    - `log_collector_group`   - (Optional) log collector group of the firewalls.
    - `timeout_seconds`       - (Optional) time limit of one request.
    - `push_when_out_of_sync` - (Optional) have the module push device group and templates to a new firewall that is connected and not in sync, where Panorama does not do so by itself.
  EOT
  type = object({
    hostnames             = list(string)
    port                  = optional(number, 443)
    secret_arn            = string
    secret_kms_key_arn    = optional(string)
    device_group          = string
    template_stack        = string
    log_collector_group   = optional(string)
    timeout_seconds       = optional(number, 10)
    push_when_out_of_sync = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.panorama == null ? true : contains([1, 2], length(var.panorama.hostnames)) && length(distinct(var.panorama.hostnames)) == length(var.panorama.hostnames)
    error_message = "panorama.hostnames must name one Panorama or the two of an HA pair, e.g. [\"panorama.example.com\"]."
  }

  validation {
    condition     = var.panorama == null ? true : alltrue([for hostname in var.panorama.hostnames : can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", hostname))])
    error_message = "panorama.hostnames must be host names or IPv4 addresses without scheme, port or path, e.g. [\"panorama.example.com\"]."
  }

  validation {
    condition     = var.panorama == null ? true : var.panorama.port >= 1 && var.panorama.port <= 65535
    error_message = "panorama.port must be between 1 and 65535, e.g. 443."
  }

  validation {
    condition     = var.panorama == null ? true : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+", var.panorama.secret_arn))
    error_message = "panorama.secret_arn must be the ARN of a Secrets Manager secret, e.g. \"arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf\"; the credentials themselves do not belong here."
  }

  validation {
    condition     = var.panorama == null ? true : alltrue([for name in compact([var.panorama.device_group, var.panorama.template_stack, var.panorama.log_collector_group]) : can(regex("^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", name))]) && length(compact([var.panorama.device_group, var.panorama.template_stack])) == 2
    error_message = "panorama.device_group, template_stack and log_collector_group must be names as Panorama allows them: 1 to 63 letters, digits, blanks, dots, hyphens and underscores, e.g. device_group = \"autoscale\"."
  }

  validation {
    condition     = var.panorama == null ? true : var.panorama.timeout_seconds >= 1 && var.panorama.timeout_seconds * length(var.panorama.hostnames) <= var.functions.timeout_seconds / 2
    error_message = "panorama.timeout_seconds times the number of hostnames must not be more than half of functions.timeout_seconds: a visit that finds no Panorama must still be able to say so, e.g. 10 with functions.timeout_seconds = 60."
  }

  # "For performance considerations, limit the number of concurrent API calls to five."
  # https://docs.paloaltonetworks.com/pan-os/9-1/pan-os-panorama-api/about-the-pan-os-xml-api/pan-os-xml-api-components
  validation {
    condition     = var.panorama == null || var.functions.launch_concurrency + var.functions.terminate_concurrency + 1 <= 5
    error_message = "functions.launch_concurrency + terminate_concurrency + 1, for the reconcile function, must not be more than 5 with panorama: Palo Alto Networks asks to keep to five concurrent API calls, and every run makes one at a time. Say launch_concurrency = 2 and terminate_concurrency = 2, the defaults, each run of which looks after many firewalls."
  }
}

variable "firewall_api" {
  description = <<-EOT
    The firewalls' own API, for a deployment without Panorama: it tells when a firewall is ready, and takes its license back. Null for none.
    - `secret_arn`         - Secrets Manager secret: JSON with `api_key` and `username`, or `username` and `password`, of an administrator that the bootstrap gives every firewall; `ca_bundle` (PEM) unless the certificate is publicly trusted.
    - `secret_kms_key_arn` - (Optional) your own key for that secret.
    - `server_name`        - name that the firewalls' certificate is valid for. The functions dial the management address, which no certificate can know beforehand, and verify this name.
    - `port`               - (Optional) port of the API.
    - `timeout_seconds`    - (Optional) time limit of one request.
  EOT
  type = object({
    secret_arn         = string
    secret_kms_key_arn = optional(string)
    server_name        = string
    port               = optional(number, 443)
    timeout_seconds    = optional(number, 5)
  })
  default = null

  validation {
    condition     = var.firewall_api == null || var.panorama == null
    error_message = "firewall_api has no effect with panorama, which reaches every firewall for the functions; leave one of them out."
  }

  validation {
    condition     = var.firewall_api == null || var.functions.vpc != null
    error_message = "firewall_api needs functions.vpc: the firewalls' management addresses are private, so the functions must run where a route and the management security group lead to them, e.g. functions = { vpc = { subnet_ids = [\"subnet-0123456789abcdef0\"], security_group_ids = [\"sg-0123456789abcdef0\"] } }."
  }

  validation {
    condition     = var.firewall_api == null ? true : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+", var.firewall_api.secret_arn))
    error_message = "firewall_api.secret_arn must be the ARN of a Secrets Manager secret, e.g. \"arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf\"; the credentials themselves do not belong here."
  }

  validation {
    condition     = var.firewall_api == null ? true : can(regex("^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$", var.firewall_api.server_name))
    error_message = "firewall_api.server_name must be a name that the firewalls' certificate is valid for, without scheme, port or wildcard, e.g. \"firewalls.example.com\"."
  }

  validation {
    condition     = var.firewall_api == null ? true : var.firewall_api.port >= 1 && var.firewall_api.port <= 65535
    error_message = "firewall_api.port must be between 1 and 65535, e.g. 443."
  }

  validation {
    condition     = var.firewall_api == null ? true : var.firewall_api.timeout_seconds >= 1 && var.firewall_api.timeout_seconds * 5 <= var.functions.timeout_seconds / 2 && floor(var.firewall_api.timeout_seconds) == var.firewall_api.timeout_seconds
    error_message = "firewall_api.timeout_seconds must be whole seconds, and five times that not more than half of functions.timeout_seconds: a visit asks a firewall up to five questions, e.g. 5 with functions.timeout_seconds = 60."
  }
}

variable "readiness" {
  description = "What a firewall must show before it gets into service, its license included where one is expected: `in-sync` (Panorama has pushed device group and template stack), `connected` (to Panorama; with `firewall_api`, booted and its configuration active), or `off` (its interfaces are enough). Null: `in-sync` with `panorama`, `connected` with `firewall_api`, `off` without both."
  type        = string
  default     = null

  validation {
    condition     = var.readiness == null ? true : contains(["in-sync", "connected", "off"], var.readiness)
    error_message = "readiness must be \"in-sync\", \"connected\" or \"off\", e.g. readiness = \"in-sync\"."
  }

  validation {
    condition     = var.panorama != null || var.readiness == null || var.readiness == "off" || (var.readiness == "connected" && var.firewall_api != null)
    error_message = "readiness = \"in-sync\" needs panorama, and \"connected\" needs panorama or firewall_api, which are asked for it; set one, or say readiness = \"off\"."
  }

  validation {
    condition     = (var.panorama == null && var.firewall_api == null) || var.readiness == "off" || var.deadlines.launch_minutes >= 25
    error_message = "readiness needs deadlines.launch_minutes of at least 25: a firewall boots for 15 to 25 minutes, and giving up earlier would replace it for ever, e.g. 45; or say readiness = \"off\"."
  }

  validation {
    condition     = var.panorama == null ? true : !var.panorama.push_when_out_of_sync || var.readiness == null || var.readiness == "in-sync"
    error_message = "panorama.push_when_out_of_sync has no effect with readiness = \"connected\" or \"off\", which ask for no push; leave it out, or say readiness = \"in-sync\"."
  }

  validation {
    condition     = var.firewall_api == null || var.readiness != "off" || var.licensing.mode == "firewall"
    error_message = "firewall_api has no effect with readiness = \"off\" and without licensing.mode = \"firewall\"; leave it out, or say readiness = \"connected\"."
  }
}

variable "licensing" {
  description = <<-EOT
    How a leaving firewall gives its license back; docs/licensing.md has every situation.
    - `mode`                       - (Optional) `firewall`: the firewall deactivates its own license, reached through `panorama`, or by `firewall_api` without one; `plugin`: Panorama's license plugin `sw_fw_license` takes back what it handed out; `none`: nothing to give back (bundles), or something else takes care of it.
    - `api_key_secret_arn`         - (Optional) Secrets Manager secret: JSON with `api_key`, the licensing API key of your support account; needed by `firewall`.
    - `api_key_secret_kms_key_arn` - (Optional) your own key for that secret.
    - `license_manager`            - (Optional) license manager of the plugin that licenses these firewalls; needed by `plugin`. The administrator in `panorama.secret_arn` must be allowed to commit for other administrators.
  EOT
  type = object({
    mode                       = optional(string, "none")
    api_key_secret_arn         = optional(string)
    api_key_secret_kms_key_arn = optional(string)
    license_manager            = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["firewall", "plugin", "none"], var.licensing.mode)
    error_message = "licensing.mode must be \"firewall\", \"plugin\" or \"none\", e.g. mode = \"firewall\"."
  }

  validation {
    condition     = var.licensing.mode != "firewall" || var.panorama != null || var.firewall_api != null
    error_message = "licensing.mode = \"firewall\" needs panorama or firewall_api, by which the firewall is reached that gives its license back; set one of them."
  }

  validation {
    condition     = var.licensing.mode != "firewall" || var.licensing.api_key_secret_arn != null
    error_message = "licensing.mode = \"firewall\" needs licensing.api_key_secret_arn, e.g. \"arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf\"."
  }

  validation {
    condition     = var.licensing.mode != "plugin" || (var.panorama != null && var.licensing.license_manager != null)
    error_message = "licensing.mode = \"plugin\" needs panorama, whose plugin it is, and licensing.license_manager, e.g. license_manager = \"autoscale\"."
  }

  validation {
    condition     = var.licensing.mode == "none" || var.firewall.license_type == "byol"
    error_message = "licensing.mode = \"firewall\" and \"plugin\" are for firewall.license_type = \"byol\"; bundles are paid by the hour and have no license to give back: say mode = \"none\"."
  }

  validation {
    condition     = var.licensing.mode == "firewall" || (var.licensing.api_key_secret_arn == null && var.licensing.api_key_secret_kms_key_arn == null)
    error_message = "licensing.api_key_secret_arn and api_key_secret_kms_key_arn have no effect with mode = \"plugin\", for which the key is on Panorama, and with \"none\"; leave them out, or say mode = \"firewall\"."
  }

  validation {
    condition     = var.licensing.mode == "plugin" || var.licensing.license_manager == null
    error_message = "licensing.license_manager has no effect with mode = \"firewall\" and \"none\"; leave it out, or say mode = \"plugin\"."
  }

  validation {
    condition     = var.licensing.license_manager == null ? true : can(regex("^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", var.licensing.license_manager))
    error_message = "licensing.license_manager must be a name as Panorama allows it: 1 to 63 letters, digits, blanks, dots, hyphens and underscores, e.g. license_manager = \"autoscale\"."
  }

  validation {
    condition     = var.licensing.api_key_secret_arn == null ? true : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+", var.licensing.api_key_secret_arn))
    error_message = "licensing.api_key_secret_arn must be the ARN of a Secrets Manager secret, e.g. \"arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf\"; the key itself does not belong here."
  }
}
