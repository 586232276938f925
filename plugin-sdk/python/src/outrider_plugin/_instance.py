"""One configured instance: runs its calls, some at a time, and answers each exactly once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from time import perf_counter
from typing import Any, Protocol

from ._answer import Answer, Computed, Failure, InvalidAnswerError, Rated, to_computed, to_rated
from ._complaints import Complaints
from ._inflight import Inflight
from ._messages import Message
from ._replication import ReplicatedTable
from ._table import Selection, TableVersion
from .call import Call, call_from_wire
from .contract import CallError, EndpointChange, RequestFacts
from .definition import Definition, Plugin, Producer, Scorer
from .feedback import FeedbackEvent

Result = Failure | Rated | Computed


class Caller(Protocol):
    """Who put a call and waits for its answer."""

    def reply(self, answer: Answer) -> None:
        """Take the answer; once a call."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all instances of a host have in common."""

    table: ReplicatedTable = field(default_factory=ReplicatedTable)
    inflight: Inflight = field(default_factory=Inflight)


@dataclass(eq=False, slots=True)
class _Pending:
    wire: Message
    came_at: float
    caller: Caller
    expiry: asyncio.TimerHandle | None = None
    task: asyncio.Future[Any] | None = None


_TOO_LATE = Failure("deadline_exceeded", "its budget ran out while it waited for its turn")
_CANCELLED = Failure("deadline_exceeded", "it was cancelled")


class ServedInstance:
    """An instance with its calls."""

    def __init__(self, definition: Definition, plugin: Plugin, config_json: bytes, shared: Shared) -> None:
        """Serve what was made of a definition."""
        self.definition = definition
        self.config_json = config_json
        self._plugin = plugin
        self._shared = shared
        self._complaints = Complaints(definition.type)
        self._may_veto = False
        self._keys: Mapping[int, str] = {}
        self._produced: Mapping[str, int | None] = {}
        self._running: set[_Pending] = set()
        self._waiting: deque[_Pending] = deque()

    @property
    def load(self) -> int:
        """Calls that are not answered."""
        return len(self._running) + len(self._waiting)

    def connect(self, instance: Message) -> None:
        """Take what it was granted and the numbers of its data on the present connection."""
        self._may_veto = any(need.key == "veto" for need in instance.granted)
        self._keys = {column.id: column.key for column in instance.data}
        numbers = {column.key: column.id for column in instance.data}
        self._produced = {key: numbers.get(key) for key in self.definition.produces}

    def put(self, wire: Message, came_at: float, caller: Caller) -> None:
        """Run a call now, or when its turn comes."""
        pending = _Pending(wire, came_at, caller)
        if len(self._running) < self.definition.max_concurrency:
            self._run(pending)
            return
        self._waiting.append(pending)
        if wire.budget_us:
            loop = asyncio.get_running_loop()
            pending.expiry = loop.call_later(wire.budget_us / 1e6, self._expire, pending)

    def cancel(self, call_ids: set[int], caller: Caller) -> None:
        """Give up calls of a session; they are answered all the same."""
        for pending in [it for it in self._waiting if it.wire.call_id in call_ids and it.caller is caller]:
            self._leave_queue(pending, _CANCELLED)
        for pending in self._running:
            if pending.wire.call_id in call_ids and pending.caller is caller and pending.task is not None:
                pending.task.cancel()

    def drop(self, caller: Caller) -> None:
        """Give up all calls of a session that is gone; nobody takes the answers."""
        for pending in [it for it in self._waiting if it.caller is caller]:
            self._leave_queue(pending, _CANCELLED)
        for pending in self._running:
            if pending.caller is caller and pending.task is not None:
                pending.task.cancel()

    def rate_all(self, take: Callable[[Rated, TableVersion], None]) -> asyncio.Future[Any] | None:
        """Rate all endpoints, as for a request of which nothing is known; a failure is only complained of.

        Returns what is to be cancelled when nobody wants the result any more, where the scorer takes its time.
        """
        table = self._shared.table.version
        if not table.live:
            take(Rated((), b"", b"", ""), table)
            return None
        selection = table.select(b"")
        call = self._table_call(table, selection)

        def finish(result: Result) -> None:
            if isinstance(result, Rated):
                take(result, table)
            elif isinstance(result, Failure) and result is not _CANCELLED:
                self._complain("table", result.message)

        return self._ask(call, lambda returned: to_rated(returned, call, selection, may_veto=False), finish)

    def _table_call(self, table: TableVersion, selection: Selection) -> Call:
        return Call(
            table=table,
            selection=selection,
            inflight=Inflight().columns(len(table.endpoints)),
            data={},
            facts=RequestFacts(),
            call_id=0,
            now_ms=table.now_ms,
            seed=0,
            profile="",
            peers=(),
        )

    def endpoints_changed(self, change: EndpointChange) -> None:
        """Tell it of endpoints that came, left or changed."""
        self._guarded("endpoints_changed", lambda: self._plugin.endpoints_changed(change))

    def feedback(self, event: FeedbackEvent) -> None:
        """Tell it what became of a call."""
        self._guarded("feedback", lambda: self._plugin.feedback(event))

    def in_flight(self, counts: Mapping[int, int]) -> None:
        """Tell it what is really in flight."""
        self._guarded("in_flight", lambda: self._plugin.in_flight(counts))

    def handoff(self) -> bytes:
        """Return what it has learned; nothing where it fails."""
        return bytes(self._guarded("handoff", self._plugin.handoff) or b"")

    def restore(self, handoff: bytes) -> None:
        """Give it what the instance before it has learned."""
        self._guarded("restore", lambda: self._plugin.restore(handoff))

    def _run(self, pending: _Pending) -> None:
        started_at = perf_counter()
        wire, table = pending.wire, self._shared.table.version
        if wire.budget_us and (started_at - pending.came_at) * 1e6 >= wire.budget_us:
            self._answer(pending, table, started_at, _TOO_LATE)
            return
        inflight = self._shared.inflight.columns(len(table.endpoints))
        call, selection = call_from_wire(wire, table, inflight, self._keys)

        def settle(returned: object) -> Result:
            if isinstance(self._plugin, Scorer):
                return to_rated(returned, call, selection, may_veto=self._may_veto)
            return to_computed(returned, call, selection, self._produced, self.definition.type)

        def finish(result: Result) -> None:
            self._answer(pending, table, started_at, result)
            if pending.task is not None:
                self._running.discard(pending)
                self._next()

        if len(call) == 0:
            finish(settle(None))
            return
        pending.task = self._ask(call, settle, finish)
        if pending.task is not None:
            self._running.add(pending)

    def _ask(
        self, call: Call, settle: Callable[[object], Result], finish: Callable[[Result], None]
    ) -> asyncio.Future[Any] | None:
        """Finish now or, where the plugin takes its time, later; whatever it raises is a result, too."""
        plugin = self._plugin
        try:
            returned: Any = plugin.score(call) if isinstance(plugin, Scorer) else _produce(plugin, call)
            if isawaitable(returned):
                task = asyncio.ensure_future(returned)
                task.add_done_callback(lambda done: finish(_settled(done, settle)))
                return task
            result = settle(returned)
        except Exception as error:
            result = _to_failure(error)
        finish(result)
        return None

    def _answer(self, pending: _Pending, table: TableVersion, started_at: float, result: Result) -> None:
        if isinstance(result, Failure) and result is not _TOO_LATE and result is not _CANCELLED:
            self._complain("call", result.message)
        plugin_us = max(1, round((perf_counter() - started_at) * 1e6))
        pending.caller.reply(Answer(pending.wire.call_id, table.epoch, table.rev, plugin_us, result))

    def _next(self) -> None:
        while self._waiting and len(self._running) < self.definition.max_concurrency:
            pending = self._waiting.popleft()
            if pending.expiry is not None:
                pending.expiry.cancel()
            self._run(pending)

    def _expire(self, pending: _Pending) -> None:
        self._leave_queue(pending, _TOO_LATE)

    def _leave_queue(self, pending: _Pending, why: Failure) -> None:
        self._waiting.remove(pending)
        if pending.expiry is not None:
            pending.expiry.cancel()
        self._answer(pending, self._shared.table.version, perf_counter(), why)

    def _guarded(self, what: str, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except Exception as error:
            self._complain(what, str(error) or type(error).__name__)
            return None

    def _complain(self, what: str, message: str) -> None:
        self._complaints.add(f"{what} failed: {message}")


def _produce(plugin: Plugin, call: Call) -> object:
    if not isinstance(plugin, Producer):
        raise TypeError(f"{type(plugin).__name__} is neither a Scorer nor a Producer")
    return plugin.produce(call)


def _settled(done: asyncio.Future[Any], settle: Callable[[object], Result]) -> Result:
    if done.cancelled():
        return _CANCELLED
    try:
        return settle(done.result())
    except Exception as error:
        return _to_failure(error)


def _to_failure(error: Exception) -> Failure:
    if isinstance(error, CallError):
        return Failure(error.code, str(error), error.retry_after_ms)
    code = "invalid_argument" if isinstance(error, InvalidAnswerError) else "internal"
    return Failure(code, str(error) or type(error).__name__)
