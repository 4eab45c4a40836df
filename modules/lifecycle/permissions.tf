# What each function may do, as data. Every call of a handler is in exactly one of these statements, and nothing else is.
locals {
  # Everything of this deployment carries this tag from its creation on; nothing else does.
  is_ours = { StringEquals = { "aws:ResourceTag/${local.tag_prefix}deployment" = [var.name] } }

  # A tag cannot be given away, either: what a function makes must carry it.
  becomes_ours = { StringEquals = { "aws:RequestTag/${local.tag_prefix}deployment" = [var.name] } }

  any = {
    address   = "${local.arn.ec2}:elastic-ip/*"
    instance  = "${local.arn.ec2}:instance/*"
    interface = "${local.arn.ec2}:network-interface/*"
  }

  # Subnets and security groups may belong to another account that shares its VPC; their ids are unique without it.
  wired = [for interface in values(var.interfaces) : interface if interface.device_index > 0]
  wired_subnet_arns = sort(distinct(flatten([
    for interface in local.wired : [for id in values(interface.subnet_ids) : "arn:${var.location.partition}:ec2:${var.location.region}:*:subnet/${id}"]
  ])))
  wired_security_group_arns = sort(distinct(flatten([
    for interface in local.wired : [for id in interface.security_group_ids : "arn:${var.location.partition}:ec2:${var.location.region}:*:security-group/${id}"]
  ])))

  has_addresses = anytrue([for interface in values(var.interfaces) : interface.public_ip])
  address_pools = sort(distinct(compact([for interface in values(var.interfaces) : interface.public_ipv4_pool])))

  # Counted, since the ARNs may not be known yet.
  has_target_groups = length(local.named_target_groups) > 0
  target_group_arns = local.target_groups[*].arn

  # AWS knows no resources for any of these. Addresses are looked for in every deployment: it may have had some.
  looks = { for function in ["launch", "terminate", "reconcile"] : function => concat(
    ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeAddresses"],
    local.has_target_groups ? ["elasticloadbalancing:DescribeTargetHealth"] : [],
    function == "reconcile" ? ["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"] : [],
  ) }

  common_statements = { for function, actions in local.looks : function => merge(
    {
      Describe = {
        actions    = actions
        resources  = ["*"]
        conditions = {}
        reason     = "Reads what is there, since nothing is kept in a table; AWS allows no narrower resource for reading it."
      }
      DeleteInterfaces = {
        actions    = ["ec2:DeleteNetworkInterface"]
        resources  = [local.any.interface]
        conditions = local.is_ours
        reason     = "Deletes interfaces of this deployment that no firewall uses any more."
      }
      # Also where no interface asks for an address now: firewalls that were launched before may have one.
      ReleaseAddresses = {
        actions    = ["ec2:ReleaseAddress"]
        resources  = [local.any.address]
        conditions = local.is_ours
        reason     = "Gives back addresses of this deployment that no firewall uses any more."
      }
    },
    local.has_target_groups ? {
      DeregisterTargets = {
        actions    = ["elasticloadbalancing:DeregisterTargets"]
        resources  = local.target_group_arns
        conditions = {}
        reason     = "Takes the address of a firewall that leaves from the target groups that its interfaces name."
      }
    } : {},
    local.secret_statements[function],
  ) }

  hook_statements = { for function, transition in local.transitions : function => merge(
    local.common_statements[function],
    {
      CompleteLifecycleAction = {
        actions    = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
        resources  = [local.arn.autoscaling_group]
        conditions = {}
        reason     = "Keeps the ${transition.hook_name} hook of this deployment's group open while there is work, and completes it."
      }
      ConsumeQueue = {
        actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        resources  = [local.arn.queues[function]]
        conditions = {}
        reason     = "Takes lifecycle events from its own queue, and lets them come back until they are done."
      }
      SendToDeadLetterQueue = {
        actions    = ["sqs:SendMessage"]
        resources  = [local.arn.dead_letters[function]]
        conditions = {}
        reason     = "Puts a message that it cannot understand into its own dead-letter queue, for a person to see."
      }
      TagInstances = {
        actions   = ["ec2:CreateTags"]
        resources = [local.any.instance]
        conditions = merge(local.is_ours, {
          "ForAllValues:StringEquals" = { "aws:TagKeys" = local.noted_tag_keys[function] }
        })
        reason = "Notes on a firewall's instance what a later visit or an operator must know; these tags and no others."
      }
    },
    local.has_addresses || function == "terminate" ? {
      DisassociateAddresses = {
        actions    = ["ec2:DisassociateAddress"]
        resources  = [local.any.address, local.any.interface]
        conditions = local.is_ours
        reason     = "Takes an address of this deployment from where it does not belong, to use it or to give it back."
      }
    } : {},
  ) }

  # A firewall that leaves before the launch function could note its serial number has it noted by the terminate function.
  common_noted_tag_keys = [for key in ["serial", "serial-evidence", "last-visit"] : "${local.tag_prefix}${key}"]
  noted_tag_keys = {
    launch    = concat(local.common_noted_tag_keys, ["${local.tag_prefix}abandoned"])
    terminate = concat(local.common_noted_tag_keys, ["${local.tag_prefix}license"])
  }

  launch_statements = merge(
    local.hook_statements.launch,
    {
      CreateInterfaces = {
        actions    = ["ec2:CreateNetworkInterface"]
        resources  = [local.any.interface]
        conditions = local.becomes_ours
        reason     = "Makes the interfaces of a new firewall, which must carry this deployment's tag."
      }
      UseSubnets = {
        actions    = ["ec2:CreateNetworkInterface"]
        resources  = concat(local.wired_subnet_arns, local.wired_security_group_arns)
        conditions = {}
        reason     = "Makes these interfaces in the subnets and security groups that you name, and nowhere else."
      }
      TagAtCreation = {
        actions   = ["ec2:CreateTags"]
        resources = concat([local.any.interface], local.has_addresses ? [local.any.address] : [])
        conditions = {
          StringEquals = merge(local.becomes_ours.StringEquals, {
            "ec2:CreateAction" = concat(["CreateNetworkInterface"], local.has_addresses ? ["AllocateAddress"] : [])
          })
        }
        reason = "Tags what it makes in the same call, so that nothing is ever there without an owner."
      }
      AttachInterfaces = {
        actions    = ["ec2:AttachNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute"]
        resources  = [local.any.interface, local.any.instance]
        conditions = local.is_ours
        reason     = "Attaches the interfaces to the new firewall, to be deleted with it, and sets their source/destination check."
      }
    },
    local.has_addresses ? {
      AllocateAddresses = {
        actions    = ["ec2:AllocateAddress"]
        resources  = [local.any.address]
        conditions = local.becomes_ours
        reason     = "Allocates the public addresses that you ask for, which must carry this deployment's tag."
      }
      AssociateAddresses = {
        actions    = ["ec2:AssociateAddress"]
        resources  = [local.any.address, local.any.interface, local.any.instance]
        conditions = local.is_ours
        reason     = "Gives a new firewall's interfaces their public addresses."
      }
    } : {},
    length(local.address_pools) > 0 ? {
      UseAddressPools = {
        actions    = ["ec2:AllocateAddress"]
        resources  = [for pool in local.address_pools : "${local.arn.ec2}:ipv4pool-ec2/${pool}"]
        conditions = {}
        reason     = "Takes public addresses from the pools that you name."
      }
    } : {},
    local.has_target_groups ? {
      RegisterTargets = {
        actions    = ["elasticloadbalancing:RegisterTargets"]
        resources  = local.target_group_arns
        conditions = {}
        reason     = "Registers the address of a firewall that is ready with the target groups that its interfaces name."
      }
    } : {},
  )

  # An interface that is still attached, or an address that somebody has put elsewhere, may be in use: the reconcile function takes
  # neither.
  reconcile_statements = merge(
    local.common_statements.reconcile,
    {
      ResendEvents = {
        actions    = ["sqs:SendMessage"]
        resources  = values(local.arn.queues)
        conditions = {}
        reason     = "Writes a lifecycle event that was lost into its queue once more."
      }
    },
  )

  statements = {
    launch = local.launch_statements
    terminate = merge(local.hook_statements.terminate, {
      DetachInterfaces = {
        actions    = ["ec2:DetachNetworkInterface"]
        resources  = [local.any.interface, local.any.instance]
        conditions = local.is_ours
        reason     = "Detaches the interfaces of a leaving firewall, so that they can be deleted before it goes."
      }
    })
    reconcile = local.reconcile_statements
  }
}

# Secrets, and the keys of the user's own that encrypt them.
locals {
  secrets = {
    launch = compact([
      try(var.panorama.secret_arn, null),
      try(local.firewall_api.launch.secret_arn, null),
    ])
    terminate = compact([
      try(var.panorama.secret_arn, null),
      try(local.firewall_api.terminate.secret_arn, null),
      var.licensing.api_key_secret_arn,
    ])
    reconcile = compact([
      try(var.panorama.secret_arn, null),
    ])
  }

  secret_keys = {
    launch = compact([
      try(var.panorama.secret_kms_key_arn, null),
      try(local.firewall_api.launch.secret_kms_key_arn, null),
    ])
    terminate = distinct(compact([
      try(var.panorama.secret_kms_key_arn, null),
      try(local.firewall_api.terminate.secret_kms_key_arn, null),
      var.licensing.api_key_secret_kms_key_arn,
    ]))
    reconcile = compact([
      try(var.panorama.secret_kms_key_arn, null),
    ])
  }

  secret_statements = { for function, secrets in local.secrets : function => merge(
    var.panorama == null && local.firewall_api[function] == null ? {} : {
      ReadSecrets = {
        actions    = ["secretsmanager:GetSecretValue"]
        resources  = secrets
        conditions = {}
        reason     = "Reads the secrets that you name: who it is to ${var.panorama == null ? "the firewalls" : "Panorama"}${function == "terminate" && var.licensing.api_key_secret_arn != null ? ", and the licensing API key" : ""}."
      }
    },
    length(local.secret_keys[function]) == 0 ? {} : {
      DecryptSecrets = {
        actions   = ["kms:Decrypt"]
        resources = local.secret_keys[function]
        conditions = {
          StringEquals = { "kms:EncryptionContext:SecretARN" = secrets }
        }
        reason = "Decrypts these secrets, and nothing else, with your own key."
      }
    },
  ) }
}
