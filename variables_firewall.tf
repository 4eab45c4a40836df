variable "interfaces" {
  description = <<-EOT
    Network interfaces of each firewall, by a name of your choice.
    Names and zones must be known at plan time. One-arm deployments have a data and a management interface; two-arm
    deployments also have an untrust interface. Each further interface, such as one for a DMZ, is `extra`.
    - `role`               - Use of the interface: `data` (device index 0, where the load balancer delivers traffic),
      `management` (device index 1), `untrust` (at most one) or `extra` (any number). PAN-OS names the interface at
      device index 2 `ethernet1/2`, the one at index 3 `ethernet1/3`, and so on.
    - `device_index`       - Device index on the instance. Index 0 is attached at boot, all others by the launch
      function.
    - `subnet_ids`         - Subnet ID by Availability Zone name, e.g. `{ us-east-1a = "subnet-0123…" }`. All interfaces
      must have the same zones.
    - `security_group_ids` - (Optional) IDs of 1 to 5 security groups. Null uses the security group that the module
      creates for the role: for management with the rules of `management_access`, for data with those that the load
      balancer needs, for untrust without ingress rules. Required for `extra`, and for data without `load_balancer`,
      since only you know their traffic. A change applies to new firewalls.
    - `source_dest_check`  - (Optional) Source/destination check. Null enables it for the management interface only,
      since the others forward traffic.
    - `public_ip`          - (Optional) Whether each firewall gets an Elastic IP address on this interface. Not
      allowed for data.
    - `public_ipv4_pool`   - (Optional) ID of your own address pool for the Elastic IP addresses, e.g.
      `ipv4pool-ec2-0123…`.
    - `target_groups`      - (Optional) Target groups of Application or Network Load Balancers, of target type `ip`,
      that get the interface's private IP address while the firewall is in service. The interface's security groups must
      allow the traffic. Use its subnets for firewalls only: the reconcile function deregisters targets in them whose
      address belongs to no network interface.
      - `arn`  - ARN of the target group.
      - `port` - Port on which the firewall receives the traffic.
  EOT
  type = map(object({
    role               = string
    device_index       = number
    subnet_ids         = map(string)
    security_group_ids = optional(list(string))
    source_dest_check  = optional(bool)
    public_ip          = optional(bool, false)
    public_ipv4_pool   = optional(string)
    target_groups = optional(list(object({
      arn  = string
      port = number
    })), [])
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.interfaces) : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = <<-EOT
      interfaces must have names of 1 to 31 lowercase letters, digits and hyphens that start with a letter, e.g. "data".
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) :
      contains(["data", "management", "untrust", "extra"], interface.role)
    ])
    error_message = <<-EOT
      interfaces[*].role must be "data", "management", "untrust" or "extra", e.g. role = "data".
    EOT
  }

  validation {
    condition = [
      for interface in values(var.interfaces) : interface.device_index if interface.role == "data"
    ] == [0]
    error_message = <<-EOT
      interfaces must have exactly one interface with role = "data", at device_index = 0,
      where load balancers deliver traffic.
    EOT
  }

  validation {
    condition = [
      for interface in values(var.interfaces) : interface.device_index if interface.role == "management"
    ] == [1]
    error_message = <<-EOT
      interfaces must have exactly one interface with role = "management", at device_index = 1:
      with swapped interfaces, PAN-OS uses the second one for management.
    EOT
  }

  validation {
    condition = length([
      for interface in values(var.interfaces) : interface if interface.role == "untrust"
    ]) <= 1
    error_message = <<-EOT
      interfaces must have at most one interface with role = "untrust",
      e.g. untrust = { role = "untrust", device_index = 2, … }. Others have role = "extra".
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) : interface.security_group_ids != null if interface.role == "extra"
    ])
    error_message = <<-EOT
      interfaces: an interface with role = "extra" must have security_group_ids, e.g. ["sg-0123456789abcdef0"],
      because only you know which traffic it gets.
    EOT
  }

  validation {
    condition = alltrue([
      for index in range(length(var.interfaces)) : contains(values(var.interfaces)[*].device_index, index)
    ])
    error_message = <<-EOT
      interfaces[*].device_index must count from 0 without gaps or duplicates, e.g. 0 for data, 1 for management and
      2 for untrust.
    EOT
  }

  validation {
    condition = length(distinct([
      for interface in values(var.interfaces) : join(",", sort(keys(interface.subnet_ids)))
    ])) <= 1
    error_message = <<-EOT
      interfaces[*].subnet_ids must have the same zones for every interface, e.g. us-east-1a and us-east-1b:
      all interfaces of a firewall are in one zone.
    EOT
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : length(interface.subnet_ids) > 0])
    error_message = <<-EOT
      interfaces[*].subnet_ids must have a subnet for at least one zone,
      e.g. { us-east-1a = "subnet-0123456789abcdef0" }.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for id in values(interface.subnet_ids) : can(regex("^subnet-[0-9a-f]+$", id))
      ]
    ]))
    error_message = <<-EOT
      interfaces[*].subnet_ids must map zone names to subnet IDs, e.g. { us-east-1a = "subnet-0123456789abcdef0" }.
    EOT
  }

  # Names of Local Zones and Wavelength Zones have a location after the Region, such as us-west-2-lax-1a and
  # us-east-1-wl1-bos-wlz-1. https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-wavelength-zones.html
  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for zone in keys(interface.subnet_ids) : !can(regex("^[a-z]+(-[a-z]+)+-[0-9]-.*[a-z].*-[0-9]+[a-z]?$", zone))
      ]
    ]))
    error_message = <<-EOT
      interfaces[*].subnet_ids must have Availability Zones, e.g. us-east-1a. Local Zones, e.g. us-west-2-lax-1a, and
      Wavelength Zones, e.g. us-east-1-wl1-bos-wlz-1, are not supported: they have no Gateway Load Balancers.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for zone in keys(interface.subnet_ids) :
        can(regex("^[a-z]+(-[a-z]+)+-[0-9](-.+|[a-z])$", zone))
      ]
    ]))
    error_message = <<-EOT
      interfaces[*].subnet_ids must have the names of Availability Zones as keys, e.g. us-east-1a: neither a Region, such
      as us-east-1, nor the ID of a zone, such as use1-az1, which stands for another zone name in each account.
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) :
      length(interface.security_group_ids) >= 1 && length(interface.security_group_ids) <= 5
      if interface.security_group_ids != null
    ])
    error_message = <<-EOT
      interfaces[*].security_group_ids must have 1 to 5 security groups, e.g. ["sg-0123456789abcdef0"], or be null to
      create one. An empty list is not allowed: it would mean the default security group of the VPC.
    EOT
  }

  # The launch function passes them to EC2, which would refuse a name at each launch.
  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for id in interface.security_group_ids : can(regex("^sg-[0-9a-f]+$", id))
      ] if interface.security_group_ids != null
    ]))
    error_message = <<-EOT
      interfaces[*].security_group_ids must be IDs of security groups, not names or ARNs,
      e.g. ["sg-0123456789abcdef0"].
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) : !interface.public_ip if interface.role == "data"
    ])
    error_message = <<-EOT
      interfaces[*].public_ip must be false for the data interface, which the load balancer reaches by its private
      address. Set public_ip = true for untrust or management instead.
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) : interface.public_ip || interface.public_ipv4_pool == null
    ])
    error_message = <<-EOT
      interfaces[*].public_ipv4_pool has no effect without public_ip = true. Remove it, or set public_ip = true.
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) : can(regex("^ipv4pool-ec2-[0-9a-f]+$", interface.public_ipv4_pool))
      if interface.public_ipv4_pool != null
    ])
    error_message = <<-EOT
      interfaces[*].public_ipv4_pool must be the ID of your own address pool, e.g. "ipv4pool-ec2-0123456789abcdef0".
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for group in interface.target_groups :
        can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$", group.arn))
      ]
    ]))
    error_message = <<-EOT
      interfaces[*].target_groups[*].arn must be the ARN of a target group of an Application or Network Load Balancer,
      e.g. "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef".
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for group in interface.target_groups :
        group.port >= 1 && group.port <= 65535 && floor(group.port) == group.port
      ]
    ]))
    error_message = <<-EOT
      interfaces[*].target_groups[*].port must be a whole number from 1 to 65535, e.g. port = 443.
    EOT
  }

  validation {
    condition = alltrue([
      for interface in values(var.interfaces) :
      length(distinct(interface.target_groups)) == length(interface.target_groups)
    ])
    error_message = <<-EOT
      interfaces[*].target_groups must not have the same target group and port twice,
      e.g. [{ arn = "arn:aws:elasticloadbalancing:…", port = 443 }].
    EOT
  }

  # Not by local.region, which depends on this variable.
  validation {
    condition = alltrue(flatten([
      for interface in values(var.interfaces) : [
        for pair in setproduct(interface.target_groups[*].arn, keys(interface.subnet_ids)) :
        startswith(pair[1], try(split(":", pair[0])[3], ""))
      ]
    ]))
    error_message = <<-EOT
      interfaces[*].target_groups[*].arn must be in the Region of the zones in interfaces[*].subnet_ids: a target group
      takes only addresses that its load balancer reaches in its own Region.
      Set a target group of this Region, e.g. of us-east-1 for the zone us-east-1a.
    EOT
  }
}

locals {
  # The Region of the zones. The data source aws_subnet checks that the provider's Region has them. Names of roles contain
  # the Region, so it must be known in every plan: Terraform does not read a data source during a plan if it has a condition, or its
  # module a depends_on, on which changes are pending, and would then replace all roles, and with them all firewalls.
  # https://developer.hashicorp.com/terraform/language/data-sources#dependencies
  region = try(regex("^(.+)[a-z]$", flatten([for interface in values(var.interfaces) : keys(interface.subnet_ids)])[0])[0], "")
}

variable "management_access" {
  description = <<-EOT
    Rules of the security group that the module creates for management interfaces. A management interface with its own
    `security_group_ids` does not have them.
    Ingress is closed by default: Panorama needs no rule, because the firewalls connect to it. Egress is open to what
    PAN-OS needs: TCP ports 80, 443, 444, 3978 and 28443, DNS and NTP.
    - `cidr_blocks` - (Optional) IPv4 CIDR blocks that may connect, by a name of your choice, e.g.
      `{ office = "10.0.0.0/24" }`.
    - `ports`       - (Optional) TCP ports that they may connect to.
    - `egress`      - (Optional) Further services to which firewalls may connect, by a name of your choice, e.g.
      `{ syslog = { port = 6514, cidr_blocks = { collectors = "10.0.9.0/24" } } }`.
      - `protocol`    - (Optional) `tcp` or `udp`.
      - `port`        - Port.
      - `cidr_blocks` - IPv4 CIDR blocks of the service, by a name of your choice.
  EOT
  type = object({
    cidr_blocks = optional(map(string), {})
    ports       = optional(list(number), [443, 22])
    egress = optional(map(object({
      protocol    = optional(string, "tcp")
      port        = number
      cidr_blocks = map(string)
    })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for block in values(var.management_access.cidr_blocks) : can(cidrnetmask(block))])
    error_message = "management_access.cidr_blocks must be IPv4 CIDR blocks, e.g. { office = \"10.0.0.0/24\" }."
  }

  validation {
    condition = alltrue([
      for network in flatten([
        keys(var.management_access.cidr_blocks),
        [for service in values(var.management_access.egress) : keys(service.cidr_blocks)],
      ]) : can(regex("^[a-z][a-z0-9-]{0,30}$", network))
    ])
    error_message = <<-EOT
      management_access: cidr_blocks must have names of 1 to 31 lowercase letters, digits and hyphens that start with a
      letter, e.g. { office = "10.0.0.0/24" }. The names must be known at plan time, the CIDR blocks need not be.
    EOT
  }

  # EC2 refuses a rule that exists. CIDR blocks that are unknown at plan time cannot be compared.
  validation {
    condition     = length(distinct(values(var.management_access.cidr_blocks))) == length(var.management_access.cidr_blocks)
    error_message = <<-EOT
      management_access.cidr_blocks must not have a network twice, e.g. { office = "10.0.0.0/24", branch = "10.0.1.0/24" }:
      EC2 refuses the same rule twice.
    EOT
  }

  validation {
    condition = alltrue([
      for rules in values({
        for rule in flatten([
          for service in values(var.management_access.egress) : [
            for block in values(service.cidr_blocks) : { port = "${service.protocol}/${service.port}", block = block }
          ]
        ]) : rule.port => rule.block...
      }) : length(distinct(rules)) == length(rules)
    ])
    error_message = <<-EOT
      management_access.egress must not have the same protocol, port and network twice: EC2 refuses the same rule twice.
      Remove one of them.
    EOT
  }

  validation {
    condition = alltrue([
      for service in values(var.management_access.egress) :
      !contains(values(service.cidr_blocks), "0.0.0.0/0") || !contains(
        ["tcp/80", "tcp/443", "tcp/444", "tcp/3978", "tcp/28443", "tcp/53", "udp/53", "udp/123"],
        "${service.protocol}/${service.port}",
      )
    ])
    error_message = <<-EOT
      management_access.egress must not have what is open to 0.0.0.0/0 already: TCP ports 80, 443, 444, 3978 and 28443, DNS
      and NTP. EC2 refuses the same rule twice. Remove it.
    EOT
  }

  validation {
    condition = alltrue([
      for block in values(var.management_access.cidr_blocks) : try(tonumber(split("/", block)[1]) >= 8, true)
    ])
    error_message = <<-EOT
      management_access.cidr_blocks must not be larger than /8: the management interface must not be open to the whole
      internet. Use the CIDR blocks of your networks, e.g. { office = "10.0.0.0/24" }.
    EOT
  }

  # EC2 stores 10.0.0.1/24 as 10.0.0.0/24, and refuses the second of two blocks that it stores alike.
  # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
  validation {
    condition = alltrue([
      for block in concat(
        values(var.management_access.cidr_blocks),
        flatten([for service in values(var.management_access.egress) : values(service.cidr_blocks)]),
      ) : try(cidrsubnet(block, 0, 0) == block, true)
    ])
    error_message = <<-EOT
      management_access: cidr_blocks must be the first address of a network and its prefix length, e.g. "10.0.0.0/24"
      instead of "10.0.0.1/24", or for a single address "10.0.0.1/32".
    EOT
  }

  validation {
    condition = length(var.management_access.cidr_blocks) > 0 || (
      toset(var.management_access.ports) == toset([443, 22])
    )
    error_message = <<-EOT
      management_access.ports has no effect without management_access.cidr_blocks, the networks that may connect.
      Set both, e.g. { cidr_blocks = { office = "10.0.0.0/24" }, ports = [443] }, or remove ports.
    EOT
  }

  validation {
    condition = length(var.management_access.ports) > 0 && alltrue([
      for port in var.management_access.ports : port >= 1 && port <= 65535 && floor(port) == port
    ])
    error_message = "management_access.ports must have at least one TCP port from 1 to 65535, e.g. [443, 22]."
  }

  validation {
    condition = alltrue([
      for name, rule in var.management_access.egress :
      can(regex("^[a-z][a-z0-9-]{0,30}$", name)) &&
      contains(["tcp", "udp"], rule.protocol) &&
      rule.port >= 1 && rule.port <= 65535 && floor(rule.port) == rule.port &&
      length(rule.cidr_blocks) > 0 && alltrue([for block in values(rule.cidr_blocks) : can(cidrnetmask(block))])
    ])
    error_message = <<-EOT
      management_access.egress must map names of lowercase letters, digits and hyphens to a protocol ("tcp" or "udp"), a
      port from 1 to 65535 and at least one IPv4 CIDR block,
      e.g. { syslog = { protocol = "tcp", port = 6514, cidr_blocks = { collectors = "10.0.9.0/24" } } }.
    EOT
  }
}

variable "security_groups" {
  description = <<-EOT
    Security groups that the module creates: one for each role, `data`, `management` and `untrust`. They exist as long as
    the deployment, also while no interface uses them, because a running firewall keeps its security groups until it is
    replaced.
    - `create` - (Optional) Whether to create them. False is allowed when every interface has `security_group_ids`, and no
      network interface uses a security group of the module any more.
  EOT
  type = object({
    create = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition = var.security_groups.create || alltrue([
      for interface in values(var.interfaces) : interface.security_group_ids != null
    ])
    error_message = <<-EOT
      security_groups.create = false requires security_group_ids for every interface, e.g. ["sg-0123456789abcdef0"].
      Missing: ${join(", ", [for name, interface in var.interfaces : name if interface.security_group_ids == null])}.
    EOT
  }

  validation {
    condition = (
      var.security_groups.create ||
      length(var.management_access.cidr_blocks) + length(var.management_access.egress) == 0
    )
    error_message = <<-EOT
      management_access has no effect with security_groups.create = false. Add the rules to your security groups, and
      remove management_access.
    EOT
  }
}

variable "firewall" {
  description = <<-EOT
    Image, instance type and access of the firewalls.
    Set exactly one of `ami_id` and `panos_version`.
    - `ami_id`                - (Optional) ID of the VM-Series image, e.g. `ami-0123456789abcdef0`.
    - `panos_version`         - (Optional) PAN-OS version to look up in AWS Marketplace, e.g. `11.2.15`. The image that
      is found first is kept until the version, the license type or the architecture changes, even if AWS Marketplace
      publishes the version again or removes it.
    - `license_type`          - (Optional) License type of the image: `byol` (your own licenses or credits), `bundle1`
      or `bundle2` (pay-as-you-go). Images for Graviton are found by version with `byol` only.
    - `include_deprecated`    - (Optional) Whether the lookup includes deprecated images: those that AWS hides two years
      after their publication, or that Palo Alto Networks withdraws. Null includes them. Not allowed with `ami_id`.
    - `instance_type`         - (Optional) EC2 instance type. It must support the number of interfaces in `interfaces`,
      be offered in all zones, and have the architecture of the image.
    - `key_name`              - (Optional) Name of the EC2 key pair of the firewall administrator. Required unless the
      bootstrap configuration has an administrator.
    - `root_volume`           - (Optional) Root volume, which is always encrypted.
      - `size_gib`    - (Optional) Size in GiB.
      - `type`        - (Optional) EBS volume type: `gp3` or `gp2`.
      - `kms_key_arn` - (Optional) ARN of your own KMS key; the service-linked role of Auto Scaling needs a grant on it.
        Null uses the AWS managed key.
    - `instance_profile`      - (Optional) Your own instance profile, for new firewalls. Its role must be allowed what
      that of the module is. Null uses the profile of the module, with only the permissions that a firewall needs. It
      exists in any case, because running firewalls keep theirs.
      - `name` - Name of the instance profile.
    - `detailed_monitoring`   - (Optional) Whether EC2 publishes its own metrics every minute.
  EOT
  type = object({
    ami_id             = optional(string)
    panos_version      = optional(string)
    license_type       = optional(string, "byol")
    include_deprecated = optional(bool)
    instance_type      = optional(string, "m5.xlarge")
    key_name           = optional(string)
    root_volume = optional(object({
      size_gib    = optional(number, 60)
      type        = optional(string, "gp3")
      kms_key_arn = optional(string)
    }), {})
    instance_profile    = optional(object({ name = string }))
    detailed_monitoring = optional(bool, false)
  })
  nullable = false

  validation {
    condition     = (var.firewall.ami_id == null) != (var.firewall.panos_version == null)
    error_message = <<-EOT
      firewall must have exactly one of ami_id and panos_version, e.g. panos_version = "11.2.15".
    EOT
  }

  validation {
    condition     = alltrue([for id in var.firewall.ami_id[*] : can(regex("^ami-[0-9a-f]{8,17}$", id))])
    error_message = "firewall.ami_id must be the ID of an image, e.g. \"ami-0123456789abcdef0\"."
  }

  validation {
    condition = alltrue([
      for version in var.firewall.panos_version[*] : can(regex("^[0-9]{2}\\.[0-9]+\\.[0-9]+(-h[0-9]+)?$", version))
    ])
    error_message = <<-EOT
      firewall.panos_version must be a complete PAN-OS version, including any hotfix, e.g. "11.2.15" or "11.1.10-h25".
    EOT
  }

  validation {
    condition     = contains(["byol", "bundle1", "bundle2"], var.firewall.license_type)
    error_message = <<-EOT
      firewall.license_type must be "byol", "bundle1" or "bundle2", e.g. license_type = "byol".
    EOT
  }

  validation {
    condition     = var.firewall.include_deprecated == null || var.firewall.ami_id == null
    error_message = <<-EOT
      firewall.include_deprecated has no effect with ami_id. Remove it, or set panos_version instead of ami_id.
    EOT
  }

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.firewall.instance_type))
    error_message = "firewall.instance_type must be an EC2 instance type, e.g. \"m5.xlarge\"."
  }

  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html
  validation {
    condition = alltrue([
      for profile in var.firewall.instance_profile[*] : can(regex("^[A-Za-z0-9_+=,.@-]{1,128}$", profile.name))
    ])
    error_message = <<-EOT
      firewall.instance_profile.name must be the name of an instance profile, not its ARN and without its path,
      e.g. instance_profile = { name = "firewalls" }. EC2 would refuse each launch with another value.
    EOT
  }

  # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html
  validation {
    condition     = alltrue([for name in var.firewall.key_name[*] : can(regex("^[!-~]([ -~]{0,253}[!-~])?$", name))])
    error_message = <<-EOT
      firewall.key_name must be the name of an EC2 key pair, of 1 to 255 ASCII characters without spaces at either end,
      e.g. key_name = "network". An empty name would launch firewalls without a key: use null for that.
    EOT
  }

  validation {
    condition = (
      var.firewall.root_volume.size_gib >= 60 &&
      floor(var.firewall.root_volume.size_gib) == var.firewall.root_volume.size_gib
    )
    error_message = <<-EOT
      firewall.root_volume.size_gib must be a whole number of at least 60, the minimum for PAN-OS, e.g. size_gib = 60.
    EOT
  }

  validation {
    condition     = contains(["gp2", "gp3"], var.firewall.root_volume.type)
    error_message = "firewall.root_volume.type must be \"gp3\" or \"gp2\", e.g. type = \"gp3\"."
  }

  validation {
    condition = alltrue([
      for arn in var.firewall.root_volume.kms_key_arn[*] :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      firewall.root_volume.kms_key_arn must be the whole ARN of a KMS key,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
      The ARN of an alias is not allowed, because EBS does not resolve it.
    EOT
  }

  # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
  validation {
    condition     = var.firewall.root_volume.size_gib <= (var.firewall.root_volume.type == "gp2" ? 16384 : 65536)
    error_message = <<-EOT
      firewall.root_volume.size_gib must be at most 16384 with type = "gp2" and 65536 with "gp3", the limits of EBS,
      e.g. size_gib = 60.
    EOT
  }

  # EBS knows only the keys of its own Region. Each launch would fail after it is accepted.
  # https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
  validation {
    condition = alltrue([
      for arn in var.firewall.root_volume.kms_key_arn[*] : try(split(":", arn)[3] == local.region, true)
    ])
    error_message = <<-EOT
      firewall.root_volume.kms_key_arn must be a key in the Region of the firewalls, ${local.region}, because EBS uses no
      key of another Region. Set a key of this Region, or the replica there of a multi-Region key.
    EOT
  }
}

variable "bootstrap" {
  description = <<-EOT
    Source of the firewalls' bootstrap configuration.
    Set exactly one of `secret`, `s3` and `options`. `mgmt-interface-swap=enable` is always added.
    With `secret` and `s3`, behind a Gateway Load Balancer, the configuration must contain
    `plugin-op-commands=aws-gwlb-inspect:enable`: without it, PAN-OS does not inspect the traffic in the load balancer's
    GENEVE tunnels, although it enters service. With `options`, the module adds it.
    - `secret`   - (Recommended) Secrets Manager secret with the keys of PAN-OS's init-cfg file. Its values appear
      neither in the user data nor in the Terraform state.
      - `arn`         - ARN of the secret.
      - `name`        - (Optional) Name of the secret. Defaults to the name in `arn`.
      - `kms_key_arn` - (Optional) ARN of your own KMS key with which the secret is encrypted.
    - `s3`       - (Optional) S3 bucket with a bootstrap package.
      - `bucket`      - Name of the bucket.
      - `prefix`      - (Optional) Prefix of the package in the bucket.
      - `kms_key_arn` - (Optional) ARN of your own KMS key with which the package is encrypted.
    - `revision` - (Optional) Any text that you change when the content of the secret or the package changes, which Terraform
      does not read: a firewall gets it at its launch only. A change starts an instance refresh, if there is one.
    - `options`  - (Optional) Keys of the init-cfg file, written to the user data. Everyone who may describe launch
      templates can read them; a plan warns when they include an authentication key, a code or a password.
      - `hostname`                              - (Optional) Host name of every firewall.
      - `panorama_server`                       - (Optional) Host name or IP address of Panorama. Defaults to the first
        of `panorama.hostnames`, and to `cloud` with `strata_cloud_manager`.
      - `panorama_server_2`                     - (Optional) Host name or IP address of the second Panorama of an HA
        pair. Defaults to the second of `panorama.hostnames`.
      - `tplname`                               - (Optional) Template stack. Defaults to `panorama.template_stack`, and
        must not differ from it.
      - `dgname`                                - (Optional) Device group, or folder of Strata Cloud Manager. Defaults to
        `panorama.device_group` or `strata_cloud_manager.folder`, and must not differ from it.
      - `cgname`                                - (Optional) Collector group. Defaults to
        `panorama.log_collector_group`.
      - `vm_auth_key`                           - (Optional) VM auth key with which firewalls register with Panorama.
      - `auth_key`                              - (Optional) Device registration authentication key of Panorama.
      - `authcodes`                             - (Optional) Auth codes with which firewalls activate their licenses.
      - `dns_primary`                           - (Optional) IP address of the primary DNS server.
      - `dns_secondary`                         - (Optional) IP address of the secondary DNS server.
      - `op_command_modes`                      - (Optional) Operational modes besides the interface swap: `jumbo-frame`
        and `multi-vsys`.
      - `op_cmd_dpdk_pkt_io`                    - (Optional) Whether PAN-OS uses DPDK for packet I/O. Null keeps
        PAN-OS's default.
      - `plugin_op_commands`                    - (Optional) Commands of the VM-Series plugin, e.g.
        `["aws-gwlb-overlay-routing:enable"]` for a two-arm deployment. `aws-gwlb-inspect:enable` is added, unless the
        list has a value for `aws-gwlb-inspect`.
      - `dhcp_send_hostname`                    - (Optional) Whether the management interface sends its host name to the
        DHCP server.
      - `dhcp_send_client_id`                   - (Optional) Whether the management interface sends its client ID to the
        DHCP server.
      - `dhcp_accept_server_hostname`           - (Optional) Whether the firewall takes its host name from the DHCP server.
      - `dhcp_accept_server_domain`             - (Optional) Whether the firewall takes its DNS suffix from the DHCP server.
      - `vm_series_auto_registration_pin_id`    - (Optional) PIN ID with which firewalls request a device certificate.
      - `vm_series_auto_registration_pin_value` - (Optional) PIN value that belongs to the PIN ID. Set both or neither.
      - `redis_endpoint`                        - (Optional) `address:port` of the Redis server that shares session
        state.
      - `redis_auth`                            - (Optional) Password of the Redis server.
      - `redis_certificate`                     - (Optional) Certificate of the Redis server.
  EOT
  type = object({
    secret = optional(object({
      arn         = string
      name        = optional(string)
      kms_key_arn = optional(string)
    }))
    s3 = optional(object({
      bucket      = string
      prefix      = optional(string)
      kms_key_arn = optional(string)
    }))
    revision = optional(string)
    options = optional(object({
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
      op_command_modes                      = optional(list(string), [])
      op_cmd_dpdk_pkt_io                    = optional(bool)
      plugin_op_commands                    = optional(list(string), [])
      dhcp_send_hostname                    = optional(bool, true)
      dhcp_send_client_id                   = optional(bool, true)
      dhcp_accept_server_hostname           = optional(bool, true)
      dhcp_accept_server_domain             = optional(bool, true)
      vm_series_auto_registration_pin_id    = optional(string)
      vm_series_auto_registration_pin_value = optional(string)
      redis_endpoint                        = optional(string)
      redis_auth                            = optional(string)
      redis_certificate                     = optional(string)
    }))
  })
  default  = { options = {} }
  nullable = false

  validation {
    condition = length([
      for source in [var.bootstrap.secret, var.bootstrap.s3, var.bootstrap.options] : true if source != null
    ]) == 1
    error_message = <<-EOT
      bootstrap must have exactly one of secret, s3 and options,
      e.g. { secret = { arn = "arn:aws:secretsmanager:…" } }.
    EOT
  }

  validation {
    condition = alltrue([
      for secret in var.bootstrap.secret[*] :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", secret.arn))
    ])
    error_message = <<-EOT
      bootstrap.secret.arn must be the whole ARN of a Secrets Manager secret, with the six random characters at its end and
      without wildcards, e.g. "arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf".
    EOT
  }

  validation {
    condition = alltrue([
      for arn in compact(concat(var.bootstrap.secret[*].kms_key_arn, var.bootstrap.s3[*].kms_key_arn)) :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = <<-EOT
      bootstrap.secret.kms_key_arn and bootstrap.s3.kms_key_arn must be the whole ARN of a KMS key, not of an alias,
      e.g. "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab".
    EOT
  }

  validation {
    condition = alltrue([
      for secret in var.bootstrap.secret[*] :
      secret.name == try(regex("secret:(.+)-[A-Za-z0-9]{6}$", secret.arn)[0], null) if secret.name != null
    ])
    error_message = <<-EOT
      bootstrap.secret.name must be the name in bootstrap.secret.arn, without the six random characters at its end,
      e.g. "fw/bootstrap". Or remove it.
    EOT
  }

  validation {
    condition = alltrue([
      for s3 in var.bootstrap.s3[*] :
      can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", s3.bucket)) &&
      alltrue([for prefix in s3.prefix[*] : can(regex("^[^/;, *?$]([^;, *?$]*[^/;, *?$])?$", prefix))])
    ])
    error_message = <<-EOT
      bootstrap.s3 must have the name of a bucket, e.g. bucket = "fw-bootstrap", and may have a prefix that neither
      starts nor ends with a slash and has no wildcards, e.g. prefix = "prod/blue".
    EOT
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  validation {
    condition = alltrue([
      for s3 in var.bootstrap.s3[*] :
      !strcontains(s3.bucket, "..") && !can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$", s3.bucket))
    ])
    error_message = <<-EOT
      bootstrap.s3.bucket must not have two dots in a row and must not look like an IP address, since no bucket has such
      a name, e.g. bucket = "fw-bootstrap".
    EOT
  }

  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  validation {
    condition = alltrue([
      for secret in var.bootstrap.secret[*] :
      try(split(":", secret.kms_key_arn)[3] == split(":", secret.arn)[3], true) if secret.kms_key_arn != null
    ])
    error_message = <<-EOT
      bootstrap.secret.kms_key_arn must be in the Region of bootstrap.secret.arn: Secrets Manager encrypts a secret with a
      key of its own Region. Set the key that the secret shows in this Region, or the replica there of a multi-Region key.
    EOT
  }

  # Documented as IP addresses, and no server could resolve a name yet.
  # https://docs.paloaltonetworks.com/vm-series/11-1/vm-series-deployment/bootstrap-the-vm-series-firewall/create-the-init-cfgtxt-file/init-cfgtxt-file-components
  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for address in compact([options.dns_primary, options.dns_secondary]) :
        can(cidrhost("${address}/32", 0)) || can(cidrhost("${address}/128", 0))
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options.dns_primary and dns_secondary must be IP addresses, not names, e.g. dns_primary = "10.0.0.2".
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for server in compact([options.panorama_server, options.panorama_server_2]) :
        can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", server)) || can(cidrhost("${server}/128", 0))
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options.panorama_server and panorama_server_2 must be host names or IP addresses without scheme, port or
      path, e.g. panorama_server = "panorama.example.com".
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] :
      options.panorama_server != null || var.panorama != null || var.strata_cloud_manager != null || length(compact([
        options.panorama_server_2, options.tplname, options.dgname, options.cgname, options.vm_auth_key, options.auth_key,
      ])) == 0
    ])
    error_message = <<-EOT
      bootstrap.options.panorama_server_2, tplname, dgname, cgname, vm_auth_key and auth_key have no effect without a
      Panorama: the firewalls register with none. Set panorama, or bootstrap.options.panorama_server, e.g.
      panorama_server = "panorama.example.com".
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] : can(regex("^.+:[0-9]{1,5}$", options.redis_endpoint))
      if options.redis_endpoint != null
    ])
    error_message = <<-EOT
      bootstrap.options.redis_endpoint must be the address and the port of the Redis server,
      e.g. "redis.example.com:6379".
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] :
      options.redis_endpoint != null || length(compact([options.redis_auth, options.redis_certificate])) == 0
    ])
    error_message = <<-EOT
      bootstrap.options.redis_auth and redis_certificate have no effect without redis_endpoint.
      Set redis_endpoint, e.g. "redis.example.com:6379", or remove them.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for value in concat(
          [for key, value in options : value if !contains(["op_command_modes", "plugin_op_commands"], key)],
          options.op_command_modes,
          options.plugin_op_commands,
        ) :
        can(regex("^[^; \\t\\r\\n]+$", value)) if value != null
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options must not have empty values, or values with spaces, line breaks or semicolons, which would end
      the value in the user data, e.g. dns_primary = "10.0.0.2".
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for mode in options.op_command_modes : contains(["jumbo-frame", "multi-vsys"], mode)
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options.op_command_modes must be "jumbo-frame" or "multi-vsys", e.g. ["jumbo-frame"].
      mgmt-interface-swap is always set.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for command in options.plugin_op_commands : can(regex("^[A-Za-z0-9-]+(:[^,]+)?$", command))
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options.plugin_op_commands must have one command of the VM-Series plugin per element,
      e.g. ["aws-gwlb-inspect:enable", "aws-gwlb-overlay-routing:enable"].
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] :
      (options.vm_series_auto_registration_pin_id == null) == (options.vm_series_auto_registration_pin_value == null)
    ])
    error_message = <<-EOT
      bootstrap.options must have both vm_series_auto_registration_pin_id and vm_series_auto_registration_pin_value,
      or neither.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for panorama in var.panorama[*] :
        coalesce(options.dgname, panorama.device_group) == panorama.device_group &&
        coalesce(options.tplname, panorama.template_stack) == panorama.template_stack
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options.dgname and tplname must equal panorama.device_group and panorama.template_stack, from which
      terminating firewalls are removed. Remove both: these are their defaults.
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] : options.panorama_server != "cloud" || var.panorama == null
    ])
    error_message = <<-EOT
      bootstrap.options.panorama_server = "cloud" registers the firewalls with Strata Cloud Manager, but panorama is set.
      Remove panorama_server, or set strata_cloud_manager instead of panorama.
    EOT
  }

  validation {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for strata in var.strata_cloud_manager[*] :
        coalesce(options.panorama_server, "cloud") == "cloud" && coalesce(options.dgname, strata.folder) == strata.folder
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options.panorama_server must be "cloud" and dgname must equal strata_cloud_manager.folder, in which new
      firewalls are expected. Remove both: these are their defaults with strata_cloud_manager.
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] :
      var.strata_cloud_manager == null || length(compact([
        options.panorama_server_2, options.tplname, options.cgname, options.vm_auth_key, options.auth_key,
      ])) == 0
    ])
    error_message = <<-EOT
      bootstrap.options.panorama_server_2, tplname, cgname, vm_auth_key and auth_key are for Panorama, and have no effect
      with strata_cloud_manager. Remove them.
    EOT
  }

  validation {
    condition = alltrue([
      for options in var.bootstrap.options[*] :
      var.strata_cloud_manager == null || options.vm_series_auto_registration_pin_id != null
    ])
    error_message = <<-EOT
      bootstrap.options.vm_series_auto_registration_pin_id and vm_series_auto_registration_pin_value are required with
      strata_cloud_manager: a firewall without a device certificate never registers with it. Better set bootstrap.secret
      instead of options, because both are secrets.
    EOT
  }
}
