data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Detects at plan time that a subnet is in another zone than configured. EC2 would reject it during each launch.
data "aws_subnet" "this" {
  for_each = local.subnets

  id = each.value.id

  lifecycle {
    postcondition {
      condition     = self.availability_zone == each.value.zone && self.vpc_id == var.network.vpc_id
      error_message = <<-EOT
        interfaces["${each.value.interface}"].subnet_ids["${each.value.zone}"]: ${each.value.id}
        is in zone ${self.availability_zone} of ${self.vpc_id}.
        Set a subnet in zone ${each.value.zone} of network.vpc_id = "${var.network.vpc_id}".
      EOT
    }
  }
}

data "aws_subnet" "load_balancer" {
  for_each = local.load_balancer_subnet_ids

  id = each.value

  lifecycle {
    # The data subnets, which are the default, have this condition above.
    postcondition {
      condition = (
        var.load_balancer.subnet_ids == null ||
        (self.availability_zone == each.key && self.vpc_id == var.network.vpc_id)
      )
      error_message = <<-EOT
        load_balancer.subnet_ids["${each.key}"]: ${each.value} is in zone ${self.availability_zone} of ${self.vpc_id}.
        Set a subnet in zone ${each.key} of network.vpc_id = "${var.network.vpc_id}".
      EOT
    }

    postcondition {
      condition     = var.load_balancer.ip_address_type == "ipv4" || try(length(self.ipv6_cidr_block), 0) > 0
      error_message = <<-EOT
        load_balancer.ip_address_type = "dualstack" requires subnets of the load balancer with an IPv6 CIDR block, but
        ${each.value} in zone ${each.key} has none. These are the data subnets, unless load_balancer.subnet_ids is set.
        Add an IPv6 CIDR block to the subnet, or set ip_address_type = "ipv4".
      EOT
    }
  }
}

# Detects at plan time target groups that ELB would reject when the first firewall is ready. Nothing else refers to this
# data source, so that nothing waits for a target group that is created in the same apply.
data "aws_lb_target_group" "this" {
  for_each = merge([
    for name, interface in var.interfaces : {
      for index, group in interface.target_groups : "${name}/${index}" => {
        interface = name
        index     = index
        arn       = group.arn
      }
    }
  ]...)

  arn = each.value.arn

  lifecycle {
    postcondition {
      condition     = self.target_type == "ip" && self.protocol != "GENEVE"
      error_message = <<-EOT
        interfaces["${each.value.interface}"].target_groups[${each.value.index}]: ${self.name}
        has target type ${self.target_type} and protocol ${self.protocol}.
        Set a target group of an Application or Network Load Balancer with target_type = "ip". Target groups of Gateway
        Load Balancers belong in target_group_arns.
      EOT
    }

    postcondition {
      condition     = self.vpc_id == var.network.vpc_id
      error_message = <<-EOT
        interfaces["${each.value.interface}"].target_groups[${each.value.index}]: ${self.name} is in ${self.vpc_id}.
        Set a target group in network.vpc_id = "${var.network.vpc_id}".
      EOT
    }
  }
}

# The same for target groups with which Auto Scaling registers the firewalls. It refuses the group after everything else is
# created: "Please ensure all target groups have instance target type", "must be in the same VPC".
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-loadbalancer.html
data "aws_lb_target_group" "of_group" {
  count = nonsensitive(length(var.target_group_arns))

  arn = var.target_group_arns[count.index]

  lifecycle {
    postcondition {
      condition     = self.target_type == "instance"
      error_message = <<-EOT
        target_group_arns[${count.index}]: ${self.name} has target type ${self.target_type}, which Auto Scaling cannot register.
        Set a GENEVE target group with target_type = "instance". Target groups of Application and Network Load Balancers
        belong in interfaces[*].target_groups.
      EOT
    }

    postcondition {
      condition     = self.vpc_id == var.network.vpc_id
      error_message = <<-EOT
        target_group_arns[${count.index}]: ${self.name} is in ${self.vpc_id}.
        Set a target group in network.vpc_id = "${var.network.vpc_id}".
      EOT
    }
  }
}

# What data sources show, kept in the state, so that it is known in every plan: Terraform does not read a data source during
# a plan if it has a condition, or its module a depends_on, on which changes are pending. All permissions, settings and
# security group rules would then change to values that no one can review. The input of a resource with ignore_changes is
# known from its first apply on.
# https://developer.hashicorp.com/terraform/language/data-sources#dependencies
resource "terraform_data" "location" {
  input = {
    partition  = data.aws_partition.current.partition
    dns_suffix = data.aws_partition.current.dns_suffix
    account_id = data.aws_caller_identity.current.account_id
  }

  lifecycle {
    ignore_changes = [input]
  }
}

# The VPC of the deployment. Its load balancer and its security groups, which firewalls use, cannot move to another one.
resource "terraform_data" "vpc" {
  input = { id = var.network.vpc_id }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input.id == var.network.vpc_id
      error_message = <<-EOT
        network.vpc_id = "${var.network.vpc_id}": this deployment is in ${self.input.id}, and security groups, network
        interfaces and load balancers stay in their VPC. Set ${self.input.id} again, and create a second deployment with
        another name in ${var.network.vpc_id}.
      EOT
    }
  }
}

# By subnet, because a new subnet is unknown until it is created. The CIDR block of a subnet cannot change.
resource "terraform_data" "subnet" {
  for_each = local.subnets

  input            = { cidr_block = data.aws_subnet.this[each.key].cidr_block }
  triggers_replace = each.value.id

  lifecycle {
    ignore_changes = [input]
  }
}

resource "terraform_data" "load_balancer_subnet" {
  for_each = local.load_balancer_subnet_ids

  input            = { cidr_block = data.aws_subnet.load_balancer[each.key].cidr_block }
  triggers_replace = each.value

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  # The subnets by interface and zone, which must be known in every plan. Their IDs may be unknown.
  subnets = merge([
    for name, interface in var.interfaces : {
      for zone, id in interface.subnet_ids : "${name}/${zone}" => { interface = name, zone = zone, id = id }
    }
  ]...)

  tags = merge(var.tags, { "vmseries-autoscale:deployment" = var.name })

  zones_without_firewalls = sort(setsubtract(
    keys(local.load_balancer_subnet_ids),
    flatten([for interface in values(var.interfaces) : keys(interface.subnet_ids)]),
  ))

  # What EC2 and the functions create gets no default_tags from the provider. The module's own keys have a meaning on
  # instances, and variable "tags" refuses them.
  firewall_tags = merge(
    { for key, value in module.lifecycle.tags_all : key => value if !startswith(key, "vmseries-autoscale:") },
    local.tags,
  )

  location = merge(terraform_data.location.input, { region = local.region })

  # Known in every plan, also when a value in the object is sensitive.
  has_load_balancer = nonsensitive(var.load_balancer != null)

  # The load balancer sends traffic and health checks from these subnets.
  load_balancer_subnet_ids = (
    !local.has_load_balancer ? {} :
    nonsensitive(var.load_balancer.subnet_ids != null) ?
    { for zone in nonsensitive(keys(var.load_balancer.subnet_ids)) : zone => var.load_balancer.subnet_ids[zone] } :
    { for subnet in values(local.subnets) : subnet.zone => subnet.id if var.interfaces[subnet.interface].role == "data" }
  )

  # The secrets that firewalls and functions read, as far as they are in another Region.
  secrets_elsewhere = [
    for arn in compact(flatten([
      var.bootstrap.secret[*].arn,
      var.panorama[*].secret_arn,
      var.strata_cloud_manager[*].secret_arn,
      var.firewall_api[*].secret_arn,
      var.licensing.api_key_secret_arn,
      var.licensing.credit_pool[*].secret_arn,
    ])) : arn if split(":", arn)[3] != local.region
  ]

  target_group_arns = concat(module.load_balancer[*].target_group_arn, var.target_group_arns)

  package_path = coalesce(var.functions.package_filename, "${path.module}/lambda/dist/functions.zip")

  # Constants, because the provider replaces the group when an initial lifecycle hook changes. The functions send
  # heartbeats, so that their own deadlines apply instead of the heartbeat timeout.
  hooks = {
    launch    = { name = "launch", default_result = "ABANDON", heartbeat_timeout_seconds = 3600 }
    terminate = { name = "terminate", default_result = "CONTINUE", heartbeat_timeout_seconds = 3600 }
  }

  # Defaults that depend on other inputs.
  interfaces = { for name, interface in var.interfaces : name => merge(interface, {
    source_dest_check = coalesce(interface.source_dest_check, interface.role == "management")
  }) }
  panorama = one([for panorama in var.panorama[*] : merge(panorama, {
    push_when_out_of_sync = coalesce(panorama.push_when_out_of_sync, local.readiness == "in-sync")
  })])
  managed = var.panorama != null || var.strata_cloud_manager != null
  readiness = coalesce(
    var.readiness,
    local.managed ? "in-sync" : var.firewall_api != null ? "connected" : "healthy",
  )

  # Time after which a firewall that has entered service is certainly a healthy target. Until then, an instance refresh
  # must not terminate another one, and a scaling policy must not count it.
  boot_seconds = 1500
  # "It can take a few minutes for the registration process to complete and for health checks to start."
  # https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
  registration_seconds = 180
  # Of your own target groups, the time with the defaults of Elastic Load Balancing.
  health_check_seconds = (
    try((var.load_balancer.health_check.healthy_threshold + 1) * var.load_balancer.health_check.interval_seconds, 60)
  )
  slowest_boot_seconds = min(3600, local.boot_seconds + local.health_check_seconds)
  # Two publishing intervals of one minute: the metrics of a new firewall are then those of its traffic.
  publishing_seconds = 120
  warmup_seconds = {
    in-sync = max(local.publishing_seconds, local.registration_seconds + local.health_check_seconds)
    # A manager pushes the configuration, with the interface management profile, to firewalls that are connected already.
    connected = (
      local.managed ?
      local.slowest_boot_seconds :
      max(local.publishing_seconds, local.registration_seconds + local.health_check_seconds)
    )
    healthy = local.publishing_seconds
    off     = local.slowest_boot_seconds
  }[local.readiness]

  metric_namespace = coalesce(var.scaling.namespace, "VMseries-${var.name}")
  scales           = length(var.scaling.target_tracking) > 0 || var.scaling.step != null
  capacity = merge(var.capacity, {
    desired                         = coalesce(var.capacity.desired, var.capacity.min)
    default_instance_warmup_seconds = coalesce(var.capacity.default_instance_warmup_seconds, local.warmup_seconds)
    metrics = setunion(
      var.capacity.metrics,
      # The scaling policies divide by the number of firewalls in service (modules/scaling/load.tf).
      local.scales ? ["GroupInServiceInstances", "GroupStandbyInstances", "GroupTotalInstances"] : [],
      # The alarm on missing firewalls compares them (modules/lifecycle/alarms.tf).
      var.alarms == null ? [] : ["GroupDesiredCapacity", "GroupInServiceInstances"],
    )
  })

  bootstrap = merge(var.bootstrap, {
    # The name is what precedes the six random characters of the ARN.
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    secret = one([for secret in var.bootstrap.secret[*] : merge(secret, {
      name = coalesce(secret.name, regex("secret:(.+)-[A-Za-z0-9]{6}$", secret.arn)[0])
    })])
    # one() returns null without a type. A conditional would convert both results to one type and drop attributes.
    options = one([for options in var.bootstrap.options[*] : merge(options, {
      panorama_server = try(coalesce(
        options.panorama_server, try(var.panorama.hostnames[0], null), var.strata_cloud_manager == null ? null : "cloud",
      ), null)
      panorama_server_2 = try(coalesce(options.panorama_server_2, try(var.panorama.hostnames[1], null)), null)
      tplname           = try(coalesce(options.tplname, try(var.panorama.template_stack, null)), null)
      dgname = try(coalesce(
        options.dgname, try(var.panorama.device_group, null), try(var.strata_cloud_manager.folder, null),
      ), null)
      cgname = try(coalesce(options.cgname, try(var.panorama.log_collector_group, null)), null)
    })])
  })

  # Time for which existing flows continue before the terminate hook starts. For target groups of your own, the maximum.
  deregistration_delay_seconds = var.load_balancer == null ? 3600 : var.load_balancer.deregistration_delay_seconds

  # After its deadline, a termination gives up its stages one by one, ten minutes apart (terminate/stages.py).
  last_resort_seconds = 1800
}

module "load_balancer" {
  source = "./modules/load-balancer"
  count  = local.has_load_balancer ? 1 : 0

  name                         = var.name
  vpc_id                       = var.network.vpc_id
  subnet_ids                   = local.load_balancer_subnet_ids
  rule_ids                     = module.firewall_group.load_balancer_rule_ids
  health_check                 = var.load_balancer.health_check
  ip_address_type              = var.load_balancer.ip_address_type
  tcp_idle_timeout_seconds     = var.load_balancer.tcp_idle_timeout_seconds
  deregistration_delay_seconds = var.load_balancer.deregistration_delay_seconds
  target_failover              = var.load_balancer.target_failover
  stickiness                   = var.load_balancer.stickiness
  cross_zone                   = var.load_balancer.cross_zone
  deletion_protection          = var.load_balancer.deletion_protection
  endpoint_service = {
    acceptance_required = var.load_balancer.endpoint_service.acceptance_required
    allowed_principals = coalescelist(
      var.load_balancer.endpoint_service.allowed_principals,
      ["arn:${local.location.partition}:iam::${local.location.account_id}:root"],
    )
  }
  tags = local.tags
}

module "dependencies" {
  source = "./modules/dependencies"

  name    = var.name
  layer   = var.dependencies.layer
  archive = var.dependencies.archive
  python  = coalesce(var.dependencies.python, "python3")
  tags    = local.tags
}

module "lifecycle" {
  source = "./modules/lifecycle"

  name     = var.name
  location = local.location
  hooks    = local.hooks
  interfaces = { for name, interface in local.interfaces : name => merge(interface, {
    security_group_ids = module.firewall_group.interface_security_group_ids[name]
  }) }
  network = {
    vpc_id = var.network.vpc_id
    cidr_blocks = {
      for name, interface in var.interfaces : name => [
        for zone, _ in interface.subnet_ids : terraform_data.subnet["${name}/${zone}"].input.cidr_block
      ]
    }
  }
  readiness            = local.readiness
  target_group_arns    = local.target_group_arns
  panorama             = local.panorama
  strata_cloud_manager = var.strata_cloud_manager
  firewall_api         = var.firewall_api
  licensing            = var.licensing
  deadlines            = var.deadlines
  reconcile            = var.reconcile
  functions            = var.functions
  event_delivery       = var.event_delivery
  layer_arn            = module.dependencies.layer_arn
  package = {
    path         = local.package_path
    base64sha256 = filebase64sha256(local.package_path)
  }
  metric_namespace = local.scales ? local.metric_namespace : null

  permissions   = var.permissions
  alarms        = var.alarms
  generation    = module.firewall_group.generation
  bootstrap     = local.bootstrap
  firewall_tags = local.firewall_tags
  tags          = local.tags
}

module "firewall_group" {
  source = "./modules/firewall-group"

  name              = var.name
  location          = local.location
  vpc_id            = var.network.vpc_id
  interfaces        = local.interfaces
  management_access = var.management_access

  create_security_groups = var.security_groups.create

  load_balancer_access = !local.has_load_balancer ? null : {
    cidr_blocks       = { for zone, subnet in terraform_data.load_balancer_subnet : zone => subnet.input.cidr_block }
    health_check_port = var.load_balancer.health_check.port
  }
  firewall          = var.firewall
  bootstrap         = local.bootstrap
  metric_namespace  = local.metric_namespace
  capacity          = local.capacity
  target_group_arns = local.target_group_arns
  hooks             = local.hooks
  hook_dependencies = module.lifecycle.hook_dependencies
  drain_seconds     = local.deregistration_delay_seconds + var.deadlines.terminate_minutes * 60 + local.last_resort_seconds
  permissions       = var.permissions
  firewall_tags     = local.firewall_tags
  tags              = local.tags
  group_tags        = module.dependencies.group_tags
}

module "scaling" {
  source = "./modules/scaling"

  name                   = var.name
  autoscaling_group_name = module.firewall_group.autoscaling_group.name
  minimum_capacity       = var.capacity.min
  namespace              = local.metric_namespace
  dimensions             = var.scaling.dimensions
  target_tracking        = var.scaling.target_tracking
  step                   = var.scaling.step
  tags                   = local.tags
}

check "every_zone_of_the_load_balancer_has_firewalls" {
  assert {
    condition     = try(var.load_balancer.cross_zone, true) || length(local.zones_without_firewalls) == 0
    error_message = <<-EOT
      The load balancer has no firewalls in ${join(" and ", local.zones_without_firewalls)}, and drops what endpoints there
      send. Move these endpoints to another zone, or set load_balancer.cross_zone = true.
    EOT
  }
}

check "bootstrap_keeps_no_secrets" {
  assert {
    condition = alltrue(flatten([
      for options in var.bootstrap.options[*] : [
        for key in [
          "vm_auth_key", "auth_key", "authcodes", "redis_auth",
          "vm_series_auto_registration_pin_id", "vm_series_auto_registration_pin_value",
        ] : options[key] == null
      ]
    ]))
    error_message = <<-EOT
      bootstrap.options has a credential in clear text. It is stored in the Terraform state and in the user data, where
      everyone who may describe launch templates or log in to a firewall can read it.
      Store it in a Secrets Manager secret and set bootstrap = { secret = { arn = … } }.
    EOT
  }
}
