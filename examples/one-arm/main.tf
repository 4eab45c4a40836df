# Secrets are only looked up by name: their values reach neither plan nor state.

data "aws_secretsmanager_secret" "panorama" {
  name = var.panorama.secret_name
}

data "aws_secretsmanager_secret" "bootstrap" {
  name = var.bootstrap_secret_name
}

data "aws_secretsmanager_secret" "licensing" {
  name = var.licensing_secret_name
}

locals {
  bootstrap_in_user_data = nonsensitive(var.bootstrap_keys != null)
}

module "firewalls" {
  source = "../../"

  name    = var.name
  tags    = var.tags
  network = { vpc_id = aws_vpc.security.id }

  # Every subnet comes from its association, so that it comes with its routes (see network.tf).
  interfaces = {
    data = {
      role         = "data"
      device_index = 0
      subnet_ids   = { for zone, association in aws_route_table_association.data : zone => association.subnet_id }
    }
    management = {
      role         = "management"
      device_index = 1
      subnet_ids   = { for zone, association in aws_route_table_association.management : zone => association.subnet_id }
    }
  }

  management_access = { cidr_blocks = var.management_cidr_blocks }

  firewall = var.firewall

  bootstrap = {
    secret = local.bootstrap_in_user_data ? null : {
      name = data.aws_secretsmanager_secret.bootstrap.name
      arn  = data.aws_secretsmanager_secret.bootstrap.arn
    }
    # The names of Panorama, device group, template stack and collector group are taken from `panorama`.
    options = local.bootstrap_in_user_data ? {
      vm_auth_key        = var.bootstrap_keys.vm_auth_key
      authcodes          = var.bootstrap_keys.authcodes
      plugin_op_commands = ["aws-gwlb-inspect:enable"]
    } : null
  }

  capacity = {
    min              = var.capacity.min
    max              = var.capacity.max
    instance_refresh = {}
  }

  # Palo Alto Networks recommends to remove below 50 %. That suits groups of five and more: with three
  # firewalls at 60 % a fourth brings all to 45 %, and the group would go up and down for ever.
  scaling = { step = var.session_utilization }

  panorama = {
    hostnames           = var.panorama.hostnames
    secret_arn          = data.aws_secretsmanager_secret.panorama.arn
    device_group        = var.panorama.device_group
    template_stack      = var.panorama.template_stack
    log_collector_group = var.panorama.log_collector_group
  }

  licensing = {
    mode               = "firewall"
    api_key_secret_arn = data.aws_secretsmanager_secret.licensing.arn
  }

  functions = {
    vpc = var.functions_in_vpc ? {
      subnet_ids         = [for association in aws_route_table_association.management : association.subnet_id]
      security_group_ids = [aws_security_group.functions.id]
    } : null
  }

  alarms = { actions = var.alarm_actions }
}
