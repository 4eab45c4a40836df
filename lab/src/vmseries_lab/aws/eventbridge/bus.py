"""The default event bus: rules, events and schedules.

Moto stores rules and targets; matching and schedules are simulated here, and ``delivery`` delivers
events, as the EventBridge User Guide describes it.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventsBackend

from vmseries_lab.aws.eventbridge.delivery import Deliveries, StartFunction
from vmseries_lab.aws.eventbridge.schedule_expressions import next_due
from vmseries_lab.aws.moto_patching import backend, wrap
from vmseries_lab.aws.requests import Faults
from vmseries_lab.core.location import ACCOUNT_ID, LOCATION
from vmseries_lab.core.world import World


@dataclass
class EventBridge:
    """The default event bus; its engine.

    Attributes:
        deliveries: events on their way to targets.
        emitted: every event that was put on the bus, in order.
    """

    world: World
    deliveries: Deliveries
    emitted: list[dict[str, Any]] = field(default_factory=list)
    _schedules: dict[str, tuple[str, float, float]] = field(default_factory=dict)

    def emit(
        self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]
    ) -> str:
        """Put an event on the bus and return its ID.

        Envelope: User Guide, "EventBridge event structure".
        """
        now = self.world.clock.now()
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT_ID,
            "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": LOCATION.region,
            "resources": resources,
            "detail": detail,
        }
        with self.world.lock:
            self.emitted.append(event)
            for rule in self._rules():
                # In moto, the empty pattern of a schedule rule matches every event.
                if rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event):
                    self.deliveries.add(rule, event)
        return str(event["id"])

    def put_events(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """PutEvents: return one result per entry.

        Source: API reference, PutEventsResultEntry; sources that start with ``aws.`` are reserved.
        """
        return [self._put(entry) for entry in entries]

    def _put(self, entry: dict[str, Any]) -> dict[str, Any]:
        for key in ("Source", "DetailType", "Detail"):
            if not entry.get(key):
                message = f"Parameter {key} is not valid. Reason: {key} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
        if entry["Source"].startswith("aws."):
            message = f"Not authorized for the source {entry['Source']}."
            return {"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": message}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        resources = entry.get("Resources", [])
        return {"EventId": self.emit(entry["Source"], entry["DetailType"], resources, detail)}

    def tick(self, now: float) -> None:
        """Emit the events of schedules that are due, and attempt the deliveries that are due."""
        for rule in self._rules():
            if rule.scheduled_expression:
                with self.world.errors.guard(f"rule {rule.name}"):
                    self._schedule(rule, now)
        self.deliveries.tick(now)

    def busy(self) -> bool:
        """Whether a delivery is due; one that waits for its next attempt is not."""
        return self.deliveries.due(self.world.clock.now())

    def _rules(self) -> list[Any]:
        bus = backend("events").event_buses["default"]
        return [rule for rule in bus.rules.values() if rule.state == "ENABLED"]

    def _schedule(self, rule: Any, now: float) -> None:
        expression = rule.scheduled_expression
        known, created, due = self._schedules.get(rule.arn, ("", now, 0.0))
        if known != expression:
            created, due = now, next_due(expression, now, now)
        if now >= due:
            event = {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": ACCOUNT_ID,
                "time": datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": LOCATION.region,
                "resources": [rule.arn],
                "detail": {},
            }
            self.emitted.append(event)
            self.deliveries.add(rule, event)
            due = next_due(expression, now, created)
        self._schedules[rule.arn] = (expression, created, due)


def install(world: World, faults: Faults, start_function: StartFunction) -> EventBridge:
    """Let moto's EventBridge deliver events, and set ``world.emit``."""
    bridge = EventBridge(world, Deliveries(world, faults, start_function))

    def put_events(
        _original: Any, _backend: Any, events: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return bridge.put_events(events)

    def emit(source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        bridge.emit(source, detail_type, resources, detail)

    wrap(EventsBackend, "put_events", put_events)
    world.emit = emit
    world.engines.append(bridge)
    return bridge
