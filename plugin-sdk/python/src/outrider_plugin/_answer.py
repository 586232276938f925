"""Answers to calls: what plugins return, checked and brought into the form that travels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Final, cast

from ._bitmap import to_bitmap
from ._messages import Message
from ._table import Selection
from .call import Call

_LARGEST: Final = 3.4028235e38
_MESSAGE_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """A call failed."""

    code: str
    """Connect code."""
    message: str
    retry_after_ms: int = 0
    have_epoch: int = 0
    have_rev: int = 0


@dataclass(frozen=True, slots=True)
class Rated:
    """What a scorer said of all candidates asked about."""

    scores: Sequence[float]
    abstained: bytes
    vetoed: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Computed:
    """What a producer said of all candidates asked about: number of the key, values, bitmap of the unknown."""

    data: Sequence[tuple[int, Sequence[float], bytes]]
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one call."""

    call_id: int
    epoch: int
    rev: int
    plugin_us: int
    result: Failure | Rated | Computed

    def write(self, to: Message) -> None:
        """Fill a ``ScoreResponse``."""
        to.call_id = self.call_id
        to.epoch = self.epoch
        to.rev = self.rev
        to.plugin_us = self.plugin_us
        result = self.result
        if isinstance(result, Rated):
            to.scores.extend(result.scores)
            to.abstain = result.abstained
            to.veto = result.vetoed
            to.reason = result.reason
        elif isinstance(result, Computed):
            to.reason = result.reason
            for column, values, unknown in result.data:
                to.data.add(column=column, values=values, unknown=unknown)
        else:
            write_error(to.error, result)

    @property
    def size(self) -> int:
        """Roughly the bytes it takes."""
        if isinstance(self.result, Rated):
            return 64 + 4 * len(self.result.scores)
        if isinstance(self.result, Computed):
            return 64 + sum(16 + 4 * len(values) for _, values, _ in self.result.data)
        return 512


def write_error(to: Message, failure: Failure) -> None:
    """Fill a ``CallError``."""
    to.code = failure.code
    to.message = failure.message[:_MESSAGE_CHARACTERS]
    to.retry_after_ms = failure.retry_after_ms
    to.have_epoch = failure.have_epoch
    to.have_rev = failure.have_rev


class InvalidAnswerError(Exception):
    """What a plugin returned is no answer to its call."""


def to_rated(result: object, call: Call, selection: Selection, *, may_veto: bool) -> Rated:
    """Check what a scorer returned; vetoes that were not granted are left out.

    :raises InvalidAnswerError: where it is not a number or an abstention per candidate.
    """
    scores, unknown = to_floats(result, len(call), "scores")
    positions = selection.positions
    if positions is not None:
        scores, unknown = _expand(scores, unknown, positions, selection.asked)
    vetoed = call.vetoed if may_veto else ()
    return Rated(scores, to_bitmap(unknown), to_bitmap(_moved(vetoed, positions)) if vetoed else b"", call.reason)


def to_computed(
    result: object, call: Call, selection: Selection, produced: Mapping[str, int | None], name: str
) -> Computed:
    """Check what a producer returned; ``produced`` has the number of each of its keys, ``None`` = not wanted.

    :raises InvalidAnswerError: where it is not a number per candidate for keys that were declared.
    """
    by_key: Mapping[str, object]
    if result is None:
        by_key = {}
    elif isinstance(result, Mapping):
        by_key = result
    elif len(produced) == 1:
        by_key = {next(iter(produced)): result}
    else:
        raise InvalidAnswerError(f"{name} produces several keys: return a mapping of them")
    data: list[tuple[int, Sequence[float], bytes]] = []
    for key, written in by_key.items():
        if key not in produced:
            raise InvalidAnswerError(f"{name} does not produce {key}")
        column = produced[key]
        if column is None:
            continue
        values, unknown = to_floats(written, len(call), f"values of {key}")
        if selection.positions is not None:
            values, unknown = _expand(values, unknown, selection.positions, selection.asked)
        data.append((column, values, to_bitmap(unknown)))
    return Computed(data, call.reason)


def to_floats(result: object, count: int, what: str) -> tuple[Sequence[float], Sequence[int]]:
    """Read a number per candidate; the second list has the positions without one, whose number is 0.

    :raises InvalidAnswerError: where that is not what it is.
    """
    if result is None:
        return [0.0] * count, range(count)
    # NumPy's and others' arrays know how to become a list, and do it faster than their elements.
    values = result.tolist() if hasattr(result, "tolist") else result
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidAnswerError(f"{what}: a {type(result).__name__} is no sequence of numbers")
    values = values if isinstance(values, list | tuple) else list(values)
    if len(values) != count:
        raise InvalidAnswerError(f"{len(values)} {what} for {count} candidates")
    try:
        if isfinite(sum(values)) and max(values) <= 1.0 and min(values) >= 0.0:
            return values, ()
    except (TypeError, ValueError):
        pass
    return _one_by_one(values, what)


def _one_by_one(values: Sequence[object], what: str) -> tuple[list[float], list[int]]:
    floats: list[float] = []
    unknown: list[int] = []
    for at, value in enumerate(values):
        if value is None:
            number = float("nan")
        elif hasattr(value, "__float__"):
            number = float(cast("float", value))
        else:
            raise InvalidAnswerError(f"{what}: that of candidate {at} is {value!r:.60}, not a number")
        if isnan(number):
            unknown.append(at)
            number = 0.0
        elif not abs(number) <= _LARGEST:
            raise InvalidAnswerError(f"{what}: that of candidate {at} is {number}, beyond 32-bit floats")
        floats.append(number)
    return floats, unknown


def _expand(
    values: Sequence[float], unknown: Iterable[int], positions: tuple[int, ...], asked: int
) -> tuple[list[float], list[int]]:
    """Values for candidates asked about that are gone: unknown."""
    expanded = [0.0] * asked
    for position, value in zip(positions, values, strict=True):
        expanded[position] = value
    gone = set(range(asked)).difference(positions)
    return expanded, sorted(gone.union(_moved(unknown, positions)))


def _moved(numbers: Iterable[int], positions: tuple[int, ...] | None) -> Iterable[int]:
    return numbers if positions is None else (positions[number] for number in numbers)
