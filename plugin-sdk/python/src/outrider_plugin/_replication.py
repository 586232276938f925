"""The plugin's copy of the host's endpoint table, a step at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import TypeAlias

from ._bitmap import from_bitmap, has_bit
from ._messages import Message
from ._table import MAX_SLOTS, NAN, Column, TableVersion, copy_column, unknown_column
from .contract import Endpoint, EndpointChange

Endpoints: TypeAlias = Sequence["Endpoint | None"]


@dataclass(frozen=True, slots=True)
class Applied:
    """A step took effect."""

    change: EndpointChange
    """What plugins are told."""
    columns: tuple[Message, ...]
    """All its ``ColumnData``."""
    is_full: bool
    """Whether it was the whole table."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A step does not fit, and the table is as it was."""

    code: str
    message: str


class ReplicatedTable:
    """Takes the steps of a session."""

    __slots__ = ("_keys", "_step", "version")

    def __init__(self) -> None:
        """Begin without endpoints and columns."""
        self.version = TableVersion()
        self._keys: Mapping[int, str] = {}
        self._step: list[Message] = []

    def set_columns(self, columns: Iterable[Message]) -> None:
        """Say which columns travel under which numbers from now on; what was known of others is forgotten."""
        self._keys = {column.id: column.key for column in columns}
        known = set(self._keys.values())
        kept = {key: column for key, column in self.version.columns.items() if key in known}
        self._become(self.version.epoch, self.version.rev, self.version.now_ms, self.version.endpoints, kept)

    def apply(self, chunk: Message) -> Applied | Refused | None:
        """Take a chunk; a step takes effect as a whole with its last one, before that ``None``."""
        if self._step and not _is_same_step(self._step[0], chunk):
            self._step = []
        self._step.append(chunk)
        if chunk.more:
            return None
        step, self._step = self._step, []
        return self._finish(step)

    def _finish(self, step: list[Message]) -> Applied | Refused:
        first, before = step[0], self.version
        refused = _step_fault(step, before)
        if refused is not None:
            return refused
        endpoints = _next_endpoints(step, () if first.full else before.endpoints, len(before.endpoints))
        live = [slot for slot, endpoint in enumerate(endpoints) if endpoint is not None]
        parts = tuple(data for chunk in step for data in chunk.columns)
        refused = _column_fault(parts, live)
        if refused is not None:
            return refused
        change = _change(step, before.endpoints, endpoints)
        columns = self._next_columns(step, endpoints, live, change.removed_slots)
        self._become(first.epoch, first.to_rev, step[-1].now_ms, endpoints, columns)
        return Applied(change, parts, first.full)

    def _become(self, epoch: int, rev: int, now_ms: float, endpoints: Endpoints, columns: Mapping[str, Column]) -> None:
        live = tuple(slot for slot, endpoint in enumerate(endpoints) if endpoint is not None)
        self.version = TableVersion(epoch, rev, now_ms, tuple(endpoints), columns, live)

    def _next_columns(
        self, step: list[Message], endpoints: Endpoints, live: list[int], removed: tuple[int, ...]
    ) -> dict[str, Column]:
        before, slot_count = self.version, len(endpoints)
        is_full = step[0].full
        named = {self._keys.get(data.column) for chunk in step for data in chunk.columns}
        keeps_rest = not is_full and not removed and slot_count == len(before.endpoints)
        columns: dict[str, Column] = {}
        for key in self._keys.values():
            old = None if is_full else before.columns.get(key)
            if keeps_rest and key not in named and old is not None:
                columns[key] = old
                continue
            columns[key] = unknown_column(slot_count) if old is None else copy_column(old, slot_count)
            for slot in removed:
                columns[key].values[slot] = NAN
                columns[key].times[slot] = 0.0
        for chunk in step:
            for data in chunk.columns:
                column = columns.get(self._keys.get(data.column, ""))
                if column is not None:
                    _fill(column, data, live, endpoints, floor(chunk.now_ms))
        return columns


def _is_same_step(a: Message, b: Message) -> bool:
    return bool(a.epoch == b.epoch and a.from_rev == b.from_rev and a.to_rev == b.to_rev and a.full == b.full)


def _step_fault(step: list[Message], before: TableVersion) -> Refused | None:
    first = step[0]
    if not first.full and (first.epoch != before.epoch or first.from_rev != before.rev):
        at = f"revision {first.from_rev} of epoch {first.epoch} does not fit {before.rev} of {before.epoch}"
        return Refused("failed_precondition", f"a step from {at}")
    for chunk in step:
        for slot in (*chunk.removed_slots, *(endpoint.slot for endpoint in chunk.upserts)):
            if slot >= MAX_SLOTS:
                return Refused("invalid_argument", f"slot {slot}: a table has at most {MAX_SLOTS} slots")
    return None


def _column_fault(parts: tuple[Message, ...], live: list[int]) -> Refused | None:
    for data in parts:
        count = sum(byte.bit_count() for byte in data.slots) if data.slots else len(live)
        if len(data.values) != count or len(data.ages_ms) not in (0, count):
            found = f"{len(data.values)} values and {len(data.ages_ms)} ages for {count} slots"
            return Refused("invalid_argument", f"column {data.column}: {found}")
    return None


def _next_endpoints(step: list[Message], before: Endpoints, slot_count: int) -> list[Endpoint | None]:
    last = max((endpoint.slot for chunk in step for endpoint in chunk.upserts), default=-1)
    endpoints = [*before, *[None] * (max(slot_count, last + 1) - len(before))]
    for chunk in step:
        for slot in chunk.removed_slots:
            if slot < len(endpoints):
                endpoints[slot] = None
    for chunk in step:
        for upsert in chunk.upserts:
            endpoints[upsert.slot] = _to_endpoint(upsert)
    return endpoints


def _to_endpoint(it: Message) -> Endpoint:
    sets = {name: tuple(values.values) for name, values in it.sets.items()}
    return Endpoint(it.slot, it.id, it.address, dict(it.labels), sets, it.incarnation)


def _change(step: list[Message], before: Endpoints, after: list[Endpoint | None]) -> EndpointChange:
    """Of a whole table only what differs."""
    removed = {slot for chunk in step for slot in chunk.removed_slots}
    gone = tuple(old.slot for old in before if old is not None and (old.slot in removed or _is_other(old, after)))
    if not step[0].full:
        slots = (upsert.slot for chunk in step for upsert in chunk.upserts)
        return EndpointChange(gone, tuple(new for slot in slots if (new := after[slot]) is not None))
    padded = [*before, *[None] * (len(after) - len(before))]
    differs = tuple(new for new, old in zip(after, padded, strict=True) if new is not None and new != old)
    return EndpointChange(gone, differs)


def _is_other(old: Endpoint, after: list[Endpoint | None]) -> bool:
    new = after[old.slot]
    return new is None or new.id != old.id


def _fill(column: Column, data: Message, live: list[int], endpoints: Endpoints, now_ms: int) -> None:
    slots = from_bitmap(data.slots) if data.slots else live
    ages = data.ages_ms
    if not ages and not data.unknown and len(slots) == len(endpoints) == len(live):
        # The usual case, a whole column, without a loop of our own.
        column.values[:] = array("f", data.values)
        column.times[:] = array("d", [now_ms - data.age_ms]) * len(slots)
        return
    for at, (slot, value) in enumerate(zip(slots, data.values, strict=True)):
        if slot >= len(endpoints) or endpoints[slot] is None:
            continue
        is_unknown = has_bit(data.unknown, at)
        column.values[slot] = NAN if is_unknown else value
        column.times[slot] = 0.0 if is_unknown else now_ms - (ages[at] if ages else data.age_ms)
