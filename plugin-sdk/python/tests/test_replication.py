from math import inf, isnan

import pytest

from outrider_plugin import EndpointChange
from outrider_plugin._inflight import Inflight
from outrider_plugin._messages import SessionRequest
from outrider_plugin._replication import Applied, Refused, ReplicatedTable


class Key:
    def __init__(self, id, key):
        self.id = id
        self.key = key


def step(**fields):
    return SessionRequest(state={"epoch": 1, **fields}).state


def endpoint(slot, id=None, **more):
    return {"slot": slot, "id": id or f"e{slot}", **more}


def table_of(*steps):
    table = ReplicatedTable()
    table.set_columns([Key(1, "waiting_requests"), Key(2, "kv_cache_usage")])
    for it in steps:
        assert isinstance(table.apply(it), Applied)
    return table


def values(table, key):
    return [None if isnan(value) else value for value in table.version.column(key).values]


full = step(
    to_rev=5,
    full=True,
    now_ms=100.9,
    upserts=[endpoint(0), endpoint(2)],
    columns=[{"column": 1, "values": [1, 3], "age_ms": 7}],
)

REFUSED = [
    ("a step from another revision", step(from_rev=4, to_rev=6), "failed_precondition", "revision 4 of epoch 1"),
    ("a step of another epoch", step(epoch=2, from_rev=5, to_rev=6), "failed_precondition", "epoch 2"),
    ("a slot beyond the last", step(from_rev=5, to_rev=6, upserts=[endpoint(8192)]), "invalid_argument", "slot 8192"),
    ("a removal beyond", step(from_rev=5, to_rev=6, removed_slots=[9999]), "invalid_argument", "slot 9999"),
    ("a value too few", step(from_rev=5, to_rev=6, columns=[{"column": 1, "values": [1]}]), "invalid_argument", "1 values"),
    ("an age too few", step(from_rev=5, to_rev=6, columns=[{"column": 1, "slots": b"\1", "values": [1], "ages_ms": [1, 2]}]), "invalid_argument", "2 ages"),
]  # fmt: skip


@pytest.mark.parametrize("chunk, code, says", [it[1:] for it in REFUSED], ids=[it[0] for it in REFUSED])
def test_refuses(chunk, code, says):
    table = table_of(full)
    before = table.version
    outcome = table.apply(chunk)
    assert isinstance(outcome, Refused)
    assert (outcome.code, says in outcome.message) == (code, True)
    assert table.version is before


def test_takes_a_whole_table():
    table = table_of(full)
    version = table.version
    assert (version.epoch, version.rev, version.live) == (1, 5, (0, 2))
    assert values(table, "waiting_requests") == [1, None, 3]
    assert list(version.column("waiting_requests").times) == [93, 0, 93]
    assert values(table, "kv_cache_usage") == [None, None, None]


def test_changes_what_a_step_names_and_keeps_the_rest():
    changed = {"column": 1, "slots": b"\5", "values": [9, 8], "ages_ms": [1, 2], "unknown": b"\2"}
    table = table_of(full, step(from_rev=5, to_rev=6, now_ms=200, columns=[changed]))
    assert values(table, "waiting_requests") == [9, None, None]
    assert list(table.version.column("waiting_requests").times) == [199, 0, 0]
    kept = table.version.column("waiting_requests")
    table.apply(step(from_rev=6, to_rev=7, columns=[{"column": 2, "values": [0.5, 1]}]))
    assert table.version.column("waiting_requests") is kept
    assert values(table, "kv_cache_usage") == [0.5, None, 1]


def test_never_changes_a_version_that_was_handed_out():
    table = table_of(full)
    before = table.version
    table.apply(step(from_rev=5, to_rev=6, columns=[{"column": 1, "values": [7, 7]}]))
    assert list(before.column("waiting_requests").values)[::2] == [1, 3]


def test_gives_nothing_of_an_endpoint_to_the_next_in_its_slot():
    table = table_of(full)
    outcome = table.apply(step(from_rev=5, to_rev=6, removed_slots=[0], upserts=[endpoint(0, "other")]))
    assert isinstance(outcome, Applied)
    assert outcome.change.removed_slots == (0,)
    assert [it.id for it in outcome.change.upserted] == ["other"]
    assert values(table, "waiting_requests") == [None, None, 3]


def test_tells_of_a_whole_table_only_what_differs():
    table = table_of(full)
    again = step(epoch=9, to_rev=2, full=True, upserts=[endpoint(0), endpoint(2, incarnation=1), endpoint(3)])
    change = table.apply(again).change
    assert change.removed_slots == ()
    assert [(it.slot, it.incarnation) for it in change.upserted] == [(2, 1), (3, 0)]
    assert table.apply(step(epoch=9, to_rev=3, full=True)).change == EndpointChange((0, 2, 3), ())


def test_takes_effect_with_the_last_chunk_and_forgets_one_that_was_given_up():
    table = table_of(full)
    assert table.apply(step(to_rev=8, full=True, more=True, upserts=[endpoint(7)])) is None
    assert table.version.rev == 5
    assert table.apply(step(to_rev=9, full=True, more=True, upserts=[endpoint(0)])) is None
    assert isinstance(table.apply(step(to_rev=9, full=True, upserts=[endpoint(1)])), Applied)
    assert table.version.live == (0, 1)


def test_forgets_columns_that_a_configuration_no_longer_names():
    table = table_of(full)
    table.set_columns([Key(4, "kv_cache_usage"), Key(5, "waiting_requests")])
    assert values(table, "waiting_requests") == [1, None, 3]
    table.set_columns([Key(4, "kv_cache_usage")])
    assert values(table, "waiting_requests") == [None, None, None]


def test_keeps_what_was_looked_up_within_bounds():
    table = table_of(full)
    for bits in range(1, 200):
        table.version.select(bytes([bits]))
    assert len(table.version._selections) <= 64


def test_counts_in_flight_start_at_zero_and_are_forgotten_with_their_slot():
    inflight = Inflight()
    inflight.set_columns([Key(3, "inflight_requests"), Key(1, "waiting_requests")])
    batch = SessionRequest(
        score={
            "inflight": [
                {"column": 3, "slots": b"\5", "values": [4, 6]},
                {"column": 1, "values": [9, 9]},
                {"column": 3, "values": [1]},
            ]
        }
    ).score
    before = inflight.columns(3)
    inflight.apply(batch.inflight, (0, 2))
    after = inflight.columns(4)
    assert [list(it["inflight_requests"]) for it in (before, after)] == [[0, 0, 0], [4, 0, 6, 0]]
    assert list(after["inflight_prompt_tokens"]) == [0, 0, 0, 0]
    inflight.forget([2, 99])
    assert list(inflight.columns(3)["inflight_requests"]) == [4, 0, 0, 0]
    inflight.forget(None)
    assert list(inflight.columns(2)["inflight_requests"]) == [0, 0]


def test_age_of_what_was_never_measured_is_infinite():
    from outrider_plugin.testing import fake_call

    call = fake_call([{"waiting_requests": 1, "age_ms": 30}, {}])
    assert call.ages_ms("waiting_requests") == (30, inf)
