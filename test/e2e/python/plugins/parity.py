"""The scorers of ``parity.ts``, word for word in Python."""

from __future__ import annotations

from math import inf, isfinite, isnan, nan, sqrt

from outrider_plugin import Call, EndpointChange, FeedbackEvent, Picked, Produced, Scorer, Scores, producer, scorer, serve

COLUMNS = ["waiting_requests", "running_requests", "kv_cache_usage", "inflight_requests"]


@scorer("parity-formula", needs=[*COLUMNS, "request.session_key", "data.uncached_tokens"])
def formula(call: Call) -> Scores:
    waiting, running, usage, sent = (call.column(key) for key in COLUMNS)
    ages = call.ages_ms("waiting_requests")
    uncached = call.column("data.uncached_tokens")
    scores = []
    for i in range(len(call)):
        load = waiting[i] * 3 + running[i] / 7 + sent[i] + len(call.request.session_key)
        age = ages[i] / (ages[i] + 100) if isfinite(ages[i]) else 1
        free = sqrt(1 - usage[i]) * (1 - 0.1 * age) if usage[i] <= 1 else nan
        cached = 1 if isnan(uncached[i]) else 1 / (1 + uncached[i] / (1 + call.request.prompt_tokens))
        scores.append((free + cached + call.random()) / (3 + load))
        if scores[i] < 0.05:
            call.veto(i)
    call.explain(f"{call.profile} {len(call)}")
    return scores


@scorer("parity-learned", needs=["waiting_requests", "events.picked"])
class Learned(Scorer):
    """Prefers where the fewest requests were sent, by its own count and by the id that is in the slot."""

    def __init__(self) -> None:
        self._sent: dict[int, float] = {}

    def score(self, call: Call) -> Scores:
        most = max((self._sent.get(slot, 0.0) for slot in call.candidates), default=-inf)
        return [1 - self._sent.get(slot, 0.0) / (1 + most) for slot in call.candidates]

    def feedback(self, event: FeedbackEvent) -> None:
        if isinstance(event, Picked):
            own = 0.0 if isnan(event.own_score) else event.own_score
            self._sent[event.slot] = self._sent.get(event.slot, 0.0) + 1 + own / 3

    def endpoints_changed(self, change: EndpointChange) -> None:
        for slot in (*change.removed_slots, *(it.slot for it in change.upserted if it.incarnation > 0)):
            self._sent.pop(slot, None)


@producer("parity-producer", produces=["data.uncached_tokens", "data.prefix_total_blocks"], needs=["kv_cache_usage"])
def made(call: Call) -> Produced:
    usage = call.column("kv_cache_usage")
    return {
        "data.uncached_tokens": [call.request.prompt_tokens * value / 3 for value in usage],
        "data.prefix_total_blocks": [float(slot) if slot % 3 else None for slot in call.candidates],
    }


if __name__ == "__main__":
    serve(formula, Learned, made, name="parity")
