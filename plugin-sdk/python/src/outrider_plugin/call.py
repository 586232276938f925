"""One call to a scorer or producer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf
from typing import TYPE_CHECKING, Final, cast

from ._bitmap import has_bit
from ._inflight import INFLIGHT_KEYS
from ._messages import Message
from ._random import Random
from ._table import NAN, Floats, Selection, TableVersion
from ._words import to_words
from .contract import Endpoint, PeerPick, RequestFacts

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

MAX_REASON_BYTES: Final = 200
"""Longest reason for an answer; what is longer is cut."""


class Call:
    """Candidates to be rated for one request; only valid until the call is answered.

    Everything per candidate comes in candidate order, and ``i`` in ``veto(i)`` is a position in it.
    """

    __slots__ = (
        "_data",
        "_facts",
        "_inflight",
        "_random",
        "_reason",
        "_selection",
        "_table",
        "_vetoed",
        "call_id",
        "now_ms",
        "peers",
        "profile",
        "seed",
    )

    def __init__(
        self,
        *,
        table: TableVersion,
        selection: Selection,
        inflight: Mapping[str, Floats],
        data: Mapping[str, Sequence[float]],
        facts: RequestFacts | Message,
        call_id: int,
        now_ms: float,
        seed: int,
        profile: str,
        peers: tuple[PeerPick, ...],
    ) -> None:
        """Made by the SDK; tests make theirs with :func:`outrider_plugin.testing.fake_call`."""
        self._table = table
        self._selection = selection
        self._inflight = inflight
        self._data = data
        self._facts = facts
        self._random: Random | None = None
        self._reason = ""
        self._vetoed: set[int] = set()
        self.call_id: Final = call_id
        """Names the call in feedback."""
        self.now_ms: Final = now_ms
        """The host's clock, Unix ms; virtual in simulation and replay. The only clock for scores."""
        self.seed: Final = seed
        """Seed of this call's randomness, 32 bits."""
        self.profile: Final = profile
        """Scheduling profile that asks; empty for a producer."""
        self.peers: Final = peers
        """Picks of earlier profiles of this request."""

    def __len__(self) -> int:
        """Return the number of candidates, at least 1."""
        return len(self._selection.slots)

    @property
    def candidates(self) -> tuple[int, ...]:
        """Slots of the candidates, ascending."""
        return self._selection.slots

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The candidates themselves."""
        return cast("tuple[Endpoint, ...]", tuple(self._table.endpoints[slot] for slot in self._selection.slots))

    @property
    def slot_count(self) -> int:
        """Length of the slot space: every slot is below it."""
        return len(self._table.endpoints)

    def endpoint(self, slot: int) -> Endpoint | None:
        """Return the endpoint in a slot, a candidate or not; ``None`` where the slot is free."""
        return self._table.endpoints[slot] if 0 <= slot < len(self._table.endpoints) else None

    @property
    def request(self) -> RequestFacts:
        """Granted facts of the request."""
        if not isinstance(self._facts, RequestFacts):
            self._facts = _to_facts(self._facts)
        return self._facts

    def column(self, key: str) -> tuple[float, ...]:
        """Return the values of a column or ``data.*`` key, as 32-bit floats.

        NaN = unknown or not granted; what is in flight is 0 then.
        """
        if key in INFLIGHT_KEYS:
            return self._selection.pick(self._inflight[key])
        if key.startswith("data."):
            return tuple(self._data.get(key, ())) or (NAN,) * len(self)
        found = self._selection.columns.get(key)
        if found is None:
            found = self._selection.columns[key] = self._selection.pick(self._table.column(key).values)
        return found

    def array(self, key: str) -> NDArray[numpy.float32]:
        """Return what :meth:`column` does as a read-only NumPy array, without a copy where that can be.

        :raises ImportError: where NumPy is not installed.
        """
        import numpy

        if key in INFLIGHT_KEYS:
            return self._selection.pick_array(self._inflight[key])
        if key.startswith("data."):
            return numpy.array(self.column(key), dtype=numpy.float32)
        found = self._selection.arrays.get(key)
        if found is None:
            found = self._selection.arrays[key] = self._selection.pick_array(self._table.column(key).values)
        return found

    def ages_ms(self, key: str) -> tuple[float, ...]:
        """Return the whole ms between the measurement of each value and ``now_ms``; ``inf`` where it is unknown."""
        if key in INFLIGHT_KEYS:
            return (0.0,) * len(self)
        now_ms = floor(self.now_ms)
        times = self._selection.pick(self._table.column(key).times)
        return tuple(max(0.0, now_ms - time) if time else inf for time in times)

    def random(self) -> float:
        """Return the next number in [0, 1) of this call's randomness; a scorer uses no other."""
        if self._random is None:
            self._random = Random(self.seed)
        return self._random()

    def veto(self, position: int) -> None:
        """Rule a candidate out of this decision; without effect where ``veto`` was not granted."""
        if not 0 <= position < len(self):
            raise IndexError(f"veto of candidate {position} of {len(self)}")
        self._vetoed.add(position)

    def explain(self, reason: str) -> None:
        """Say why the answer is as it is, in at most 200 bytes, for ``explain``."""
        self._reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")

    @property
    def reason(self) -> str:
        """What was said by :meth:`explain`."""
        return self._reason

    @property
    def vetoed(self) -> frozenset[int]:
        """Positions that were vetoed."""
        return frozenset(self._vetoed)


def call_from_wire(
    wire: Message,
    table: TableVersion,
    inflight: Mapping[str, Floats],
    keys: Mapping[int, str],
) -> tuple[Call, Selection]:
    """Make a call of what came; ``keys`` are those of the data it may read, by number."""
    selection = table.select(wire.candidates)
    call = Call(
        table=table,
        selection=selection,
        inflight=inflight,
        data=_to_data(wire.data, keys, selection) if wire.data else {},
        facts=wire.request,
        call_id=wire.call_id,
        now_ms=wire.now_ms,
        seed=wire.seed,
        profile=wire.profile,
        peers=tuple(PeerPick(peer.profile, peer.slot) for peer in wire.peers),
    )
    return call, selection


def _to_data(data: Message, keys: Mapping[int, str], selection: Selection) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for it in data:
        key = keys.get(it.column)
        if key is None or len(it.values) != selection.asked:
            continue
        values = tuple(NAN if has_bit(it.unknown, at) else value for at, value in enumerate(it.values))
        found[key] = values if selection.positions is None else tuple(values[at] for at in selection.positions)
    return found


def _to_facts(it: Message) -> RequestFacts:
    return RequestFacts(
        model=it.model,
        lora=it.lora,
        priority=it.priority,
        fairness_id=it.fairness_id,
        session_key=it.session_key,
        prompt_tokens=it.prompt_tokens,
        prompt_text=it.prompt_text,
        token_ids=to_words("I", it.token_ids_u32le),
        block_hashes=to_words("Q", it.block_hashes_u64le),
        block_size_tokens=it.block_size,
        headers=dict(it.headers),
        max_output_tokens=it.max_output_tokens,
        stream=it.stream,
        request_id=it.request_id,
        slo_ttft_ms=it.slo_ttft_ms,
        slo_tpot_ms=it.slo_tpot_ms,
        objective=it.objective,
        pinned_slot=it.pinned_slot_plus_1 - 1,
    )
