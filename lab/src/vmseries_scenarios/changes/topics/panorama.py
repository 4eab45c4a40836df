"""Panorama, licenses, and how readiness is known."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import REMOVED, At
from vmseries_scenarios.changes.rows import Row

TOPIC = "Panorama and licenses"
SETTINGS = "changes functions"

ROWS = (
    Row(
        id="panorama-secret",
        inputs=("panorama.secret_arn", "panorama.secret_kms_key_arn"),
        change="Set another secret with credentials",
        to={
            "panorama.secret_arn": At("other_secret_arns.panorama"),
            "panorama.secret_kms_key_arn": At("kms_key_arn"),
        },
        plan="changes functions, roles",
        do="Nothing. A new value in the same secret needs no apply: the functions read it within "
        "five minutes",
    ),
    Row(
        id="panorama-hosts",
        inputs=(
            "panorama.hostnames",
            "panorama.port",
            "panorama.server_name",
            "panorama.timeout_seconds",
        ),
        change="Change host names or the timeout",
        to={
            "panorama.hostnames": ["panorama.example.com", "panorama-2.example.com"],
            "panorama.timeout_seconds": 4,
        },
        plan=SETTINGS,
        firewalls="The functions use the new names at once. With `bootstrap.options`, firewalls "
        "get them as those of `bootstrap-options` do",
        do="Change `panorama-server` in the bootstrap secret for new firewalls, and the template "
        "for running ones",
    ),
    Row(
        id="device-group",
        inputs=("panorama.device_group", "panorama.template_stack"),
        change="Set another device group or template stack",
        to={"panorama.device_group": "second", "panorama.template_stack": "second-stack"},
        plan=SETTINGS,
        firewalls="Panorama keeps running firewalls in the former ones. A termination removes them "
        "from there. Launches fail at once while the bootstrap data names the former ones",
        do="Change the bootstrap data too, and move running firewalls in Panorama",
    ),
    Row(
        id="collector-group",
        inputs=("panorama.log_collector_group",),
        change="Remove the log collector group, or set another one",
        to={"panorama.log_collector_group": REMOVED},
        plan=SETTINGS,
        firewalls="Panorama keeps running firewalls in the former group. A termination removes "
        "them from there",
    ),
    Row(
        id="push",
        inputs=("panorama.push_when_out_of_sync",),
        change="Let the module push, or not",
        to={"panorama.push_when_out_of_sync": False},
        plan=SETTINGS,
    ),
    Row(
        id="call-slots",
        inputs=("panorama.call_slots_table_arn",),
        change="Limit the calls to Panorama together with other deployments, or alone",
        to={
            "panorama.call_slots_table_arn": "arn:aws:dynamodb:us-east-1:123456789012:table/calls",
        },
        plan="changes functions, roles",
        do="Create the table first. Without it, the functions warn and make their calls unlimited",
    ),
    Row(
        id="licensing-secret",
        inputs=("licensing.api_key_secret_arn", "licensing.api_key_secret_kms_key_arn"),
        change="Set another secret with the licensing API key",
        to={
            "licensing.api_key_secret_arn": At("other_secret_arns.licensing-api-key"),
            "licensing.api_key_secret_kms_key_arn": At("kms_key_arn"),
        },
        plan="changes functions, roles",
    ),
    Row(
        id="credit-pool",
        inputs=(
            "licensing.credit_pool",
            "licensing.credit_pool.secret_arn",
            "licensing.credit_pool.secret_kms_key_arn",
            "licensing.credit_pool.id",
            "licensing.credit_pool.credits_per_firewall",
            "licensing.credit_pool.profile_firewalls",
        ),
        change="Compare the credits of a pool with `capacity.max`, or stop doing so",
        to={
            "licensing.credit_pool": {
                "secret_arn": At("secret_arns.credit-pool"),
                "id": "315861234",
                "credits_per_firewall": 13.68,
            },
        },
        plan="changes functions, roles; adds alarms",
    ),
    Row(
        id="join-timeout",
        inputs=("licensing.join_timeout_minutes",),
        change="Hold unregistered firewalls longer, or shorter",
        to={"licensing.join_timeout_minutes": 30},
        plan=SETTINGS,
    ),
    Row(
        id="stop-launches",
        inputs=("licensing.stop_launches_after",),
        change="Let abandoned launches stop the group's launches, or not",
        to={"licensing.stop_launches_after": 3},
        plan="changes functions, roles",
        do="Resume the process `Launch` of the group if it was suspended",
    ),
    Row(
        id="licensing-mode",
        inputs=("licensing.mode", "licensing.license_manager"),
        change="Set another licensing mode; set the former one again",
        to={"licensing": {"mode": "none"}},
        plan="changes functions, roles",
        firewalls="Terminations from now on use the new mode, also those of firewalls that got "
        "their license otherwise. With `none`, they keep their licenses",
        do="Scale to 0 with the former mode first if the license comes from elsewhere, or return "
        "those licenses by hand",
        matters=True,
    ),
    Row(
        id="readiness",
        inputs=("readiness",),
        change="Set another readiness",
        to={"readiness": "connected"},
        plan="changes group, functions",
        do="Nothing. Launches in progress use it at their next visit. Before you leave `healthy`, "
        "let them end: the functions deregister only what that mode registers early",
        matters=True,
    ),
    Row(
        id="firewall-api",
        inputs=(
            "firewall_api.secret_arn",
            "firewall_api.secret_kms_key_arn",
            "firewall_api.port",
            "firewall_api.server_name",
            "firewall_api.timeout_seconds",
        ),
        change="Without Panorama: change the secret or the timeout",
        to={
            "firewall_api.secret_arn": At("other_secret_arns.firewall"),
            "firewall_api.secret_kms_key_arn": At("kms_key_arn"),
            "firewall_api.timeout_seconds": 4,
        },
        plan="changes functions, roles",
        lane="firewall-api",
    ),
    Row(
        id="strata-cloud-manager",
        inputs=("strata_cloud_manager", "strata_cloud_manager.*"),
        change="Let Strata Cloud Manager manage the firewalls, or stop that",
        to={
            "strata_cloud_manager": {
                "secret_arn": At("secret_arns.strata"),
                "folder": "autoscale",
                "timeout_seconds": 4,
            },
        },
        plan="changes functions, roles; adds alarms",
        firewalls="Those that run are not in its folder. New ones must be",
        do="Change the bootstrap data for new firewalls first, and replace running ones",
        lane="firewall-api",
    ),
    Row(
        id="panorama-added",
        inputs=("panorama", "firewall_api"),
        change="Add Panorama to a deployment without it, or remove it",
        to={"firewall_api": REMOVED, "panorama": At("panorama")},
        plan="changes functions, roles; adds alarms",
        firewalls="Those that Panorama does not list return no license through it",
        do="Connect all running firewalls to Panorama before you add it. Before you remove it, set "
        "`firewall_api`, and delete the firewalls in Panorama as they terminate",
        lane="firewall-api",
    ),
)
