"""What IAM authorizes for each action: the resources and their condition keys.

Actions, their resource types and condition keys are those of the Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/ with the pages
``list_amazondynamodb``, ``list_amazonec2``, ``list_amazonec2autoscaling``,
``list_elasticloadbalancingv2``,
``list_amazons3``, ``list_amazonsqs``, ``list_awslambda``, ``list_awssecretsmanager``,
``list_awskeymanagementservice``, ``list_amazoncloudwatchlogs`` and ``list_awsx-ray``. An optional
resource type is required if the call concerns such a resource, and also if the reference leaves
that open, which is the stricter choice; a comment at the action says so.

Roles cannot call actions that are not listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from moto.core.exceptions import JsonRESTError, ServiceException

from vmseries_lab.aws.iam.policy_evaluation import Context, Request
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.location import LOCATION

Parameters: TypeAlias = Mapping[str, Any]
"""Parameters of a call under the API's own names."""

Reference: TypeAlias = Callable[[Parameters], Iterable[Request]]

PREFIXES = {"elbv2": "elasticloadbalancing"}
"""Prefixes of actions where they are not the service's name in boto3."""

PERMISSIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Actions that need a permission of another name (API references, Invoke and ListObjectsV2)."""

WITHOUT_PERMISSION = frozenset({"sts:GetCallerIdentity"})
"""No permissions are required (AWS STS API reference, GetCallerIdentity)."""


class UnknownActionError(Exception):
    """The action is not in this reference."""


class NoSuchResourceError(Exception):
    """What a call names does not exist, so that there is nothing to decide on.

    AWS documents no order of authorization and look-up; the service says what is missing.
    """


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource and the condition keys that it gives to a request about it."""

    arn: str
    context: Context


def action_name(service: str, action: str) -> str:
    """An action as policies name it, e.g. ``elasticloadbalancing:RegisterTargets``.

    Args:
        service: as boto3 names it.
        action: as the API reference names it.
    """
    return f"{PREFIXES.get(service, service)}:{action}"


def requests(service: str, action: str, parameters: Parameters) -> list[Request]:
    """The authorization requests of a call.

    Args:
        service: as boto3 names it.
        action: as the API reference names it.
        parameters: of the call, under the API's own names.

    Raises:
        UnknownActionError: if the action is not in the reference.
        NoSuchResourceError: if something that the call names does not exist.
    """
    name = action_name(service, action)
    name = PERMISSIONS.get(name, name)
    if name in WITHOUT_PERMISSION:
        return []
    reference = _REFERENCE.get(name)
    if reference is None:
        raise UnknownActionError(
            f"the lab does not know what IAM authorizes for {name}; add it to "
            "vmseries_lab.aws.iam.action_reference"
        )
    try:
        return list(reference(parameters))
    except (LookupError, JsonRESTError, ServiceException) as error:
        raise NoSuchResourceError(f"{name}: {error!r}") from error


def _on(name: str, *resources: Callable[[Parameters], Iterable[Resource]]) -> Reference:
    """An action that is authorized on each of the resources."""

    def ask(parameters: Parameters) -> Iterable[Request]:
        for find in resources:
            for resource in find(parameters):
                yield Request(name, resource.arn, resource.context)

    return ask


def _anything(_parameters: Parameters) -> Iterable[Resource]:
    """For actions that know no resources."""
    yield Resource("*", {})


# EC2 ----------------------------------------------------------------------------------------------


def _ec2_arn(kind: str, identity: str) -> str:
    return LOCATION.arn("ec2", f"{kind}/{identity}")


def _existing(kind: str, resource: Any) -> Resource:
    tags = {
        tag["key"]: tag["value"]
        for tag in backend("ec2").describe_tags(filters={"resource-id": [resource.id]})
    }
    context = {f"{scope}:ResourceTag/{k}": v for k, v in tags.items() for scope in ("aws", "ec2")}
    return Resource(_ec2_arn(kind, resource.id), {"ec2:Region": LOCATION.region, **context})


def _interface(parameters: Parameters) -> Iterable[Resource]:
    interface = backend("ec2").get_network_interface(parameters["NetworkInterfaceId"])
    yield _existing("network-interface", interface)


def _instance(parameters: Parameters) -> Iterable[Resource]:
    yield _existing("instance", backend("ec2").get_instance(parameters["InstanceId"]))


def _attached(parameters: Parameters) -> Iterable[Resource]:
    """The interface of an attachment and its instance."""
    for interface in backend("ec2").enis.values():
        if interface.attachment_id == parameters["AttachmentId"]:
            yield _existing("network-interface", interface)
            yield _existing("instance", interface.instance)
            return
    raise LookupError(parameters["AttachmentId"])


def _instance_of_changed_attachment(parameters: Parameters) -> Iterable[Resource]:
    """The reference has the instance as optional: authorized if the attachment changes."""
    if "Attachment" in parameters:
        interface = backend("ec2").get_network_interface(parameters["NetworkInterfaceId"])
        if interface.instance is not None:
            yield _existing("instance", interface.instance)


def _subnet(parameters: Parameters) -> Iterable[Resource]:
    yield _existing("subnet", backend("ec2").get_subnet(parameters["SubnetId"]))


def _security_groups(parameters: Parameters) -> Iterable[Resource]:
    for group_id in parameters.get("Groups", []):
        group = backend("ec2").get_security_group_from_id(group_id)
        if group is None:
            raise LookupError(group_id)
        yield _existing("security-group", group)


def _address(parameters: Parameters) -> Iterable[Resource]:
    (address,) = backend("ec2").address_by_allocation([parameters["AllocationId"]])
    yield _existing("elastic-ip", address)


def _associated(parameters: Parameters) -> Iterable[Resource]:
    """The address of an association and its interface."""
    (address,) = backend("ec2").address_by_association([parameters["AssociationId"]])
    yield _existing("elastic-ip", address)
    if address.eni is not None:
        yield _existing("network-interface", address.eni)


def _destination(parameters: Parameters) -> Iterable[Resource]:
    """Where an address goes: the interface, and the instance that has it.

    The reference has both as optional and does not say whether an interface stands for its
    instance.
    """
    interface = backend("ec2").get_network_interface(parameters["NetworkInterfaceId"])
    yield _existing("network-interface", interface)
    if interface.instance is not None:
        yield _existing("instance", interface.instance)


def _pool(parameters: Parameters) -> Iterable[Resource]:
    """The lab has no pools, and so none with tags."""
    if "PublicIpv4Pool" in parameters:
        yield Resource(
            _ec2_arn("ipv4pool-ec2", parameters["PublicIpv4Pool"]), {"ec2:Region": LOCATION.region}
        )


def _creation(kind: str) -> Callable[[Parameters], Iterable[Resource]]:
    """A resource to be created: it has no ID yet, and only the tags of the request."""

    def new(parameters: Parameters) -> Iterable[Resource]:
        yield Resource(_ec2_arn(kind, "*"), _wanted_tags(parameters, kind))

    return new


def _wanted_tags(parameters: Parameters, kind: str) -> dict[str, str | list[str]]:
    tags = [
        tag
        for specification in parameters.get("TagSpecifications", [])
        if specification["ResourceType"] == kind
        for tag in specification["Tags"]
    ]
    return {"ec2:Region": LOCATION.region, **_request_tags(tags)}


def _request_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str | list[str]]:
    wanted = {tag["Key"]: tag.get("Value", "") for tag in tags}
    if not wanted:
        return {}
    return {
        **{f"aws:RequestTag/{key}": value for key, value in wanted.items()},
        "aws:TagKeys": list(wanted),
    }


def _creating(name: str, kind: str, *others: Callable[[Parameters], Iterable[Resource]]) -> Any:
    """A creation, which is a CreateTags too if it brings tags.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    make = _on(name, _creation(kind), *others)

    def ask(parameters: Parameters) -> Iterable[Request]:
        yield from make(parameters)
        context = _wanted_tags(parameters, kind)
        if "aws:TagKeys" in context:
            context["ec2:CreateAction"] = name.removeprefix("ec2:")
            yield Request("ec2:CreateTags", _ec2_arn(kind, "*"), context)

    return ask


_KINDS = {
    "i": "instance",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "vol": "volume",
}
"""Resource types by the beginning of their ids."""


def _tagged(parameters: Parameters) -> Iterable[Resource]:
    """What CreateTags is to tag."""
    ec2 = backend("ec2")
    finders: dict[str, Callable[[str], Any]] = {
        "instance": ec2.get_instance,
        "network-interface": ec2.get_network_interface,
        "elastic-ip": lambda identity: ec2.address_by_allocation([identity])[0],
        "volume": ec2.get_volume,
    }
    for identity in parameters["Resources"]:
        kind = _KINDS[identity.split("-", 1)[0]]
        resource = _existing(kind, finders[kind](identity))
        wanted = _request_tags(parameters["Tags"])
        yield Resource(resource.arn, {**resource.context, **wanted})


# Other services -----------------------------------------------------------------------------------


def _group(parameters: Parameters) -> Iterable[Resource]:
    group = backend("autoscaling").autoscaling_groups[parameters["AutoScalingGroupName"]]
    tags = {tag["Key"]: tag["Value"] for tag in group.tags}
    scopes = ("aws", "autoscaling")
    yield Resource(
        group.arn, {f"{scope}:ResourceTag/{k}": v for k, v in tags.items() for scope in scopes}
    )


def _target_group(parameters: Parameters) -> Iterable[Resource]:
    group = backend("elbv2").target_groups[parameters["TargetGroupArn"]]
    tags = backend("elbv2").tagging_service.get_tag_dict_for_resource(group.arn)
    scopes = ("aws", "elasticloadbalancing")
    yield Resource(
        group.arn, {f"{scope}:ResourceTag/{k}": v for k, v in tags.items() for scope in scopes}
    )


def _queue(parameters: Parameters) -> Iterable[Resource]:
    queue = backend("sqs").queues[parameters["QueueUrl"].rsplit("/", 1)[-1]]
    yield Resource(queue.queue_arn, {f"aws:ResourceTag/{k}": v for k, v in queue.tags.items()})


def _redriven(parameters: Parameters) -> Iterable[Request]:
    """StartMessageMoveTask: the caller receives, deletes and sends each message.

    Source: SQS Developer Guide, "Learn how to configure a dead-letter queue redrive", "Configuring
    queue permissions". Without a destination, the messages go to each source queue.
    """
    sqs = backend("sqs")
    dead_letters = sqs.queues[parameters["SourceArn"].rsplit(":", 1)[-1]]
    for name in ("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield Request(f"sqs:{name}", dead_letters.queue_arn)
    if parameters.get("DestinationArn"):
        targets = [parameters["DestinationArn"]]
    else:
        sources = sqs.list_dead_letter_source_queues(dead_letters.name)
        targets = [queue.queue_arn for queue in sources]
    for arn in targets:
        yield Request("sqs:SendMessage", arn)


def _function(parameters: Parameters) -> Iterable[Resource]:
    name = parameters["FunctionName"].rsplit(":", 1)[-1]
    yield Resource(backend("lambda").get_function(name).function_arn, {})


def _new_queue(parameters: Parameters) -> Iterable[Resource]:
    wanted = [{"Key": k, "Value": v} for k, v in parameters.get("tags", {}).items()]
    arn = LOCATION.arn("sqs", parameters["QueueName"])
    yield Resource(arn, _request_tags(wanted))


def _table(name: str) -> Reference:
    """An action on items of tables, and Decrypt for a table that a key of the user's own encrypts.

    DynamoDB uses the key as the caller, with the name of the table in the encryption context; the
    keys of AWS need no permission.
    https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
    """

    def reference(parameters: Parameters) -> Iterable[Request]:
        names = parameters.get("RequestItems") or [parameters["TableName"]]
        for given in names:
            table_name = given.rpartition("/")[2]  # An ARN is accepted, too (API_PutItem).
            table = backend("dynamodb").tables.get(table_name)
            if table is None:
                raise NoSuchResourceError
            keys = _item_keys(parameters, table_name, table.hash_key_attr)
            yield Request(name, table.table_arn, {"dynamodb:LeadingKeys": keys} if keys else {})
            if key := (table.sse_specification or {}).get("KMSMasterKeyId"):
                context = {"aws:dynamodb:tableName": table_name}
                yield from _decrypt({"KeyId": key, "EncryptionContext": context}, via="dynamodb")

    return reference


def _item_keys(parameters: Parameters, table_name: str, attribute: str) -> list[str]:
    """The partition keys of the items that an action names."""
    batch = parameters.get("RequestItems", {}).get(table_name, {}).get("Keys", ())
    items = [*batch, *(parameters[name] for name in ("Item", "Key") if name in parameters)]
    return [str(value) for item in items for value in item.get(attribute, {}).values()]


def _secret_value(parameters: Parameters) -> Iterable[Request]:
    """GetSecretValue, and Decrypt for a secret that a key of the user's own encrypts.

    Secrets Manager uses the key as the caller, with the secret's ARN in the encryption context;
    the key of AWS lets everybody in the account use it through Secrets Manager.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    """
    for resource in _secret(parameters):
        yield Request("secretsmanager:GetSecretValue", resource.arn, resource.context)
    secret = backend("secretsmanager").secrets[parameters["SecretId"]]
    if secret.kms_key_id and not secret.kms_key_id.startswith("alias/aws/"):
        context = {
            "SecretARN": secret.arn,
            "SecretVersionId": parameters.get("VersionId", secret.default_version_id),
        }
        yield from _decrypt(
            {"KeyId": secret.kms_key_id, "EncryptionContext": context}, via="secretsmanager"
        )


def _secret(parameters: Parameters) -> Iterable[Resource]:
    secret = backend("secretsmanager").secrets[parameters["SecretId"]]
    tags = {tag["Key"]: tag["Value"] for tag in secret.tags or []}
    context: dict[str, str | list[str]] = {
        "secretsmanager:SecretId": parameters["SecretId"],
        **{f"{s}:ResourceTag/{k}": v for k, v in tags.items() for s in ("aws", "secretsmanager")},
    }
    yield Resource(secret.arn, context)


def _bucket(parameters: Parameters) -> Iterable[Resource]:
    """A bucket whose objects are listed, with the condition key of the prefix."""
    arn = f"arn:{LOCATION.partition}:s3:::{parameters['Bucket']}"
    yield Resource(arn, {"s3:prefix": parameters["Prefix"]} if "Prefix" in parameters else {})


def _decrypt(parameters: Parameters, *, via: str = "") -> Iterable[Request]:
    """Decrypt; ``via`` is the service that calls on the caller's behalf (``kms:ViaService``)."""
    keys = backend("kms")
    key = keys.describe_key(keys.any_id_to_key_id(parameters["KeyId"]))
    encryption = parameters.get("EncryptionContext", {})
    yield Request(
        "kms:Decrypt",
        key.arn,
        {
            **{f"kms:EncryptionContext:{name}": value for name, value in encryption.items()},
            **({"kms:EncryptionContextKeys": list(encryption)} if encryption else {}),
            **({"kms:ViaService": f"{via}.{LOCATION.region}.amazonaws.com"} if via else {}),
        },
    )


def _log_group(parameters: Parameters) -> Iterable[Resource]:
    yield Resource(_log_arn(parameters), {})


def _log_stream(parameters: Parameters) -> Iterable[Resource]:
    yield Resource(f"{_log_arn(parameters)}:log-stream:{parameters['logStreamName']}", {})


def _log_arn(parameters: Parameters) -> str:
    return LOCATION.arn("logs", f"log-group:{parameters['logGroupName']}")


def _role(parameters: Parameters) -> Iterable[Resource]:
    role = backend("iam").get_role_by_arn(parameters["RoleArn"])
    yield Resource(role.arn, {})


_WITHOUT_RESOURCES = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:DescribeScalingActivities",
    "ec2:DescribeAddresses",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "sqs:ListQueues",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)

_REFERENCE: dict[str, Reference] = {
    **{name: _on(name, _anything) for name in _WITHOUT_RESOURCES},
    "ec2:AllocateAddress": _creating("ec2:AllocateAddress", "elastic-ip", _pool),
    "ec2:CreateNetworkInterface": _creating(
        "ec2:CreateNetworkInterface", "network-interface", _subnet, _security_groups
    ),
    **{
        name: _table(name)
        for name in ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Scan")
    },
    "kms:Decrypt": _decrypt,
    "sqs:StartMessageMoveTask": _redriven,
    # Batches need the permission for the single action (SQS Developer Guide, "Amazon SQS API
    # permissions: Actions and resource reference").
    "sqs:ChangeMessageVisibilityBatch": _on("sqs:ChangeMessageVisibility", _queue),
    "sqs:DeleteMessageBatch": _on("sqs:DeleteMessage", _queue),
    "sqs:SendMessageBatch": _on("sqs:SendMessage", _queue),
    "secretsmanager:GetSecretValue": _secret_value,
    **{
        name: _on(name, *resources)
        for name, resources in {
            "autoscaling:CompleteLifecycleAction": (_group,),
            "autoscaling:RecordLifecycleActionHeartbeat": (_group,),
            "autoscaling:SuspendProcesses": (_group,),
            "ec2:AssignPrivateIpAddresses": (_interface,),
            "ec2:AssociateAddress": (_address, _destination),
            "ec2:AttachNetworkInterface": (_interface, _instance),
            "ec2:CreateTags": (_tagged,),
            "ec2:DeleteNetworkInterface": (_interface,),
            "ec2:DetachNetworkInterface": (_attached,),
            "ec2:DisassociateAddress": (_associated,),
            "ec2:ModifyNetworkInterfaceAttribute": (_interface, _instance_of_changed_attachment),
            "ec2:ReleaseAddress": (_address,),
            "ec2:TerminateInstances": (
                lambda parameters: (
                    resource
                    for identity in parameters["InstanceIds"]
                    for resource in _instance({"InstanceId": identity})
                ),
            ),
            "ec2:UnassignPrivateIpAddresses": (_interface,),
            "elasticloadbalancing:DeregisterTargets": (_target_group,),
            "elasticloadbalancing:RegisterTargets": (_target_group,),
            "lambda:InvokeFunction": (_function,),
            "logs:CreateLogGroup": (_log_group,),
            # An optional log-stream in the reference; refusals name the stream.
            "logs:CreateLogStream": (_log_stream,),
            "logs:PutLogEvents": (_log_stream,),
            "s3:ListBucket": (_bucket,),
            "secretsmanager:ListSecretVersionIds": (_secret,),
            "sqs:ChangeMessageVisibility": (_queue,),
            "sqs:CreateQueue": (_new_queue,),
            "sqs:DeleteMessage": (_queue,),
            "sqs:GetQueueAttributes": (_queue,),
            "sqs:GetQueueUrl": (_queue,),
            "sqs:ReceiveMessage": (_queue,),
            "sqs:SendMessage": (_queue,),
            "sts:AssumeRole": (_role,),
        }.items()
    },
}
