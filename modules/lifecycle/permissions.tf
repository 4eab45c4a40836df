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

  describe_actions = concat(
    ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"],
    local.has_addresses ? ["ec2:DescribeAddresses"] : [],
  )

  common_statements = { for role in ["launch", "terminate"] : role => merge(
    {
      LookAround = {
        actions    = local.describe_actions
        resources  = ["*"] # EC2 knows no resources for its Describe actions.
        conditions = {}
      }
      AnswerHook = {
        actions    = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
        resources  = [local.arn.autoscaling_group]
        conditions = {}
      }
      WorkOffQueue = {
        actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        resources  = [local.arn.queues[role]]
        conditions = {}
      }
      SetAsideUnreadable = {
        actions    = ["sqs:SendMessage"]
        resources  = [local.arn.dead_letters[role]]
        conditions = {}
      }
      DetachInterfaces = {
        actions    = ["ec2:DetachNetworkInterface"]
        resources  = [local.any.interface, local.any.instance]
        conditions = local.is_ours
      }
      DeleteInterfaces = {
        actions    = ["ec2:DeleteNetworkInterface"]
        resources  = [local.any.interface]
        conditions = local.is_ours
      }
      NoteOnInstance = {
        actions   = ["ec2:CreateTags"]
        resources = [local.any.instance]
        conditions = merge(local.is_ours, {
          "ForAllValues:StringEquals" = { "aws:TagKeys" = local.noted_tag_keys[role] }
        })
      }
    },
    local.has_addresses ? {
      DisassociateAddresses = {
        actions    = ["ec2:DisassociateAddress"]
        resources  = [local.any.address, local.any.interface, local.any.instance]
        conditions = local.is_ours
      }
      ReleaseAddresses = {
        actions    = ["ec2:ReleaseAddress"]
        resources  = [local.any.address]
        conditions = local.is_ours
      }
    } : {},
    local.secret_statements[role],
  ) }

  # A firewall that leaves before the launch function could note its serial number has it noted by the terminate function.
  identity_tag_keys = ["${local.tag_prefix}serial", "${local.tag_prefix}serial-evidence"]
  noted_tag_keys = {
    launch    = local.identity_tag_keys
    terminate = concat(local.identity_tag_keys, ["${local.tag_prefix}licence"])
  }

  launch_statements = merge(
    local.common_statements.launch,
    {
      CreateInterfaces = {
        actions    = ["ec2:CreateNetworkInterface"]
        resources  = [local.any.interface]
        conditions = local.becomes_ours
      }
      PlaceInterfaces = {
        actions    = ["ec2:CreateNetworkInterface"]
        resources  = concat(local.wired_subnet_arns, local.wired_security_group_arns)
        conditions = {}
      }
      TagAtCreation = {
        actions   = ["ec2:CreateTags"]
        resources = concat([local.any.interface], local.has_addresses ? [local.any.address] : [])
        conditions = {
          StringEquals = merge(local.becomes_ours.StringEquals, {
            "ec2:CreateAction" = concat(["CreateNetworkInterface"], local.has_addresses ? ["AllocateAddress"] : [])
          })
        }
      }
      AttachInterfaces = {
        actions    = ["ec2:AttachNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute"]
        resources  = [local.any.interface, local.any.instance]
        conditions = local.is_ours
      }
    },
    local.has_addresses ? {
      AllocateAddresses = {
        actions    = ["ec2:AllocateAddress"]
        resources  = [local.any.address]
        conditions = local.becomes_ours
      }
      AssociateAddresses = {
        actions    = ["ec2:AssociateAddress"]
        resources  = [local.any.address, local.any.interface, local.any.instance]
        conditions = local.is_ours
      }
    } : {},
    length(local.address_pools) > 0 ? {
      UseAddressPools = {
        actions    = ["ec2:AllocateAddress"]
        resources  = [for pool in local.address_pools : "${local.arn.ec2}:ipv4pool-ec2/${pool}"]
        conditions = {}
      }
    } : {},
  )

  statements = {
    launch    = local.launch_statements
    terminate = local.common_statements.terminate
  }
}

# Secrets, and the keys of the user's own that encrypt them.
locals {
  secrets = {
    launch = compact([
      try(var.panorama.secret_arn, null),
    ])
    terminate = compact([
      try(var.panorama.secret_arn, null),
      var.licensing.api_key_secret_arn,
    ])
  }

  secret_keys = {
    launch = compact([
      try(var.panorama.secret_kms_key_arn, null),
    ])
    terminate = distinct(compact([
      try(var.panorama.secret_kms_key_arn, null),
      var.licensing.api_key_secret_kms_key_arn,
    ]))
  }

  secret_statements = { for role, secrets in local.secrets : role => merge(
    var.panorama == null ? {} : {
      ReadSecrets = {
        actions    = ["secretsmanager:GetSecretValue"]
        resources  = secrets
        conditions = {}
      }
    },
    length(local.secret_keys[role]) == 0 ? {} : {
      DecryptSecrets = {
        actions   = ["kms:Decrypt"]
        resources = local.secret_keys[role]
        conditions = {
          StringEquals = { "kms:EncryptionContext:SecretARN" = secrets }
        }
      }
    },
  ) }
}
