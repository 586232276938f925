"""Write scorers and producers for Outrider in Python."""

from .call import Call
from .config import ConfigError, Fault, Limits
from .contract import (
    MAX_HANDOFF_BYTES,
    CallError,
    Category,
    Endpoint,
    EndpointChange,
    Need,
    PeerPick,
    Produced,
    RequestFacts,
    Scores,
    StateScope,
    Values,
)
from .definition import Declared, Definition, Producer, Scorer, producer, scorer
from .feedback import Done, DoneCause, FeedbackEvent, Headers, Picked, Progress
from .serving import RunningPlugin, serve, start
from .tls import Tls

__all__ = [
    "MAX_HANDOFF_BYTES",
    "Call",
    "CallError",
    "Category",
    "ConfigError",
    "Declared",
    "Definition",
    "Done",
    "DoneCause",
    "Endpoint",
    "EndpointChange",
    "Fault",
    "FeedbackEvent",
    "Headers",
    "Limits",
    "Need",
    "PeerPick",
    "Picked",
    "Produced",
    "Producer",
    "Progress",
    "RequestFacts",
    "RunningPlugin",
    "Scorer",
    "Scores",
    "StateScope",
    "Tls",
    "Values",
    "producer",
    "scorer",
    "serve",
    "start",
]
