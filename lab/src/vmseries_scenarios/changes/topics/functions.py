"""Functions, their events, deadlines and alarms."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import At
from vmseries_scenarios.changes.rows import Row

TOPIC = "Functions, deadlines and alarms"

ROWS = (
    Row(
        id="deadlines",
        inputs=(
            "deadlines.launch_minutes",
            "deadlines.terminate_minutes",
            "deadlines.visit_interval_seconds",
        ),
        change="Lengthen or shorten deadlines",
        to={
            "deadlines": {
                "launch_minutes": 60,
                "terminate_minutes": 600,
                "visit_interval_seconds": 45,
            }
        },
        plan="changes functions, alarms",
        firewalls="Launches and terminations in progress use the new deadline at their next visit",
        matters=True,
    ),
    Row(
        id="function-code",
        inputs=("functions.package_filename", "functions.code_signing_config_arn"),
        change="Another release of the module, or a signed archive",
        to={"functions.log_level": "DEBUG"},
        plan="changes functions",
        firewalls="The next visit of each launch and termination in progress runs the new code",
    ),
    Row(
        id="function-settings",
        inputs=(
            "functions.memory_mib",
            "functions.timeout_seconds",
            "functions.log_level",
            "functions.log_retention_days",
            "functions.event_batching_window_seconds",
            "functions.launch_concurrency",
            "functions.terminate_concurrency",
        ),
        change="Change memory, timeout, logs, batching or concurrency",
        to={
            "functions": {
                "memory_mib": 1024,
                "timeout_seconds": 90,
                "log_level": "DEBUG",
                "log_retention_days": 30,
                "event_batching_window_seconds": 30,
            }
        },
        plan="changes functions, triggers, log groups, queues",
    ),
    Row(
        id="function-runtime",
        inputs=("functions.runtime", "functions.architecture"),
        change="Change runtime or architecture",
        to={"functions": {"runtime": "python3.12", "architecture": "x86_64"}},
        plan="changes functions",
    ),
    Row(
        id="function-key",
        inputs=("functions.kms_key_arn",),
        change="Set a KMS key; remove it",
        to={"functions.kms_key_arn": At("kms_key_arn")},
        plan="changes functions, log groups, records, roles",
        do="Let the key policy allow CloudWatch Logs first. Keep the former key, because earlier "
        "logs are encrypted with it",
    ),
    Row(
        id="function-vpc",
        inputs=("functions.vpc*",),
        change="Move the functions into a VPC; move them out again",
        to={
            "functions.vpc": {
                "subnet_ids": [At("management_subnet_id")],
                "security_group_ids": [At("functions_group")],
            }
        },
        plan="changes functions, roles",
        do="Let the subnets reach AWS and Panorama first. The pre-flight check reports what is "
        "missing",
    ),
    Row(
        id="dependencies",
        inputs=("dependencies.layer*", "dependencies.archive*", "dependencies.python"),
        change="Set an archive, a layer or another Python for the functions' packages",
        to={"dependencies.archive": {"filename": At("layer_archive")}},
        plan="changes group",
        firewalls="With `layer`, the plan also changes the functions and deletes the layer",
    ),
    Row(
        id="alarms",
        inputs=("alarms.actions",),
        change="Add or remove the actions of alarms",
        to={"alarms.actions": [At("topic_arn")]},
        plan="changes alarms",
    ),
    Row(
        id="event-delivery",
        inputs=("event_delivery.*",),
        change="Change retention, retries or who may redrive",
        to={
            "event_delivery": {
                "maximum_age_seconds": 3600,
                "maximum_retries": 100,
                "message_retention_seconds": 400000,
                "dead_letter_retention_seconds": 1000000,
                "redrive_principal_arns": ["arn:aws:iam::123456789012:role/operators"],
            }
        },
        plan="changes event rules, queues",
    ),
    Row(
        id="reconcile",
        inputs=("reconcile.*",),
        change="Change interval, age or limits, or let it only report",
        to={
            "reconcile": {
                "interval_minutes": 10,
                "age_floor_minutes": 30,
                "maximum_firewalls": 10,
                "maximum_percent": 20,
                "dry_run": True,
            }
        },
        plan="changes functions, alarms, event rules",
    ),
)
