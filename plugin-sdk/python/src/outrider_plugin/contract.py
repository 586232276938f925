"""What a plugin and its host tell each other, as plain values."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

Category: TypeAlias = Literal["affinity", "distribution", "balance"]
"""What the scores of a type express: what belongs together, spreading out, or something between."""

StateScope: TypeAlias = Literal["none", "local", "shared"]
"""Where the state of a type lives: nowhere, in this process, or outside of it."""

MAX_HANDOFF_BYTES: Final = 960 * 1024
"""Largest state that all instances of a process may hand to the next generation together, in bytes."""


class SupportsToList(Protocol):
    """An array, such as NumPy's."""

    def tolist(self) -> object:
        """Return its elements."""


Values: TypeAlias = Sequence["float | None"] | SupportsToList
"""One number per candidate, in candidate order; ``None`` or NaN = no opinion, or unknown."""

Scores: TypeAlias = Values | None
"""Scores per candidate, each in [0, 1], 1 best; ``None`` = no opinion on any."""

Produced: TypeAlias = Mapping[str, Values] | Values | None
"""Values by key; of a producer of one key the values alone; ``None`` = nothing is known."""


@dataclass(frozen=True, slots=True)
class Need:
    """One key that a type reads, with what limits it."""

    key: str
    """Canonical key: a column, a datum, a fact, a kind of event, or ``veto``."""
    required: bool = False
    """Whether the type cannot work without it."""
    max_bytes: int = 0
    """Largest value wanted, in bytes for prompt text, in tokens for token ids; 0 = the host's limit."""
    names: tuple[str, ...] = ()
    """Which labels, sets or headers."""
    block_size_tokens: int = 0
    """Tokens per prefix block, for ``request.block_hashes``; 0 = the host's."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model server; replaced whole when anything of it changes."""

    slot: int
    """Number that stands for it in candidates and feedback; reused only once nobody knows it."""
    id: str = ""
    """Name in its source, such as ``default/vllm-0``."""
    address: str = ""
    """``ip:port``, IPv6 in brackets."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Granted labels."""
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Granted sets: ``models``, ``adapters_running``, ``adapters_waiting``."""
    incarnation: int = 0
    """Restarts the host has seen; when it grows the endpoint's caches are empty."""


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What changed in the endpoint table, removals first."""

    removed_slots: tuple[int, ...]
    """Slots whose endpoint has left."""
    upserted: tuple[Endpoint, ...]
    """Endpoints that are new or whose description changed."""


@dataclass(frozen=True, slots=True)
class PeerPick:
    """What another profile of the same request picked."""

    profile: str
    """Its name."""
    slot: int
    """Slot of the endpoint."""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of a request. What was not granted is at its default."""

    model: str = ""
    """Model that is asked of the model server."""
    lora: str = ""
    """Adapter asked for; empty = none."""
    priority: int = 0
    """Priority of the objective, higher first."""
    fairness_id: str = ""
    """Tenant the request is accounted to."""
    session_key: str = ""
    """Key that requests of one session share."""
    prompt_tokens: int = 0
    """Tokens of the prompt, counted or estimated."""
    prompt_text: str = ""
    """The prompt, at most the granted bytes of it."""
    token_ids: Sequence[int] = field(default_factory=lambda: array("I"))
    """Token ids of the prompt."""
    block_hashes: Sequence[int] = field(default_factory=lambda: array("Q"))
    """Chained 64-bit hashes of the full prefix blocks."""
    block_size_tokens: int = 0
    """Tokens in one block of ``block_hashes``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Granted headers, names in lower case."""
    max_output_tokens: int = 0
    """Output cap the client set; 0 = none."""
    stream: bool = False
    """Whether the answer is streamed."""
    request_id: str = ""
    """Id of the request."""
    slo_ttft_ms: int = 0
    """TTFT target in ms; 0 = none."""
    slo_tpot_ms: int = 0
    """TPOT target in ms; 0 = none."""
    objective: str = ""
    """Objective the request is served under."""
    pinned_slot: int = -1
    """Endpoint named by the client's session token; -1 = none."""


class CallError(Exception):
    """Raised by a scorer to fail one call with a code of the contract; any other exception is ``internal``."""

    def __init__(self, code: str, message: str = "", *, retry_after_ms: int = 0) -> None:
        """Take a Connect code, such as ``unavailable`` or ``resource_exhausted``, and why; nothing of a prompt."""
        super().__init__(message or code)
        self.code = code
        self.retry_after_ms = retry_after_ms
