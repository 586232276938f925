"""Message classes of the contract, made of its descriptors: there is no generated code to keep in step."""

from __future__ import annotations

from importlib import resources
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Message: TypeAlias = Any
"""A message of the contract. Its fields are known to the descriptors, not to type checkers; it never leaves the SDK."""

SERVICE = "outrider.scorer.v1.ScorerService"
"""Full name of the service that a plugin serves."""


def _load() -> descriptor_pool.DescriptorPool:
    files = descriptor_pb2.FileDescriptorSet.FromString(
        resources.files("outrider_plugin").joinpath("contract.binpb").read_bytes()
    )
    # A pool of its own: a program may have the same files from another package.
    loaded = descriptor_pool.DescriptorPool()
    for file in files.file:
        loaded.Add(file)
    return loaded


pool = _load()
"""Descriptors of the contract, for reflection."""


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


SessionRequest = _message("outrider.scorer.v1.SessionRequest")
SessionResponse = _message("outrider.scorer.v1.SessionResponse")
HandshakeResponse = _message("outrider.scorer.v1.HandshakeResponse")
ScorerSpec = _message("outrider.scorer.v1.ScorerSpec")
HealthCheckRequest = _message("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = _message("grpc.health.v1.HealthCheckResponse")
