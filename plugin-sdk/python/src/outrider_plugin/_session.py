"""Plugin side of one Session stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, Protocol

import grpc
from google.protobuf.message import DecodeError

from ._answer import Answer, Failure, write_error
from ._complaints import logger
from ._host_state import HostState
from ._messages import Message, SessionRequest, SessionResponse
from ._replication import Applied, Refused
from ._tables import ScoreTables
from .feedback import from_wire_event

_FULL_BATCH_BYTES: Final = 256 * 1024
"""A frame of answers is sent when it has grown to this; a frame has at most 1 MiB."""

_LONGEST_HOLD_S: Final = 0.0005
"""Answers of a batch wait for the others of it no longer than this."""


class Stream(Protocol):
    """The part of a gRPC context that a session needs."""

    async def read(self) -> Any:
        """Return the next frame, or ``grpc.aio.EOF``."""

    async def write(self, message: bytes) -> None:
        """Send a frame."""

    async def abort(self, code: Any, details: str) -> None:
        """End the stream with a status."""


class _ProtocolError(Exception):
    """The host has said something that has no sense here."""


class Session:
    """Answers a host for as long as its stream lives."""

    def __init__(
        self,
        stream: Stream,
        *,
        hello: Message,
        enter: Callable[[str, Session], HostState],
    ) -> None:
        """Take a stream; ``enter`` finds what is kept for a host by its instance name."""
        self._stream = stream
        self._hello = hello
        self._enter = enter
        self._host: HostState | None = None
        self._task: asyncio.Task[Any] | None = None
        self._ending: tuple[grpc.StatusCode, str] | None = None
        self._outbox: deque[bytes] = deque()
        self._answers: list[Answer] = []
        self._answer_bytes = 0
        self._is_writing = False
        self._background: set[asyncio.Future[Any]] = set()
        self._tables = ScoreTables(self._send)
        self._unanswered = 0
        self._is_draining = False
        self.is_open = True

    async def run(self) -> None:
        """Serve until the host or :meth:`end` ends it."""
        self._task = asyncio.current_task()
        try:
            await self._read_all()
        except asyncio.CancelledError:
            if self._ending is None:
                raise
        except (DecodeError, _ProtocolError) as error:
            logger.warning("session ended: %s", error)
            self._ending = (grpc.StatusCode.INVALID_ARGUMENT, str(error))
        finally:
            self._close()
        if self._ending is not None:
            await self._stream.abort(*self._ending)

    def end(self, code: grpc.StatusCode, message: str) -> None:
        """End it from outside."""
        if self.is_open and self._ending is None and self._task is not None:
            self._ending = (code, message)
            self._task.cancel()

    def reply(self, answer: Answer) -> None:
        """Take the answer to a call; those of one turn travel in one frame."""
        self._unanswered -= 1
        if not self.is_open:
            return
        self._answers.append(answer)
        self._answer_bytes += answer.size
        if self._answer_bytes >= _FULL_BATCH_BYTES:
            self._pack_answers()
        self._drain_if_idle()
        self._wake()

    async def _read_all(self) -> None:
        while True:
            data = await self._stream.read()
            if data is grpc.aio.EOF:
                return
            frame = SessionRequest.FromString(data)
            kind = frame.WhichOneof("frame")
            if kind == "score":
                await self._batch(frame.score)
            elif kind is not None:
                self._frame(kind, getattr(frame, kind))
            await self._flush()

    def _frame(self, kind: str, value: Message) -> None:
        if kind == "hello":
            self._greet(value)
        elif kind == "ping":
            self._send(SessionResponse(pong=value))
        elif kind == "configure":
            self._configure(value)
        elif kind == "state":
            self._state(value)
        elif kind == "feedback":
            self._feedback(value)
        elif kind == "inflight":
            counts = dict(zip(value.slots, value.counts, strict=False))
            for instance in self._expect_host().instances.values():
                instance.in_flight(counts)
        elif kind == "cancel":
            for instance in self._expect_host().instances.values():
                instance.cancel(set(value.call_ids), self)
        elif kind == "drain":
            self._is_draining = True
            self._drain_if_idle()

    def _expect_host(self) -> HostState:
        if self._host is None:
            raise _ProtocolError("the first frame is to be hello")
        return self._host

    def _greet(self, request: Message) -> None:
        if self._host is None:
            self._host = self._enter(request.host_instance, self)
        self._send(SessionResponse(hello=self._hello))
        if request.handoff:
            self._host.take_handoff(request.handoff)

    def _configure(self, request: Message) -> None:
        host = self._expect_host()
        faults = host.configure(request)
        response = SessionResponse()
        response.configured.SetInParent()
        for instance, fault in faults:
            response.configured.errors.add(instance=instance, path=fault.path, message=fault.message)
        self._send(response)
        if faults:
            return
        outstanding = sum(it.definition.max_concurrency for it in host.instances.values())
        self._send(SessionResponse(credit={"max_outstanding": outstanding}))
        self._send(SessionResponse(health={"ready": True}))
        if host.shared.table.version.epoch:
            self._tables.refresh(host.instances)

    def _state(self, chunk: Message) -> None:
        host = self._expect_host()
        outcome = host.apply(chunk)
        if outcome is None:
            return
        version = host.shared.table.version
        response = SessionResponse(state_ack={"epoch": version.epoch, "rev": version.rev})
        if isinstance(outcome, Refused):
            have = {"have_epoch": version.epoch, "have_rev": version.rev}
            write_error(response.state_ack.nack, Failure(outcome.code, outcome.message, **have))
        self._send(response)
        if isinstance(outcome, Applied):
            self._tables.refresh(host.instances)

    def _feedback(self, request: Message) -> None:
        instances = self._expect_host().instances
        for wire in request.events:
            instance, event = instances.get(wire.instance), from_wire_event(wire)
            if instance is not None and event is not None:
                instance.feedback(event)

    async def _batch(self, batch: Message) -> None:
        host = self._expect_host()
        came_at = flushed_at = perf_counter()
        if batch.inflight:
            host.shared.inflight.apply(batch.inflight, host.shared.table.version.live)
        for wire in batch.calls:
            self._put(host, wire, came_at)
            if self._answers and perf_counter() - flushed_at > _LONGEST_HOLD_S:
                await self._flush()
                flushed_at = perf_counter()

    def _put(self, host: HostState, wire: Message, came_at: float) -> None:
        self._unanswered += 1
        version = host.shared.table.version
        instance = host.instances.get(wire.instance)
        if wire.epoch != version.epoch or wire.rev > version.rev:
            message = f"state {wire.epoch}:{wire.rev} is not here"
            have = {"have_epoch": version.epoch, "have_rev": version.rev}
            self._refuse(wire, Failure("failed_precondition", message, **have))
        elif instance is None:
            self._refuse(wire, Failure("invalid_argument", f"no instance {wire.instance}"))
        else:
            instance.put(wire, came_at, self)

    def _refuse(self, wire: Message, failure: Failure) -> None:
        self.reply(Answer(wire.call_id, wire.epoch, wire.rev, 0, failure))

    def _drain_if_idle(self) -> None:
        if not self._is_draining or self._unanswered > 0 or self._host is None:
            return
        self._is_draining = False
        self._send(SessionResponse(drained={"handoff": self._host.collect_handoff()}))

    def _send(self, response: Message) -> None:
        self._enqueue(response.SerializeToString())

    def _enqueue(self, frame: bytes) -> None:
        if not self.is_open:
            return
        self._pack_answers()
        self._outbox.append(frame)
        self._wake()

    def _pack_answers(self) -> None:
        if not self._answers:
            return
        response = SessionResponse()
        results = response.scores.results
        for answer in self._answers:
            answer.write(results.add())
        self._answers.clear()
        self._answer_bytes = 0
        self._outbox.append(response.SerializeToString())

    def _wake(self) -> None:
        """Have what is queued sent, where the reader is not about to do so."""
        if self._is_writing or asyncio.current_task() is self._task:
            return
        self._is_writing = True
        task = asyncio.create_task(self._write_all())
        self._background.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Future[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.end(grpc.StatusCode.CANCELLED, "the stream takes no more")

    async def _flush(self) -> None:
        if not self._is_writing:
            self._is_writing = True
            await self._write_all()

    async def _write_all(self) -> None:
        try:
            while self._answers or self._outbox:
                self._pack_answers()
                await self._stream.write(self._outbox.popleft())
        finally:
            self._is_writing = False

    def _close(self) -> None:
        self.is_open = False
        if self._host is not None:
            for instance in self._host.instances.values():
                instance.drop(self)
        self._tables.close()
        for task in tuple(self._background):
            task.cancel()
