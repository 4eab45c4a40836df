# IAM permissions of each function, as data. Each API call of a function is allowed by exactly one statement.
locals {
  # All resources of this deployment, and no others, have this tag from their creation.
  resource_has_our_tag = { StringEquals = { "aws:ResourceTag/${local.tag_prefix}deployment" = [var.name] } }

  # Resources that a function creates must have the tag.
  request_has_our_tag = { StringEquals = { "aws:RequestTag/${local.tag_prefix}deployment" = [var.name] } }

  any = {
    address   = "${local.arn.ec2}:elastic-ip/*"
    instance  = "${local.arn.ec2}:instance/*"
    interface = "${local.arn.ec2}:network-interface/*"
    volume    = "${local.arn.ec2}:volume/*"
  }

  # Subnets and security groups may belong to another account that shares its VPC, hence any account ID.
  attached_interfaces = [for interface in values(var.interfaces) : interface if interface.device_index > 0]
  attached_subnet_arns = sort(distinct(flatten([
    for interface in local.attached_interfaces : [
      for id in values(interface.subnet_ids) : "arn:${var.location.partition}:ec2:${var.location.region}:*:subnet/${id}"
    ]
  ])))
  attached_security_group_arns = sort(distinct(flatten([
    for interface in local.attached_interfaces : [
      for id in interface.security_group_ids :
      "arn:${var.location.partition}:ec2:${var.location.region}:*:security-group/${id}"
    ]
  ])))

  has_addresses = anytrue([for interface in values(var.interfaces) : interface.public_ip])
  address_pools = sort(distinct(compact([for interface in values(var.interfaces) : interface.public_ipv4_pool])))

  # By number and by readiness, because the ARNs may be unknown at plan time.
  has_target_groups = length(local.named_target_groups) > 0 || local.registers_instances
  target_group_arns = concat(local.instance_target_group_arns, local.target_groups[*].arn)

  words_for_target_groups = join(" and ", concat(
    local.registers_instances ? ["the target groups of the Auto Scaling group"] : [],
    length(local.named_target_groups) > 0 ? ["the target groups of their interfaces"] : [],
  ))

  # These actions support no resource-level permissions. Every deployment may have addresses from an earlier
  # configuration.
  describe_actions = { for function in ["launch", "terminate", "reconcile"] : function => concat(
    ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeAddresses"],
    local.has_target_groups ? ["elasticloadbalancing:DescribeTargetHealth"] : [],
    function == "launch" ? [] : ["autoscaling:DescribeScalingActivities"],
    function == "reconcile" ? ["autoscaling:DescribeAutoScalingGroups"] : [],
    function == "reconcile" && length(local.written_tag_keys) > 0 ? ["ec2:DescribeTags"] : [],
  ) }

  # Tags that the reconcile function writes on running firewalls. "Name" differs from resource to resource.
  written_tag_keys = [for key in keys(local.tags_of_firewalls) : key if key != "Name"]

  common_statements = { for function, actions in local.describe_actions : function => merge(
    {
      Describe = {
        actions    = actions
        resources  = ["*"]
        conditions = {}
        reason     = "Reads the current state. These actions support no resource-level permissions."
      }
      DeleteInterfaces = {
        actions    = ["ec2:DeleteNetworkInterface"]
        resources  = [local.any.interface]
        conditions = local.resource_has_our_tag
        reason     = "Deletes network interfaces of this deployment that no firewall uses."
      }
      # Also without public_ip: firewalls that were launched earlier may have an address.
      ReleaseAddresses = {
        actions    = ["ec2:ReleaseAddress"]
        resources  = [local.any.address]
        conditions = local.resource_has_our_tag
        reason     = "Releases Elastic IP addresses of this deployment that no firewall uses."
      }
    },
    local.has_target_groups ? {
      DeregisterTargets = {
        actions    = ["elasticloadbalancing:DeregisterTargets"]
        resources  = local.target_group_arns
        conditions = {}
        reason     = "Deregisters terminating, abandoned and terminated firewalls from ${local.words_for_target_groups}."
      }
    } : {},
    local.records_statements[function],
    local.secret_statements[function],
  ) }

  hook_statements = { for function, transition in local.transitions : function => merge(
    local.common_statements[function],
    {
      CompleteLifecycleAction = {
        actions    = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
        resources  = [local.arn.autoscaling_group]
        conditions = {}
        reason     = "Keeps the ${transition.hook_name} hook of this deployment's group open with heartbeats, and completes it."
      }
      # For Lambda's pollers only: calls of the function's code have lambda:SourceFunctionArn, so code that was taken over
      # cannot drain the queue.
      # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
      PollQueue = {
        actions    = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
        resources  = [local.arn.queues[function]]
        conditions = { Null = { "lambda:SourceFunctionArn" = ["true"] } }
        reason     = "Allows Lambda itself, and not the function's code, to receive and delete lifecycle events of its own queue."
      }
      DelayMessages = {
        actions    = ["sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        resources  = [local.arn.queues[function]]
        conditions = {}
        reason     = "Reads the settings of its own queue, and delays its lifecycle events until the next visit."
      }
      SendToDeadLetterQueue = {
        actions    = ["sqs:SendMessage"]
        resources  = [local.arn.dead_letters[function]]
        conditions = {}
        reason     = "Moves invalid messages to its own dead-letter queue."
      }
      TagInstances = {
        actions   = ["ec2:CreateTags"]
        resources = [local.any.instance]
        conditions = merge(local.resource_has_our_tag, {
          "ForAllValues:StringEquals" = { "aws:TagKeys" = local.instance_tag_keys[function] }
        })
        reason = "Tags a firewall's instance with state for later visits and operators. Only these tag keys are allowed."
      }
    },
    local.has_addresses || function == "terminate" ? {
      DisassociateAddresses = {
        actions    = ["ec2:DisassociateAddress"]
        resources  = [local.any.address, local.any.interface]
        conditions = local.resource_has_our_tag
        reason     = "Disassociates Elastic IP addresses of this deployment, to reuse or release them."
      }
    } : {},
  ) }

  # If a firewall terminates before the launch function has tagged its serial number, the terminate function does.
  common_tag_keys = [for key in ["serial", "last-visit"] : "${local.tag_prefix}${key}"]
  instance_tag_keys = {
    launch    = concat(local.common_tag_keys, ["${local.tag_prefix}abandoned"])
    terminate = local.common_tag_keys
  }

  launch_statements = merge(
    local.hook_statements.launch,
    {
      CreateInterfaces = {
        actions    = ["ec2:CreateNetworkInterface"]
        resources  = [local.any.interface]
        conditions = local.request_has_our_tag
        reason     = "Creates the network interfaces of a new firewall, which must have the tag of this deployment."
      }
      UseSubnets = {
        actions    = ["ec2:CreateNetworkInterface"]
        resources  = concat(local.attached_subnet_arns, local.attached_security_group_arns)
        conditions = {}
        reason     = "Creates network interfaces only in the configured subnets and with the configured security groups."
      }
      TagAtCreation = {
        actions   = ["ec2:CreateTags"]
        resources = concat([local.any.interface], local.has_addresses ? [local.any.address] : [])
        conditions = {
          StringEquals = merge(local.request_has_our_tag.StringEquals, {
            "ec2:CreateAction" = concat(["CreateNetworkInterface"], local.has_addresses ? ["AllocateAddress"] : [])
          })
        }
        reason = "Tags resources in the call that creates them, so that none is without the tag of this deployment."
      }
      AttachInterfaces = {
        actions    = ["ec2:AttachNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute"]
        resources  = [local.any.interface, local.any.instance]
        conditions = local.resource_has_our_tag
        reason     = "Attaches the interfaces to the new firewall, and sets their DeleteOnTermination and source/destination check."
      }
    },
    local.has_addresses ? {
      AllocateAddresses = {
        actions    = ["ec2:AllocateAddress"]
        resources  = [local.any.address]
        conditions = local.request_has_our_tag
        reason     = "Allocates Elastic IP addresses, which must have the tag of this deployment."
      }
      AssociateAddresses = {
        actions    = ["ec2:AssociateAddress"]
        resources  = [local.any.address, local.any.interface, local.any.instance]
        conditions = local.resource_has_our_tag
        reason     = "Associates Elastic IP addresses with the interfaces of a new firewall."
      }
    } : {},
    length(local.address_pools) > 0 ? {
      UseAddressPools = {
        actions    = ["ec2:AllocateAddress"]
        resources  = [for pool in local.address_pools : "${local.arn.ec2}:ipv4pool-ec2/${pool}"]
        conditions = {}
        reason     = "Allocates Elastic IP addresses from the configured address pools."
      }
    } : {},
    local.has_target_groups ? {
      RegisterTargets = {
        actions    = ["elasticloadbalancing:RegisterTargets"]
        resources  = local.target_group_arns
        conditions = {}
        reason     = "Registers new firewalls with ${local.words_for_target_groups}."
      }
    } : {},
  )

  # The reconcile function must not disassociate addresses, which may be in use. No function may detach interfaces:
  # EC2 deletes them with their instance.
  reconcile_statements = merge(
    local.common_statements.reconcile,
    {
      ResendEvents = {
        actions    = ["sqs:SendMessage"]
        resources  = values(local.arn.queues)
        conditions = {}
        reason     = "Resends lost lifecycle events to their queue."
      }
    },
    var.licensing.stop_launches_after == null ? {} : {
      StopLaunches = {
        actions    = ["autoscaling:SuspendProcesses"]
        resources  = [local.arn.autoscaling_group]
        conditions = {}
        reason     = "Stops the launches of the group after several abandoned ones that may each have taken a license."
      }
    },
    length(local.written_tag_keys) == 0 ? {} : {
      UpdateTags = {
        actions   = ["ec2:CreateTags"]
        resources = [local.any.address, local.any.instance, local.any.interface, local.any.volume]
        conditions = merge(local.resource_has_our_tag, {
          "ForAllValues:StringEquals" = { "aws:TagKeys" = local.written_tag_keys }
        })
        reason = "Writes changed tags on running firewalls of this deployment. Only the keys of your tags are allowed."
      }
    },
    var.bootstrap.secret == null ? {} : {
      ListBootstrapVersions = {
        actions    = ["secretsmanager:ListSecretVersionIds"]
        resources  = [var.bootstrap.secret.arn]
        conditions = {}
        reason     = "Finds out when the bootstrap secret was last changed. Its value cannot be read."
      }
    },
    var.bootstrap.s3 == null ? {} : {
      ListBootstrapPackage = {
        actions    = ["s3:ListBucket"]
        resources  = ["arn:${var.location.partition}:s3:::${var.bootstrap.s3.bucket}"]
        conditions = { for prefix in compact(var.bootstrap.s3[*].prefix) : "StringEquals" => { "s3:prefix" = ["${prefix}/"] } }
        reason     = "Finds out when the bootstrap package was last changed. Its objects cannot be read."
      }
    },
  )

  statements = {
    launch = local.launch_statements
    terminate = merge(local.hook_statements.terminate, {
      DeleteWithInstance = {
        actions    = ["ec2:ModifyNetworkInterfaceAttribute"]
        resources  = [local.any.interface, local.any.instance]
        conditions = local.resource_has_our_tag
        reason     = "Sets DeleteOnTermination on interfaces of a terminating firewall that do not have it, so that EC2 deletes them."
      }
    })
    reconcile = local.reconcile_statements
  }
}

# Secrets, and the KMS keys with which they are encrypted.
locals {
  secrets = {
    launch = compact([
      try(var.panorama.secret_arn, null),
      try(var.strata_cloud_manager.secret_arn, null),
      try(local.firewall_api.launch.secret_arn, null),
    ])
    terminate = compact([
      try(var.panorama.secret_arn, null),
      try(var.strata_cloud_manager.secret_arn, null),
      try(local.firewall_api.terminate.secret_arn, null),
      var.licensing.api_key_secret_arn,
    ])
    reconcile = compact([
      try(var.panorama.secret_arn, null),
      try(var.strata_cloud_manager.secret_arn, null),
      try(var.licensing.credit_pool.secret_arn, null),
    ])
  }

  secret_keys = {
    launch = compact([
      try(var.panorama.secret_kms_key_arn, null),
      try(var.strata_cloud_manager.secret_kms_key_arn, null),
      try(local.firewall_api.launch.secret_kms_key_arn, null),
    ])
    terminate = distinct(compact([
      try(var.panorama.secret_kms_key_arn, null),
      try(var.strata_cloud_manager.secret_kms_key_arn, null),
      try(local.firewall_api.terminate.secret_kms_key_arn, null),
      var.licensing.api_key_secret_kms_key_arn,
    ]))
    reconcile = distinct(compact([
      try(var.panorama.secret_kms_key_arn, null),
      try(var.strata_cloud_manager.secret_kms_key_arn, null),
      try(var.licensing.credit_pool.secret_kms_key_arn, null),
    ]))
  }

  reads_credits = { for function, _ in local.secrets : function => function == "reconcile" && var.licensing.credit_pool != null }

  secret_owners = { for function, _ in local.secrets : function => compact([
    var.panorama == null ? "" : "Panorama",
    var.strata_cloud_manager == null ? "" : "Strata Cloud Manager",
    local.firewall_api[function] == null ? "" : "the firewalls",
    local.reads_credits[function] ? "the vendor's credit-pool API" : "",
  ]) }

  secret_statements = { for function, secrets in local.secrets : function => merge(
    try(var.panorama.call_slots_table_arn, null) == null ? {} : {
      LimitCalls = {
        actions    = ["dynamodb:PutItem"]
        resources  = [var.panorama.call_slots_table_arn]
        conditions = {}
        reason     = "Takes and gives back one of the five calls that all deployments on this Panorama may make at a time."
      }
    },
    length(local.secret_owners[function]) == 0 ? {} : {
      ReadSecrets = {
        actions    = ["secretsmanager:GetSecretValue"]
        resources  = secrets
        conditions = {}
        reason = join("", [
          "Reads the credentials for ",
          join(" and ", local.secret_owners[function]),
          function == "terminate" && var.licensing.api_key_secret_arn != null ? " and the licensing API key" : "",
          " from the configured secrets.",
        ])
      }
    },
    length(local.secret_keys[function]) == 0 ? {} : {
      DecryptSecrets = {
        actions   = ["kms:Decrypt"]
        resources = local.secret_keys[function]
        conditions = {
          StringEquals = { "kms:EncryptionContext:SecretARN" = secrets }
        }
        reason = "Decrypts the configured secrets, and nothing else, with your KMS key."
      }
    },
  ) }
}
