"""The actions that have the effect here that AWS documents; any other action is not implemented.

moto accepts many actions and does nothing with them. An action that changes something is therefore
answered only if it is on this list, which states the effect of each. An action that only reads
changes nothing: moto answers it, or says that it does not implement it.
"""

from __future__ import annotations

READING = ("BatchGet", "Describe", "Filter", "Get", "List", "Query", "Scan", "Search", "Test")
"""First words of the names of actions that change nothing."""

KEPT = "moto keeps what it makes, changes and deletes, and reads return it"
LAB = "the lab gives it its effect in time"
READ_BY = "moto keeps it, and a part of the lab acts on it"
HARMLESS = "moto keeps it, and it has no effect here that a deployment could observe"

_EFFECTS: dict[str, dict[str, tuple[str, ...]]] = {
    "autoscaling": {
        # aws/autoscaling
        LAB: (
            "AttachInstances",
            "AttachLoadBalancerTargetGroups",
            "CancelInstanceRefresh",
            "CompleteLifecycleAction",
            "CreateAutoScalingGroup",
            "DeleteAutoScalingGroup",
            "DeleteLifecycleHook",
            "DeletePolicy",
            "DetachInstances",
            "DetachLoadBalancerTargetGroups",
            "DisableMetricsCollection",
            "EnableMetricsCollection",
            "EnterStandby",
            "ExecutePolicy",
            "ExitStandby",
            "PutLifecycleHook",
            "PutScalingPolicy",
            "RecordLifecycleActionHeartbeat",
            "ResumeProcesses",
            "SetDesiredCapacity",
            "SetInstanceHealth",
            "SetInstanceProtection",
            "StartInstanceRefresh",
            "SuspendProcesses",
            "TerminateInstanceInAutoScalingGroup",
            "UpdateAutoScalingGroup",
        ),
        KEPT: ("CreateOrUpdateTags", "DeleteTags"),
    },
    "cloudwatch": {
        # aws/cloudwatch: alarms are evaluated, and act.
        LAB: ("DeleteAlarms", "PutMetricAlarm", "PutMetricData", "SetAlarmState"),
        KEPT: ("TagResource", "UntagResource"),
    },
    "dynamodb": {
        READ_BY: ("PutItem",),
        KEPT: (
            "CreateTable",
            "DeleteItem",
            "DeleteTable",
            "TagResource",
            "UntagResource",
            "UpdateContinuousBackups",
            "UpdateTable",
        ),
        # Items do not expire, as they may not on AWS for days after their time.
        HARMLESS: ("UpdateTimeToLive",),
    },
    "ec2": {
        # aws/ec2: states that change over time, quotas, errors.
        LAB: (
            "AllocateAddress",
            "AssociateAddress",
            "AttachNetworkInterface",
            "CreateLaunchTemplate",
            "CreateLaunchTemplateVersion",
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "DetachNetworkInterface",
            "DisassociateAddress",
            "ModifyLaunchTemplate",
            "ModifyNetworkInterfaceAttribute",
            "ReleaseAddress",
            "RunInstances",
            "StartInstances",
            "StopInstances",
            "TerminateInstances",
        ),
        # firewalls/reachability and the tests of routes read networks; aws/iam reads tags.
        READ_BY: (
            "AcceptVpcPeeringConnection",
            "AssociateRouteTable",
            "AssociateSubnetCidrBlock",
            "AssociateTransitGatewayRouteTable",
            "AssociateVpcCidrBlock",
            "AttachInternetGateway",
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "CreateEgressOnlyInternetGateway",
            "CreateInternetGateway",
            "CreateManagedPrefixList",
            "CreateNatGateway",
            "CreateNetworkAcl",
            "CreateNetworkAclEntry",
            "CreateRoute",
            "CreateRouteTable",
            "CreateSecurityGroup",
            "CreateSubnet",
            "CreateTags",
            "CreateTransitGateway",
            "CreateTransitGatewayRoute",
            "CreateTransitGatewayRouteTable",
            "CreateTransitGatewayVpcAttachment",
            "CreateVolume",
            "CreateVpc",
            "CreateVpcEndpoint",
            "CreateVpcEndpointServiceConfiguration",
            "CreateVpcPeeringConnection",
            "DeleteEgressOnlyInternetGateway",
            "DeleteInternetGateway",
            "DeleteLaunchTemplate",
            "DeleteManagedPrefixList",
            "DeleteNatGateway",
            "DeleteNetworkAcl",
            "DeleteNetworkAclEntry",
            "DeleteRoute",
            "DeleteRouteTable",
            "DeleteSecurityGroup",
            "DeleteSubnet",
            "DeleteTags",
            "DeleteTransitGateway",
            "DeleteTransitGatewayRoute",
            "DeleteTransitGatewayRouteTable",
            "DeleteTransitGatewayVpcAttachment",
            "DeleteVpc",
            "DeleteVpcEndpointServiceConfigurations",
            "DeleteVpcEndpoints",
            "DeleteVpcPeeringConnection",
            "DeregisterImage",
            "DetachInternetGateway",
            "DisableTransitGatewayRouteTablePropagation",
            "DisassociateRouteTable",
            "DisassociateSubnetCidrBlock",
            "DisassociateTransitGatewayRouteTable",
            "DisassociateVpcCidrBlock",
            "EnableTransitGatewayRouteTablePropagation",
            "ModifyTransitGateway",
            "ModifyTransitGatewayVpcAttachment",
            "ReplaceNetworkAclAssociation",
            "ReplaceNetworkAclEntry",
            "ReplaceRoute",
            "ReplaceRouteTableAssociation",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
        ),
        KEPT: (
            "ModifySecurityGroupRules",
            "UpdateSecurityGroupRuleDescriptionsEgress",
            "UpdateSecurityGroupRuleDescriptionsIngress",
        ),
        # Names in DNS, public addresses of instances of others, who may use the service, and who
        # may log in to an instance.
        HARMLESS: (
            "DeleteKeyPair",
            "ImportKeyPair",
            "ModifySubnetAttribute",
            "ModifyVpcAttribute",
            "ModifyVpcEndpoint",
            "ModifyVpcEndpointServiceConfiguration",
            "ModifyVpcEndpointServicePermissions",
        ),
    },
    "elbv2": {
        # aws/elbv2
        LAB: (
            "DeregisterTargets",
            "ModifyTargetGroup",
            "ModifyTargetGroupAttributes",
            "RegisterTargets",
        ),
        READ_BY: (
            "CreateListener",
            "CreateLoadBalancer",
            "CreateTargetGroup",
            "DeleteListener",
            "DeleteLoadBalancer",
            "DeleteTargetGroup",
            "ModifyListener",
            "ModifyListenerAttributes",
            "SetSubnets",
        ),
        KEPT: ("AddTags", "RemoveTags"),
        HARMLESS: ("ModifyLoadBalancerAttributes",),
    },
    "events": {
        # aws/eventbridge
        LAB: (
            "DeleteRule",
            "DisableRule",
            "EnableRule",
            "PutEvents",
            "PutRule",
            "PutTargets",
            "RemoveTargets",
        ),
        KEPT: ("TagResource", "UntagResource"),
    },
    "iam": {
        # aws/iam: each call of a role is authorized by its policies.
        READ_BY: (
            "AddRoleToInstanceProfile",
            "AttachRolePolicy",
            "CreateInstanceProfile",
            "CreatePolicy",
            "CreateRole",
            "DeleteInstanceProfile",
            "DeletePolicy",
            "DeleteRole",
            "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy",
            "DetachRolePolicy",
            "PutRolePermissionsBoundary",
            "PutRolePolicy",
            "RemoveRoleFromInstanceProfile",
            "UpdateAssumeRolePolicy",
        ),
        KEPT: (
            "TagInstanceProfile",
            "TagPolicy",
            "TagRole",
            "UntagInstanceProfile",
            "UntagPolicy",
            "UntagRole",
            "UpdateRole",
        ),
    },
    "kms": {
        # aws/lambda_/environment_variables: a function starts if its role may decrypt.
        READ_BY: (
            "CreateKey",
            "Decrypt",
            "DisableKey",
            "EnableKey",
            "Encrypt",
            "GenerateDataKey",
            "PutKeyPolicy",
        ),
        KEPT: (
            "CreateAlias",
            "DeleteAlias",
            "ScheduleKeyDeletion",
            "TagResource",
            "UntagResource",
        ),
        HARMLESS: ("EnableKeyRotation",),
    },
    "lambda": {
        # aws/lambda_
        LAB: (
            "CreateEventSourceMapping",
            "CreateFunction",
            "DeleteEventSourceMapping",
            "DeleteFunction",
            "DeleteFunctionConcurrency",
            "DeleteFunctionEventInvokeConfig",
            "DeleteLayerVersion",
            "Invoke",
            "PublishLayerVersion",
            "PutFunctionConcurrency",
            "PutFunctionEventInvokeConfig",
            "UpdateEventSourceMapping",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "UpdateFunctionEventInvokeConfig",
        ),
        READ_BY: ("AddPermission", "RemovePermission"),
        KEPT: ("TagResource", "UntagResource"),
    },
    "logs": {
        LAB: ("CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "PutLogEvents"),
        # aws/log_groups: keys.
        KEPT: ("AssociateKmsKey", "DisassociateKmsKey", "TagResource", "UntagResource"),
        # Log events do not expire.
        HARMLESS: ("DeleteRetentionPolicy", "PutRetentionPolicy"),
    },
    "secretsmanager": {
        READ_BY: (
            "CreateSecret",
            "DeleteSecret",
            "PutResourcePolicy",
            "PutSecretValue",
            "RestoreSecret",
            "UpdateSecret",
        ),
        KEPT: ("TagResource", "UntagResource"),
    },
    "sns": {
        READ_BY: ("AddPermission", "CreateTopic", "Publish", "Subscribe", "Unsubscribe"),
        KEPT: ("DeleteTopic", "SetTopicAttributes", "TagResource", "UntagResource"),
    },
    "sqs": {
        # aws/sqs
        LAB: (
            "AddPermission",
            "CancelMessageMoveTask",
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "CreateQueue",
            "DeleteMessage",
            "DeleteMessageBatch",
            "DeleteQueue",
            "PurgeQueue",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
            "SetQueueAttributes",
            "StartMessageMoveTask",
        ),
        KEPT: ("TagQueue", "UntagQueue"),
    },
    "sts": {READ_BY: ("AssumeRole",)},
}
"""Actions that change something, by service in boto3 and by effect."""

REVIEWED: dict[str, dict[str, str]] = {
    service: {action: effect for effect, actions in effects.items() for action in actions}
    for service, effects in _EFFECTS.items()
}
"""The effect of an action, by service and action."""


def is_reviewed(service: str, action: str) -> bool:
    """Return whether the lab answers an action."""
    return action.startswith(READING) or action in REVIEWED.get(service, {})
