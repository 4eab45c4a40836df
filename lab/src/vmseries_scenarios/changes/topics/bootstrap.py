"""Bootstrap configuration."""

from __future__ import annotations

import json

from vmseries_scenarios.changes.inputs import REMOVED, At
from vmseries_scenarios.changes.live import Live
from vmseries_scenarios.changes.rows import REPLACE, Ends, Row

TOPIC = "Bootstrap"
TEMPLATE = "changes launch template, group, functions"
NAME = "vmseries-autoscale/bootstrap"


def _new_value(live: Live) -> None:
    """Change a parameter in the bootstrap secret."""
    secrets = live.lab.aws.client("secretsmanager")
    content = json.loads(secrets.get_secret_value(SecretId=NAME)["SecretString"])
    content["dns-primary"] = "10.200.0.2"
    secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps(content))


ROWS = (
    Row(
        id="bootstrap-value",
        inputs=("bootstrap.secret",),
        change="Store another value in the bootstrap secret, or another object in the bucket",
        to={},
        plan="no changes",
        before=_new_value,
        ends=Ends.LATER,
        firewalls="New firewalls read the new value. The reconcile function reports the others",
        do="Set another `bootstrap.revision`, which starts the instance refresh",
        lasting=True,
        matters=True,
    ),
    Row(
        id="bootstrap-revision",
        inputs=("bootstrap.revision",),
        change="Set another revision",
        to={"bootstrap.revision": "2"},
        plan=TEMPLATE,
        ends=Ends.LATER,
        do=REPLACE,
        matters=True,
    ),
    Row(
        id="bootstrap-secret",
        inputs=("bootstrap.secret.arn", "bootstrap.secret.name", "bootstrap.secret.kms_key_arn"),
        change="Set another bootstrap secret",
        to={
            "bootstrap.secret": {
                "arn": At("other_secret_arns.bootstrap"),
                "kms_key_arn": At("kms_key_arn"),
            }
        },
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        do=f"Keep the former secret until all firewalls have booted. {REPLACE}",
    ),
    Row(
        id="bootstrap-s3",
        inputs=(
            "bootstrap.s3",
            "bootstrap.s3.bucket",
            "bootstrap.s3.prefix",
            "bootstrap.s3.kms_key_arn",
        ),
        change="Use a bucket instead of the secret; use the secret again",
        to={
            "bootstrap.secret": REMOVED,
            "bootstrap.s3": {"bucket": At("bucket"), "prefix": "package"},
        },
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        do=REPLACE,
    ),
    Row(
        id="bootstrap-options",
        inputs=("bootstrap.options*",),
        change="Use options instead of the secret, or change options; use the secret again",
        to={
            "bootstrap.secret": REMOVED,
            "bootstrap.options": {
                "vm_auth_key": At("bootstrap_values.vm-auth-key"),
                "authcodes": At("bootstrap_values.authcodes"),
                "dns_primary": "10.200.0.2",
            },
        },
        plan="changes launch template, group, functions, roles",
        ends=Ends.LATER,
        do=REPLACE,
    ),
)
