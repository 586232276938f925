"""Everything a plugin keeps for one host; it outlives that host's connections, so that what was learned stays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ._complaints import logger
from ._handoff import Part, pack_handoff, unpack_handoff
from ._instance import ServedInstance, Shared
from ._messages import Message
from ._replication import Applied, Refused
from .config import ConfigError, Fault
from .contract import MAX_HANDOFF_BYTES, EndpointChange
from .definition import Definition


class HostState:
    """The instances of a host and their endpoints."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        """Begin with what a host has that has sent nothing yet."""
        self._definitions = {definition.type: definition for definition in definitions}
        self.shared = Shared()
        self.instances: Mapping[int, ServedInstance] = {}
        self._handoff = b""

    def configure(self, request: Message) -> list[tuple[int, Fault]]:
        """Make the instances that are wanted and drop the others; one that is wanted as it was goes on.

        Returns every fault with the instance's id; where there is one, all stays as it was.
        """
        made: dict[int, ServedInstance] = {}
        faults: list[tuple[int, Fault]] = []
        for wanted in request.instances:
            try:
                made[wanted.id] = self._make(wanted)
            except ConfigError as error:
                faults.extend((wanted.id, fault) for fault in error.faults)
            except Exception as error:
                faults.append((wanted.id, Fault("", f"could not be created: {error or type(error).__name__}")))
        if faults:
            return faults
        before, self.instances = self.instances, made
        for wanted in request.instances:
            instance = made[wanted.id]
            instance.connect(wanted)
            if before.get(wanted.id) is not instance:
                self._introduce(instance)
        self.shared.table.set_columns(request.columns)
        self.shared.inflight.set_columns(request.columns)
        self._give_handoff()
        return []

    def apply(self, chunk: Message) -> Applied | Refused | None:
        """Take a chunk of state; instances learn of a change before any call that knows of it."""
        outcome = self.shared.table.apply(chunk)
        if isinstance(outcome, Applied):
            inflight, change = self.shared.inflight, outcome.change
            changed = (*change.removed_slots, *(endpoint.slot for endpoint in change.upserted))
            inflight.forget(None if outcome.is_full else changed)
            inflight.apply(outcome.columns, self.shared.table.version.live)
            if changed:
                for instance in self.instances.values():
                    instance.endpoints_changed(change)
        return outcome

    def take_handoff(self, handoff: bytes) -> None:
        """Take what the generation before has learned; instances get it as soon as there are some."""
        self._handoff = handoff
        if self.instances:
            self._give_handoff()

    def collect_handoff(self) -> bytes:
        """Return what the instances have learned; nothing where it is too much to hand over."""
        parts = [Part(id, it.definition.type, it.handoff()) for id, it in self.instances.items()]
        packed = pack_handoff(parts)
        if len(packed) <= MAX_HANDOFF_BYTES:
            return packed
        logger.warning("a hand-off of %d bytes is not handed over: at most %d", len(packed), MAX_HANDOFF_BYTES)
        return b""

    def _make(self, wanted: Message) -> ServedInstance:
        before = self.instances.get(wanted.id)
        if before is not None and (before.definition.type, before.config_json) == (wanted.type, wanted.config_json):
            return before
        definition = self._definitions.get(wanted.type)
        if definition is None:
            served = ", ".join(self._definitions)
            raise ConfigError(f"no type {wanted.type} here; this plugin serves {served}")
        plugin = definition.create(_parse(wanted.config_json))
        return ServedInstance(definition, plugin, wanted.config_json, self.shared)

    def _introduce(self, instance: ServedInstance) -> None:
        """Tell a new instance of the endpoints that the others know already."""
        present = tuple(it for it in self.shared.table.version.endpoints if it is not None)
        if present:
            instance.endpoints_changed(EndpointChange((), present))

    def _give_handoff(self) -> None:
        if not self._handoff:
            return
        packed, self._handoff = self._handoff, b""
        try:
            parts = unpack_handoff(packed)
        except ValueError as error:
            logger.warning("the hand-off of the generation before is ignored: %s", error)
            return
        for part in parts:
            instance = self._heir(part, parts)
            if instance is not None:
                instance.restore(part.state)

    def _heir(self, part: Part, parts: Sequence[Part]) -> ServedInstance | None:
        """The instance in the same place, or, where places have changed, the only one of its type."""
        same = self.instances.get(part.id)
        if same is not None and same.definition.type == part.type:
            return same
        of_type = [it for it in self.instances.values() if it.definition.type == part.type]
        is_only_one = len(of_type) == 1 and sum(other.type == part.type for other in parts) == 1
        return of_type[0] if is_only_one else None


def _parse(config_json: bytes) -> Any:
    if not config_json:
        return None
    try:
        return json.loads(config_json)
    except ValueError as error:
        raise ConfigError(f"is not JSON: {error}") from error
