"""Size of the group, scaling policies and instance refresh."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import REMOVED
from vmseries_scenarios.changes.rows import Ends, Row

TOPIC = "Size and scaling"
GROUP = "changes group"

ROWS = (
    Row(
        id="max-below-current",
        inputs=("capacity.max",),
        change="Set `max` below the number of firewalls in service",
        to={"capacity": {"min": 1, "max": 1}},
        plan="changes group",
        ends=Ends.SCALED,
        firewalls="The others terminate as in a scale-in, and return their licenses. On the way "
        "back, new ones start",
        members=1,
        matters=True,
    ),
    Row(
        id="min-above-current",
        inputs=("capacity.min", "capacity.desired"),
        change="Set `min` above the number of firewalls in service",
        to={"capacity.min": 3},
        plan="changes group",
        ends=Ends.SCALED,
        firewalls="New ones start. On the way back, the size stays until a policy or you reduce it",
        do="Nothing. `desired` counts at the first apply only: afterwards policies own the size",
        members=3,
        members_back=3,
    ),
    Row(
        id="group-settings",
        inputs=(
            "capacity.default_instance_warmup_seconds",
            "capacity.health_check*",
            "capacity.termination_policies",
            "capacity.suspended_processes",
            "capacity.metrics",
            "capacity.max_instance_lifetime_days",
            "capacity.wait_for_capacity_timeout",
        ),
        change="Change warm-up, health check, termination policies, suspended processes, metrics "
        "or lifetime",
        to={
            "capacity": {
                "min": 2,
                "max": 4,
                "default_instance_warmup_seconds": 240,
                "health_check": {"type": "ELB", "grace_period_seconds": 600},
                "termination_policies": ["OldestInstance"],
                "suspended_processes": ["AZRebalance"],
                "metrics": ["GroupInServiceInstances"],
                "max_instance_lifetime_days": 90,
            }
        },
        plan=GROUP,
        do="A shorter lifetime replaces firewalls that are older, one after the other",
    ),
    Row(
        id="scale-in-protection",
        inputs=("capacity.scale_in_protection",),
        change="Protect firewalls from scale-in, or not",
        to={"capacity.scale_in_protection": True},
        plan=GROUP,
        firewalls="They keep the protection with which they were launched",
        do="Set the protection of running ones with `aws autoscaling set-instance-protection`",
    ),
    Row(
        id="instance-refresh",
        inputs=("capacity.instance_refresh*",),
        change="Set `instance_refresh`, change its settings, or remove it",
        to={
            "capacity.instance_refresh": {
                "min_healthy_percentage": 90,
                "max_healthy_percentage": 150,
                "checkpoint_percentages": [50, 100],
                "checkpoint_delay_seconds": 600,
            }
        },
        plan=GROUP,
        firewalls="No refresh starts. The setting applies to the next change of what firewalls get "
        "at launch",
    ),
    Row(
        id="policies",
        inputs=("scaling.step*",),
        change="Change thresholds and durations of the step policies",
        to={
            "scaling.step": {
                "add_above_percent": 70,
                "add_after_minutes": 10,
                "remove_below_percent": 20,
                "remove_after_minutes": 60,
                "adjustment": 2,
            }
        },
        plan="changes scaling policies",
    ),
    Row(
        id="step-to-tracking",
        inputs=("scaling.target_tracking*",),
        change="Replace the step policies by target tracking; go back",
        to={
            "scaling": {
                "target_tracking": {
                    "sessions": {"metric": "session_utilization", "target": {"percent": 60}}
                }
            }
        },
        plan="adds scaling policies; deletes scaling policies",
    ),
    Row(
        id="policies-removed",
        inputs=("scaling.step",),
        change="Remove all policies; add them again",
        to={"scaling": REMOVED},
        plan="changes functions; deletes scaling policies",
        firewalls="Their number stays as it is",
    ),
    Row(
        id="namespace",
        inputs=("scaling.namespace", "scaling.dimensions"),
        change="Set another namespace",
        to={"scaling.namespace": "VMseries-live-2"},
        plan="changes functions, roles, scaling policies",
        do="Change the namespace in the Panorama template (output `panorama_set_commands`) right "
        "after the apply: until then, the policies have no data and change nothing",
    ),
)
