"""Name, tags and permissions."""

from __future__ import annotations

from vmseries_scenarios.changes.inputs import At
from vmseries_scenarios.changes.live import Live
from vmseries_scenarios.changes.rows import Ends, Row
from vmseries_scenarios.deployment import MINUTE, tags_of

TOPIC = "Name, tags and permissions"
EVERYTHING = (
    "changes load balancer, scaling policies, launch template, group, functions, roles, alarms, "
    "log groups, event rules, queues, records, endpoint service, target group, security groups, "
    "security group rules, triggers"
)
TAG = {"team": "network"}


def _reach_instances(live: Live) -> None:
    """Check that running instances get a new tag, at the latest from the reconcile function."""

    def reached() -> bool:
        return all(
            TAG.items() <= tags_of(instance).items() for instance in live.instances().values()
        )

    live.wait_until(reached, "the new tag is on each instance", minutes=35, step_seconds=MINUTE)


ROWS = (
    Row(
        id="name",
        inputs=("name",),
        change="Set another name",
        to={"name": "other"},
        plan="changes endpoint service; replaces scaling policies, layer, launch template, group, "
        "functions, triggers, log groups, alarms, event rules, queues, records, roles, target "
        "group, load balancer, security groups, security group rules",
        ends=Ends.PLANNED,
        firewalls="All terminate, and the load balancer and its endpoints are replaced",
        do="Create a second deployment, move the endpoints, then destroy the first",
    ),
    Row(
        id="tags",
        inputs=("tags",),
        change="Add, change or remove tags",
        to={"tags": TAG},
        plan=EVERYTHING,
        firewalls="No firewall is replaced, even with `instance_refresh`. The reconcile "
        "function writes the tags to running instances, volumes, interfaces and addresses",
        check=_reach_instances,
        matters=True,
    ),
    Row(
        id="permissions",
        inputs=("permissions.boundary_arn",),
        change="Set a permissions boundary; remove it",
        to={"permissions.boundary_arn": At("boundary_arn")},
        plan="changes roles",
        do="Let the boundary allow what the roles allow",
    ),
    Row(
        id="path",
        inputs=("permissions.path",),
        change="Set another path for the roles",
        to={"permissions.path": "/network/"},
        plan="changes functions, queues; replaces roles",
        ends=Ends.PLANNED,
        firewalls="IAM cannot move a role: the one that they use is destroyed before they "
        "terminate",
        do="Create a deployment with another name and path, move the endpoints, then destroy this "
        "one",
    ),
)
