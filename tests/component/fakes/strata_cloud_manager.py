"""Strata Cloud Manager in memory, as its client shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vmseries_autoscale.settings import StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import ConfigurationJob, ManagedFirewall

FOLDER = "autoscale"


@dataclass
class FakeStrata:
    """One tenant.

    Attributes:
        listed: Firewalls by serial number.
        versions: Versions of the running configurations.
        jobs_listed: Configuration jobs, newest first.
        calls: Names of the methods that were called.
        fail: Called first with the name of each method; raises the error of that method.
    """

    listed: dict[str, ManagedFirewall] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    jobs_listed: list[ConfigurationJob] = field(default_factory=list)
    folders: frozenset[str] = frozenset({FOLDER})
    calls: list[str] = field(default_factory=list)
    fail: Callable[[str], None] = lambda _name: None

    def connect(self, settings: StrataCloudManagerSettings) -> FakeStrata:
        assert settings.folder == FOLDER
        return self

    def add(self, firewall: ManagedFirewall) -> None:
        self.listed[firewall.serial] = firewall

    def _note(self, name: str) -> None:
        self.calls.append(name)
        self.fail(name)

    def firewalls(self) -> list[ManagedFirewall]:
        self._note("firewalls")
        return list(self.listed.values())

    def running_versions(self) -> dict[str, int]:
        self._note("running_versions")
        return dict(self.versions)

    def jobs(self) -> list[ConfigurationJob]:
        self._note("jobs")
        return list(self.jobs_listed)

    def has_folder(self, name: str) -> bool:
        self._note("has_folder")
        return name in self.folders
