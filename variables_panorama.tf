variable "panorama" {
  description = <<-EOT
    Panorama that manages the firewalls.
    Set null to run without Panorama.
    - `hostnames`             - Host names or IPv4 addresses of one Panorama, or of both peers of an HA pair, e.g.
      `["panorama.example.com"]`.
    - `port`                  - (Optional) TCP port of the XML API.
    - `secret_arn`            - ARN of the Secrets Manager secret with the credentials: JSON with `username`, either
      `api_key` or `password`, and `ca_bundle` (PEM) unless the certificate is publicly trusted. Use a separate
      administrator for each deployment: commits contain all pending changes of this administrator, and no others.
    - `secret_kms_key_arn`    - (Optional) ARN of your own KMS key with which the secret is encrypted.
    - `server_name`           - (Optional) Host name in Panorama's certificate, if it is not the one in `hostnames`: for
      a Panorama that is addressed by IP address, or that still has the certificate it was installed with. Both peers of
      an HA pair must have it.
    - `device_group`          - Device group of the firewalls.
    - `template_stack`        - Template stack of the firewalls.
    - `log_collector_group`   - (Optional) Collector group of the firewalls.
    - `timeout_seconds`       - (Optional) Time limit of one request. Requests for licenses, which wait for Palo Alto
      Networks' license server, have twice as much.
    - `push_when_out_of_sync` - (Optional) Whether the launch function pushes the device group and template stack to new
      firewalls that are connected and out of sync. By default true with the readiness `in-sync`, otherwise false. With
      false, a launch waits for an administrator's push whenever somebody has committed a change without pushing it
      while the firewall boots.
    - `call_slots_table_arn`  - (Optional) ARN of a DynamoDB table, with the partition key `slot_id` of type string,
      that all deployments on this Panorama share. They then make at most five calls to it at a time, together
      (docs/panorama.md). Null limits only the calls of this deployment.
  EOT
  type = object({
    hostnames             = list(string)
    port                  = optional(number, 443)
    secret_arn            = string
    secret_kms_key_arn    = optional(string)
    server_name           = optional(string)
    device_group          = string
    template_stack        = string
    log_collector_group   = optional(string)
    timeout_seconds       = optional(number, 30)
    push_when_out_of_sync = optional(bool)
    call_slots_table_arn  = optional(string)
  })
  default = null

  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      contains([1, 2], length(panorama.hostnames)) &&
      length(distinct(panorama.hostnames)) == length(panorama.hostnames)
    ])
    error_message = <<-EOT
      panorama.hostnames must have one Panorama, or both peers of an HA pair, e.g. ["panorama.example.com"].
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for panorama in var.panorama[*] : [
        for hostname in panorama.hostnames : can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", hostname))
      ]
    ]))
    error_message = <<-EOT
      panorama.hostnames must be host names or IPv4 addresses without scheme, port or path,
      e.g. ["panorama.example.com"].
    EOT
  }

  # https://www.rfc-editor.org/rfc/rfc1123#section-2
  validation {
    condition = alltrue(flatten([
      for panorama in var.panorama[*] : [
        for hostname in panorama.hostnames : length(hostname) <= 253 && (
          can(regex("^[0-9.]+$", hostname)) ? can(cidrhost("${hostname}/32", 0)) :
          alltrue([for label in split(".", hostname) : length(label) >= 1 && length(label) <= 63])
        )
      ]
    ]))
    error_message = <<-EOT
      panorama.hostnames must be host names with labels of 1 to 63 characters between single dots, or IPv4 addresses with
      four numbers from 0 to 255, e.g. ["panorama.example.com"] or ["10.0.0.10"].
    EOT
  }

  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      panorama.port >= 1 && panorama.port <= 65535 && floor(panorama.port) == panorama.port
    ])
    error_message = "panorama.port must be a whole number from 1 to 65535, e.g. port = 443."
  }

  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", panorama.secret_arn))
    ])
    error_message = <<-EOT
      panorama.secret_arn must be the whole ARN of a Secrets Manager secret, with the six random characters at its
      end and without wildcards, not the credentials themselves,
      e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in compact(var.panorama[*].secret_kms_key_arn) :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      panorama.secret_kms_key_arn must be the whole ARN of a KMS key, not of an alias,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      try(split(":", panorama.secret_kms_key_arn)[3] == split(":", panorama.secret_arn)[3], true)
      if panorama.secret_kms_key_arn != null
    ])
    error_message = <<-EOT
      panorama.secret_kms_key_arn must be in the Region of panorama.secret_arn: Secrets Manager encrypts a
      secret with a key of its own Region. Set the key that the secret shows in this Region.
    EOT
  }

  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      length(compact([panorama.device_group, panorama.template_stack])) == 2 &&
      alltrue([
        for name in compact([panorama.device_group, panorama.template_stack, panorama.log_collector_group]) :
        can(regex("^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", name))
      ])
    ])
    error_message = <<-EOT
      panorama.device_group, template_stack and log_collector_group must be valid Panorama names of 1 to 63 letters,
      digits, spaces, dots, hyphens and underscores, e.g. device_group = "autoscale".
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for name in compact(var.panorama[*].server_name) : [
        for label in split(".", name) : can(regex("^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", label))
      ]
    ]))
    error_message = <<-EOT
      panorama.server_name must be a host name in Panorama's certificate, without scheme, port or wildcard,
      e.g. "panorama.example.com".
    EOT
  }

  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      panorama.timeout_seconds >= 1 &&
      floor(panorama.timeout_seconds) == panorama.timeout_seconds &&
      panorama.timeout_seconds * length(panorama.hostnames) <= var.functions.timeout_seconds / 2
    ])
    error_message = <<-EOT
      panorama.timeout_seconds must be a whole number of at least 1, and multiplied by the number of hostnames at most half of
      functions.timeout_seconds, e.g. 30 with functions.timeout_seconds = 120.
      A function that cannot reach Panorama needs the other half to report it.
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.panorama[*].call_slots_table_arn : arn == null || try(
        can(regex("^arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}$", arn)),
        false,
      )
    ])
    error_message = <<-EOT
      panorama.call_slots_table_arn must be the ARN of a DynamoDB table,
      e.g. "arn:aws:dynamodb:us-east-1:123456789012:table/panorama-calls".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.panorama[*].call_slots_table_arn : try(split(":", arn)[3] == local.region, true)
    ])
    error_message = <<-EOT
      panorama.call_slots_table_arn must be a table in the Region of the functions, ${local.region}, which look for it there.
      Deployments in other Regions cannot share it: give those of each Region a table of their own.
    EOT
  }

  # "For performance considerations, limit the number of concurrent API calls to five."
  # https://docs.paloaltonetworks.com/pan-os/9-1/pan-os-panorama-api/about-the-pan-os-xml-api/pan-os-xml-api-components
  validation {
    condition = (
      var.panorama == null ||
      var.functions.launch_concurrency + var.functions.terminate_concurrency + 1 <= 5
    )
    error_message = <<-EOT
      functions.launch_concurrency + terminate_concurrency + 1 (for the reconcile function) must be at most 5 with
      panorama:
      Palo Alto Networks recommends at most five concurrent API calls, and each invocation makes one at a time.
      For example launch_concurrency = 2 and terminate_concurrency = 2, the defaults: each invocation handles many
      firewalls.
    EOT
  }
}

variable "strata_cloud_manager" {
  description = <<-EOT
    Strata Cloud Manager that manages the firewalls, instead of `panorama`. The functions only read from it: readiness
    waits for a firewall to be connected, in the folder and in sync; licenses are returned through `firewall_api`; and a
    terminated firewall, which its API cannot remove, is reported by serial number.
    Set null to run without it. See docs/strata-cloud-manager.md.
    - `secret_arn`         - ARN of the Secrets Manager secret with the credentials of a service account: JSON with
      `client_id`, `client_secret` and `tsg_id`, and `ca_bundle` (PEM) if a proxy inspects TLS.
    - `secret_kms_key_arn` - (Optional) ARN of your own KMS key with which the secret is encrypted.
    - `folder`             - Folder of the firewalls, which registers them by `dgname` in the bootstrap configuration.
    - `api_hostname`       - (Optional) Host name of the API.
    - `identity_hostname`  - (Optional) Host name of the identity service.
    - `timeout_seconds`    - (Optional) Time limit of one request.
  EOT
  type = object({
    secret_arn         = string
    secret_kms_key_arn = optional(string)
    folder             = string
    api_hostname       = optional(string, "api.strata.paloaltonetworks.com")
    identity_hostname  = optional(string, "auth.apps.paloaltonetworks.com")
    timeout_seconds    = optional(number, 30)
  })
  default = null

  validation {
    condition     = var.strata_cloud_manager == null || var.panorama == null
    error_message = <<-EOT
      strata_cloud_manager and panorama exclude each other: a firewall registers with one manager. Remove one of them.
    EOT
  }

  validation {
    condition = alltrue([
      for strata in var.strata_cloud_manager[*] :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", strata.secret_arn))
    ])
    error_message = <<-EOT
      strata_cloud_manager.secret_arn must be the whole ARN of a Secrets Manager secret, with the six random characters at
      its end and without wildcards, not the credentials themselves,
      e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:strata-AbCdEf".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in compact(var.strata_cloud_manager[*].secret_kms_key_arn) :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      strata_cloud_manager.secret_kms_key_arn must be the whole ARN of a KMS key, not of an alias,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  validation {
    condition = alltrue([
      for strata in var.strata_cloud_manager[*] :
      try(split(":", strata.secret_kms_key_arn)[3] == split(":", strata.secret_arn)[3], true)
      if strata.secret_kms_key_arn != null
    ])
    error_message = <<-EOT
      strata_cloud_manager.secret_kms_key_arn must be in the Region of strata_cloud_manager.secret_arn: Secrets Manager
      encrypts a secret with a key of its own Region. Set the key that the secret shows in this Region.
    EOT
  }

  # The pattern of folder names in the vendor's specification of the API, without spaces, which end a value in the user
  # data: https://pan.dev/scm/api/config/ngfw/operations/push-candidate-config-versions/
  validation {
    condition = alltrue([
      for strata in var.strata_cloud_manager[*] : can(regex("^[A-Za-z0-9._-]{1,64}$", strata.folder))
    ])
    error_message = <<-EOT
      strata_cloud_manager.folder must be the name of a folder: 1 to 64 letters, digits, dots, hyphens and underscores,
      e.g. folder = "autoscale". A name with spaces cannot be a bootstrap parameter.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for strata in var.strata_cloud_manager[*] : [
        for name in [strata.api_hostname, strata.identity_hostname] : [
          for label in split(".", name) : can(regex("^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", label))
        ]
      ]
    ]))
    error_message = <<-EOT
      strata_cloud_manager.api_hostname and identity_hostname must be host names without scheme, port or path,
      e.g. "api.strata.paloaltonetworks.com".
    EOT
  }

  validation {
    condition = alltrue([
      for strata in var.strata_cloud_manager[*] :
      strata.timeout_seconds >= 1 &&
      floor(strata.timeout_seconds) == strata.timeout_seconds &&
      strata.timeout_seconds <= var.functions.timeout_seconds / 2
    ])
    error_message = <<-EOT
      strata_cloud_manager.timeout_seconds must be a whole number from 1 to half of functions.timeout_seconds, e.g. 30: a
      function needs the other half to report that Strata Cloud Manager does not respond.
    EOT
  }
}

variable "firewall_api" {
  description = <<-EOT
    XML API of the firewalls. Without Panorama, it reports readiness and deactivates licenses; with
    `strata_cloud_manager`, it shows and deactivates licenses. With Panorama, it returns the licenses of firewalls that
    have not registered with Panorama. Set null to not use it.
    - `secret_arn`         - ARN of the Secrets Manager secret with the credentials of an administrator that the
      bootstrap configuration creates on every firewall: JSON with `username`, either `api_key` or `password`, and
      `ca_bundle` (PEM) unless the certificate is publicly trusted.
    - `secret_kms_key_arn` - (Optional) ARN of your own KMS key with which the secret is encrypted.
    - `server_name`        - Host name in the firewalls' certificate. The functions connect to the management IP
      address, which a certificate cannot contain in advance, and verify this name.
    - `port`               - (Optional) TCP port of the XML API.
    - `timeout_seconds`    - (Optional) Time limit of one request.
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
    condition     = var.firewall_api == null || var.functions.vpc != null
    error_message = <<-EOT
      firewall_api requires functions.vpc, because the functions must reach the firewalls' private management addresses,
      e.g. functions.vpc = { subnet_ids = ["subnet-0123456789abcdef0"], security_group_ids = ["sg-0123456789abcdef0"] }.
    EOT
  }

  validation {
    condition = alltrue([
      for api in var.firewall_api[*] :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", api.secret_arn))
    ])
    error_message = <<-EOT
      firewall_api.secret_arn must be the whole ARN of a Secrets Manager secret, with the six random characters at its
      end and without wildcards, not the credentials themselves,
      e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:firewalls-AbCdEf".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in compact(var.firewall_api[*].secret_kms_key_arn) :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      firewall_api.secret_kms_key_arn must be the whole ARN of a KMS key, not of an alias,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  validation {
    condition = alltrue([
      for firewall_api in var.firewall_api[*] :
      try(split(":", firewall_api.secret_kms_key_arn)[3] == split(":", firewall_api.secret_arn)[3], true)
      if firewall_api.secret_kms_key_arn != null
    ])
    error_message = <<-EOT
      firewall_api.secret_kms_key_arn must be in the Region of firewall_api.secret_arn: Secrets Manager encrypts a
      secret with a key of its own Region. Set the key that the secret shows in this Region.
    EOT
  }

  validation {
    condition = alltrue([
      for api in var.firewall_api[*] :
      alltrue([
        for label in split(".", api.server_name) : can(regex("^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", label))
      ])
    ])
    error_message = <<-EOT
      firewall_api.server_name must be a host name in the firewalls' certificate, without scheme, port or wildcard,
      e.g. "firewalls.example.com".
    EOT
  }

  validation {
    condition = alltrue([
      for api in var.firewall_api[*] : api.port >= 1 && api.port <= 65535 && floor(api.port) == api.port
    ])
    error_message = "firewall_api.port must be a whole number from 1 to 65535, e.g. port = 443."
  }

  validation {
    condition = alltrue([
      for api in var.firewall_api[*] :
      api.timeout_seconds >= 1 &&
      floor(api.timeout_seconds) == api.timeout_seconds &&
      5 * api.timeout_seconds <= var.functions.timeout_seconds / 2
    ])
    error_message = <<-EOT
      firewall_api.timeout_seconds must be a whole number from 1 to a tenth of functions.timeout_seconds,
      e.g. 5 with functions.timeout_seconds = 60: a visit sends up to five requests to a firewall, and needs the other
      half of its time to report that it does not respond.
    EOT
  }
}

variable "readiness" {
  description = <<-EOT
    Condition for a new firewall to enter service. `in-sync` and `connected` also wait for its license, if one is
    expected.
    Null uses `in-sync` with `panorama` or `strata_cloud_manager`, `connected` with `firewall_api`, and `healthy` without
    them.
    - `in-sync`   - The firewall is connected to Panorama, and its device group and template stack are in sync; or it is
      connected to Strata Cloud Manager, and the configuration of its folder has reached it.
    - `connected` - The firewall is connected to its manager. With `firewall_api` alone: it has booted, and its
      configuration is active.
    - `healthy`   - The load balancers' health checks find the firewall healthy in every target group. The launch
      function registers it for that as soon as its interfaces are attached. It needs no credentials.
    - `off`       - The firewall's interfaces are attached. It boots for up to 25 minutes while Auto Scaling counts it as
      in service.
  EOT
  type        = string
  default     = null

  validation {
    condition = alltrue([
      for value in var.readiness[*] : contains(["in-sync", "connected", "healthy", "off"], value)
    ])
    error_message = <<-EOT
      readiness must be "in-sync", "connected", "healthy" or "off", e.g. readiness = "healthy".
    EOT
  }

  validation {
    condition = (
      var.panorama != null ||
      var.strata_cloud_manager != null ||
      var.readiness == null ||
      var.readiness == "healthy" ||
      var.readiness == "off" ||
      (var.readiness == "connected" && var.firewall_api != null)
    )
    error_message = <<-EOT
      readiness = "in-sync" requires panorama or strata_cloud_manager, and "connected" one of them or firewall_api, which
      report it.
      Set one of them, or set readiness = "healthy".
    EOT
  }

  validation {
    condition     = var.readiness == "off" || var.deadlines.launch_minutes >= 25
    error_message = <<-EOT
      readiness requires deadlines.launch_minutes of at least 25, e.g. 45: a firewall boots in 15 to 25 minutes, and
      with a shorter deadline each one would be replaced before it is ready. Or set readiness = "off".
    EOT
  }

  validation {
    condition = var.readiness == "off" || alltrue([
      for duration in [var.capacity.wait_for_capacity_timeout] : (
        try(tonumber(regex("^[0-9]+", duration)) * { s = 1, m = 60, h = 3600 }[regex("[smh]$", duration)], 0) >= 1500
      ) if duration != "0" && coalesce(var.capacity.desired, var.capacity.min) > 0
    ])
    error_message = <<-EOT
      capacity.wait_for_capacity_timeout must be at least "25m": a firewall boots in 15 to 25 minutes, and after a timeout,
      Terraform replaces the group with all its firewalls. For example "45m", or "0" to not wait.
    EOT
  }

  # With "off", a firewall is in service before it boots. Whatever counts on it must wait for the boot.
  validation {
    condition = var.readiness != "off" || alltrue([
      for seconds in compact(concat(
        [var.capacity.default_instance_warmup_seconds],
        var.capacity.instance_refresh[*].instance_warmup_seconds,
        values(var.scaling.target_tracking)[*].warmup_seconds,
      )) : seconds >= 1500
    ])
    error_message = <<-EOT
      readiness = "off" requires warm-ups of at least 1500 seconds, because a firewall boots for up to 25 minutes after
      it has entered service: capacity.default_instance_warmup_seconds, capacity.instance_refresh.instance_warmup_seconds
      and scaling.target_tracking[*].warmup_seconds. With less, an instance refresh would terminate the old firewalls
      before the new ones pass traffic. Remove these inputs, or set readiness = "healthy".
    EOT
  }

  validation {
    condition = (
      var.readiness != "off" ||
      var.capacity.health_check.type != "ELB" ||
      var.capacity.health_check.grace_period_seconds >= 1500
    )
    error_message = <<-EOT
      readiness = "off" with capacity.health_check.type = "ELB" requires grace_period_seconds of at least 1500: Auto
      Scaling would otherwise replace each firewall while it boots. Set a longer period, or set readiness = "healthy".
    EOT
  }

  validation {
    condition = (
      var.readiness != "healthy" ||
      var.load_balancer != null ||
      length(var.target_group_arns) > 0 ||
      anytrue([for interface in values(var.interfaces) : length(interface.target_groups) > 0])
    )
    error_message = <<-EOT
      readiness = "healthy" requires a target group in which a firewall can be healthy: load_balancer, target_group_arns
      or interfaces[*].target_groups. Set one of them, or set readiness = "off".
    EOT
  }

  validation {
    condition = alltrue([
      for panorama in var.panorama[*] :
      !coalesce(panorama.push_when_out_of_sync, false) || var.readiness == null || var.readiness == "in-sync"
    ])
    error_message = <<-EOT
      panorama.push_when_out_of_sync has no effect with readiness = "connected", "healthy" or "off", which require no
      push.
      Remove it, or set readiness = "in-sync".
    EOT
  }

  validation {
    condition = (
      var.firewall_api == null ||
      !contains(["healthy", "off"], coalesce(var.readiness, "connected")) ||
      var.licensing.mode == "firewall"
    )
    error_message = <<-EOT
      firewall_api has no effect with readiness = "healthy" or "off" unless licensing.mode = "firewall".
      Remove it, or set readiness = "connected".
    EOT
  }
}

variable "licensing" {
  description = <<-EOT
    How a terminating firewall returns its license.
    See docs/licensing.md for all situations.
    - `mode`                       - (Optional) `firewall`: firewalls take their license with an auth code. Panorama
      deactivates it, or the firewall itself does, by a request through `panorama` or `firewall_api`. `plugin`:
      Panorama's license plugin `sw_fw_license` deactivates the licenses that it has assigned. `none`: the firewalls
      have no license to return (`bundle1`, `bundle2`), or something else returns it.
    - `api_key_secret_arn`         - (Optional) ARN of the Secrets Manager secret with the licensing API key of your
      support account: JSON with `api_key`. Required by mode `firewall`.
    - `api_key_secret_kms_key_arn` - (Optional) ARN of your own KMS key with which that secret is encrypted.
    - `license_manager`            - (Optional) License manager of the plugin that licenses the firewalls. Required by
      mode `plugin`. The administrator in `panorama.secret_arn` needs permission to commit for other administrators.
    - `join_timeout_minutes`       - (Optional) A firewall that terminates before it has registered with Panorama may
      have taken a license that only it knows. It is held until it registers, at most until so many minutes after its
      launch.
    - `stop_launches_after`        - (Optional) Launches that are abandoned in a row may each take a license. After so
      many, the reconcile function suspends the group's process `Launch`, and an operator has to resume it. Null never
      suspends it.
    - `credit_pool`                - (Optional) Pool of Software NGFW credits that the firewalls take their licenses
      from. The reconcile function reads it through Palo Alto Networks' API, and reports whether the credits suffice for
      `capacity.max` (docs/credits.md).
      - `secret_arn`           - (Required) ARN of the Secrets Manager secret with OAuth credentials for the scope
        `fwflex-service`: JSON with `client_id` and `client_secret`, and optionally `auth_code`, the auth code of the
        firewalls' deployment profile, and `ca_bundle`.
      - `secret_kms_key_arn`   - (Optional) ARN of your own KMS key with which that secret is encrypted.
      - `id`                   - (Required) Id of the credit pool, as the customer support portal shows it.
      - `credits_per_firewall` - (Required) Credits that one firewall takes, as the vendor's credit estimator says.
      - `profile_firewalls`    - (Optional) Number of firewalls that the deployment profile is made for. By default as
        the API shows it, with `auth_code` in the secret.
  EOT
  type = object({
    mode                       = optional(string, "none")
    api_key_secret_arn         = optional(string)
    api_key_secret_kms_key_arn = optional(string)
    license_manager            = optional(string)
    join_timeout_minutes       = optional(number, 45)
    stop_launches_after        = optional(number)
    credit_pool = optional(object({
      secret_arn           = string
      secret_kms_key_arn   = optional(string)
      id                   = string
      credits_per_firewall = number
      profile_firewalls    = optional(number)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["firewall", "plugin", "none"], var.licensing.mode)
    error_message = "licensing.mode must be \"firewall\", \"plugin\" or \"none\", e.g. mode = \"firewall\"."
  }

  validation {
    condition = (
      var.licensing.join_timeout_minutes >= 5 && var.licensing.join_timeout_minutes <= 1440 &&
      floor(var.licensing.join_timeout_minutes) == var.licensing.join_timeout_minutes
    )
    error_message = <<-EOT
      licensing.join_timeout_minutes must be a whole number from 5 to 1440, e.g. join_timeout_minutes = 45: a firewall
      boots in 15 to 25 minutes.
    EOT
  }

  validation {
    condition = alltrue([
      for number in compact([var.licensing.stop_launches_after]) :
      number >= 2 && number <= 50 && floor(number) == tonumber(number)
    ])
    error_message = <<-EOT
      licensing.stop_launches_after must be a whole number from 2 to 50, e.g. stop_launches_after = 3, or null to never
      stop launches.
    EOT
  }

  validation {
    condition     = var.licensing.stop_launches_after == null || var.licensing.mode != "none"
    error_message = <<-EOT
      licensing.stop_launches_after has no effect with mode = "none", in which no launch takes a license that has to be
      returned. Remove it, or set mode.
    EOT
  }

  # A validation of firewall_api cannot refer to licensing, whose validations refer to firewall_api.
  validation {
    condition     = var.firewall_api == null || var.panorama == null || var.licensing.mode == "firewall"
    error_message = <<-EOT
      firewall_api has no effect with panorama unless licensing.mode = "firewall": the functions then ask firewalls that
      have not registered with Panorama for their licenses. Remove firewall_api, or set licensing.mode = "firewall".
    EOT
  }

  validation {
    condition     = var.firewall_api == null || var.strata_cloud_manager == null || var.licensing.mode == "firewall"
    error_message = <<-EOT
      firewall_api has no effect with strata_cloud_manager unless licensing.mode = "firewall": Strata Cloud Manager reports
      readiness, and only licenses are asked for at the firewalls. Remove firewall_api, or set licensing.mode = "firewall".
    EOT
  }

  validation {
    condition     = var.licensing.mode != "firewall" || var.panorama != null || var.firewall_api != null
    error_message = <<-EOT
      licensing.mode = "firewall" requires panorama or firewall_api, through which the functions reach the firewall.
      Strata Cloud Manager cannot return a license. Set one of them.
    EOT
  }

  validation {
    condition     = var.licensing.mode != "firewall" || var.licensing.api_key_secret_arn != null
    error_message = <<-EOT
      licensing.mode = "firewall" requires licensing.api_key_secret_arn,
      e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf".
    EOT
  }

  validation {
    condition = (
      var.licensing.mode != "plugin" ||
      (var.panorama != null && var.licensing.license_manager != null)
    )
    error_message = <<-EOT
      licensing.mode = "plugin" requires panorama, on which the plugin runs, and licensing.license_manager,
      e.g. license_manager = "autoscale".
    EOT
  }

  validation {
    condition     = var.licensing.mode == "none" || var.firewall.license_type == "byol"
    error_message = <<-EOT
      licensing.mode = "firewall" and "plugin" require firewall.license_type = "byol": pay-as-you-go bundles have no
      license to return. Set mode = "none".
    EOT
  }

  validation {
    condition = var.licensing.mode == "firewall" || (
      var.licensing.api_key_secret_arn == null &&
      var.licensing.api_key_secret_kms_key_arn == null
    )
    error_message = <<-EOT
      licensing.api_key_secret_arn and api_key_secret_kms_key_arn have no effect with mode = "plugin", which uses the
      key that is stored on Panorama, or with mode = "none". Remove them, or set mode = "firewall".
    EOT
  }

  validation {
    condition     = var.licensing.mode == "plugin" || var.licensing.license_manager == null
    error_message = <<-EOT
      licensing.license_manager has no effect with mode = "firewall" or "none". Remove it, or set mode = "plugin".
    EOT
  }

  validation {
    condition = alltrue([
      for name in var.licensing.license_manager[*] : can(regex("^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", name))
    ])
    error_message = <<-EOT
      licensing.license_manager must be a valid Panorama name of 1 to 63 letters, digits, spaces, dots, hyphens and
      underscores, e.g. license_manager = "autoscale".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.licensing.api_key_secret_arn[*] :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", arn))
    ])
    error_message = <<-EOT
      licensing.api_key_secret_arn must be the whole ARN of a Secrets Manager secret, with the six random characters at its
      end and without wildcards, not the API key itself,
      e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing-AbCdEf".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in var.licensing.api_key_secret_kms_key_arn[*] :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      licensing.api_key_secret_kms_key_arn must be the whole ARN of a KMS key, not of an alias,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  validation {
    condition = alltrue([
      for licensing in var.licensing[*] :
      try(split(":", licensing.api_key_secret_kms_key_arn)[3] == split(":", licensing.api_key_secret_arn)[3], true)
      if licensing.api_key_secret_kms_key_arn != null
    ])
    error_message = <<-EOT
      licensing.api_key_secret_kms_key_arn must be in the Region of licensing.api_key_secret_arn: Secrets Manager encrypts a
      secret with a key of its own Region. Set the key that the secret shows in this Region.
    EOT
  }

  validation {
    condition     = var.licensing.credit_pool == null || var.firewall.license_type == "byol"
    error_message = <<-EOT
      licensing.credit_pool requires firewall.license_type = "byol": pay-as-you-go bundles take no credits. Remove it.
    EOT
  }

  validation {
    condition = alltrue([
      for pool in var.licensing.credit_pool[*] :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", pool.secret_arn))
    ])
    error_message = <<-EOT
      licensing.credit_pool.secret_arn must be the whole ARN of a Secrets Manager secret, with the six random characters at
      its end and without wildcards, not a credential itself,
      e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:credits-AbCdEf".
    EOT
  }

  validation {
    condition = alltrue([
      for pool in var.licensing.credit_pool[*] : pool.secret_kms_key_arn == null || (
        can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", pool.secret_kms_key_arn)) &&
        try(split(":", pool.secret_kms_key_arn)[3] == split(":", pool.secret_arn)[3], true)
      )
    ])
    error_message = <<-EOT
      licensing.credit_pool.secret_kms_key_arn must be the whole ARN of a KMS key in the Region of the secret, not of an
      alias, e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  validation {
    condition     = alltrue([for pool in var.licensing.credit_pool[*] : can(regex("^[0-9]{1,20}$", pool.id))])
    error_message = <<-EOT
      licensing.credit_pool.id must be the number of the credit pool, 1 to 20 digits, e.g. id = "315861234".
    EOT
  }

  validation {
    condition = alltrue([
      for pool in var.licensing.credit_pool[*] :
      try(pool.credits_per_firewall > 0 && pool.credits_per_firewall <= 100000, false)
    ])
    error_message = <<-EOT
      licensing.credit_pool.credits_per_firewall must be more than 0 and at most 100000, as the vendor's credit estimator
      says for one firewall, e.g. credits_per_firewall = 13.68.
    EOT
  }

  validation {
    condition = alltrue([
      for pool in var.licensing.credit_pool[*] : pool.profile_firewalls == null || try(
        pool.profile_firewalls >= 1 && pool.profile_firewalls <= 100000 && floor(pool.profile_firewalls) == pool.profile_firewalls,
        false,
      )
    ])
    error_message = <<-EOT
      licensing.credit_pool.profile_firewalls must be a whole number from 1 to 100000, the number of firewalls of the
      deployment profile in the customer support portal, e.g. profile_firewalls = 10.
    EOT
  }
}
