variable "interfaces" {
  description = <<-EOT
    Network interfaces of each firewall, by a name of your choice; names and zones must be known at plan. One-arm: data and management. Two-arm: also untrust.
    - `role`               - `data` (index 0: the load balancer delivers to it), `management` (index 1) or `untrust`.
    - `device_index`       - place on the instance; 0 is attached at boot, the others by the launch function.
    - `subnet_ids`         - zone name => subnet, e.g. `{ us-east-1a = "subnet-0123…" }`; the same zones for every interface.
    - `security_group_ids` - (Optional) security groups; null makes a closed one. The data interface must name its own with `target_group_arns`.
    - `source_dest_check`  - (Optional) null: on for management, off for the others, which forward.
    - `public_ip`          - (Optional) an Elastic IP for each firewall; not for data.
    - `public_ipv4_pool`   - (Optional) your own pool for that address, e.g. `ipv4pool-ec2-0123…`.
    - `target_groups`      - (Optional) target groups of Application or Network Load Balancers, of type `ip`, in which the interface's private address is registered while the firewall is in service: `arn`, and `port` where the firewall takes the traffic.
      Its security groups must let that in. Keep its subnets for firewalls: a target there whose address nobody has any more is deregistered.
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
    error_message = "interfaces must be named by 1 to 31 lower-case letters, digits and hyphens, a letter first, e.g. \"data\"."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : contains(["data", "management", "untrust"], interface.role)])
    error_message = "interfaces[*].role must be \"data\", \"management\" or \"untrust\", e.g. role = \"data\"."
  }

  validation {
    condition     = [for interface in values(var.interfaces) : interface.device_index if interface.role == "data"] == [0]
    error_message = "interfaces must have exactly one interface with role = \"data\", at device_index = 0: it is the only one that a load balancer delivers to."
  }

  validation {
    condition     = [for interface in values(var.interfaces) : interface.device_index if interface.role == "management"] == [1]
    error_message = "interfaces must have exactly one interface with role = \"management\", at device_index = 1: with the interfaces swapped, PAN-OS takes the second one for management."
  }

  validation {
    condition     = length([for interface in values(var.interfaces) : interface if interface.role == "untrust"]) <= 1
    error_message = "interfaces may have one interface with role = \"untrust\" at most, e.g. untrust = { role = \"untrust\", device_index = 2, … }."
  }

  validation {
    condition     = alltrue([for index in range(length(var.interfaces)) : contains(values(var.interfaces)[*].device_index, index)])
    error_message = "interfaces[*].device_index must count up from 0 without gaps or repeats, e.g. 0 for data, 1 for management, 2 for untrust."
  }

  validation {
    condition     = length(distinct([for interface in values(var.interfaces) : join(",", sort(keys(interface.subnet_ids)))])) <= 1
    error_message = "interfaces[*].subnet_ids must name the same zones for every interface, e.g. us-east-1a and us-east-1b for each: a firewall has all of its interfaces in one zone."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : length(interface.subnet_ids) > 0])
    error_message = "interfaces[*].subnet_ids must have a subnet for at least one zone, e.g. { us-east-1a = \"subnet-0123456789abcdef0\" }."
  }

  validation {
    condition     = alltrue(flatten([for interface in values(var.interfaces) : [for zone, id in interface.subnet_ids : can(regex("^[a-z0-9-]+-[0-9]+[a-z]$", zone)) && can(regex("^subnet-[0-9a-f]+$", id))]]))
    error_message = "interfaces[*].subnet_ids must map zone names to subnet ids, e.g. { us-east-1a = \"subnet-0123456789abcdef0\" }."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : interface.security_group_ids == null ? true : length(interface.security_group_ids) >= 1 && length(interface.security_group_ids) <= 5])
    error_message = "interfaces[*].security_group_ids must name 1 to 5 security groups, e.g. [\"sg-0123456789abcdef0\"], or be null for a closed one that the module makes; an empty list would mean the VPC's default group."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : !interface.public_ip if interface.role == "data"])
    error_message = "interfaces[*].public_ip must be false for the data interface: the load balancer reaches it by its private address. Ask for it on untrust or management."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : interface.public_ip || interface.public_ipv4_pool == null])
    error_message = "interfaces[*].public_ipv4_pool has no effect without public_ip = true; leave it out or ask for the address."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : can(regex("^ipv4pool-ec2-[0-9a-f]+$", interface.public_ipv4_pool)) if interface.public_ipv4_pool != null])
    error_message = "interfaces[*].public_ipv4_pool must be the id of a pool of your own addresses, e.g. \"ipv4pool-ec2-0123456789abcdef0\"."
  }

  validation {
    condition     = alltrue(flatten([for interface in values(var.interfaces) : [for group in interface.target_groups : can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/", group.arn))]]))
    error_message = "interfaces[*].target_groups[*].arn must be the ARN of a target group of an Application or Network Load Balancer, e.g. \"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef\"."
  }

  validation {
    condition     = alltrue(flatten([for interface in values(var.interfaces) : [for group in interface.target_groups : group.port >= 1 && group.port <= 65535 && floor(group.port) == group.port]]))
    error_message = "interfaces[*].target_groups[*].port must be a whole number between 1 and 65535, e.g. port = 443."
  }

  validation {
    condition     = alltrue([for interface in values(var.interfaces) : length(distinct(interface.target_groups)) == length(interface.target_groups)])
    error_message = "interfaces[*].target_groups must not name a target group twice with the same port, e.g. [{ arn = \"arn:aws:elasticloadbalancing:…\", port = 443 }]."
  }
}

variable "management_access" {
  description = <<-EOT
    Who may reach the management interface, in the security group that the module makes for it; by default nobody. Panorama needs nothing here: firewalls call it.
    - `cidr_blocks` - (Optional) IPv4 networks, e.g. `["10.0.0.0/24"]`.
    - `ports`       - (Optional) TCP ports; defaults to HTTPS and SSH.
  EOT
  type = object({
    cidr_blocks = optional(list(string), [])
    ports       = optional(list(number), [443, 22])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for block in var.management_access.cidr_blocks : can(cidrnetmask(block))])
    error_message = "management_access.cidr_blocks must be IPv4 networks, e.g. [\"10.0.0.0/24\"]."
  }

  validation {
    condition     = alltrue([for block in var.management_access.cidr_blocks : try(tonumber(split("/", block)[1]) >= 8, true)])
    error_message = "management_access.cidr_blocks must not be wider than /8: a firewall's management is not for the whole internet. Name your networks, e.g. [\"10.0.0.0/24\"]."
  }

  validation {
    condition     = length(var.management_access.ports) > 0 && alltrue([for port in var.management_access.ports : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "management_access.ports must be at least one TCP port between 1 and 65535, e.g. [443, 22]."
  }

  validation {
    condition     = length(var.management_access.cidr_blocks) == 0 || alltrue([for interface in values(var.interfaces) : interface.security_group_ids == null if interface.role == "management"])
    error_message = "management_access has no effect when the management interface names its own security_group_ids; put the rules there, or leave security_group_ids out."
  }
}

variable "firewall" {
  description = <<-EOT
    Image, size and access of the firewalls. Exactly one of `ami_id` and `panos_version`.
    - `ami_id`                - (Optional) image, e.g. `ami-0123456789abcdef0`.
    - `panos_version`         - (Optional) PAN-OS version whose image is looked up in the AWS Marketplace, e.g. `11.1.4-h7`.
    - `license_type`          - (Optional) `byol` (own licenses or credits), `bundle1` or `bundle2` (paid by the hour).
    - `include_deprecated`    - (Optional) look among deprecated images too.
    - `instance_type`         - (Optional) EC2 instance type; it must carry as many interfaces as you name.
    - `key_name`              - (Optional) EC2 key pair of the administrator; needed unless the bootstrap brings one.
    - `root_volume`           - (Optional) `size_gib`, `type`, and `kms_key_arn` of your own key; always encrypted. Auto Scaling's service-linked role needs a grant on such a key.
    - `instance_profile_name` - (Optional) your own instance profile; otherwise the module makes one with what a firewall needs and nothing else.
    - `detailed_monitoring`   - (Optional) EC2's own metrics every minute.
  EOT
  type = object({
    ami_id             = optional(string)
    panos_version      = optional(string)
    license_type       = optional(string, "byol")
    include_deprecated = optional(bool, false)
    instance_type      = optional(string, "m5.xlarge")
    key_name           = optional(string)
    root_volume = optional(object({
      size_gib    = optional(number, 60)
      type        = optional(string, "gp3")
      kms_key_arn = optional(string)
    }), {})
    instance_profile_name = optional(string)
    detailed_monitoring   = optional(bool, false)
  })
  nullable = false

  validation {
    condition     = (var.firewall.ami_id == null) != (var.firewall.panos_version == null)
    error_message = "firewall must have exactly one of ami_id and panos_version, e.g. panos_version = \"11.1.4-h7\"."
  }

  validation {
    condition     = var.firewall.ami_id == null ? true : can(regex("^ami-[0-9a-f]{8,17}$", var.firewall.ami_id))
    error_message = "firewall.ami_id must be the id of an image, e.g. \"ami-0123456789abcdef0\"."
  }

  validation {
    condition     = var.firewall.panos_version == null ? true : can(regex("^[0-9]{2}\\.[0-9]+\\.[0-9]+(-h[0-9]+)?$", var.firewall.panos_version))
    error_message = "firewall.panos_version must be a whole PAN-OS version, with its hotfix if it has one, e.g. \"11.1.4-h7\" or \"11.2.3\"."
  }

  validation {
    condition     = contains(["byol", "bundle1", "bundle2"], var.firewall.license_type)
    error_message = "firewall.license_type must be \"byol\", \"bundle1\" or \"bundle2\", e.g. license_type = \"byol\"."
  }

  validation {
    condition     = !var.firewall.include_deprecated || var.firewall.ami_id == null
    error_message = "firewall.include_deprecated has no effect with ami_id; leave it out, or name a panos_version instead."
  }

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.firewall.instance_type))
    error_message = "firewall.instance_type must be an EC2 instance type, e.g. \"m5.xlarge\"."
  }

  validation {
    condition     = var.firewall.root_volume.size_gib >= 60 && floor(var.firewall.root_volume.size_gib) == var.firewall.root_volume.size_gib
    error_message = "firewall.root_volume.size_gib must be a whole number of at least 60, which PAN-OS needs, e.g. 60."
  }

  validation {
    condition     = contains(["gp2", "gp3"], var.firewall.root_volume.type)
    error_message = "firewall.root_volume.type must be \"gp3\" or \"gp2\", e.g. type = \"gp3\"."
  }

  validation {
    condition     = var.firewall.root_volume.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.firewall.root_volume.kms_key_arn))
    error_message = "firewall.root_volume.kms_key_arn must be the ARN of a key (not of an alias, which EBS does not follow), e.g. \"arn:aws:kms:us-east-1:123456789012:key/…\"."
  }
}

variable "bootstrap" {
  description = <<-EOT
    With what the firewalls start: exactly one of three. That data and management interface are swapped is always asked for.
    - `secret`  - (Recommended) `name` and `arn` of a Secrets Manager secret whose keys are those of PAN-OS's init-cfg file; `kms_key_arn` of your own key for it. Nothing of it is in the user data or the state.
    - `s3`      - `bucket`, and `prefix` in it, with a bootstrap package; `kms_key_arn` of your own key for it.
    - `options` - the keys of the init-cfg file that AWS has a use for, with underscores for hyphens. With `panorama` set, `panorama_server`, `panorama_server_2`, `tplname`, `dgname` and `cgname` default to what it says.
      Keys and codes among them can be read by whoever may describe launch templates: the plan warns.
  EOT
  type = object({
    secret = optional(object({
      name        = string
      arn         = string
      kms_key_arn = optional(string)
    }))
    s3 = optional(object({
      bucket      = string
      prefix      = optional(string)
      kms_key_arn = optional(string)
    }))
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
    condition     = length([for way in [var.bootstrap.secret, var.bootstrap.s3, var.bootstrap.options] : true if way != null]) == 1
    error_message = "bootstrap must have exactly one of secret, s3 and options, e.g. { secret = { name = \"fw/bootstrap\", arn = \"arn:aws:secretsmanager:…\" } }."
  }

  validation {
    condition     = var.bootstrap.secret == null ? true : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+", var.bootstrap.secret.arn))
    error_message = "bootstrap.secret.arn must be the ARN of a Secrets Manager secret, e.g. \"arn:aws:secretsmanager:us-east-1:123456789012:secret:fw/bootstrap-AbCdEf\"."
  }

  validation {
    condition     = var.bootstrap.secret == null ? true : can(regex("^[A-Za-z0-9/_+=.@-]+$", var.bootstrap.secret.name))
    error_message = "bootstrap.secret.name must be the name of a secret: letters, digits and /_+=.@- only, e.g. \"fw/bootstrap\"."
  }

  validation {
    condition     = var.bootstrap.s3 == null ? true : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bootstrap.s3.bucket)) && (var.bootstrap.s3.prefix == null ? true : can(regex("^[^/;, ][^;, ]*[^/;, ]$|^[^/;, ]$", var.bootstrap.s3.prefix)))
    error_message = "bootstrap.s3 must have the name of a bucket, e.g. bucket = \"fw-bootstrap\", and may have a prefix without slashes at its ends, e.g. prefix = \"prod/blue\"."
  }

  validation {
    condition     = var.bootstrap.options == null ? true : alltrue([for value in concat([for key, value in var.bootstrap.options : value if !contains(["op_command_modes", "plugin_op_commands"], key) && value != null], var.bootstrap.options.op_command_modes, var.bootstrap.options.plugin_op_commands) : can(regex("^[^; \\t\\r\\n]+$", value))])
    error_message = "bootstrap.options must not have empty values, blanks, line breaks or semicolons, which end a value in user data, e.g. dns_primary = \"10.0.0.2\"."
  }

  validation {
    condition     = var.bootstrap.options == null ? true : alltrue([for mode in var.bootstrap.options.op_command_modes : contains(["jumbo-frame", "multi-vsys"], mode)])
    error_message = "bootstrap.options.op_command_modes may have \"jumbo-frame\" and \"multi-vsys\", e.g. [\"jumbo-frame\"]; mgmt-interface-swap is always there."
  }

  validation {
    condition     = var.bootstrap.options == null ? true : alltrue([for command in var.bootstrap.options.plugin_op_commands : can(regex("^[A-Za-z0-9-]+(:[^,]+)?$", command))])
    error_message = "bootstrap.options.plugin_op_commands must be commands of the VM-Series plugin, one in each element, e.g. [\"aws-gwlb-inspect:enable\", \"aws-gwlb-overlay-routing:enable\"]."
  }

  validation {
    condition     = var.bootstrap.options == null ? true : (var.bootstrap.options.vm_series_auto_registration_pin_id == null) == (var.bootstrap.options.vm_series_auto_registration_pin_value == null)
    error_message = "bootstrap.options must have vm_series_auto_registration_pin_id and vm_series_auto_registration_pin_value together or not at all."
  }

  validation {
    condition     = var.bootstrap.options == null || var.panorama == null ? true : coalesce(var.bootstrap.options.dgname, var.panorama.device_group) == var.panorama.device_group && coalesce(var.bootstrap.options.tplname, var.panorama.template_stack) == var.panorama.template_stack
    error_message = "bootstrap.options.dgname and tplname must be those of panorama.device_group and panorama.template_stack, from which a leaving firewall is removed; leave them out, they default to these."
  }

  validation {
    condition     = var.firewall.instance_profile_name == null || (try(var.bootstrap.secret.kms_key_arn, null) == null && try(var.bootstrap.s3.kms_key_arn, null) == null)
    error_message = "bootstrap's kms_key_arn has no effect with firewall.instance_profile_name, whose role must allow kms:Decrypt itself; leave one of the two out."
  }
}
