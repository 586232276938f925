"""Calls to try a plugin on, without a host."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import isawaitable
from itertools import count
from math import isnan
from typing import Any, Final, Protocol

from ._answer import to_floats
from ._bitmap import to_bitmap
from ._inflight import INFLIGHT_KEYS
from ._table import NAN, Column, Floats, TableVersion, unknown_column
from .call import Call
from .contract import Endpoint, EndpointChange, PeerPick, RequestFacts
from .definition import Declared, Plugin, Producer, Scorer, to_definition
from .feedback import Done, FeedbackEvent, Picked, Progress

_call_ids: Final = count(1)
_DESCRIPTION: Final = frozenset({"slot", "id", "address", "labels", "sets", "incarnation", "age_ms"})


def fake_call(
    pool: Sequence[Mapping[str, Any]],
    *,
    candidates: Iterable[int] | None = None,
    request: RequestFacts | None = None,
    data: Mapping[str, Sequence[float]] | None = None,
    now_ms: float = 1_000_000.0,
    seed: int = 1,
    profile: str = "default",
    peers: Iterable[PeerPick] = (),
    call_id: int | None = None,
) -> Call:
    """Make a call as a host would.

    :param pool: an endpoint each: values by key, of which missing ones are unknown, and what else is to be known of it
        (``slot``, ``id``, ``address``, ``labels``, ``sets``, ``incarnation``, ``age_ms`` of its values).
    :param candidates: slots, ascending; default all.
    :param data: ``data.*`` values per candidate.
    :param call_id: default one that no other call has.
    """
    endpoints = [_endpoint(at, row) for at, row in enumerate(pool)]
    slot_count = max((it.slot for it in endpoints), default=-1) + 1
    by_slot: list[Endpoint | None] = [None] * slot_count
    for endpoint in endpoints:
        by_slot[endpoint.slot] = endpoint
    columns, inflight = _columns(pool, endpoints, slot_count, int(now_ms))
    live = tuple(sorted(it.slot for it in endpoints))
    table = TableVersion(1, 1, now_ms, tuple(by_slot), columns, live)
    values = {key: tuple(array("f", column)) for key, column in (data or {}).items()}
    return Call(
        table=table,
        selection=table.select(b"" if candidates is None else to_bitmap(candidates)),
        inflight=inflight,
        data=values,
        facts=request or RequestFacts(model="llama-3-8b"),
        call_id=next(_call_ids) if call_id is None else call_id,
        now_ms=now_ms,
        seed=seed,
        profile=profile,
        peers=tuple(peers),
    )


def _endpoint(at: int, row: Mapping[str, Any]) -> Endpoint:
    slot = row.get("slot", at)
    return Endpoint(
        slot=slot,
        id=row.get("id", f"pool/{slot}"),
        address=row.get("address", f"10.0.{slot // 250}.{slot % 250 + 1}:8000"),
        labels=row.get("labels", {}),
        sets={name: tuple(values) for name, values in row.get("sets", {}).items()},
        incarnation=row.get("incarnation", 0),
    )


def _columns(
    pool: Sequence[Mapping[str, Any]], endpoints: Sequence[Endpoint], slot_count: int, now_ms: int
) -> tuple[dict[str, Column], dict[str, Floats]]:
    columns: dict[str, Column] = {}
    inflight = {key: array("f", [0.0]) * slot_count for key in INFLIGHT_KEYS}
    for endpoint, row in zip(endpoints, pool, strict=True):
        for key, value in row.items():
            if key in INFLIGHT_KEYS:
                inflight[key][endpoint.slot] = value
            elif key not in _DESCRIPTION:
                column = columns.setdefault(key, unknown_column(slot_count))
                column.values[endpoint.slot] = value
                column.times[endpoint.slot] = now_ms - row.get("age_ms", 0)
    return columns, inflight


class LocalPlugin:
    """A plugin in this process, asked as a host would ask it."""

    def __init__(self, declared: Declared, parameters: object = None) -> None:
        """Make an instance of ``parameters:`` as written.

        :raises ConfigError: with every fault of them.
        """
        self._definition = to_definition(declared)
        self.plugin: Final[Plugin] = self._definition.create(parameters)
        """The instance itself."""
        self._known: Mapping[int, Endpoint] = {}

    def score(self, call: Call) -> list[float]:
        """Return the scores as a host gets them: 32-bit floats, NaN = abstained.

        :raises Exception: whatever the scorer raises, or that what it returned is no answer.
        """
        if not isinstance(self.plugin, Scorer):
            raise TypeError(f"{self._definition.type} is a producer")
        self._learn(call)
        return _to_list(_awaited(self.plugin.score(call)), call, "scores")

    def produce(self, call: Call) -> dict[str, list[float]]:
        """Return the values by key as a host gets them: 32-bit floats, NaN = unknown."""
        if not isinstance(self.plugin, Producer):
            raise TypeError(f"{self._definition.type} is a scorer")
        self._learn(call)
        produced = _awaited(self.plugin.produce(call))
        keys = self._definition.produces
        by_key = produced if isinstance(produced, Mapping) else {keys[0]: produced}
        return {key: _to_list(by_key.get(key), call, f"values of {key}") for key in keys}

    def feedback(self, event: FeedbackEvent) -> None:
        """Tell what became of a call."""
        self.plugin.feedback(event)

    def _learn(self, call: Call) -> None:
        """Tell of endpoints that are other ones than in the call before."""
        present = {slot: it for slot in range(call.slot_count) if (it := call.endpoint(slot)) is not None}
        if present == self._known:
            return
        before, self._known = self._known, present
        removed = tuple(slot for slot, it in before.items() if slot not in present or present[slot].id != it.id)
        upserted = tuple(it for slot, it in present.items() if before.get(slot) != it)
        self.plugin.endpoints_changed(EndpointChange(removed, upserted))


def local(declared: Declared, parameters: object = None) -> LocalPlugin:
    """Open a plugin in this process."""
    return LocalPlugin(declared, parameters)


def _awaited(result: Any) -> Any:
    if not isawaitable(result):
        return result

    async def wait() -> Any:
        return await result

    return asyncio.run(wait())


def _to_list(result: object, call: Call, what: str) -> list[float]:
    values, unknown = to_floats(result, len(call), what)
    rounded = list(array("f", values))
    for position in unknown:
        rounded[position] = NAN
    return rounded


class ScorerUnderTest(Protocol):
    """What the contract is checked on: :class:`LocalPlugin`, or something of one's own that asks elsewhere."""

    def score(self, call: Call) -> list[float]:
        """Return the scores of a call, NaN = abstained."""

    def feedback(self, event: FeedbackEvent) -> None:
        """Tell what became of a call."""


@dataclass(frozen=True, slots=True)
class ContractCase:
    """One thing that every scorer keeps to."""

    title: str
    """Behaviour, as the title of a test."""
    check: Callable[[ScorerUnderTest], None]
    """Puts a scorer to the test; raises ``AssertionError``."""

    def __str__(self) -> str:
        """Return the title, which pytest shows as the test's id."""
        return self.title


_FACTS: Final = RequestFacts(
    model="llama-3-8b",
    prompt_tokens=640,
    session_key="session-1",
    prompt_text="You are a helpful assistant.",
    block_hashes=array("Q", [0x9E3779B97F4A7C15 * at % 2**64 for at in range(1, 11)]),
    block_size_tokens=64,
)


def _pool(size: int) -> list[dict[str, Any]]:
    """Endpoints of which everything is known."""
    return [
        {
            "waiting_requests": at * 7 % 11,
            "running_requests": at * 5 % 13,
            "kv_cache_usage": at * 37 % 100 / 100,
            "kv_block_tokens": 16,
            "kv_total_blocks": 10_000,
            "max_adapters": 4,
            "inflight_requests": at % 3,
            "inflight_prompt_tokens": 64 * at,
            "inflight_output_tokens": 16 * at,
            "sets": {"models": ["llama-3-8b"], "adapters_running": [], "adapters_waiting": []},
        }
        for at in range(size)
    ]


def _check(scorer: ScorerUnderTest, call: Call) -> None:
    for at, score in enumerate(scorer.score(call)):
        assert isnan(score) or 0 <= score <= 1, f"the score of candidate {at} is {score}: neither in [0, 1] nor NaN"


def _repeats(scorer: ScorerUnderTest) -> None:
    first, second = (scorer.score(fake_call(_pool(12), request=_FACTS, seed=7, call_id=7)) for _ in range(2))
    same = all(a == b or (isnan(a) and isnan(b)) for a, b in zip(first, second, strict=True))
    assert same, f"asked twice it said {first} and {second}: nothing is learned or drawn from asking"


def _takes_edges(scorer: ScorerUnderTest) -> None:
    edges = [
        {
            "waiting_requests": value,
            "running_requests": value,
            "kv_cache_usage": min(1.0, value),
            "kv_total_blocks": value,
            "inflight_requests": value,
        }
        for value in (0.0, 1.0, 1e9)
    ]
    _check(scorer, fake_call(edges, request=_FACTS))


def _takes_changes(scorer: ScorerUnderTest) -> None:
    first, second, third = _pool(3)
    other = {**first, "id": "pool/other"}
    for pool in ([first, second], [other], [{**other, "incarnation": 1}, third]):
        _check(scorer, fake_call(pool, request=_FACTS))


def _takes_feedback(scorer: ScorerUnderTest) -> None:
    call = fake_call(_pool(4), request=_FACTS)
    _check(scorer, call)
    for call_id, slot in ((call.call_id, 1), (call.call_id, 3), (4_000_000, 9)):
        done = Done(call_id, slot, 1.0, "ok", 200, 640, 64, 9, 20_000, 200)
        scorer.feedback(Picked(call_id, slot, 1.0, 0.5, 1.0, False, 640, (PeerPick("default", slot),)))
        scorer.feedback(Progress(call_id, slot, 1.0, 3, 3, 60))
        scorer.feedback(done)
        scorer.feedback(replace(done, cause="never_sent", status=0, ttft_us=0, e2e_ms=0))
    _check(scorer, fake_call(_pool(4), request=_FACTS))


scorer_contract: Final = (
    ContractCase(
        "scores every candidate in [0, 1], or abstains",
        lambda scorer: _check(scorer, fake_call(_pool(20), request=_FACTS)),
    ),
    ContractCase(
        "scores a single candidate", lambda scorer: _check(scorer, fake_call(_pool(3), candidates=[1], request=_FACTS))
    ),
    ContractCase("gives one answer to one call, however often it is asked", _repeats),
    ContractCase(
        "abstains or scores, but does not fail, where nothing is known",
        lambda scorer: _check(scorer, fake_call([{}, {}, {}], request=RequestFacts())),
    ),
    ContractCase("takes values at the edges of what model servers report", _takes_edges),
    ContractCase(
        "takes slots that are far apart",
        lambda scorer: _check(
            scorer, fake_call([{**_pool(1)[0], "slot": 3}, {**_pool(1)[0], "slot": 4000}], request=_FACTS)
        ),
    ),
    ContractCase("goes on when endpoints leave, come and are replaced in their slot", _takes_changes),
    ContractCase("goes on after feedback in any order, for calls it knows and others", _takes_feedback),
)
"""What every scorer keeps to; a test each."""
