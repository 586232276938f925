"""Plays the host over a real socket."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, ParamSpec

import grpc

from outrider_plugin import Declared, start
from outrider_plugin._messages import SessionRequest, SessionResponse
from outrider_plugin.definition import to_definition

P = ParamSpec("P")
PATH = "/outrider.scorer.v1.ScorerService/Session"
EPOCH = 7
COLUMNS = [
    {"id": 1, "key": "waiting_requests"},
    {"id": 2, "key": "kv_cache_usage"},
    {"id": 3, "key": "inflight_requests"},
]


def in_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(_call(test, *args, **kwargs), 30))

    return run


async def _call(test: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    await test(*args, **kwargs)


class Host:
    """One Session, a frame at a time."""

    def __init__(self, channel: Any, token: str = "secret") -> None:
        self._stream = channel.stream_stream(PATH)(metadata=(("authorization", f"Bearer {token}"),))
        self.sent: list[Any] = []

    async def send(self, **frame: Any) -> None:
        """Send one frame."""
        await self._stream.write(SessionRequest(**frame).SerializeToString())

    async def send_bytes(self, data: bytes) -> None:
        """Send what is perhaps no frame."""
        await self._stream.write(data)

    async def next(self, kind: str | None = None) -> Any:
        """Return the next frame, or the next of a kind."""
        while True:
            data = await asyncio.wait_for(self._stream.read(), 10)
            if data is grpc.aio.EOF:
                raise EOFError(f"{await self._stream.code()}: {await self._stream.details()}")
            frame = SessionResponse.FromString(data)
            found = frame.WhichOneof("frame")
            if kind in (None, found):
                return getattr(frame, found)

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """Wait for the end."""
        with suppress(grpc.aio.AioRpcError):
            while await asyncio.wait_for(self._stream.read(), 10) is not grpc.aio.EOF:
                pass
        return await self._stream.code(), await self._stream.details()

    async def half_close(self) -> None:
        """Say that nothing more comes."""
        await self._stream.done_writing()

    def cancel(self) -> None:
        """Reset the stream."""
        self._stream.cancel()

    async def greet(self, host_instance: str = "host-1", **more: Any) -> Any:
        """Say hello and return the answer."""
        await self.send(hello={"host": "test", "host_instance": host_instance, **more})
        return await self.next("hello")

    async def configure(self, *instances: Mapping[str, Any], columns: Sequence[Any] = COLUMNS) -> Any:
        """Configure instances, ids from 1 unless said, and return the answer."""
        wanted = [{"id": at, **it} for at, it in enumerate(instances, 1)]
        for it in wanted:
            if "parameters" in it:
                it["config_json"] = json.dumps(it.pop("parameters")).encode()
        await self.send(configure={"instances": wanted, "columns": columns, "budget_us": 1000})
        return await self.next("configured")

    async def state(self, waiting: Iterable[float] = (1.0, 3.0), *, rev: int = 1, epoch: int = EPOCH) -> Any:
        """Send a whole table and return the acknowledgement."""
        values = list(waiting)
        upserts = [{"slot": at, "id": f"vllm-{at}", "address": f"10.0.0.{at + 1}:8000"} for at in range(len(values))]
        column = {"column": 1, "values": values}
        full = {"epoch": epoch, "to_rev": rev, "full": True, "upserts": upserts, "columns": [column], "now_ms": 1000.7}
        await self.send(state=full)
        return await self.next("state_ack")

    async def put(self, *calls: Mapping[str, Any], inflight: Sequence[Any] = ()) -> None:
        """Send calls without waiting for answers; what is not said of them has a default."""
        defaults = {"instance": 1, "epoch": EPOCH, "rev": 1, "now_ms": 1005.2}
        numbered = [{"call_id": at, **defaults, **call} for at, call in enumerate(calls, 1)]
        await self.send(score={"calls": numbered, "inflight": inflight})

    async def answers(self, count: int) -> dict[int, Any]:
        """Return answers by call; one that comes twice is a fault."""
        found: dict[int, Any] = {}
        while len(found) < count:
            for result in (await self.next("scores")).results:
                assert result.call_id not in found
                found[result.call_id] = result
        return found

    async def ask(self, call: Mapping[str, Any] | None = None, *, inflight: Sequence[Any] = ()) -> Any:
        """Put one call and return its answer."""
        await self.put(call or {}, inflight=inflight)
        (answer,) = (await self.answers(1)).values()
        return answer


@asynccontextmanager
async def serving(*definitions: Declared) -> AsyncIterator[Callable[..., Host]]:
    """Serve definitions on a socket; yields what opens a session, with the token it shows."""
    with tempfile.TemporaryDirectory(prefix="outrider-") as folder:
        path = os.path.join(folder, "plugin.sock")
        plugin = await start(*definitions, name="test", version="1.2.3", address=f"unix:{path}", token="secret")
        async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
            yield lambda token="secret": Host(channel, token)
        await plugin.stop()


@asynccontextmanager
async def ready(definition: Declared, *, parameters: object = None, **instance: Any) -> AsyncIterator[Host]:
    """Serve one definition to a host that has configured it and sent two endpoints."""
    async with serving(definition) as connect:
        host = connect()
        await host.greet()
        if parameters is not None:
            instance["parameters"] = parameters
        assert not (await host.configure({"type": to_definition(definition).type, **instance})).errors
        assert not (await host.state()).HasField("nack")
        yield host
