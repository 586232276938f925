"""Three scorers in one process: one that learns, one that vetoes, one that pushes tables."""

from __future__ import annotations

import json

from outrider_plugin import Call, FeedbackEvent, Picked, Scorer, Scores, scorer, serve


@scorer("sticky", category="affinity", needs=["request.session_key", "events.picked"])
class Sticky(Scorer):
    """Prefers the endpoint that the session's last request went to."""

    def __init__(self) -> None:
        self._asked: dict[int, str] = {}
        self._slots: dict[str, int] = {}

    def score(self, call: Call) -> Scores:
        session = call.request.session_key
        self._asked[call.call_id] = session
        slot = self._slots.get(session)
        call.explain(f"new, among {len(self._slots)}" if slot is None else f"slot {slot}")
        return [1.0 if candidate == slot else 0.0 for candidate in call.candidates] if slot is not None else None

    def feedback(self, event: FeedbackEvent) -> None:
        if isinstance(event, Picked):
            self._slots[self._asked[event.call_id]] = event.slot
        else:
            self._asked.pop(event.call_id, None)

    def handoff(self) -> bytes:
        return json.dumps(self._slots).encode()

    def restore(self, handoff: bytes) -> None:
        self._slots = json.loads(handoff) | self._slots


@scorer("not-first", needs=["veto"])
def not_first(call: Call) -> Scores:
    if len(call) > 1:
        call.veto(0)
    return None


@scorer("idle", category="distribution", needs=["running_requests"], table_ttl_ms=2_000)
def idle(call: Call) -> Scores:
    return [1 / (1 + running) for running in call.column("running_requests")]


if __name__ == "__main__":
    serve(Sticky, not_first, idle, name="team", version="1.0.0")
