"""Parse the settings of a function, a JSON document that Terraform writes."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import types
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from vmseries_autoscale.errors import SettingsError, shortened

VARIABLE = "VMSERIES_AUTOSCALE_SETTINGS"

LICENSE_TIMEOUT_FACTOR = 2
"""Factor by which a request that contacts the license server may take longer than other requests.
It is a bound for a request, not for the return of a license: a later visit sees how that went."""

_JSON = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}

_MAXIMUM_NUMBER = 2**31 - 1
"""The largest number in settings. Seconds, counts and ports are far smaller."""

_MAXIMUM_NAME = 300
"""Number of characters of the document's own names that an error repeats."""


class Role(StrEnum):
    """The role of an interface."""

    DATA = "data"
    MANAGEMENT = "management"
    UNTRUST = "untrust"
    EXTRA = "extra"


class Readiness(StrEnum):
    """The condition for a firewall to enter service."""

    IN_SYNC = "in-sync"
    CONNECTED = "connected"
    HEALTHY = "healthy"
    OFF = "off"


class LicensingMode(StrEnum):
    """The way in which the license of a firewall is returned."""

    FIREWALL = "firewall"
    PLUGIN = "plugin"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PanoramaSettings:
    """Settings for Panorama, and the parts of its configuration that contain our firewalls.

    Attributes:
        port: TCP port of the XML API.
        server_name: Name that the certificate must be valid for; ``None`` for the host name.
        timeout_seconds: Timeout of one request.
        push_when_out_of_sync: Whether to push to new firewalls that are connected but not in
            sync.
        call_slots_table_arn: Table that limits the calls of all deployments that share a Panorama;
            ``None`` to limit only those of this one.
    """

    hostnames: tuple[str, ...]
    port: int
    secret_arn: str
    server_name: str | None
    device_group: str
    template_stack: str
    log_collector_group: str | None
    timeout_seconds: int
    push_when_out_of_sync: bool
    call_slots_table_arn: str | None = None

    @property
    def license_timeout_seconds(self) -> int:
        """Timeout of a request that contacts Palo Alto's license server, which takes longer."""
        return LICENSE_TIMEOUT_FACTOR * self.timeout_seconds


@dataclass(frozen=True, slots=True)
class StrataCloudManagerSettings:
    """Settings for Strata Cloud Manager, which manages the firewalls instead of Panorama.

    Attributes:
        folder: Name of the folder that directly contains the firewalls.
        api_hostname: Host name of the API.
        identity_hostname: Host name of the identity service.
        timeout_seconds: Timeout of one request.
    """

    secret_arn: str
    folder: str
    api_hostname: str
    identity_hostname: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class FirewallApiSettings:
    """Settings for the firewalls' own XML API, at their management addresses.

    Attributes:
        port: TCP port of the XML API.
        server_name: Name that the certificate of every firewall must be valid for.
        timeout_seconds: Timeout of one request.
    """

    secret_arn: str
    port: int
    server_name: str
    timeout_seconds: int

    @property
    def license_timeout_seconds(self) -> int:
        """Timeout of a request that contacts Palo Alto's license server, which takes longer."""
        return LICENSE_TIMEOUT_FACTOR * self.timeout_seconds


@dataclass(frozen=True, slots=True)
class TargetGroupSettings:
    """A target group of type ip, of an Application or Network Load Balancer.

    Attributes:
        port: Port on which the firewalls receive traffic.
    """

    arn: str
    port: int


@dataclass(frozen=True, slots=True)
class InterfaceSettings:
    """One interface that every firewall of the group must have.

    Attributes:
        subnet_ids: Subnets by name of the Availability Zone.
        public_ipv4_pool: Pool of the Elastic IP address; ``None`` for Amazon's pool.
        target_groups: Target groups for the private address while the firewall is in service.
    """

    role: Role
    device_index: int
    source_dest_check: bool
    subnet_ids: Mapping[str, str]
    security_group_ids: tuple[str, ...]
    public_ip: bool
    public_ipv4_pool: str | None
    target_groups: tuple[TargetGroupSettings, ...]


@dataclass(frozen=True, slots=True)
class LicensingSettings:
    """Settings for returning licenses.

    Attributes:
        api_key_secret_arn: Secret with the licensing API key; only in mode ``firewall``.
        license_manager: License manager of Panorama's license plugin; only in mode ``plugin``.
        join_timeout_seconds: Age of an instance up to which its firewall may still register with
            Panorama, or take its license.
    """

    mode: LicensingMode
    api_key_secret_arn: str | None
    license_manager: str | None
    join_timeout_seconds: int

    def __post_init__(self) -> None:
        for name, value, mode in (
            ("api_key_secret_arn", self.api_key_secret_arn, LicensingMode.FIREWALL),
            ("license_manager", self.license_manager, LicensingMode.PLUGIN),
        ):
            if self.mode is mode and value is None:
                raise SettingsError(f"{VARIABLE}: licensing.mode {mode} needs licensing.{name}")
            if self.mode is not mode and value is not None:
                raise SettingsError(
                    f"{VARIABLE}: licensing.{name} has no effect with licensing.mode {self.mode}"
                )


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of all functions.

    Attributes:
        name: Name of the deployment, which is also the value of the tag on its resources.
        records_table: Name of the DynamoDB table with the records of the firewalls.
        panorama: Panorama that manages the firewalls; ``None`` without one.
        strata_cloud_manager: Strata Cloud Manager that does instead; ``None`` without it.
    """

    name: str
    auto_scaling_group_name: str
    records_table: str
    panorama: PanoramaSettings | None
    strata_cloud_manager: StrataCloudManagerSettings | None

    def __post_init__(self) -> None:
        if self.panorama is not None and self.strata_cloud_manager is not None:
            raise SettingsError(
                f"{VARIABLE}: panorama and strata_cloud_manager are both set; a firewall has one "
                "manager"
            )


@dataclass(frozen=True, slots=True)
class HookSettings(Settings):
    """Settings of the functions for lifecycle hooks.

    Attributes:
        deadline_seconds: Age of an event after which visits stop waiting.
        visit_interval_seconds: First backoff between two visits. The backoff grows with each visit.
        maximum_visit_interval_seconds: Maximum backoff.
    """

    lifecycle_hook_name: str
    queue_url: str
    dead_letter_queue_url: str
    deadline_seconds: int
    visit_interval_seconds: int
    maximum_visit_interval_seconds: int


@dataclass(frozen=True, slots=True)
class LaunchSettings(HookSettings):
    """Settings of the launch function.

    Attributes:
        target_group_arns: Target groups of type instance in which the launch function registers a
            firewall before it is in service; only with readiness ``healthy``.
    """

    interfaces: Mapping[str, InterfaceSettings]
    tags: Mapping[str, str]
    readiness: Readiness
    license_expected: bool
    firewall_api: FirewallApiSettings | None
    target_group_arns: tuple[str, ...]

    @property
    def management_device_index(self) -> int:
        """The device index of the management interface."""
        return self._management_device_indexes()[0]

    @property
    def asks_firewalls(self) -> bool:
        """Whether a firewall that Strata Cloud Manager shows as ready is asked for its license."""
        return (
            self.strata_cloud_manager is not None
            and self.license_expected
            and self.readiness in (Readiness.IN_SYNC, Readiness.CONNECTED)
        )

    def _management_device_indexes(self) -> list[int]:
        return [i.device_index for i in self.interfaces.values() if i.role is Role.MANAGEMENT]

    def __post_init__(self) -> None:
        HookSettings.__post_init__(self)  # super() does not work in a class with slots.
        if len(self._management_device_indexes()) != 1:
            raise SettingsError(f"{VARIABLE}: one of the interfaces must have the role management")
        managed = self.panorama is not None or self.strata_cloud_manager is not None
        possible = {
            Readiness.OFF: True,
            Readiness.HEALTHY: True,
            Readiness.CONNECTED: managed or self.firewall_api is not None,
            Readiness.IN_SYNC: managed,
        }
        if not possible[self.readiness]:
            raise SettingsError(
                f"{VARIABLE}: readiness is {self.readiness}, but panorama is null; in-sync needs "
                "panorama or strata_cloud_manager, connected needs one of them or firewall_api, "
                "healthy and off need none"
            )
        if self.asks_firewalls and self.firewall_api is None:
            raise SettingsError(
                f"{VARIABLE}: a license is expected, and Strata Cloud Manager does not show it "
                "reliably; set firewall_api"
            )
        groups = [group for item in self.interfaces.values() for group in item.target_groups]
        if self.readiness is Readiness.HEALTHY and not (self.target_group_arns or groups):
            raise SettingsError(
                f"{VARIABLE}: readiness is healthy, but there is no target group in which a "
                "firewall can be healthy; set target_group_arns, or an interface's target_groups"
            )
        if self.readiness is not Readiness.HEALTHY and self.target_group_arns:
            raise SettingsError(
                f"{VARIABLE}: target_group_arns has no effect with readiness {self.readiness}"
            )


@dataclass(frozen=True, slots=True)
class TerminateSettings(HookSettings):
    """Settings of the terminate function.

    Attributes:
        target_groups: Target groups by device index of the interface.
        target_group_arns: Target groups of type instance in which the launch function registers
            firewalls.
    """

    management_device_index: int
    licensing: LicensingSettings
    firewall_api: FirewallApiSettings | None
    target_groups: Mapping[str, tuple[TargetGroupSettings, ...]]
    target_group_arns: tuple[str, ...]

    @property
    def has_target_groups(self) -> bool:
        """Whether a firewall can be registered in a target group by the functions."""
        return bool(self.target_groups or self.target_group_arns)

    def __post_init__(self) -> None:
        HookSettings.__post_init__(self)  # super() does not work in a class with slots.
        mode = self.licensing.mode
        if mode is LicensingMode.FIREWALL and self.panorama is None and self.firewall_api is None:
            raise SettingsError(
                f"{VARIABLE}: licensing.mode firewall needs panorama or firewall_api to reach the "
                "firewall; set one or use mode none"
            )
        if mode is LicensingMode.PLUGIN and self.panorama is None:
            raise SettingsError(
                f"{VARIABLE}: licensing.mode plugin needs panorama, which runs the plugin"
            )


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The queue of a lifecycle hook."""

    lifecycle_hook_name: str
    queue_url: str


@dataclass(frozen=True, slots=True)
class ReconcileTargetGroupSettings:
    """A target group of type ip, and the subnets that contain only our firewalls.

    Attributes:
        cidr_blocks: CIDR blocks of the subnets of the interface whose addresses are registered.
    """

    arn: str
    vpc_id: str
    cidr_blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """Where firewalls read their bootstrap configuration when they boot for the first time.

    Attributes:
        secret_arn: Secret of Secrets Manager; ``None`` without one.
        bucket: Bucket of the bootstrap package; ``None`` without one.
        prefix: Prefix of the package in the bucket; ``None`` for the whole bucket.
    """

    secret_arn: str | None
    bucket: str | None
    prefix: str | None


@dataclass(frozen=True, slots=True)
class CreditPoolSettings:
    """The pool of Software NGFW credits that the firewalls take their licenses from.

    Attributes:
        secret_arn: Secret with the OAuth credentials for the vendor's credit-pool API.
        id: Id of the credit pool.
        credits_per_firewall: Credits that one firewall takes.
        profile_firewalls: Number of firewalls that the deployment profile is made for; ``None`` to
            read it from the API.
    """

    secret_arn: str
    id: str
    credits_per_firewall: float
    profile_firewalls: int | None

    def __post_init__(self) -> None:
        if not self.credits_per_firewall > 0:
            raise SettingsError(
                f"{VARIABLE}: credit_pool.credits_per_firewall must be more than zero"
            )


@dataclass(frozen=True, slots=True)
class ReconcileSettings(Settings):
    """Settings of the reconcile function.

    Attributes:
        license_manager: License manager of Panorama's license plugin; only in licensing mode
            ``plugin``.
        stop_launches_after: Number of abandoned launches in a row after which the launches of the
            group are stopped; ``None`` to never stop them.
        credit_pool: The pool of the firewalls' licenses; ``None`` not to read one.
        target_group_arns: Target groups of type instance in which the launch function registers
            firewalls.
        age_floor_seconds: Minimum age of stalled hooks and orphans that a run acts on.
        maximum_firewalls: Maximum number of firewalls whose orphans one run removes.
        maximum_share: The same maximum as a share of all known firewalls, between 0 and 1.
        dry_run: Whether a run only reports.
        metric_namespace: Namespace of the metrics for scaling policies; ``None`` without policies.
        generation: Value of the generation tag of firewalls that are launched now.
        bootstrap: Where firewalls read their bootstrap configuration.
        tags: Tags of the user on instances, volumes, interfaces and addresses.
    """

    launch: QueueSettings
    terminate: QueueSettings
    management_device_index: int
    licensing_mode: LicensingMode
    license_manager: str | None
    stop_launches_after: int | None
    credit_pool: CreditPoolSettings | None
    target_groups: tuple[ReconcileTargetGroupSettings, ...]
    target_group_arns: tuple[str, ...]
    age_floor_seconds: int
    maximum_firewalls: int
    maximum_share: float
    dry_run: bool
    metric_namespace: str | None
    generation: str
    bootstrap: BootstrapSettings
    tags: Mapping[str, str]


S = TypeVar("S", bound=Settings)


@functools.cache
def from_environment(kind: type[S]) -> S:
    """Read the settings of this function once per execution environment.

    Raises:
        SettingsError: If the variable is missing or its document is invalid. The message names the
            key.
    """
    document = os.environ.get(VARIABLE)
    if document is None:
        raise SettingsError(f"environment variable {VARIABLE} is not set")
    return parse(kind, document)


def parse(kind: type[S], document: str) -> S:
    """Parse a settings document.

    Raises:
        SettingsError: If the document is not JSON or is invalid. The message names the key, never
            the value.
    """
    try:
        content = json.loads(document)
    except json.JSONDecodeError as exc:
        raise SettingsError(f"{VARIABLE} is not JSON: {exc.msg} at {exc.pos}") from exc
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"{VARIABLE}: a number is too long, or the nesting too deep") from exc
    settings: S = _read(kind, content, VARIABLE)
    return settings


def _read(kind: Any, value: Any, path: str) -> Any:
    """Read ``value`` as ``kind``, which is one of the types in the dataclasses above."""
    if dataclasses.is_dataclass(kind):
        return _read_object(kind, value, path)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):  # Always "something | None" here.
        return None if value is None else _read(arguments[0], value, path)
    if origin is tuple:
        items = _expect(list, value, path)
        return tuple(_read(arguments[0], item, f"{path}[{n}]") for n, item in enumerate(items))
    if origin is Mapping:
        entries = _expect(dict, value, path)
        return {
            key: _read(arguments[1], item, f"{path}.{shortened(key, _MAXIMUM_NAME)}")
            for key, item in entries.items()
        }
    if issubclass(kind, StrEnum):
        return _read_choice(kind, value, path)
    return _expect(kind, value, path)


def _read_object(kind: Any, value: Any, path: str) -> Any:
    entries = _expect(dict, value, path)
    hints = get_type_hints(kind)
    if missing := hints.keys() - entries.keys():
        raise SettingsError(f"{path}: missing {_names(missing)}")
    if unknown := entries.keys() - hints.keys():
        raise SettingsError(f"{path}: unknown {_names(unknown)}")
    return kind(**{key: _read(hints[key], entries[key], f"{path}.{key}") for key in hints})


def _read_choice(kind: type[StrEnum], value: Any, path: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError as exc:
        raise SettingsError(f"{path}: must be one of {_names(set(kind))}") from exc


def _expect(kind: type, value: Any, path: str) -> Any:
    # JSON does not distinguish 1 from 1.0. Python's bool is a subclass of int, but true is not 1.
    expected = (int, float) if kind is float else (kind,)
    if not isinstance(value, expected) or (kind is not bool and isinstance(value, bool)):
        raise SettingsError(f"{path}: must be {_JSON[kind]}")
    # Python's parser also reads NaN, and 1e999 as infinity. NaN is not smaller than any number.
    if isinstance(value, int | float) and not abs(value) <= _MAXIMUM_NUMBER:
        raise SettingsError(f"{path}: must be at most {_MAXIMUM_NUMBER}")
    return value


def _names(names: Set[str]) -> str:
    return shortened(", ".join(sorted(names)), _MAXIMUM_NAME)
