"""What the host has sent to the endpoints, as it last said."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Final

from ._bitmap import from_bitmap
from ._messages import Message
from ._table import MAX_SLOTS, Floats

INFLIGHT_KEYS: Final = frozenset({"inflight_requests", "inflight_prompt_tokens", "inflight_output_tokens"})
"""Columns that change with every decision, so that they travel with calls and not with state."""


class Inflight:
    """The in-flight columns of a host; 0 for what it has not sent."""

    __slots__ = ("_keys", "_values")

    def __init__(self) -> None:
        """Begin with nothing in flight."""
        self._keys: Mapping[int, str] = {}
        self._values: dict[str, Floats] = {}

    def set_columns(self, columns: Iterable[Message]) -> None:
        """Say which numbers mean which column from now on."""
        self._keys = {column.id: column.key for column in columns if column.key in INFLIGHT_KEYS}
        self._values = {}

    def apply(self, columns: Iterable[Message], live: tuple[int, ...]) -> None:
        """Take new values; earlier calls keep what they were given."""
        for data in columns:
            key = self._keys.get(data.column)
            if key is None:
                continue
            slots = from_bitmap(data.slots) if data.slots else live
            if len(slots) != len(data.values) or (slots and slots[-1] >= MAX_SLOTS):
                continue
            values = _grown(self._values.get(key), slots[-1] + 1 if slots else 0)
            for slot, value in zip(slots, data.values, strict=True):
                values[slot] = value
            self._values[key] = values

    def forget(self, slots: Iterable[int] | None) -> None:
        """Drop the counts of slots that changed hands, or all: the host sends them anew."""
        if slots is None:
            self._values = {}
            return
        for key, values in self._values.items():
            fresh = values[:]
            for slot in slots:
                if slot < len(fresh):
                    fresh[slot] = 0.0
            self._values[key] = fresh

    def columns(self, slot_count: int) -> Mapping[str, Floats]:
        """Return the columns for a call, each at least as long as the slot space; they never change."""
        if any(len(self._values.get(key, ())) < slot_count for key in INFLIGHT_KEYS):
            for key in INFLIGHT_KEYS:
                self._values[key] = _grown(self._values.get(key), slot_count)
        return self._values.copy()


def _grown(values: Floats | None, slot_count: int) -> Floats:
    before = array("f") if values is None else values
    return before + array("f", [0.0]) * max(0, slot_count - len(before))
