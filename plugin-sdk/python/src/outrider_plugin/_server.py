"""The plugin behind its address: Session, health and, where it is installed, reflection on one port or socket."""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from ._host_state import HostState
from ._messages import (
    SERVICE,
    HandshakeResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    Message,
    ScorerSpec,
    pool,
)
from ._session import Session
from .definition import Definition
from .tls import Tls

_KEPT_HOSTS: Final = 8
"""Hosts whose state is kept while they are not connected."""

_LARGEST_FRAME: Final = 1024 * 1024

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _LARGEST_FRAME),
    ("grpc.max_send_message_length", _LARGEST_FRAME),
    # Two plugins on one port would each get a share of the calls.
    ("grpc.so_reuseport", 0),
)

_CATEGORIES: Final = {"affinity": 1, "distribution": 2, "balance": 3}
_STATE_SCOPES: Final = {"none": 1, "local": 2, "shared": 3}


@dataclass(slots=True)
class _KnownHost:
    state: HostState
    session: Session | None = None


class PluginServer:
    """Serves definitions to any number of hosts, each with a state of its own."""

    def __init__(self, definitions: Sequence[Definition], *, name: str, version: str, boot_id: str, token: str) -> None:
        """Take what is served; an empty token lets everybody in.

        :raises ValueError: where there is no definition, or one type twice.
        """
        types = [definition.type for definition in definitions]
        if not types:
            raise ValueError("a plugin serves at least one type")
        repeated = {type for type in types if types.count(type) > 1}
        if repeated:
            raise ValueError(f"served twice: {', '.join(sorted(repeated))}")
        self._definitions = definitions
        self._authorization = f"Bearer {token}".encode() if token else b""
        self._hello = HandshakeResponse(
            plugin=name,
            plugin_version=version,
            boot_id=boot_id,
            features=["cancel", "handoff"],
            scorers=[to_scorer_spec(definition) for definition in definitions],
        )
        self._hosts: dict[str, _KnownHost] = {}
        self._sessions: set[Session] = set()
        self._server = grpc.aio.server(options=_OPTIONS)

    @property
    def load(self) -> int:
        """Calls that are not answered, of all hosts."""
        return sum(it.load for host in self._hosts.values() for it in host.state.instances.values())

    async def start(self, address: str, tls: Tls | None) -> int:
        """Listen on ``unix:<path>`` or ``<host>:<port>`` and return the port; 0 for a socket."""
        handlers = {"Session": grpc.stream_stream_rpc_method_handler(self._session)}
        health = {"Check": grpc.unary_unary_rpc_method_handler(_check_health)}
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(SERVICE, handlers),
                grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),
            )
        )
        _reflect(self._server)
        port = self._listen(address, tls)
        await self._server.start()
        return port

    async def stop(self, grace_s: float) -> None:
        """End all sessions and stop listening."""
        for session in tuple(self._sessions):
            session.end(grpc.StatusCode.UNAVAILABLE, "the plugin ends")
        await self._server.stop(grace_s)

    def _listen(self, address: str, tls: Tls | None) -> int:
        if address.startswith("unix:"):
            # The socket is this user's alone from the moment it is there.
            before = os.umask(0o177)
            try:
                self._server.add_insecure_port(address)
            finally:
                os.umask(before)
            return 0
        if tls is None:
            return int(self._server.add_insecure_port(address))
        return int(self._server.add_secure_port(address, tls.credentials()))

    async def _session(self, _requests: object, context: Any) -> None:
        if not self._is_known(context.invocation_metadata()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is not mine")
        session = Session(context, hello=self._hello, enter=self._enter)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    def _is_known(self, metadata: Any) -> bool:
        if not self._authorization:
            return True
        shown = next((value for key, value in metadata if key == "authorization"), "")
        return hmac.compare_digest(str(shown).encode(), self._authorization)

    def _enter(self, host_instance: str, session: Session) -> HostState:
        """The last connection of a host counts: the one before it is a connection that the host has given up."""
        if not host_instance:
            return HostState(self._definitions)
        known = self._hosts.pop(host_instance, None) or _KnownHost(HostState(self._definitions))
        if known.session is not None:
            known.session.end(grpc.StatusCode.ABORTED, "the host opened another session")
        known.session = session
        self._hosts[host_instance] = known
        self._forget_hosts()
        return known.state

    def _forget_hosts(self) -> None:
        """Drop those longest gone."""
        gone = [name for name, it in self._hosts.items() if it.session is None or not it.session.is_open]
        for name in gone[: max(0, len(self._hosts) - _KEPT_HOSTS)]:
            del self._hosts[name]


async def _check_health(request: bytes, context: Any) -> bytes:
    """Whoever can answer serves."""
    service = HealthCheckRequest.FromString(request).service
    if service not in ("", SERVICE):
        await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {service} here")
    response: bytes = HealthCheckResponse(status=1).SerializeToString()
    return response


def _reflect(server: Any) -> None:
    """Serve the descriptors where ``outrider-plugin[reflection]`` is installed."""
    try:
        from grpc_reflection.v1alpha import reflection
    except ImportError:
        return
    names = (SERVICE, "grpc.health.v1.Health", reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=pool)


def to_scorer_spec(definition: Definition) -> Message:
    """Say of a type what the handshake does."""
    is_producer = definition.kind == "producer"
    spec = ScorerSpec(
        type=definition.type,
        category=0 if is_producer else _CATEGORIES[definition.category],
        role=2 if is_producer else 1,
        state=_STATE_SCOPES[definition.state],
        config_json_schema=definition.config_schema,
        max_concurrency=definition.max_concurrency,
        request_independent=definition.table_ttl_ms > 0,
        produces=[key.removeprefix("data.") for key in definition.produces],
    )
    for need in definition.needs:
        spec.needs.add(
            key=need.key,
            required=need.required,
            max_bytes=need.max_bytes,
            names=need.names,
            block_size=need.block_size_tokens,
        )
    return spec
