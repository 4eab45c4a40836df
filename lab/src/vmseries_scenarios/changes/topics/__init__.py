"""The rows of docs/changes.md, by topic."""

from __future__ import annotations

from vmseries_scenarios.changes.rows import Row
from vmseries_scenarios.changes.topics import (
    bootstrap,
    firewall,
    functions,
    general,
    interfaces,
    load_balancer,
    panorama,
    scaling,
    security_groups,
    zones,
)

TOPICS: dict[str, tuple[Row, ...]] = {
    module.TOPIC: module.ROWS
    for module in (
        general,
        interfaces,
        security_groups,
        zones,
        load_balancer,
        firewall,
        bootstrap,
        panorama,
        functions,
        scaling,
    )
}
ROWS = tuple(row for rows in TOPICS.values() for row in rows)
