"""The endpoint table as it is at one revision."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ._bitmap import from_bitmap
from .contract import Endpoint

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

Floats: TypeAlias = "array[float]"
"""Numbers of 32 or 64 bits in one piece of memory."""

NAN: Final = float("nan")
MAX_SLOTS: Final = 8192
"""Slots a table has at most; part of the contract."""

_KEPT_SELECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one key with the times they were measured at, both by slot; neither changes once it is in a table."""

    values: Floats
    """32-bit floats; NaN = unknown."""
    times: Floats
    """Whole Unix ms; 0 where the value is unknown."""


def unknown_column(slot_count: int) -> Column:
    """Make a column of which nothing is known."""
    return Column(array("f", [NAN]) * slot_count, array("d", [0.0]) * slot_count)


def copy_column(column: Column, slot_count: int) -> Column:
    """Copy a column for a slot space that may have grown."""
    more = unknown_column(slot_count - len(column.values))
    return Column(column.values + more.values, column.times + more.times)


class Selection:
    """Candidates of a call, and what was looked up for them: calls of one revision often have the same."""

    __slots__ = ("_index", "_pick", "arrays", "asked", "columns", "positions", "slots")

    def __init__(self, asked: tuple[int, ...], endpoints: Sequence[Endpoint | None]) -> None:
        """Select those of the slots asked about that are in the table."""
        known = [at for at, slot in enumerate(asked) if slot < len(endpoints) and endpoints[slot] is not None]
        self.asked: Final = len(asked)
        self.slots: Final = asked if len(known) == len(asked) else tuple(asked[at] for at in known)
        self.positions: Final = None if len(known) == len(asked) else tuple(known)
        """Position of each candidate among those asked about; ``None`` = all of them are here."""
        self.columns: Final[dict[str, tuple[float, ...]]] = {}
        self.arrays: Final[dict[str, NDArray[numpy.float32]]] = {}
        self._pick: Final = _picker(self.slots)
        self._index: Any = None

    def pick(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return the values of the candidates out of a column."""
        return self._pick(values)

    def pick_array(self, values: Floats) -> NDArray[numpy.float32]:
        """Return the values of the candidates as a read-only array: a view where they lie side by side."""
        import numpy

        if self._index is None:
            self._index = _index(self.slots)
        picked: NDArray[numpy.float32] = numpy.frombuffer(values, dtype=numpy.float32)[self._index]
        picked.flags.writeable = False
        return picked


def _picker(slots: tuple[int, ...]) -> Callable[[Sequence[float]], tuple[float, ...]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    return lambda values: tuple(values[slot] for slot in slots)


def _index(slots: tuple[int, ...]) -> Any:
    import numpy

    if slots and slots[-1] - slots[0] == len(slots) - 1:
        return slice(slots[0], slots[-1] + 1)
    return numpy.array(slots, dtype=numpy.intp)


@dataclass(frozen=True, slots=True)
class TableVersion:
    """The endpoints and what is measured of them; never changes."""

    epoch: int = 0
    """Epoch of the session that brought it; 0 = nothing has come yet."""
    rev: int = 0
    """Revision within the epoch."""
    now_ms: float = 0.0
    """The host's clock at the step that led here."""
    endpoints: tuple[Endpoint | None, ...] = ()
    """By slot."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """By key, each as long as the slot space."""
    live: tuple[int, ...] = ()
    """Slots in use, ascending."""
    _selections: dict[bytes, Selection] = field(default_factory=dict)
    _unknown: list[Column] = field(default_factory=list)

    def select(self, bitmap: bytes) -> Selection:
        """Return the candidates of a bitmap over slots; all that live for an empty one."""
        found = self._selections.get(bitmap)
        if found is None:
            if len(self._selections) >= _KEPT_SELECTIONS:
                self._selections.clear()
            asked = from_bitmap(bitmap) if bitmap else self.live
            found = self._selections[bitmap] = Selection(asked, self.endpoints)
        return found

    def column(self, key: str) -> Column:
        """Return the column of a key, all unknown where nobody fills it."""
        found = self.columns.get(key)
        if found is not None:
            return found
        if not self._unknown:
            self._unknown.append(unknown_column(len(self.endpoints)))
        return self._unknown[0]
