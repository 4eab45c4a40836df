"""Facts about AWS and PAN-OS that no documentation or recording settles.

The module must hold whichever way such a fact turns out. So each is a setting of the lab, and the
lab plays the first answer unless a test sets another one. That is the answer that is worse for the
module, but for five facts: ``after-deactivation``, ``plugin-list-after-deactivation``,
``deleted-while-connected``, ``registration-commit`` and ``target-by-custom-role``. The tests of
their rows and the stories of ``make assumptions`` play the worse one. ``docs/assumptions.md`` has a
row for each fact; ``tests/docs`` checks that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    """One unsettled fact.

    Attributes:
        question: what is not known, as a sentence.
        answers: the possible answers. The first one is the default, and that of a new fact is the
            one that is worse for the module.
    """

    question: str
    answers: tuple[str, ...]


ASSUMPTIONS: dict[str, Assumption] = {
    "strata-running-folder": Assumption(
        "Does Strata Cloud Manager's list of running configurations have an entry of the folder, "
        "besides those of its firewalls?",
        ("absent", "listed"),
    ),
    "strata-serial-field": Assumption(
        "Which field of a device has its serial number in Strata Cloud Manager's list?",
        ("id", "name", "serial-number"),
    ),
    "strata-first-push": Assumption(
        "Does Strata Cloud Manager push the configuration of the folder to a firewall that "
        "bootstraps, without an administrator?",
        ("never", "pushes"),
    ),
    "late-interface-host-name": Assumption(
        "Which host name does a management interface get by DHCP that was attached after launch?",
        ("ip-name", "instance-id", "pa-vm"),
    ),
    "standby-exit-hooks": Assumption(
        "Does an instance that returns from standby run the group's launch hooks?",
        ("run", "none"),
    ),
    "overlay-next-virtual-router": Assumption(
        "With overlay routing, does PAN-OS follow a route to another virtual router?",
        ("ignored", "followed"),
    ),
    "bootstrap-bucket-list": Assumption(
        "What does PAN-OS list before it reads its bootstrap package from an S3 bucket?",
        ("whole-bucket", "prefix"),
    ),
    "foreign-dead-letters": Assumption(
        "Does a message move task move messages that SQS itself did not put into the dead-letter "
        "queue, such as those of EventBridge, if the destination is named?",
        ("stay", "move"),
    ),
    "leaving-firewall-metrics": Assumption(
        "What does a firewall publish to CloudWatch while it carries no traffic?",
        ("zeros", "nothing"),
    ),
    "metric-publishing": Assumption(
        "How often does a firewall publish each metric in a minute, at an interval of one minute?",
        ("twice-a-minute", "once-a-minute"),
    ),
    "group-metric-arrival": Assumption(
        "When do the group metrics of a minute arrive: before alarms evaluate that minute?",
        ("after-evaluation", "before-evaluation"),
    ),
    "detach": Assumption(
        "Does DetachNetworkInterface end while the guest of the instance runs?",
        ("never-ends", "seconds"),
    ),
    "initial-target-flows": Assumption(
        "Does a Gateway Load Balancer send new flows to a target whose first health checks run?",
        ("receives", "none"),
    ),
    "pending-target": Assumption(
        "Does Auto Scaling deregister an instance that never entered service, and that somebody "
        "else has registered?",
        ("left", "deregistered"),
    ),
    "terminated-target": Assumption(
        "Does Elastic Load Balancing deregister an instance that has terminated?",
        ("stays", "deregistered"),
    ),
    "deployment-profile-fields": Assumption(
        "Does the credit-pool API show for how many firewalls a deployment profile is made?",
        ("without-quantity", "with-quantity"),
    ),
    "auth-code-serials": Assumption(
        "Does the credit-pool API list the serial numbers of firewalls that returned a license?",
        ("keeps-returned", "drops-returned"),
    ),
    "guest-interface-order": Assumption(
        "In which order does a guest number interfaces that are attached while it boots?",
        ("attach-order", "device-index"),
    ),
    "batch-license-disconnected": Assumption(
        "What does Panorama do with a batch deactivation that names a disconnected firewall?",
        ("request-refused", "device-fails", "returned"),
    ),
    "batch-license-result": Assumption(
        "Does the job of a batch deactivation show a result for each firewall?",
        ("whole-job", "per-device"),
    ),
    "batch-license-info": Assumption(
        "Does Panorama's list of licenses show a license that was returned, until it is refreshed?",
        ("stale", "current"),
    ),
    "after-deactivation": Assumption(
        "What does a firewall do once its license is deactivated?",
        ("stays", "reboots", "drops-off"),
    ),
    "deactivation-moment": Assumption(
        "When does a firewall reboot or drop off: before or after it answers the deactivation?",
        ("before-answer", "after-answer"),
    ),
    "deactivation-text": Assumption(
        "Where does the answer to a deactivation have its text?",
        ("msg-line", "result-text"),
    ),
    "features-after-deactivation": Assumption(
        "Which licenses does a firewall list after its VM-Capacity license was deactivated?",
        ("logging-service", "none"),
    ),
    "system-info-mac": Assumption(
        "Which MAC address does a firewall on AWS show in its system information?",
        ("none", "data", "management"),
    ),
    "byol-cpu-id": Assumption(
        "Does the CPU ID of a firewall with its own license contain the instance ID on AWS?",
        ("hardware", "instance-id"),
    ),
    "expired-vm-auth-keys": Assumption(
        "Does Panorama still list a VM auth key that has expired?",
        ("dropped", "listed"),
    ),
    "deactivated-flag": Assumption(
        "Does the element deactivated in Panorama's lists say that a license was returned?",
        ("never", "set"),
    ),
    "plugin-list-after-deactivation": Assumption(
        "Does the license plugin still list a firewall whose license it has returned?",
        ("removed", "kept"),
    ),
    "plugin-list-host-name": Assumption(
        "Does the license plugin's list have the host names of its firewalls?",
        ("absent", "listed"),
    ),
    "plugin-empty-list": Assumption(
        "Does the license plugin's answer have its container if there is nothing to list?",
        ("no-container", "container"),
    ),
    "job-list-entries": Assumption(
        "How many entries does Panorama's job list have for a job that has ended?",
        ("two-per-job", "one-per-job"),
    ),
    "push-devices-in-job-list": Assumption(
        "Does Panorama's job list show the firewalls of a push?",
        ("absent", "present"),
    ),
    "group-name-filter": Assumption(
        "Does Panorama show only the device group or template stack that a command names?",
        ("ignored", "honored"),
    ),
    "deleted-while-connected": Assumption(
        "Does a connected firewall that was deleted register again with its VM auth key?",
        ("stays-away", "registers-again"),
    ),
    "registration-commit": Assumption(
        "Does Panorama queue a commit of its own when a firewall registers?",
        ("none", "commit-job"),
    ),
    "removal-commit-status": Assumption(
        "Are the other members of a group out of sync after a commit that removes a firewall?",
        ("others-out-of-sync", "others-in-sync"),
    ),
    "commit-for-others-right": Assumption(
        "Does the XML API require the right Commit For Other Admins, which a role has for the web?",
        ("required", "not-required"),
    ),
    "target-by-custom-role": Assumption(
        "May an administrator with a custom role send commands to a firewall with target?",
        ("allowed", "refused"),
    ),
}
"""The unsettled facts, by the name of their setting."""


class Assumptions:
    """The answers that the lab plays.

    Attributes:
        asked: Names of the questions to which the lab has played an answer.
    """

    def __init__(self, known: Mapping[str, Assumption] = ASSUMPTIONS) -> None:
        self.asked: set[str] = set()
        self._known = known
        self._answers = {name: fact.answers[0] for name, fact in known.items()}

    def __getitem__(self, name: str) -> str:
        """Return the answer that the lab plays to the question ``name``."""
        self.asked.add(name)
        return self._answers[name]

    def set(self, **answers: str) -> dict[str, str]:
        """Set answers, with ``_`` or ``-`` in the names, and return all answers.

        Raises:
            ValueError: for an unknown name or answer. Nothing is set then.
        """
        named = {name.replace("_", "-"): answer for name, answer in answers.items()}
        for name, answer in named.items():
            if name not in self._known:
                raise ValueError(f"unknown assumption {name!r}; known: {', '.join(self._known)}")
            possible = self._known[name].answers
            if answer not in possible:
                raise ValueError(f"{name} is one of {', '.join(possible)}, not {answer!r}")
        self._answers |= named
        return dict(self._answers)
