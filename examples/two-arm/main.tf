# The configuration reads only the ARNs of the secrets. Their values appear neither in the plan nor in the state.
module "secrets" {
  source = "../modules/secrets"

  names = {
    panorama  = var.panorama.secret_name
    bootstrap = var.bootstrap_secret_name
    licensing = var.licensing_secret_name
  }
}

module "network" {
  source = "../modules/network"

  name       = var.name
  cidr_block = var.security_vpc_cidr
}

module "firewalls" {
  source = "../../"

  name    = var.name
  tags    = var.tags
  network = { vpc_id = module.network.vpc_id }

  interfaces = {
    data = {
      role         = "data"
      device_index = 0
      subnet_ids   = module.network.data_subnet_ids
    }
    management = {
      role         = "management"
      device_index = 1
      subnet_ids   = module.network.management_subnet_ids
    }
    untrust = {
      role         = "untrust"
      device_index = 2
      subnet_ids   = module.network.public_subnet_ids
      public_ip    = true
    }
  }

  management_access = { cidr_blocks = var.management_cidr_blocks }

  firewall = var.firewall

  # The secret must enable the inspection of GENEVE tunnels, and overlay routing (see the README). Without overlay
  # routing, the firewalls return all traffic to the load balancer and do not use the untrust interface.
  bootstrap = { secret = { arn = module.secrets.arns["bootstrap"] } }

  capacity = {
    min              = var.capacity.min
    max              = var.capacity.max
    instance_refresh = {}
  }

  scaling = {
    target_tracking = {
      session-utilization = {
        metric = "session_utilization"
        target = { percent = var.session_utilization_percent }
      }
    }
  }

  panorama = {
    hostnames           = var.panorama.hostnames
    secret_arn          = module.secrets.arns["panorama"]
    device_group        = var.panorama.device_group
    template_stack      = var.panorama.template_stack
    log_collector_group = var.panorama.log_collector_group
  }

  licensing = {
    mode               = "firewall"
    api_key_secret_arn = module.secrets.arns["licensing"]
  }

  functions = {
    vpc = var.functions_in_vpc ? {
      subnet_ids         = values(module.network.management_subnet_ids)
      security_group_ids = [module.network.functions_security_group_id]
    } : null
  }

  alarms = { actions = var.alarm_actions }
}

module "spoke" {
  source = "../modules/spoke"

  name                  = var.name
  cidr_block            = var.spoke_vpc_cidr
  zones                 = module.network.zones
  internet_gateway      = false
  endpoint_service_name = module.firewalls.endpoint_service.name
}
