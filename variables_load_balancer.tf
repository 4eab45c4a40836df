variable "load_balancer" {
  description = <<-EOT
    Gateway Load Balancer that the module creates, with its endpoint service.
    Set null to use your own `target_group_arns` instead, or to have no Gateway Load Balancer at all: then Application or
    Network Load Balancers deliver the traffic, to the `target_groups` of `interfaces`.
    - `subnet_ids`                   - (Optional) Subnet ID by Availability Zone name. Null uses the data subnets. It must
      have the zones of the firewalls and may have more. AWS removes no subnet of a Gateway Load Balancer: before firewalls
      leave a zone or get another data subnet in it, set here the subnets that the load balancer has.
    - `health_check`                 - (Optional) Health check of the firewalls' data interfaces. An interface
      management profile and a security rule of the firewall must allow it.
      - `protocol`            - (Optional) `TCP`, `HTTP` or `HTTPS`.
      - `port`                - (Optional) Port.
      - `path`                - (Optional) Request path. Required with `HTTP` and `HTTPS`.
      - `status_codes`        - (Optional) HTTP status codes of a healthy firewall, such as `200-399`. Not for `TCP`.
      - `interval_seconds`    - (Optional) Time between two health checks.
      - `timeout_seconds`     - (Optional) Time limit of a health check.
      - `healthy_threshold`   - (Optional) Successful checks in a row until a firewall is healthy.
      - `unhealthy_threshold` - (Optional) Failed checks in a row until a firewall is unhealthy.
    - `ip_address_type`              - (Optional) IP versions of the traffic from endpoints: `ipv4` or `dualstack`.
      `dualstack` requires subnets of the load balancer with IPv6 CIDR blocks.
    - `tcp_idle_timeout_seconds`     - (Optional) Time without packets after which the load balancer forgets a TCP flow.
      Its next packet may then go to another firewall, which has no session for it.
    - `deregistration_delay_seconds` - (Optional) Time for which a firewall that leaves still gets its existing flows, and
      no new ones. The terminate hook starts afterwards. Flows that last longer are interrupted, so choose the duration
      of flows that should survive a scale-in.
    - `target_failover`              - (Optional) Where existing flows go after the deregistration delay of a firewall
      that leaves, or after the failed health checks of a firewall that is unhealthy. `no_rebalance` sends them to the
      same firewall, and they are dropped once it does not respond. `rebalance` sends them to other firewalls, which
      have no session for them.
    - `stickiness`                   - (Optional) Flow stickiness: `source_ip_dest_ip_proto` or `source_ip_dest_ip`.
      Null uses the 5-tuple.
    - `cross_zone`                   - (Optional) Whether flows may go to firewalls in other zones, so that a zone
      without a healthy firewall still works.
    - `deletion_protection`          - (Optional) Whether the load balancer is protected from deletion.
    - `endpoint_service`             - (Optional) Endpoint service for Gateway Load Balancer endpoints in other VPCs.
      - `acceptance_required` - (Optional) Whether you must accept each endpoint.
      - `allowed_principals`  - (Optional) ARNs of the principals that may create endpoints. An empty list allows this
        account. `["*"]` allows all principals, and requires `acceptance_required`.
  EOT
  type = object({
    subnet_ids = optional(map(string))
    health_check = optional(object({
      protocol            = optional(string, "TCP")
      port                = optional(number, 80)
      path                = optional(string)
      status_codes        = optional(string)
      interval_seconds    = optional(number, 10)
      timeout_seconds     = optional(number, 5)
      healthy_threshold   = optional(number, 3)
      unhealthy_threshold = optional(number, 3)
    }), {})
    ip_address_type              = optional(string, "ipv4")
    tcp_idle_timeout_seconds     = optional(number, 350)
    deregistration_delay_seconds = optional(number, 300)
    target_failover              = optional(string, "no_rebalance")
    stickiness                   = optional(string)
    cross_zone                   = optional(bool, true)
    deletion_protection          = optional(bool, false)
    endpoint_service = optional(object({
      acceptance_required = optional(bool, false)
      allowed_principals  = optional(list(string), [])
    }), {})
  })
  default = {}

  validation {
    condition     = var.load_balancer == null || length(var.target_group_arns) == 0
    error_message = <<-EOT
      load_balancer and target_group_arns must not both be set.
      With your own target groups, set load_balancer = null. Otherwise remove target_group_arns.
    EOT
  }

  validation {
    condition = (
      var.load_balancer != null || length(var.target_group_arns) > 0 ||
      anytrue([for interface in values(var.interfaces) : length(interface.target_groups) > 0])
    )
    error_message = <<-EOT
      Without load_balancer, target_group_arns and target_groups of an interface, no traffic would reach the firewalls.
      Set load_balancer = {} for a Gateway Load Balancer, target_group_arns for one of your own, or for other load
      balancers the target groups of an interface, e.g. interfaces.untrust.target_groups = [{ arn = "arn:…", port = 443 }].
    EOT
  }

  validation {
    condition = var.load_balancer != null || alltrue([
      for interface in values(var.interfaces) : interface.security_group_ids != null if interface.role == "data"
    ])
    error_message = <<-EOT
      interfaces: the data interface must have security_group_ids with load_balancer = null, e.g. ["sg-0123456789abcdef0"],
      because only you know its traffic. With target_group_arns, they must allow GENEVE (UDP port 6081) and your health
      check.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for load_balancer in var.load_balancer[*] : [
        for zone, id in load_balancer.subnet_ids :
        can(regex("^[a-z]+(-[a-z]+)+-[0-9][a-z]$", zone)) && can(regex("^subnet-[0-9a-f]+$", id))
      ] if load_balancer.subnet_ids != null
    ]))
    error_message = <<-EOT
      load_balancer.subnet_ids must map names of Availability Zones to subnet IDs,
      e.g. { us-east-1a = "subnet-0123456789abcdef0" }.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for load_balancer in var.load_balancer[*] : [
        for interface in values(var.interfaces) : [
          for zone in keys(interface.subnet_ids) : contains(keys(load_balancer.subnet_ids), zone)
        ]
      ] if load_balancer.subnet_ids != null
    ]))
    error_message = <<-EOT
      load_balancer.subnet_ids must have a subnet in every zone of interfaces[*].subnet_ids, because a load balancer sends
      nothing to firewalls in other zones than its own.
      Add the zone, e.g. us-east-1b = "subnet-0123456789abcdef0", or set null to use the data subnets.
    EOT
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      contains(["TCP", "HTTP", "HTTPS"], load_balancer.health_check.protocol)
    ])
    error_message = <<-EOT
      load_balancer.health_check.protocol must be "TCP", "HTTP" or "HTTPS", e.g. protocol = "TCP".
    EOT
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      load_balancer.health_check.port >= 1 &&
      load_balancer.health_check.port <= 65535 &&
      floor(load_balancer.health_check.port) == load_balancer.health_check.port
    ])
    error_message = "load_balancer.health_check.port must be a whole number from 1 to 65535, e.g. port = 80."
  }

  validation {
    condition = alltrue([
      for check in var.load_balancer[*].health_check :
      check.path == null && check.status_codes == null if check.protocol == "TCP"
    ])
    error_message = <<-EOT
      load_balancer.health_check.path and status_codes have no effect with protocol = "TCP".
      Remove them, or set protocol = "HTTP".
    EOT
  }

  validation {
    condition = alltrue([
      for check in var.load_balancer[*].health_check :
      can(regex("^/", check.path)) if contains(["HTTP", "HTTPS"], check.protocol)
    ])
    error_message = <<-EOT
      load_balancer.health_check.path must start with a slash and is required with HTTP and HTTPS,
      e.g. path = "/php/login.php".
    EOT
  }

  # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
  validation {
    condition     = alltrue([for path in compact(var.load_balancer[*].health_check.path) : length(path) <= 1024])
    error_message = <<-EOT
      load_balancer.health_check.path must have at most 1024 characters, e.g. path = "/php/login.php".
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for check in var.load_balancer[*].health_check : [
        for number in [
          check.interval_seconds, check.timeout_seconds, check.healthy_threshold, check.unhealthy_threshold,
        ] : floor(number) == number
      ]
    ]))
    error_message = <<-EOT
      load_balancer.health_check must have whole numbers as interval_seconds, timeout_seconds, healthy_threshold and
      unhealthy_threshold, e.g. { interval_seconds = 10, healthy_threshold = 3 }.
    EOT
  }

  # https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
  validation {
    condition = alltrue([
      for check in var.load_balancer[*].health_check :
      can(regex("^[23][0-9]{2}([,-][23][0-9]{2})*$", check.status_codes)) if check.status_codes != null
    ])
    error_message = <<-EOT
      load_balancer.health_check.status_codes must be codes from 200 to 399, e.g. status_codes = "200-399".
      A Gateway Load Balancer accepts no others.
    EOT
  }

  validation {
    condition = alltrue([
      for check in var.load_balancer[*].health_check :
      check.interval_seconds >= 5 &&
      check.interval_seconds <= 300 &&
      check.timeout_seconds >= 2 &&
      check.timeout_seconds <= 120 &&
      check.timeout_seconds <= check.interval_seconds
    ])
    error_message = <<-EOT
      load_balancer.health_check must have interval_seconds from 5 to 300, and timeout_seconds from 2 to 120 and at most
      interval_seconds, e.g. { interval_seconds = 10, timeout_seconds = 5 }.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for check in var.load_balancer[*].health_check : [
        for threshold in [check.healthy_threshold, check.unhealthy_threshold] : threshold >= 2 && threshold <= 10
      ]
    ]))
    error_message = <<-EOT
      load_balancer.health_check.healthy_threshold and unhealthy_threshold must be from 2 to 10, e.g. 3.
    EOT
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] : contains(["ipv4", "dualstack"], load_balancer.ip_address_type)
    ])
    error_message = <<-EOT
      load_balancer.ip_address_type must be "ipv4" or "dualstack", e.g. ip_address_type = "dualstack".
    EOT
  }

  # https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-listeners.html
  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      load_balancer.tcp_idle_timeout_seconds >= 60 &&
      load_balancer.tcp_idle_timeout_seconds <= 6000 &&
      floor(load_balancer.tcp_idle_timeout_seconds) == load_balancer.tcp_idle_timeout_seconds
    ])
    error_message = <<-EOT
      load_balancer.tcp_idle_timeout_seconds must be a whole number from 60 to 6000, e.g. 350.
    EOT
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      load_balancer.deregistration_delay_seconds >= 0 &&
      load_balancer.deregistration_delay_seconds <= 3600 &&
      floor(load_balancer.deregistration_delay_seconds) == load_balancer.deregistration_delay_seconds
    ])
    error_message = "load_balancer.deregistration_delay_seconds must be a whole number from 0 to 3600, e.g. 300."
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      contains(["rebalance", "no_rebalance"], load_balancer.target_failover)
    ])
    error_message = <<-EOT
      load_balancer.target_failover must be "rebalance" or "no_rebalance", e.g. target_failover = "no_rebalance".
    EOT
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      contains(["source_ip_dest_ip", "source_ip_dest_ip_proto"], load_balancer.stickiness)
      if load_balancer.stickiness != null
    ])
    error_message = <<-EOT
      load_balancer.stickiness must be "source_ip_dest_ip" or "source_ip_dest_ip_proto",
      e.g. stickiness = "source_ip_dest_ip", or null for the 5-tuple.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for load_balancer in var.load_balancer[*] : [
        for principal in load_balancer.endpoint_service.allowed_principals :
        principal == "*" ||
        can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9_+=,.@/-]+)$", principal))
      ]
    ]))
    error_message = <<-EOT
      load_balancer.endpoint_service.allowed_principals must be whole ARNs of accounts, users or roles,
      e.g. ["arn:aws:iam::123456789012:root"], or ["*"] for every principal.
    EOT
  }

  validation {
    condition = alltrue([
      for load_balancer in var.load_balancer[*] :
      load_balancer.endpoint_service.acceptance_required ||
      !contains(load_balancer.endpoint_service.allowed_principals, "*")
    ])
    error_message = <<-EOT
      load_balancer.endpoint_service.allowed_principals = ["*"] requires acceptance_required = true. Otherwise every AWS
      account could create an endpoint and send its traffic through your firewalls.
      Or name the accounts, e.g. allowed_principals = ["arn:aws:iam::123456789012:root"].
    EOT
  }
}

variable "target_group_arns" {
  description = <<-EOT
    ARNs of your own GENEVE target groups, for use without `load_balancer`.
    They require `security_group_ids` for the data interface, because only you know the source and port of your health
    check. Target groups of Application and Network Load Balancers belong in `interfaces[*].target_groups`.
  EOT
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.target_group_arns :
      can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$", arn))
    ])
    error_message = <<-EOT
      target_group_arns must be ARNs of target groups,
      e.g. ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef"].
    EOT
  }

  # Auto Scaling finds a target group in its own Region only.
  validation {
    condition     = alltrue([for arn in var.target_group_arns : try(split(":", arn)[3] == local.region, true)])
    error_message = <<-EOT
      target_group_arns must be in the Region of the firewalls, ${local.region}, as their load balancer is.
      Set target groups of this Region.
    EOT
  }
}
