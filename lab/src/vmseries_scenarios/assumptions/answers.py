"""Which answers are played: those of all facts, in a few stories."""

from __future__ import annotations

from dataclasses import dataclass, field

from vmseries_lab.core.assumptions import ASSUMPTIONS

BASELINE = "the first answers"
"""Name of the story with the answers that the lab plays by default."""

STORIES: dict[str, dict[str, str]] = {
    "AWS, Strata Cloud Manager, the credit pool, and a role that may not use target": {
        "standby-exit-hooks": "none",
        "foreign-dead-letters": "move",
        "detach": "seconds",
        "pending-target": "deregistered",
        "terminated-target": "deregistered",
        "guest-interface-order": "device-index",
        "initial-target-flows": "none",
        "overlay-next-virtual-router": "followed",
        "bootstrap-bucket-list": "prefix",
        "leaving-firewall-metrics": "nothing",
        "metric-publishing": "once-a-minute",
        "group-metric-arrival": "before-evaluation",
        "strata-running-folder": "listed",
        "strata-serial-field": "name",
        "strata-first-push": "pushes",
        "deployment-profile-fields": "with-quantity",
        "auth-code-serials": "drops-returned",
        "target-by-custom-role": "refused",
    },
    "what Panorama and its plugin list": {
        "late-interface-host-name": "pa-vm",
        "system-info-mac": "data",
        "job-list-entries": "one-per-job",
        "push-devices-in-job-list": "present",
        "group-name-filter": "honored",
        "deactivated-flag": "set",
        "batch-license-result": "per-device",
        "batch-license-info": "current",
        "features-after-deactivation": "none",
        "deactivation-text": "result-text",
        "plugin-empty-list": "container",
        "plugin-list-host-name": "listed",
        "expired-vm-auth-keys": "listed",
        "strata-serial-field": "serial-number",
    },
    "what Panorama does by itself": {
        "system-info-mac": "management",
        "deleted-while-connected": "registers-again",
        "registration-commit": "commit-job",
        "removal-commit-status": "others-in-sync",
        "commit-for-others-right": "not-required",
        "plugin-list-after-deactivation": "kept",
        "batch-license-disconnected": "device-fails",
    },
    "firewalls reboot before they answer": {
        "after-deactivation": "reboots",
        "byol-cpu-id": "instance-id",
        "batch-license-disconnected": "returned",
    },
    "firewalls reboot after they answer": {
        "after-deactivation": "reboots",
        "deactivation-moment": "after-answer",
        "late-interface-host-name": "instance-id",
    },
    "firewalls drop off before they answer": {"after-deactivation": "drops-off"},
    "firewalls drop off after they answer": {
        "after-deactivation": "drops-off",
        "deactivation-moment": "after-answer",
    },
}
"""Answers that do not mask one another, by the name of their story. The others are the first ones.

What a firewall does once its license is deactivated masks what its lists and Panorama's show.
"""

ELSEWHERE: dict[str, str] = {
    "detach": "no function detaches an interface",
    "pending-target": "no function registers instances",
    "commit-for-others-right": "the functions' role has the right",
    "plugin-empty-list": "some firewalls stay in service, which the plugin lists",
    "bootstrap-bucket-list": "the firewalls bootstrap from secrets",
    "initial-target-flows": "there is no traffic",
    "overlay-next-virtual-router": "there is no traffic",
    "leaving-firewall-metrics": "nothing scales by the load",
    "metric-publishing": "nothing scales by the load",
    "group-metric-arrival": "nothing scales by the load",
}
"""Facts that no story meets, with the reason. The tests of their rows do."""


@dataclass(frozen=True)
class Answers:
    """The answers of one story.

    Attributes:
        name: Name of the story.
        played: The answers that are not the first ones, by the name of their fact.
    """

    name: str
    played: dict[str, str] = field(default_factory=dict)

    @property
    def met(self) -> set[str]:
        """The facts that the story must meet."""
        return self.played.keys() - ELSEWHERE.keys()


def all_answers() -> list[Answers]:
    """Return the story with the first answers, and those that turn each fact to each other one."""
    return [Answers(BASELINE), *(Answers(name, played) for name, played in STORIES.items())]


def single_answers() -> list[Answers]:
    """Return a story for each answer but the first of each fact that a story can meet."""
    return [
        Answers(f"{fact}={answer}", _companions(fact) | {fact: answer})
        for fact, assumption in ASSUMPTIONS.items()
        if fact not in ELSEWHERE
        for answer in assumption.answers[1:]
    ]


def chosen_answers(words: str) -> list[Answers]:
    """Return the stories whose name has one of the words, also those of single answers.

    Without a word, return the stories that together turn every fact.
    """
    asked = words.split()
    if not asked:
        return all_answers()
    every = [*all_answers(), *single_answers()]
    return [answers for answers in every if any(word in answers.name for word in asked)]


def _companions(fact: str) -> dict[str, str]:
    """Return the answers to other facts without which the lab does not ask for a fact."""
    return {"after-deactivation": "reboots"} if fact == "deactivation-moment" else {}
