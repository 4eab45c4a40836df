# What it is ---------------------------------------------------------------------------------------------------------------------------

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

# The firewalls ------------------------------------------------------------------------------------------------------------------------

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

variable "capacity" {
  description = <<-EOT
    How many firewalls there are, and how their group handles them.
    - `min`, `max`                      - least and greatest number; at least one for each zone is wise.
    - `desired`                         - (Optional) number to begin with; null for `min`. Scaling decides afterwards.
    - `default_instance_warmup_seconds` - (Optional) how long a firewall in service is not counted yet. The launch hook has waited for it already, so two publishing intervals of a minute do.
    - `health_check`                    - (Optional) `type` `EC2` or `ELB`, and `grace_period_seconds` after a firewall got into service. `EC2`: the load balancer passes by a firewall that does not answer, and a bad
      configuration pushed to all of them does not make Auto Scaling replace them all.
    - `termination_policies`            - (Optional) which firewall leaves first, within the zone that has most.
    - `suspended_processes`             - (Optional) processes of Auto Scaling to suspend, e.g. `["AZRebalance"]`.
    - `metrics`                         - (Optional) group metrics, by the minute and free.
    - `max_instance_lifetime_days`      - (Optional) replaces firewalls that are older.
    - `scale_in_protection`             - (Optional) protects new firewalls from scaling in.
    - `wait_for_capacity_timeout`       - (Optional) how long apply waits for firewalls in service, e.g. `45m`; `0` does not wait: a wait that times out makes Terraform replace the group.
    - `instance_refresh`                - (Optional) replaces firewalls when their launch template changes; null leaves that to you. Percentages of desired capacity: with 100 and 134, no firewall leaves before its successor serves, a third of the group at once.
  EOT
  type = object({
    min                             = number
    max                             = number
    desired                         = optional(number)
    default_instance_warmup_seconds = optional(number, 120)
    health_check = optional(object({
      type                 = optional(string, "EC2")
      grace_period_seconds = optional(number, 300)
    }), {})
    termination_policies = optional(list(string), ["Default"])
    suspended_processes  = optional(set(string), [])
    metrics = optional(set(string), [
      "GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize",
      "GroupPendingInstances", "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances",
    ])
    max_instance_lifetime_days = optional(number)
    scale_in_protection        = optional(bool, false)
    wait_for_capacity_timeout  = optional(string, "0")
    instance_refresh = optional(object({
      min_healthy_percentage       = optional(number, 100)
      max_healthy_percentage       = optional(number, 134)
      instance_warmup_seconds      = optional(number)
      checkpoint_percentages       = optional(list(number))
      checkpoint_delay_seconds     = optional(number)
      auto_rollback                = optional(bool, false)
      skip_matching                = optional(bool, true)
      scale_in_protected_instances = optional(string, "Refresh")
      standby_instances            = optional(string, "Ignore")
      alarm_names                  = optional(list(string), [])
    }))
  })
  nullable = false

  validation {
    condition     = alltrue([for number in compact([var.capacity.min, var.capacity.max, var.capacity.desired]) : number >= 0 && floor(number) == tonumber(number)])
    error_message = "capacity.min, max and desired must be whole numbers of at least 0, e.g. min = 3."
  }

  validation {
    condition     = var.capacity.max >= 1 && var.capacity.min <= var.capacity.max
    error_message = "capacity.max must be at least 1 and at least capacity.min, e.g. { min = 3, max = 6 }."
  }

  validation {
    condition     = var.capacity.desired == null ? true : var.capacity.desired >= var.capacity.min && var.capacity.desired <= var.capacity.max
    error_message = "capacity.desired must lie between capacity.min and capacity.max, e.g. { min = 3, max = 6, desired = 4 }; null begins with min."
  }

  validation {
    condition     = var.capacity.default_instance_warmup_seconds >= 0 && var.capacity.default_instance_warmup_seconds <= 3600
    error_message = "capacity.default_instance_warmup_seconds must be between 0 and 3600, e.g. 120; the time to boot does not belong to it, since the launch hook waits for that."
  }

  validation {
    condition     = contains(["EC2", "ELB"], var.capacity.health_check.type) && var.capacity.health_check.grace_period_seconds >= 0 && var.capacity.health_check.grace_period_seconds <= 7200
    error_message = "capacity.health_check must have type \"EC2\" or \"ELB\" and grace_period_seconds between 0 and 7200, e.g. { type = \"ELB\", grace_period_seconds = 300 }."
  }

  validation {
    condition     = length(var.capacity.termination_policies) > 0 && alltrue([for policy in var.capacity.termination_policies : contains(["Default", "AllocationStrategy", "ClosestToNextInstanceHour", "NewestInstance", "OldestInstance", "OldestLaunchConfiguration", "OldestLaunchTemplate"], policy) || can(regex("^arn:[a-z-]+:lambda:", policy))])
    error_message = "capacity.termination_policies must be policies of Auto Scaling or ARNs of Lambda functions, e.g. [\"OldestLaunchTemplate\", \"OldestInstance\"]."
  }

  validation {
    condition     = alltrue([for process in var.capacity.suspended_processes : contains(["AZRebalance", "AlarmNotification", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"], process)])
    error_message = "capacity.suspended_processes may have AZRebalance, AlarmNotification, HealthCheck, InstanceRefresh, ReplaceUnhealthy and ScheduledActions, e.g. [\"AZRebalance\"]; without Launch, Terminate and AddToLoadBalancer the group cannot do its work or be destroyed."
  }

  validation {
    condition = alltrue([for metric in var.capacity.metrics : contains([
      "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity", "GroupDesiredCapacity", "GroupInServiceCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize",
      "GroupPendingCapacity", "GroupPendingInstances", "GroupStandbyCapacity", "GroupStandbyInstances", "GroupTerminatingCapacity", "GroupTerminatingInstances", "GroupTotalCapacity", "GroupTotalInstances",
    ], metric)])
    error_message = "capacity.metrics must be group metrics of Auto Scaling, e.g. [\"GroupInServiceInstances\", \"GroupDesiredCapacity\"]."
  }

  validation {
    condition     = var.capacity.max_instance_lifetime_days == null ? true : var.capacity.max_instance_lifetime_days >= 1 && var.capacity.max_instance_lifetime_days <= 365
    error_message = "capacity.max_instance_lifetime_days must be between 1 and 365, e.g. 90, or null for no limit."
  }

  validation {
    condition     = can(regex("^0$|^[0-9]+[smh]$", var.capacity.wait_for_capacity_timeout))
    error_message = "capacity.wait_for_capacity_timeout must be \"0\" for not waiting, or a time, e.g. \"45m\"."
  }

  validation {
    condition = var.capacity.instance_refresh == null ? true : (
      var.capacity.instance_refresh.min_healthy_percentage >= 0 && var.capacity.instance_refresh.min_healthy_percentage <= 100 &&
      var.capacity.instance_refresh.max_healthy_percentage >= 100 && var.capacity.instance_refresh.max_healthy_percentage <= 200 &&
      var.capacity.instance_refresh.max_healthy_percentage - var.capacity.instance_refresh.min_healthy_percentage <= 100 &&
      var.capacity.instance_refresh.max_healthy_percentage > var.capacity.instance_refresh.min_healthy_percentage
    )
    error_message = "capacity.instance_refresh must have min_healthy_percentage from 0 to 100 and max_healthy_percentage from 100 to 200, the second greater by 1 to 100, e.g. { min_healthy_percentage = 100, max_healthy_percentage = 134 }."
  }

  validation {
    condition     = var.capacity.instance_refresh == null ? true : var.capacity.instance_refresh.checkpoint_delay_seconds == null || var.capacity.instance_refresh.checkpoint_percentages != null
    error_message = "capacity.instance_refresh.checkpoint_delay_seconds has no effect without checkpoint_percentages, e.g. { checkpoint_percentages = [20, 100], checkpoint_delay_seconds = 3600 }."
  }

  validation {
    condition     = var.capacity.instance_refresh == null ? true : contains(["Refresh", "Ignore", "Wait"], var.capacity.instance_refresh.scale_in_protected_instances) && contains(["Terminate", "Ignore", "Wait"], var.capacity.instance_refresh.standby_instances)
    error_message = "capacity.instance_refresh must have scale_in_protected_instances \"Refresh\", \"Ignore\" or \"Wait\" and standby_instances \"Terminate\", \"Ignore\" or \"Wait\", e.g. { standby_instances = \"Wait\" }."
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

# The load balancer --------------------------------------------------------------------------------------------------------------------

variable "load_balancer" {
  description = <<-EOT
    The Gateway Load Balancer that the module makes in the data subnets, with its endpoint service; null with `target_group_arns`.
    - `health_check`                 - (Optional) `protocol` TCP, HTTP or HTTPS, `port`, `path` and `status_codes` (not for TCP), `interval_seconds`, `timeout_seconds`, `healthy_threshold`, `unhealthy_threshold`.
      The data interface of the firewall must answer it: an interface management profile and a rule.
    - `deregistration_delay_seconds` - (Optional) how long flows may go on to a firewall that leaves; the terminate hook begins after it.
    - `target_failover`              - (Optional) flows of a firewall that leaves or fails: `no_rebalance` keeps them there until they end, `rebalance` moves them at once to firewalls that do not know them.
    - `stickiness`                   - (Optional) `source_ip_dest_ip_proto` or `source_ip_dest_ip`; null for the 5-tuple.
    - `cross_zone`                   - (Optional) a flow may go to a firewall in another zone, so that a zone without one still works.
    - `deletion_protection`          - (Optional) refuses to be deleted.
    - `endpoint_service`             - (Optional) `acceptance_required`, and `allowed_principals` that may make endpoints; an empty list allows this account.
  EOT
  type = object({
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
    condition     = (var.load_balancer == null) != (length(var.target_group_arns) == 0)
    error_message = "Exactly one of load_balancer and target_group_arns must be set: with your own target groups, say load_balancer = null."
  }

  validation {
    condition     = var.load_balancer == null ? true : contains(["TCP", "HTTP", "HTTPS"], var.load_balancer.health_check.protocol)
    error_message = "load_balancer.health_check.protocol must be \"TCP\", \"HTTP\" or \"HTTPS\", e.g. protocol = \"TCP\"."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.health_check.port >= 1 && var.load_balancer.health_check.port <= 65535
    error_message = "load_balancer.health_check.port must be between 1 and 65535, e.g. 80."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.health_check.protocol != "TCP" || (var.load_balancer.health_check.path == null && var.load_balancer.health_check.status_codes == null)
    error_message = "load_balancer.health_check.path and status_codes have no effect with TCP; leave them out, or say protocol = \"HTTP\"."
  }

  validation {
    condition     = var.load_balancer == null ? true : !contains(["HTTP", "HTTPS"], var.load_balancer.health_check.protocol) || can(regex("^/", var.load_balancer.health_check.path))
    error_message = "load_balancer.health_check.path must begin with a slash and is needed with HTTP and HTTPS, e.g. path = \"/php/login.php\"."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.health_check.interval_seconds >= 5 && var.load_balancer.health_check.interval_seconds <= 300 && var.load_balancer.health_check.timeout_seconds >= 2 && var.load_balancer.health_check.timeout_seconds <= 120 && var.load_balancer.health_check.timeout_seconds <= var.load_balancer.health_check.interval_seconds
    error_message = "load_balancer.health_check must have interval_seconds from 5 to 300 and timeout_seconds from 2 to 120, not longer than the interval, e.g. { interval_seconds = 10, timeout_seconds = 5 }."
  }

  validation {
    condition     = var.load_balancer == null ? true : alltrue([for threshold in [var.load_balancer.health_check.healthy_threshold, var.load_balancer.health_check.unhealthy_threshold] : threshold >= 2 && threshold <= 10])
    error_message = "load_balancer.health_check.healthy_threshold and unhealthy_threshold must be between 2 and 10, e.g. 3."
  }

  validation {
    condition     = var.load_balancer == null ? true : var.load_balancer.deregistration_delay_seconds >= 0 && var.load_balancer.deregistration_delay_seconds <= 3600
    error_message = "load_balancer.deregistration_delay_seconds must be between 0 and 3600, e.g. 300."
  }

  validation {
    condition     = var.load_balancer == null ? true : contains(["rebalance", "no_rebalance"], var.load_balancer.target_failover)
    error_message = "load_balancer.target_failover must be \"rebalance\" or \"no_rebalance\", e.g. target_failover = \"no_rebalance\"."
  }

  validation {
    condition     = try(var.load_balancer.stickiness, null) == null ? true : contains(["source_ip_dest_ip", "source_ip_dest_ip_proto"], var.load_balancer.stickiness)
    error_message = "load_balancer.stickiness must be \"source_ip_dest_ip\" or \"source_ip_dest_ip_proto\", e.g. stickiness = \"source_ip_dest_ip\"; null is the 5-tuple."
  }

  validation {
    condition     = var.load_balancer == null ? true : alltrue([for principal in var.load_balancer.endpoint_service.allowed_principals : principal == "*" || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:", principal))])
    error_message = "load_balancer.endpoint_service.allowed_principals must be ARNs of accounts, users or roles, e.g. [\"arn:aws:iam::123456789012:root\"], or [\"*\"] for everybody."
  }
}

variable "target_group_arns" {
  description = "Your own GENEVE target groups instead of `load_balancer`. The data interface must name its security groups then: only you know from where and on which port it is checked."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.target_group_arns : can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/", arn))])
    error_message = "target_group_arns must be ARNs of target groups, e.g. [\"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/0123456789abcdef\"]."
  }

  validation {
    condition     = length(var.target_group_arns) == 0 || alltrue([for interface in values(var.interfaces) : interface.security_group_ids != null if interface.role == "data"])
    error_message = "interfaces: the data interface must name its security_group_ids with target_group_arns, e.g. [\"sg-0123456789abcdef0\"]; they must let in GENEVE (UDP 6081) and your health check."
  }
}

# Scaling ------------------------------------------------------------------------------------------------------------------------------

variable "scaling" {
  description = <<-EOT
    How the group is sized, by the metrics that the firewalls publish.
    - `namespace`       - (Optional) CloudWatch namespace of this group alone, as set in the Panorama template (see output `panorama_set_commands`); null for `VMseries-<name>`.
    - `dimensions`      - (Optional) dimensions of the metrics, if you know that yours are published with some; none, the default, takes the average of all firewalls of the namespace.
    - `target_tracking` - (Optional) policies by a name of your choice:
      - `metric`         - `data_plane_cpu`, `data_plane_packet_buffer`, `gp_gateway_utilization`, `gp_gateway_tunnels`, `session_active`, `session_cps`, `session_ssl_proxy`, `session_throughput_kbps`, `session_throughput_pps` or `session_utilization`.
      - `raw_metric`     - any other metric of the namespace instead: `name`, and `unit` if it is published with one.
      - `statistic`      - (Optional) `Average`, `Maximum`, `Minimum`, `SampleCount` or `Sum`.
      - `target`         - one of `percent`, `count`, `connections_per_second`, `kilobits_per_second`, `packets_per_second`, whichever the metric is counted in; `value` for a raw metric.
      - `scale_in`       - (Optional) false only adds firewalls.
      - `warmup_seconds` - (Optional) instead of the group's default instance warm-up.
    - `step`            - (Optional) the pair that Palo Alto Networks recommends, on session utilization: add `adjustment` firewalls above one percentage for some minutes, remove as many below another; `{}` for its defaults, null for none.
  EOT
  type = object({
    namespace  = optional(string)
    dimensions = optional(map(string), {})
    target_tracking = optional(map(object({
      metric = optional(string)
      raw_metric = optional(object({
        name = string
        unit = optional(string)
      }))
      statistic = optional(string, "Average")
      target = object({
        percent                = optional(number)
        count                  = optional(number)
        connections_per_second = optional(number)
        kilobits_per_second    = optional(number)
        packets_per_second     = optional(number)
        value                  = optional(number)
      })
      scale_in       = optional(bool, true)
      warmup_seconds = optional(number)
    })), {})
    step = optional(object({
      add_above_percent    = optional(number, 60)
      add_after_minutes    = optional(number, 15)
      remove_below_percent = optional(number, 50)
      remove_after_minutes = optional(number, 30)
      adjustment           = optional(number, 1)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.namespace == null ? true : can(regex("^[A-Za-z0-9_.#/-]{1,63}$", var.scaling.namespace)) && !startswith(var.scaling.namespace, "AWS/")
    error_message = "scaling.namespace must have 1 to 63 letters, digits or ._-/# and not begin with \"AWS/\", e.g. \"VMseries-fw-prod\"."
  }

  validation {
    condition     = length(var.scaling.dimensions) == 0 || length(var.scaling.target_tracking) > 0 || var.scaling.step != null
    error_message = "scaling.dimensions has no effect without a policy; leave it out, or add one to scaling.target_tracking, e.g. { sessions = { metric = \"session_utilization\", target = { percent = 50 } } }."
  }

  validation {
    condition     = alltrue([for name in keys(var.scaling.target_tracking) : can(regex("^[a-z][a-z0-9-]{0,60}$", name))])
    error_message = "scaling.target_tracking must be named by lower-case letters, digits and hyphens, a letter first, e.g. \"sessions\"."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : (policy.metric == null) != (policy.raw_metric == null)])
    error_message = "scaling.target_tracking[*] must have exactly one of metric and raw_metric, e.g. metric = \"session_utilization\"."
  }

  validation {
    condition = alltrue([for policy in values(var.scaling.target_tracking) : contains([
      "data_plane_cpu", "data_plane_packet_buffer", "gp_gateway_utilization", "gp_gateway_tunnels", "session_active",
      "session_cps", "session_ssl_proxy", "session_throughput_kbps", "session_throughput_pps", "session_utilization",
    ], policy.metric) if policy.metric != null])
    error_message = "scaling.target_tracking[*].metric must be one of data_plane_cpu, data_plane_packet_buffer, gp_gateway_utilization, gp_gateway_tunnels, session_active, session_cps, session_ssl_proxy, session_throughput_kbps, session_throughput_pps and session_utilization, e.g. metric = \"data_plane_cpu\"; for any other, use raw_metric."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : length([for value in values(policy.target) : value if value != null]) == 1])
    error_message = "scaling.target_tracking[*].target must say one thing, e.g. { percent = 60 } or { count = 50000 }."
  }

  # What each kind of target may be counted in. A session count of 75 where 75 % was meant would scale to the maximum at once.
  validation {
    condition = alltrue([for policy in values(var.scaling.target_tracking) : lookup({
      data_plane_cpu           = policy.target.percent
      data_plane_packet_buffer = policy.target.percent
      gp_gateway_utilization   = policy.target.percent
      gp_gateway_tunnels       = policy.target.count
      session_active           = policy.target.count
      session_cps              = policy.target.connections_per_second
      session_ssl_proxy        = policy.target.percent
      session_throughput_kbps  = policy.target.kilobits_per_second
      session_throughput_pps   = policy.target.packets_per_second
      session_utilization      = policy.target.percent
    }, coalesce(policy.metric, "raw"), policy.target.value) != null])
    error_message = "scaling.target_tracking[*].target must be of the kind that the metric is counted in: percent for data_plane_cpu, data_plane_packet_buffer, gp_gateway_utilization, session_ssl_proxy and session_utilization; count for gp_gateway_tunnels and session_active; connections_per_second for session_cps; kilobits_per_second for session_throughput_kbps; packets_per_second for session_throughput_pps; value for a raw_metric. For example { metric = \"session_active\", target = { count = 50000 } }."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : policy.target.percent > 0 && policy.target.percent <= 100 if policy.target.percent != null])
    error_message = "scaling.target_tracking[*].target.percent must be greater than 0 and at most 100, e.g. { percent = 60 }."
  }

  validation {
    condition     = alltrue(flatten([for policy in values(var.scaling.target_tracking) : [for value in values(policy.target) : value > 0 if value != null]]))
    error_message = "scaling.target_tracking[*].target must be greater than 0, e.g. { count = 50000 }."
  }

  validation {
    condition     = alltrue([for policy in values(var.scaling.target_tracking) : contains(["Average", "Maximum", "Minimum", "SampleCount", "Sum"], policy.statistic)])
    error_message = "scaling.target_tracking[*].statistic must be Average, Maximum, Minimum, SampleCount or Sum, e.g. statistic = \"Average\"."
  }

  validation {
    condition     = var.scaling.step == null ? true : var.scaling.step.add_above_percent > var.scaling.step.remove_below_percent && var.scaling.step.remove_below_percent > 0 && var.scaling.step.add_above_percent < 100
    error_message = "scaling.step must have 0 < remove_below_percent < add_above_percent < 100, e.g. { add_above_percent = 60, remove_below_percent = 40 }."
  }

  validation {
    condition     = var.scaling.step == null ? true : alltrue([for minutes in [var.scaling.step.add_after_minutes, var.scaling.step.remove_after_minutes] : minutes >= 1 && minutes <= 1440 && floor(minutes) == minutes])
    error_message = "scaling.step.add_after_minutes and remove_after_minutes must be whole minutes between 1 and 1440, e.g. add_after_minutes = 15."
  }

  validation {
    condition     = var.scaling.step == null ? true : var.scaling.step.adjustment >= 1 && floor(var.scaling.step.adjustment) == var.scaling.step.adjustment
    error_message = "scaling.step.adjustment must be a whole number of at least 1, e.g. 1."
  }
}

# Panorama and licenses ----------------------------------------------------------------------------------------------------------------

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

# The functions that answer the lifecycle hooks, and the one that looks after them -----------------------------------------------------

variable "deadlines" {
  description = <<-EOT
    How long the functions try, before they let the hook's default happen: a launch is given up, a termination goes on.
    - `launch_minutes`         - (Optional) from the launch of an instance to a firewall in service. VM-Series takes 15 to 25.
    - `terminate_minutes`      - (Optional) for license, Panorama and interfaces of a leaving firewall; a Panorama that is away for less loses nothing.
    - `visit_interval_seconds` - (Optional) first pause between two looks. A termination's pauses grow up to 300 s.
  EOT
  type = object({
    launch_minutes         = optional(number, 45)
    terminate_minutes      = optional(number, 1440)
    visit_interval_seconds = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for minutes in [var.deadlines.launch_minutes, var.deadlines.terminate_minutes] : minutes >= 5 && minutes <= 2880 && floor(minutes) == minutes])
    error_message = "deadlines.launch_minutes and terminate_minutes must be whole minutes between 5 and 2880: Auto Scaling holds an instance for 48 hours at most, however many heartbeats it gets, e.g. launch_minutes = 45."
  }

  validation {
    condition     = var.deadlines.visit_interval_seconds >= 10 && var.deadlines.visit_interval_seconds <= 300 && floor(var.deadlines.visit_interval_seconds) == var.deadlines.visit_interval_seconds
    error_message = "deadlines.visit_interval_seconds must be whole seconds between 10 and 300, e.g. 30."
  }

  validation {
    condition     = var.deadlines.launch_minutes * 60 / var.deadlines.visit_interval_seconds <= 900
    error_message = "deadlines.launch_minutes * 60 / visit_interval_seconds must not be more than 900 visits: SQS hands a message out 1000 times and then puts it aside, e.g. 45 minutes every 30 s are 90. Look less often or give up earlier."
  }
}

variable "reconcile" {
  description = <<-EOT
    How the reconcile function puts right what no visit will: it writes lost lifecycle events anew, and removes what firewalls that are gone have left (interfaces, addresses, targets, entries in Panorama).
    - `interval_minutes`  - (Optional) how often it runs.
    - `age_floor_minutes` - (Optional) for how long something must have been wrong before it acts.
    - `maximum_firewalls` - (Optional) of how many firewalls one run removes what they left, at most; the others have their turn in later runs.
    - `maximum_percent`   - (Optional) the same as a percentage of all firewalls known; at least of one.
    - `dry_run`           - (Optional) only report in the log, and change nothing.
  EOT
  type = object({
    interval_minutes  = optional(number, 15)
    age_floor_minutes = optional(number, 25)
    maximum_firewalls = optional(number, 25)
    maximum_percent   = optional(number, 50)
    dry_run           = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.reconcile.interval_minutes >= 1 && var.reconcile.interval_minutes <= 60 && floor(var.reconcile.interval_minutes) == var.reconcile.interval_minutes
    error_message = "reconcile.interval_minutes must be a whole number between 1 and 60, e.g. 15."
  }

  # One run may just miss what has become old enough, and the next one may fail.
  validation {
    condition     = 2 * var.reconcile.interval_minutes + var.reconcile.age_floor_minutes < 60
    error_message = "reconcile: 2 * interval_minutes + age_floor_minutes must stay below 60, the minutes after which a hook that nobody answers ends by itself; here it is ${2 * var.reconcile.interval_minutes + var.reconcile.age_floor_minutes}. For example { interval_minutes = 15, age_floor_minutes = 25 }, which is 55."
  }

  # A visit is noted on its instance every 10 minutes, by the first visit after them.
  validation {
    condition     = var.reconcile.age_floor_minutes * 60 >= 600 + max(300, var.deadlines.visit_interval_seconds) + 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds
    error_message = "reconcile.age_floor_minutes must be at least ${ceil((600 + max(300, var.deadlines.visit_interval_seconds) + 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds) / 60)}, or a firewall that is looked after slowly is taken for a lost one: 600 s between two notes of a visit, ${max(300, var.deadlines.visit_interval_seconds)} s for the longest pause, and 6 * functions.timeout_seconds + event_batching_window_seconds = ${6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds} s until a message comes back after a run that died. For example age_floor_minutes = 25 with timeout_seconds = 60 and event_batching_window_seconds = 20."
  }

  validation {
    condition     = floor(var.reconcile.age_floor_minutes) == var.reconcile.age_floor_minutes
    error_message = "reconcile.age_floor_minutes must be whole minutes, e.g. 25."
  }

  validation {
    condition     = var.reconcile.maximum_firewalls >= 1 && floor(var.reconcile.maximum_firewalls) == var.reconcile.maximum_firewalls
    error_message = "reconcile.maximum_firewalls must be a whole number of at least 1, e.g. 25; to have nothing removed, say dry_run = true."
  }

  validation {
    condition     = var.reconcile.maximum_percent >= 1 && var.reconcile.maximum_percent <= 100
    error_message = "reconcile.maximum_percent must be between 1 and 100, e.g. 50."
  }
}

variable "functions" {
  description = <<-EOT
    How the functions run.
    - `runtime`                       - (Optional) Lambda runtime: `python3.12`, `python3.13` or `python3.14`. `python3.14` needs version 6.21 or newer of the AWS provider.
    - `architecture`                  - (Optional) `arm64` or `x86_64`.
    - `memory_mib`                    - (Optional) memory of one run; Lambda gives processor time in proportion.
    - `timeout_seconds`               - (Optional) time limit of one run. A run is one look, not one launch.
    - `log_level`                     - (Optional) `INFO` or `DEBUG`. Nothing stricter: metrics are log lines, too.
    - `log_retention_days`            - (Optional) how long CloudWatch keeps the logs; 0 for ever.
    - `kms_key_arn`                   - (Optional) your own key for the functions' environment and logs; its policy must allow CloudWatch Logs to use it.
    - `vpc`                           - (Optional) `subnet_ids` and `security_group_ids`, for a Panorama that is reached from there only; with ways to EC2, Auto Scaling, SQS and Secrets Manager.
    - `event_batching_window_seconds` - (Optional) how long terminations are collected to share one commit in Panorama.
    - `launch_concurrency`            - (Optional) how many runs of the launch function at once, 2 to 1000. A run looks after up to ten firewalls. Not more than 2 with `panorama`, which asks for five API calls at once at most.
    - `terminate_concurrency`         - (Optional) the same for the terminate function, whose run looks after up to a hundred.
  EOT
  type = object({
    runtime            = optional(string, "python3.13")
    architecture       = optional(string, "arm64")
    memory_mib         = optional(number, 512)
    timeout_seconds    = optional(number, 60)
    log_level          = optional(string, "INFO")
    log_retention_days = optional(number, 90)
    kms_key_arn        = optional(string)
    vpc = optional(object({
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
    event_batching_window_seconds = optional(number, 20)
    launch_concurrency            = optional(number, 2)
    terminate_concurrency         = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["python3.12", "python3.13", "python3.14"], var.functions.runtime)
    error_message = "functions.runtime must be \"python3.12\", \"python3.13\" or \"python3.14\", e.g. runtime = \"python3.13\"."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.functions.architecture)
    error_message = "functions.architecture must be \"arm64\" or \"x86_64\", e.g. architecture = \"arm64\"."
  }

  validation {
    condition     = var.functions.memory_mib >= 256 && var.functions.memory_mib <= 10240 && floor(var.functions.memory_mib) == var.functions.memory_mib
    error_message = "functions.memory_mib must be a whole number between 256 and 10240, e.g. 512."
  }

  validation {
    condition     = var.functions.timeout_seconds >= 30 && var.functions.timeout_seconds <= 500 && floor(var.functions.timeout_seconds) == var.functions.timeout_seconds
    error_message = "functions.timeout_seconds must be whole seconds between 30 and 500, e.g. 60."
  }

  # After a run that died, its message is seen again once the visibility time-out is over; by then the hook must still be open.
  validation {
    condition     = 6 * var.functions.timeout_seconds + var.functions.event_batching_window_seconds + max(300, var.deadlines.visit_interval_seconds) < 3600
    error_message = "functions: 6 * timeout_seconds + event_batching_window_seconds + 300 (the longest pause) must stay below 3600, the heartbeat time-out of the hooks: else a run that dies costs the firewall its hook. For example timeout_seconds = 60, event_batching_window_seconds = 20."
  }

  validation {
    condition     = contains(["DEBUG", "INFO"], var.functions.log_level)
    error_message = "functions.log_level must be \"DEBUG\" or \"INFO\", e.g. log_level = \"INFO\": metrics are log lines of level INFO, which Lambda drops under anything stricter."
  }

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.functions.log_retention_days)
    error_message = "functions.log_retention_days must be a number of days that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653), e.g. 90, or 0 for ever."
  }

  validation {
    condition     = var.functions.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.functions.kms_key_arn))
    error_message = "functions.kms_key_arn must be the ARN of a key, e.g. \"arn:aws:kms:us-east-1:123456789012:key/…\"."
  }

  validation {
    condition     = var.functions.vpc == null ? true : length(var.functions.vpc.subnet_ids) > 0 && length(var.functions.vpc.security_group_ids) > 0
    error_message = "functions.vpc must have at least one subnet and one security group, e.g. { subnet_ids = [\"subnet-0123456789abcdef0\"], security_group_ids = [\"sg-0123456789abcdef0\"] }; null runs the functions outside of any VPC."
  }

  validation {
    condition     = var.functions.event_batching_window_seconds >= 1 && var.functions.event_batching_window_seconds <= 300
    error_message = "functions.event_batching_window_seconds must be between 1 and 300, e.g. 20."
  }

  validation {
    condition     = alltrue([for concurrency in [var.functions.launch_concurrency, var.functions.terminate_concurrency] : concurrency >= 2 && concurrency <= 1000 && floor(concurrency) == concurrency])
    error_message = "functions.launch_concurrency and terminate_concurrency must be whole numbers between 2 and 1000, as SQS event sources allow, e.g. launch_concurrency = 2."
  }
}

variable "dependencies" {
  description = <<-EOT
    Where the functions' third-party Python (pan-os-python and others) comes from. By default apply builds a layer from the locked requirements, which takes Python 3.11 and access to a package index on the machine that applies.
    - `layer_arn` - (Optional) a layer version that holds them.
    - `filename`  - (Optional) the layer's archive, built elsewhere with `python3 lambda/build.py layer --output FILE`; it must be byte for byte the locked one.
    - `python`    - (Optional) the Python that builds, e.g. `/usr/bin/python3.12`; null for `python3`.
  EOT
  type = object({
    layer_arn = optional(string)
    filename  = optional(string)
    python    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length([for way in [var.dependencies.layer_arn, var.dependencies.filename, var.dependencies.python] : true if way != null]) <= 1
    error_message = "dependencies must have one of layer_arn, filename and python at most, since each makes the others needless, e.g. { filename = \"artifacts/dependencies.zip\" }."
  }

  validation {
    condition     = var.dependencies.layer_arn == null ? true : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[^:]+:[0-9]+$", var.dependencies.layer_arn))
    error_message = "dependencies.layer_arn must be the ARN of a layer with its version, e.g. \"arn:aws:lambda:us-east-1:123456789012:layer:fw-dependencies:3\"."
  }

  validation {
    condition     = var.dependencies.filename == null ? true : endswith(var.dependencies.filename, ".zip")
    error_message = "dependencies.filename must be the path of a zip archive, e.g. \"artifacts/dependencies.zip\"."
  }

  validation {
    condition     = var.dependencies.python == null ? true : can(regex("^[A-Za-z0-9_./:\\\\ -]+$", var.dependencies.python))
    error_message = "dependencies.python must be a command or path without quotes or other signs of a shell, e.g. \"/usr/bin/python3.12\"."
  }
}

variable "event_delivery" {
  description = <<-EOT
    How lifecycle events travel from EventBridge through the queues.
    - `maximum_age_seconds`           - (Optional) how long EventBridge tries to hand an event to its queue.
    - `maximum_retries`               - (Optional) how often.
    - `message_retention_seconds`     - (Optional) how long a queue keeps a message; longer than a termination may take.
    - `dead_letter_retention_seconds` - (Optional) how long dead letters are kept for you; counted from the first message, so longer than that of the queue.
  EOT
  type = object({
    maximum_age_seconds           = optional(number, 86400)
    maximum_retries               = optional(number, 185)
    message_retention_seconds     = optional(number, 345600)
    dead_letter_retention_seconds = optional(number, 1209600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.event_delivery.maximum_age_seconds >= 60 && var.event_delivery.maximum_age_seconds <= 86400
    error_message = "event_delivery.maximum_age_seconds must be between 60 and 86400, e.g. 86400."
  }

  validation {
    condition     = var.event_delivery.maximum_retries >= 0 && var.event_delivery.maximum_retries <= 185
    error_message = "event_delivery.maximum_retries must be between 0 and 185, e.g. 185."
  }

  validation {
    condition     = var.event_delivery.message_retention_seconds > var.deadlines.terminate_minutes * 60 + var.event_delivery.maximum_age_seconds && var.event_delivery.message_retention_seconds <= 1209600
    error_message = "event_delivery.message_retention_seconds must be longer than deadlines.terminate_minutes * 60 + event_delivery.maximum_age_seconds, or SQS forgets a firewall that is being cleaned up, and at most 1209600, e.g. 345600."
  }

  validation {
    condition     = var.event_delivery.dead_letter_retention_seconds > var.event_delivery.message_retention_seconds && var.event_delivery.dead_letter_retention_seconds <= 1209600
    error_message = "event_delivery.dead_letter_retention_seconds must be longer than message_retention_seconds, since SQS counts from when a message was first sent, and at most 1209600, e.g. 1209600."
  }
}

variable "alarms" {
  description = <<-EOT
    CloudWatch alarms on dead letters, on messages that nobody reads, on functions that crash, are throttled or fall silent, on launches given up, on terminations that are held or past
    their deadline, on licenses not returned, on events that were lost and on removals that fail; null for none.
    - `actions` - (Optional) ARNs of what an alarm does, e.g. an SNS topic.
  EOT
  type = object({
    actions = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = var.alarms == null ? true : length(var.alarms.actions) <= 5 && alltrue([for arn in var.alarms.actions : can(regex("^arn:[a-z-]+:[a-z0-9-]+:", arn))])
    error_message = "alarms.actions must be up to five ARNs, e.g. [\"arn:aws:sns:us-east-1:123456789012:on-call\"]."
  }
}
