# The configuration reads only the ARNs of the secrets. Their values appear neither in the plan nor in the state.
module "secrets" {
  source = "../modules/secrets"

  names = {
    panorama  = var.panorama.secret_name
    bootstrap = var.bootstrap_secret_name
    licensing = var.licensing_secret_name
  }
}

locals {
  bootstrap_in_user_data = nonsensitive(var.bootstrap_keys != null)
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
  }

  management_access = { cidr_blocks = var.management_cidr_blocks }

  firewall = var.firewall

  bootstrap = {
    # The secret must enable the inspection of GENEVE tunnels (see the README).
    secret = local.bootstrap_in_user_data ? null : { arn = module.secrets.arns["bootstrap"] }
    # Panorama, device group, template stack and collector group default to those in `panorama`, and the inspection of
    # GENEVE tunnels is enabled.
    options = local.bootstrap_in_user_data ? {
      vm_auth_key = var.bootstrap_keys.vm_auth_key
      authcodes   = var.bootstrap_keys.authcodes
    } : null
  }

  capacity = {
    min              = var.capacity.min
    max              = var.capacity.max
    instance_refresh = {}
  }

  # Palo Alto Networks recommends removing firewalls below 50 %, which suits groups of five or more. With three
  # firewalls at 60 %, a fourth reduces the average to 45 %, and the group would scale out and in continuously.
  scaling = { step = var.session_utilization }

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
  internet_gateway      = true
  endpoint_service_name = module.firewalls.endpoint_service.name
}
