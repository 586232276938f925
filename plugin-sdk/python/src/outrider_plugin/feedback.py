"""What became of calls. Per call at most one :class:`Picked` and :class:`Headers`, and exactly one :class:`Done`."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast, get_args

from ._messages import Message
from ._words import to_words
from .contract import PeerPick

DoneCause: TypeAlias = Literal["ok", "client_cancelled", "upstream_error", "never_sent", "evicted", "unknown"]
"""How a request ended. ``unknown``: the response was not observed; ``never_sent``: refused after it was scored."""


@dataclass(frozen=True, slots=True)
class _Event:
    call_id: int
    """The call, as the plugin saw it."""
    slot: int
    """Endpoint the request was sent to; of no meaning for ``never_sent``."""
    at_ms: float
    """The host's clock at the event, Unix ms."""


@dataclass(frozen=True, slots=True)
class Picked(_Event):
    """The request of a call is about to be sent. Granted by ``events.picked``."""

    own_score: float = float("nan")
    """Score this plugin gave the endpoint; NaN where it gave none."""
    total_score: float = 0.0
    """Total of the endpoint over all scorers."""
    fallback: bool = False
    """The pick was made without this plugin's answer."""
    prompt_tokens: int = 0
    """Tokens of the prompt."""
    picks: tuple[PeerPick, ...] = ()
    """Picks of all profiles of the request."""


@dataclass(frozen=True, slots=True)
class Headers(_Event):
    """The response has begun. Granted by ``events.headers``."""

    status: int = 0
    """HTTP status."""
    ttfb_us: int = 0
    """Request sent to first byte of the response, in µs."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Granted response headers, names in lower case."""


@dataclass(frozen=True, slots=True)
class Progress(_Event):
    """The response goes on; cumulative. Granted by ``events.progress``."""

    chunks: int = 0
    """Chunks so far."""
    output_tokens: int = 0
    """Output tokens so far."""
    elapsed_ms: int = 0
    """Since the request was sent, in ms."""


@dataclass(frozen=True, slots=True)
class Done(_Event):
    """The request is over. Granted by ``events.done``, or by any other event."""

    cause: DoneCause = "unknown"
    """How it ended."""
    status: int = 0
    """HTTP status; 0 = none was seen."""
    prompt_tokens: int = 0
    """Prompt tokens by the model server's count; 0 = not told."""
    cached_tokens: int = 0
    """Of these, tokens found in its prefix cache."""
    output_tokens: int = 0
    """Output tokens; 0 = not told."""
    ttft_us: int = 0
    """TTFT in µs; 0 = not seen."""
    e2e_ms: int = 0
    """Request received to its end, in ms."""
    block_hashes: Sequence[int] = field(default_factory=lambda: array("Q"))
    """Of the prefix blocks that the answer completes behind the prompt's, as the next turn's prompt has them.

    Granted by ``events.answer_blocks``, beside ``request.block_hashes``."""


FeedbackEvent: TypeAlias = Picked | Headers | Progress | Done
"""What became of one call."""


def from_wire_event(wire: Message) -> FeedbackEvent | None:
    """Read an event; ``None`` for a kind that is not known here."""
    common = (wire.call_id, wire.slot, wire.at_ms)
    kind = wire.WhichOneof("event")
    if kind == "picked":
        it = wire.picked
        own = it.own_score if it.HasField("own_score") else float("nan")
        picks = tuple(PeerPick(pick.profile, pick.slot) for pick in it.picks)
        return Picked(*common, own, it.total_score, it.fallback, it.prompt_tokens, picks)
    if kind == "headers":
        return Headers(*common, wire.headers.status, wire.headers.ttfb_us, dict(wire.headers.headers))
    if kind == "progress":
        return Progress(*common, wire.progress.chunks, wire.progress.output_tokens, wire.progress.elapsed_ms)
    return _done(common, wire.done) if kind == "done" else None


def _done(common: tuple[int, int, float], it: Message) -> Done:
    cause = cast("DoneCause", it.cause) if it.cause in get_args(DoneCause) else "unknown"
    tokens = (it.prompt_tokens, it.cached_tokens, it.output_tokens)
    return Done(*common, cause, it.status, *tokens, it.ttft_us, it.e2e_ms, to_words("Q", it.block_hashes_u64le))
