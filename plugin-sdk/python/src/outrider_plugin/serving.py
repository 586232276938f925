"""Runs a plugin's process."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import threading
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from ._server import PluginServer
from .definition import Declared, to_definition
from .tls import Tls

_FINISH_S: Final = 2.0
_GOODBYE_S: Final = 0.5


class RunningPlugin:
    """A plugin that is being served."""

    def __init__(self, server: PluginServer, port: int) -> None:
        """Made by :func:`start`."""
        self._server = server
        self.port: Final = port
        """Port that was taken; 0 for a socket."""

    async def stop(self) -> None:
        """Finish the calls there are, for two seconds at most, and stop listening."""
        loop = asyncio.get_running_loop()
        end_at = loop.time() + _FINISH_S
        while self._server.load > 0 and loop.time() < end_at:
            await asyncio.sleep(0.005)
        await self._server.stop(_GOODBYE_S)


async def start(
    *declared: Declared,
    name: str | None = None,
    version: str = "0.0.0",
    address: str | None = None,
    token: str | None = None,
    tls: Tls | None = None,
) -> RunningPlugin:
    """Serve from the running event loop; as :func:`serve`, for programs that have one of their own."""
    definitions = [to_definition(it) for it in declared]
    server = PluginServer(
        definitions,
        name=name or (definitions[0].type if definitions else ""),
        version=version,
        boot_id=str(uuid.uuid4()),
        token=os.environ.get("OUTRIDER_PLUGIN_TOKEN", "") if token is None else token,
    )
    return RunningPlugin(server, await server.start(_find_address(address), tls))


def serve(
    *declared: Declared,
    name: str | None = None,
    version: str = "0.0.0",
    address: str | None = None,
    token: str | None = None,
    tls: Tls | None = None,
) -> None:
    """Serve scorers and producers until SIGTERM, or until the host that started this process is gone.

    :param name: name of the plugin, for logs; default its first type.
    :param version: its version, semantic versioning.
    :param address: ``host:port`` or ``unix:<path>`` where no host has said where to listen, which it does in
        ``OUTRIDER_PLUGIN_SOCKET``; default ``PORT`` of the environment, on loopback.
    :param token: what hosts must show; default ``OUTRIDER_PLUGIN_TOKEN``, without which everybody is let in.
    :param tls: certificate for hosts that come over a network.
    :raises ValueError: where nothing says where to listen, or a type is served twice.
    """
    asyncio.run(_serve(lambda: start(*declared, name=name, version=version, address=address, token=token, tls=tls)))


async def _serve(begin: Callable[[], Awaitable[RunningPlugin]]) -> None:
    loop = asyncio.get_running_loop()
    told_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_end.set)
    plugin = await begin()
    if os.environ.get("OUTRIDER_PLUGIN_TOKEN") and _is_pipe(0):
        _when_input_ends(lambda: loop.call_soon_threadsafe(told_to_end.set))
    await told_to_end.wait()
    await plugin.stop()


def _find_address(address: str | None) -> str:
    socket, port = os.environ.get("OUTRIDER_PLUGIN_SOCKET"), os.environ.get("PORT", "")
    if socket:
        return f"unix:{socket}"
    if address:
        return address
    if port.isdecimal():
        return f"127.0.0.1:{port}"
    raise ValueError("nowhere to listen: set OUTRIDER_PLUGIN_SOCKET to the path of a socket, PORT, or give an address")


def _is_pipe(descriptor: int) -> bool:
    """Tell whether a descriptor is such as the standard input that a host holds open while it lives."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _when_input_ends(act: Callable[[], object]) -> None:
    def wait() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        act()

    threading.Thread(target=wait, name="outrider-stdin", daemon=True).start()
