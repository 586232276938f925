"""What all instances of a process hand to those of the next generation, in one piece."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

_MAGIC: Final = b"OPH1"
_HEAD: Final = struct.Struct("<IHI")


class Part(NamedTuple):
    """What one instance hands over."""

    id: int
    type: str
    state: bytes


def pack_handoff(parts: Iterable[Part]) -> bytes:
    """Put the parts that hold something into one piece; empty where there are none."""
    packed = [
        _HEAD.pack(id, len(type.encode()), len(state)) + type.encode() + state for id, type, state in parts if state
    ]
    return _MAGIC + b"".join(packed) if packed else b""


def unpack_handoff(packed: bytes) -> list[Part]:
    """Take it apart again.

    :raises ValueError: where it was not made by :func:`pack_handoff`.
    """
    if not packed.startswith(_MAGIC):
        raise ValueError("another kind of plugin has written it")
    parts: list[Part] = []
    at = len(_MAGIC)
    while at < len(packed):
        if at + _HEAD.size > len(packed):
            raise ValueError("it is cut short")
        id, type_bytes, state_bytes = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        end = at + type_bytes + state_bytes
        if end > len(packed):
            raise ValueError("it is cut short")
        parts.append(Part(id, packed[at : at + type_bytes].decode(), packed[at + type_bytes : end]))
        at = end
    return parts
