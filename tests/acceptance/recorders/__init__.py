"""One module for each area of facts. A recorder reads what public APIs show, and changes nothing
but queues of its own."""

from acceptance.facts import Fact
from acceptance.recorders import (
    identity,
    images,
    instances,
    metrics,
    panorama_answers,
    panorama_lists,
    queues,
)

FACTS: tuple[Fact, ...] = (
    *queues.FACTS,
    *instances.FACTS,
    *identity.FACTS,
    *panorama_lists.FACTS,
    *panorama_answers.FACTS,
    *metrics.FACTS,
    *images.FACTS,
)
"""What a run records. A fact with an assumed answer has a row in docs/assumptions.md."""

NO_CHANGE = "the run changes nothing in Panorama"
NO_CREDIT_POOL = "the run has no credentials for the credit-pool API"
NO_TENANT = "the examples use Panorama"

NOT_RECORDED: dict[str, str] = {
    "absent-object-in-multi-config": NO_CHANGE,
    "after-deactivation": "the run does not watch a firewall after its deactivation",
    "batch-license-disconnected": "the run kills no firewall",
    "batch-license-info": "the run sends no batch deactivation",
    "batch-license-result": "the run sends no batch deactivation",
    "auth-code-serials": NO_CREDIT_POOL,
    "bootstrap-bucket-list": "the examples bootstrap from a secret",
    "commit-for-others-right": "the run changes no roles",
    "configuration-of-a-restored-peer": "the run makes no failover",
    "deactivated-flag": "the run does not watch a firewall after its deactivation",
    "deactivation-moment": "the run does not watch a firewall after its deactivation",
    "deactivation-of-several": "the examples return licenses by the firewall",
    "deactivation-text": "the record has no texts of the functions' own requests",
    "deleted-while-connected": "the run ends before a firewall could register again",
    "deployment-profile-fields": NO_CREDIT_POOL,
    "detach": "no function detaches an interface",
    "disconnected-device": "the run's firewalls leave Panorama while they are connected",
    "draining-target-again": "the run registers no address twice",
    "error-code-15": "the run makes no failover",
    "expired-vm-auth-keys": "the run does not wait until a key expires",
    "license-after-auto-commit": "the run ends no booting firewall",
    "fast-delicensing": "it is a setting of the operator's Panorama",
    "features-after-deactivation": "the run does not watch a firewall after its deactivation",
    "group-metric-arrival": "no API shows when an alarm evaluates; see group-metric-delay",
    "guest-interface-order": "the functions attach in the order of the indexes",
    "initial-target-flows": "the run sends no traffic through the firewalls",
    "job-numbers-of-a-pair": "the run makes no failover",
    "kms-via-service-in-china": "it needs an account in China",
    "lists-show-committed": "the time between change and commit is too short to see",
    "multi-config-results": NO_CHANGE,
    "no-device-group-push": NO_CHANGE,
    "overlay-next-virtual-router": "the run sends no traffic through the firewalls",
    "payg-cpu-id": "a record has the CPU ID of firewalls with their own licenses only",
    "pending-target": "the run abandons no launch",
    "plugin-and-dead-firewall": "the run kills no firewall",
    "plugin-empty-list": "the examples return licenses by the firewall",
    "plugin-list-host-name": "the examples return licenses by the firewall",
    "plugin-list-missing": "the examples return licenses by the firewall",
    "plugin-list-after-deactivation": "the examples return licenses by the firewall",
    "registration-commit": "the record has no job lists",
    "serial-number-again": "the run launches nothing after a termination",
    "strata-device-removal": NO_TENANT,
    "strata-first-push": NO_TENANT,
    "strata-running-folder": NO_TENANT,
    "strata-serial-field": NO_TENANT,
    "xpaths-of-all-groups": "the run removes no firewall from Panorama",
    "batch-license-devices": "the run returns no license through Panorama",
    "target-by-custom-role": "the run changes no roles",
    "terminated-target": "Auto Scaling deregisters the run's firewalls first",
    "texts-of-refusals": "the run causes no contention in Panorama",
}
"""The other rows of docs/assumptions.md, and why a run does not record them."""
