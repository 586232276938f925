import asyncio
import logging
import struct
from array import array
from math import inf, isnan, nan

import grpc
import pytest
from fake_host import EPOCH, in_loop, ready, serving

from outrider_plugin import (
    CallError,
    ConfigError,
    Done,
    Fault,
    Headers,
    Need,
    PeerPick,
    Picked,
    Producer,
    Progress,
    Scorer,
    producer,
    scorer,
)
from outrider_plugin._bitmap import from_bitmap


def scores_of(score):
    return scorer("test", needs=["waiting_requests"])(score)


def round32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def raising(error):
    def score(call):
        raise error

    return score


def said_by_us(caplog):
    """Lines of the SDK: gRPC logs its own of an event loop that ends."""
    return [record.getMessage() for record in caplog.records if record.name == "outrider_plugin"]


short = scores_of(lambda call: [1 / (1 + waiting) for waiting in call.column("waiting_requests")])

FAILURES = [
    ("by raising", raising(RuntimeError("boom")), "internal", "boom"),
    ("by raising without a word", raising(KeyError()), "internal", "KeyError"),
    ("as unavailable", raising(CallError("unavailable", "no model")), "unavailable", "no model"),
    ("as busy", raising(CallError("resource_exhausted", retry_after_ms=5)), "resource_exhausted", "resource_exhausted"),
    ("at length", raising(RuntimeError("x" * 5000)), "internal", "x" * 200),
    ("with too few scores", lambda call: [1.0], "invalid_argument", "1 scores for 2 candidates"),
    ("with an infinity", lambda call: [0.5, inf], "invalid_argument", "that of candidate 1 is inf"),
    ("with what 32 bits cannot hold", lambda call: [1e39, 0], "invalid_argument", "that of candidate 0 is 1e+39"),
    ("with a string", lambda call: "ab", "invalid_argument", "a str is no sequence"),
    ("with strings", lambda call: ["1", "0"], "invalid_argument", "that of candidate 0 is '1', not a number"),
    ("with a number", lambda call: 1.0, "invalid_argument", "a float is no sequence"),
]


class TestAScorerThatFails:
    @pytest.mark.parametrize("score, code, says", [it[1:] for it in FAILURES], ids=[it[0] for it in FAILURES])
    @in_loop
    async def test_fails_that_call_alone_and_is_logged_once(self, score, code, says, caplog):
        async with ready(scores_of(score)) as host:
            await host.put({}, {}, {"instance": 9})
            for call_id, answer in (await host.answers(3)).items():
                assert answer.error.code == (code if call_id < 3 else "invalid_argument")
                assert says in answer.error.message or call_id == 3
                assert len(answer.error.message) <= 200
        assert len(said_by_us(caplog)) == 1

    @in_loop
    async def test_asynchronously_is_no_different(self):
        async def score(call):
            await asyncio.sleep(0)
            raise CallError("resource_exhausted", "full", retry_after_ms=20)

        async with ready(scores_of(score)) as host:
            error = (await host.ask()).error
            assert (error.code, error.message, error.retry_after_ms) == ("resource_exhausted", "full", 20)

    @in_loop
    async def test_in_its_hooks_goes_on(self, caplog):
        class Broken(Scorer):
            def score(self, call):
                return [1.0] * len(call)

            def feedback(self, event):
                raise RuntimeError("worse")

            def endpoints_changed(self, change):
                raise RuntimeError("bad")

            def handoff(self):
                raise RuntimeError("worst")

        async with ready(scorer("test")(Broken)) as host:
            await host.send(feedback={"events": [{"instance": 1, "call_id": 1, "done": {"cause": "ok"}}]})
            assert list((await host.ask()).scores) == [1.0, 1.0]
            await host.send(drain={})
            assert (await host.next("drained")).handoff == b""
        said = said_by_us(caplog)
        assert said == [
            "test: endpoints_changed failed: bad",
            "test: feedback failed: worse",
            "test: handoff failed: worst",
        ]


class TestAHostThatIsOutOfStep:
    @in_loop
    async def test_is_refused_without_the_token(self):
        async with serving(short) as connect:
            for token in ("", "wrong", "secret2"):
                assert (await connect(token).status())[0] is grpc.StatusCode.UNAUTHENTICATED

    @pytest.mark.parametrize(
        "frame",
        [
            {"configure": {}},
            {"state": {"full": True}},
            {"score": {"calls": [{"call_id": 1}]}},
            {"feedback": {}},
            {"inflight": {}},
            {"cancel": {}},
        ],
    )
    @in_loop
    async def test_is_refused_before_it_says_hello(self, frame):
        async with serving(short) as connect:
            host = connect()
            await host.send(**frame)
            code, message = await host.status()
            assert (code, "hello" in message) == (grpc.StatusCode.INVALID_ARGUMENT, True)

    @in_loop
    async def test_is_refused_after_bytes_that_are_no_frame(self, caplog):
        async with serving(short) as connect:
            host = connect()
            await host.greet()
            await host.send_bytes(b"\xff\xff\xff")
            assert (await host.status())[0] is grpc.StatusCode.INVALID_ARGUMENT
        assert "session ended" in caplog.text

    @in_loop
    async def test_is_not_minded_for_frames_of_a_later_version(self):
        async with ready(short) as host:
            await host.send_bytes(b"\xfa\x3f\x01x")
            await host.send_bytes(b"")
            assert list((await host.ask()).scores) == [0.5, 0.25]

    @in_loop
    async def test_is_told_which_state_is_here(self):
        async with ready(short) as host:
            await host.put({"rev": 2}, {"epoch": EPOCH + 1}, {})
            answers = await host.answers(3)
            for call_id in (1, 2):
                error = answers[call_id].error
                want = ("failed_precondition", EPOCH, 1)
                assert (error.code, error.have_epoch, error.have_rev) == want
            assert list(answers[3].scores) == [0.5, 0.25]

    @in_loop
    async def test_that_half_closes_is_left(self):
        async with ready(short) as host:
            await host.half_close()
            assert (await host.status())[0] is grpc.StatusCode.OK

    @in_loop
    async def test_that_resets_may_come_again(self):
        gate = asyncio.Event()
        cancelled = []

        async def score(call):
            try:
                await gate.wait()
            except asyncio.CancelledError:
                cancelled.append(call.call_id)
                raise

        async with serving(scores_of(score)) as connect:
            host = connect()
            await host.greet()
            await host.configure({"type": "test"})
            await host.state()
            await host.put({})
            await host.send(ping={"seq": 1})
            await host.next("pong")
            host.cancel()
            again = connect()
            await again.greet()
            gate.set()
            await again.configure({"type": "test"})
            await again.state()
            assert from_bitmap((await again.ask()).abstain) == (0, 1)
        assert cancelled == [1]


class TestAConfiguration:
    @in_loop
    async def test_is_refused_with_all_its_faults_at_once(self):
        def check(parameters):
            raise ConfigError([Fault("share", "must be less"), Fault("names[1]", "must not be empty")])

        def fragile(parameters):
            raise OSError("no file")

        strict = scorer("strict", config=check)(lambda call, config: None)
        other = scorer("fragile", config=fragile)(lambda call, config: None)
        async with serving(strict, other) as connect:
            host = connect()
            await host.greet()
            kinds = [
                {"type": "strict"},
                {"type": "other"},
                {"type": "strict", "config_json": b"{"},
                {"type": "fragile"},
            ]
            errors = (await host.configure(*kinds)).errors
            assert [(it.instance, it.path) for it in errors] == [
                (1, "share"),
                (1, "names[1]"),
                (2, ""),
                (3, ""),
                (4, ""),
            ]
            assert "this plugin serves strict, fragile" in errors[2].message
            assert "is not JSON" in errors[3].message
            assert "no file" in errors[4].message

    @in_loop
    async def test_is_described_by_the_handshake(self):
        headers = Need("request.headers", required=True, names=("x-a",), max_bytes=9, block_size_tokens=4)
        described = scorer("described", category="affinity", needs=["waiting_requests", headers], max_concurrency=5)
        made = producer("made", produces=["data.predicted_ttft_ms"], state="shared")
        table = scorer("table", table_ttl_ms=500)
        declared = (described(lambda call: None), made(lambda call: None), table(lambda call: None))
        async with serving(*declared) as connect:
            host = connect()
            hello = await host.greet()
            assert (hello.plugin, hello.plugin_version, list(hello.features)) == (
                "test",
                "1.2.3",
                ["cancel", "handoff"],
            )
            assert hello.boot_id
            first, second, third = hello.scorers
            assert (first.type, first.category, first.role, first.state, first.max_concurrency) == (
                *("described", 1, 1, 1, 5),
            )
            assert [need.key for need in first.needs] == ["waiting_requests", "request.headers"]
            need = first.needs[1]
            assert (need.required, list(need.names), need.max_bytes, need.block_size) == (True, ["x-a"], 9, 4)
            assert (second.role, second.state, list(second.produces)) == (2, 3, ["predicted_ttft_ms"])
            assert (third.request_independent, first.request_independent) == (True, False)
            await host.configure({"type": "described"}, {"type": "described"})
            assert (await host.next("credit")).max_outstanding == 10
            assert (await host.next("health")).ready

    def test_needs_one_definition_of_each_type(self):
        from outrider_plugin._server import PluginServer

        about = {"name": "", "version": "", "boot_id": "", "token": ""}
        with pytest.raises(ValueError, match="at least one type"):
            PluginServer([], **about)
        with pytest.raises(ValueError, match="served twice: test"):
            PluginServer([short, short], **about)


class TestACall:
    @in_loop
    async def test_shows_what_the_host_sent(self):
        seen = {}

        def score(call):
            seen.update(
                size=len(call),
                candidates=call.candidates,
                waiting=call.column("waiting_requests"),
                ages=call.ages_ms("waiting_requests"),
                inflight=call.column("inflight_requests"),
                inflight_age=call.ages_ms("inflight_requests"),
                data=call.column("data.uncached_tokens"),
                no_data=call.column("data.other"),
                no_column=call.column("metric.other"),
                no_age=call.ages_ms("metric.other"),
                addresses=[it.address for it in call.endpoints],
                other=call.endpoint(9),
                profile=call.profile,
                peers=call.peers,
                request=call.request,
                now_ms=call.now_ms,
                seed=call.seed,
                random=call.random() * 2**32,
                call_id=call.call_id,
            )

        data = [{"id": 90, "key": "data.uncached_tokens"}]
        async with ready(scores_of(score), data=data) as host:
            facts = {
                "model": "m",
                "session_key": "s",
                "prompt_tokens": 9,
                "priority": -1,
                "headers": {"x-a": "b"},
                "token_ids_u32le": array("I", [1, 2]).tobytes() + b"\1",
                "block_hashes_u64le": array("Q", [2**63 + 1]).tobytes(),
                "block_size": 16,
                "pinned_slot_plus_1": 1,
                "slo_ttft_ms": 200,
            }
            await host.ask(
                {
                    "call_id": 71,
                    "candidates": b"\3",
                    "request": facts,
                    "profile": "decode",
                    "peers": [{"profile": "prefill", "slot": 1}],
                    "seed": 1,
                    "data": [
                        {"column": 90, "values": [5.5, 0], "unknown": b"\2"},
                        {"column": 91, "values": [1, 1]},
                    ],
                },
                inflight=[{"column": 3, "slots": b"\2", "values": [4]}],
            )
        request = seen.pop("request")
        assert (request.model, request.session_key, request.prompt_tokens, request.priority) == ("m", "s", 9, -1)
        assert (list(request.token_ids), list(request.block_hashes), request.block_size_tokens) == (
            *([1, 2], [2**63 + 1], 16),
        )
        assert (request.headers, request.pinned_slot, request.slo_ttft_ms) == ({"x-a": "b"}, 0, 200)
        data, no_data, no_column = seen.pop("data"), seen.pop("no_data"), seen.pop("no_column")
        assert (data[0], isnan(data[1])) == (5.5, True)
        assert all(isnan(value) for value in (*no_data, *no_column))
        assert seen == {
            "size": 2,
            "candidates": (0, 1),
            "waiting": (1.0, 3.0),
            "ages": (5.0, 5.0),
            "inflight": (0.0, 4.0),
            "inflight_age": (0.0, 0.0),
            "no_age": (inf, inf),
            "addresses": ["10.0.0.1:8000", "10.0.0.2:8000"],
            "other": None,
            "profile": "decode",
            "peers": (PeerPick("prefill", 1),),
            "now_ms": 1005.2,
            "seed": 1,
            "random": 2_693_262_067,
            "call_id": 71,
        }

    @in_loop
    async def test_is_answered_with_scores_abstentions_vetoes_a_reason_and_what_it_took(self):
        def score(call):
            call.explain("é" * 150)
            call.veto(1)
            with pytest.raises(IndexError):
                call.veto(2)
            return [0.1, None]

        async with ready(scores_of(score), granted=[{"key": "veto"}]) as host:
            answer = await host.ask()
            assert answer.scores[0] == round32(0.1)
            assert (from_bitmap(answer.abstain), from_bitmap(answer.veto)) == ((1,), (1,))
            assert answer.reason == "é" * 100
            assert (answer.epoch, answer.rev, answer.plugin_us > 0) == (EPOCH, 1, True)

    @in_loop
    async def test_is_answered_without_vetoes_that_were_not_granted(self):
        def score(call):
            call.veto(0)

        async with ready(scores_of(score)) as host:
            assert (await host.ask()).veto == b""

    @in_loop
    async def test_may_be_abstained_whole_and_by_nan(self):
        answers = iter([None, [nan, 0.5], [2.0, -1.0], (1, 0), (score for score in (1.0, 0.0))])
        async with ready(scores_of(lambda call: next(answers))) as host:
            assert from_bitmap((await host.ask()).abstain) == (0, 1)
            assert from_bitmap((await host.ask()).abstain) == (0,)
            assert list((await host.ask()).scores) == [2.0, -1.0]
            assert list((await host.ask()).scores) == [1.0, 0.0]
            assert list((await host.ask()).scores) == [1.0, 0.0]

    @in_loop
    async def test_is_abstained_for_a_slot_that_is_gone_without_the_scorer_seeing_it(self):
        seen = []

        def score(call):
            seen.append((call.candidates, call.column("data.x")))
            call.veto(1)
            return [0.5, 1.0]

        async with ready(scores_of(score), data=[{"id": 9, "key": "data.x"}], granted=[{"key": "veto"}]) as host:
            await host.state([1, 2, 3])
            await host.send(state={"epoch": EPOCH, "from_rev": 1, "to_rev": 2, "removed_slots": [1]})
            await host.next("state_ack")
            data = [{"column": 9, "values": [1, 2, 3]}]
            answer = await host.ask({"candidates": b"\7", "rev": 2, "data": data})
            assert list(answer.scores) == [0.5, 0.0, 1.0]
            assert (from_bitmap(answer.abstain), from_bitmap(answer.veto)) == ((1,), (2,))
            assert seen == [((0, 2), (1.0, 3.0))]
            gone = await host.ask({"candidates": b"\2", "rev": 2})
            assert (len(seen), list(gone.scores), from_bitmap(gone.abstain)) == (1, [0.0], (0,))

    @in_loop
    async def test_that_takes_its_time_keeps_what_it_was_given(self):
        gate = asyncio.Event()

        async def score(call):
            await gate.wait()
            return [call.column("waiting_requests")[0] / 10 + call.column("inflight_requests")[0] / 100] * len(call)

        async with ready(scores_of(score)) as host:
            await host.put({"call_id": 1}, inflight=[{"column": 3, "values": [1, 0]}])
            await host.state([5, 0], rev=2)
            await host.put({"call_id": 2, "rev": 2}, inflight=[{"column": 3, "values": [3, 0]}])
            await host.send(ping={"seq": 1})
            await host.next("pong")
            gate.set()
            answers = await host.answers(2)
            assert answers[1].scores[0] == round32(0.11)
            assert answers[2].scores[0] == round32(0.53)
            assert [answers[1].rev, answers[2].rev] == [1, 2]

    @in_loop
    async def test_over_the_concurrency_waits_and_is_dropped_when_its_budget_runs_out(self):
        gate = asyncio.Event()
        started = []

        async def score(call):
            started.append(call.call_id)
            await gate.wait()
            return [1.0] * len(call)

        async with ready(scorer("test", max_concurrency=1)(score)) as host:
            await host.put({}, {"budget_us": 2000}, {"budget_us": 20_000_000})
            (late,) = (await host.answers(1)).items()
            assert (late[0], late[1].error.code) == (2, "deadline_exceeded")
            gate.set()
            answers = await host.answers(2)
            assert [list(answers[call_id].scores) for call_id in (1, 3)] == [[1, 1], [1, 1]]
            assert started == [1, 3]

    @in_loop
    async def test_of_a_batch_that_comes_to_its_turn_too_late_is_dropped(self):
        async def hold(call):
            return [1.0] * len(call)

        def score(call):
            if call.call_id == 1:
                import time

                time.sleep(0.02)
            return [1.0] * len(call)

        async with ready(scores_of(score)) as host:
            await host.put({"budget_us": 1000}, {"budget_us": 1000}, {"budget_us": 60_000_000})
            answers = await host.answers(3)
            assert [answers[call_id].error.code for call_id in (1, 2, 3)] == ["", "deadline_exceeded", ""]
            assert answers[1].plugin_us >= 20_000

    @in_loop
    async def test_that_is_cancelled_is_answered_all_the_same(self):
        gate = asyncio.Event()
        over = []

        async def score(call):
            try:
                await gate.wait()
            except asyncio.CancelledError:
                over.append(call.call_id)
                raise
            return [1.0] * len(call)

        async with ready(scorer("test", max_concurrency=1)(score)) as host:
            await host.put({}, {}, {})
            await host.send(ping={"seq": 4})
            assert (await host.next("pong")).seq == 4
            await host.send(cancel={"call_ids": [1, 3, 77]})
            answers = await host.answers(2)
            assert {call_id: it.error.code for call_id, it in answers.items()} == {
                1: "deadline_exceeded",
                3: "deadline_exceeded",
            }
            gate.set()
            assert list((await host.answers(1))[2].scores) == [1, 1]
            assert over == [1]

    @in_loop
    async def test_of_256_is_answered_once_each(self):
        async with ready(short) as host:
            await host.put(*({} for _ in range(256)))
            answers = await host.answers(256)
            assert {tuple(it.scores) for it in answers.values()} == {(0.5, 0.25)}

    @in_loop
    async def test_of_8192_candidates_fits_its_frames(self):
        async with ready(short) as host:
            for chunk in range(8):
                slots = range(chunk * 1024, (chunk + 1) * 1024)
                upserts = [{"slot": slot, "id": f"{slot}"} for slot in slots]
                step = {"epoch": EPOCH, "to_rev": 1, "full": True, "more": chunk < 7, "upserts": upserts}
                await host.send(state=step)
            await host.next("state_ack")
            await host.put(*({} for _ in range(64)))
            answers = await host.answers(64)
            assert {len(it.scores) for it in answers.values()} == {8192}


class TestAProducer:
    @in_loop
    async def test_returns_values_by_key_and_leaves_out_what_nobody_wants(self):
        @producer("test", produces=["data.a", "data.b", "data.c"])
        class Made(Producer):
            def produce(self, call):
                return {"data.a": [1.5, None], "data.b": [7, 8]}

        async with ready(Made, data=[{"id": 50, "key": "data.a"}, {"id": 52, "key": "data.c"}]) as host:
            (found,) = (await host.ask()).data
            assert (found.column, found.values[0], from_bitmap(found.unknown)) == (50, 1.5, (1,))

    @in_loop
    async def test_of_one_key_returns_its_values_alone(self):
        made = producer("test", produces=["data.a"])(lambda call: [500.0] * len(call))
        async with ready(made, data=[{"id": 50, "key": "data.a"}]) as host:
            (found,) = (await host.ask()).data
            assert (found.column, list(found.values)) == (50, [500.0, 500.0])

    @pytest.mark.parametrize("returned", [{"data.z": [1, 1]}, {"data.a": [1]}, [1, 1]])
    @in_loop
    async def test_that_returns_something_else_fails(self, returned):
        made = producer("test", produces=["data.a", "data.b"])(lambda call: returned)
        async with ready(made, data=[{"id": 50, "key": "data.a"}]) as host:
            assert (await host.ask()).error.code == "invalid_argument"

    def test_writes_data_alone(self):
        with pytest.raises(ValueError, match="begin with data"):
            producer("test", produces=["a"])


class Learning(Scorer):
    """Notes what it is told."""

    def __init__(self, config=None):
        self.known = []
        LEARNERS.append(self)

    def score(self, call):
        self.known.append(("score", call.call_id))

    def endpoints_changed(self, change):
        self.known.append((change.removed_slots, tuple(it.id for it in change.upserted)))

    def feedback(self, event):
        self.known.append(event)

    def in_flight(self, counts):
        self.known.append(dict(counts))

    def handoff(self):
        return b"learned"

    def restore(self, handoff):
        self.known.append(handoff)


LEARNERS = []
learning = scorer("learning", config=lambda parameters: parameters)(Learning)


@pytest.fixture(autouse=True)
def _forget_learners():
    LEARNERS.clear()


class TestWhatAnInstanceLearns:
    @in_loop
    async def test_comes_in_order(self):
        async with ready(learning) as host:
            at = {"instance": 1, "call_id": 5, "slot": 1, "at_ms": 3.5}
            picks = [{"profile": "p", "slot": 1}]
            picked = {"own_score": 0.5, "total_score": 2, "fallback": True, "prompt_tokens": 9, "picks": picks}
            hashes = array("Q", [7]).tobytes()
            done = {
                "cause": "ok",
                "status": 200,
                "prompt_tokens": 9,
                "cached_tokens": 8,
                "output_tokens": 7,
                "ttft_us": 6,
                "e2e_ms": 5,
                "block_hashes_u64le": hashes,
            }
            events = [
                {**at, "picked": picked},
                {**at, "headers": {"status": 200, "ttfb_us": 4, "headers": {"a": "b"}}},
                {**at, "progress": {"chunks": 1, "output_tokens": 2, "elapsed_ms": 3}},
                {**at, "done": done},
                {**at, "done": {"cause": "of a later version"}},
                at,
                {**at, "instance": 8, "done": {}},
            ]
            await host.send(feedback={"epoch": EPOCH, "events": events})
            await host.ask({"call_id": 6})
            await host.send(inflight={"slots": [0, 1], "counts": [2, 1]})
            await host.send(state={"epoch": EPOCH, "from_rev": 1, "to_rev": 2, "removed_slots": [0]})
            await host.next("state_ack")
        (learner,) = LEARNERS
        common = (5, 1, 3.5)
        assert learner.known == [
            ((), ("vllm-0", "vllm-1")),
            Picked(*common, 0.5, 2, True, 9, (PeerPick("p", 1),)),
            Headers(*common, 200, 4, {"a": "b"}),
            Progress(*common, 1, 2, 3),
            Done(*common, "ok", 200, 9, 8, 7, 6, 5, array("Q", [7])),
            Done(*common, "unknown"),
            ("score", 6),
            {0: 2, 1: 1},
            ((0,), ()),
        ]

    @in_loop
    async def test_outlives_the_connection_of_the_same_host_and_the_same_configuration(self):
        async with serving(learning) as connect:
            for parameters, host_name, learners in (({}, "a", 1), ({}, "a", 1), ({"x": 1}, "a", 2), ({}, "b", 3)):
                host = connect()
                await host.greet(host_name)
                await host.configure({"type": "learning", "parameters": parameters})
                await host.state(epoch=EPOCH + len(LEARNERS))
                assert len(LEARNERS) == learners
            assert [it.known for it in LEARNERS] == [[((), ("vllm-0", "vllm-1"))]] * 3

    @in_loop
    async def test_is_not_mixed_up_with_that_of_a_host_that_replaces_its_connection(self):
        async with serving(learning) as connect:
            first, second = connect(), connect()
            await first.greet("a")
            await second.greet("a")
            code, message = await first.status()
            assert (code, message) == (grpc.StatusCode.ABORTED, "the host opened another session")
            assert not (await second.configure({"type": "learning"})).errors

    @in_loop
    async def test_is_forgotten_of_hosts_long_gone(self):
        async with serving(learning) as connect:
            for name in range(10):
                host = connect()
                await host.greet(f"host-{name}")
                await host.configure({"type": "learning"})
                await host.half_close()
                await host.status()
            host = connect()
            await host.greet("host-0")
            await host.configure({"type": "learning"})
            assert len(LEARNERS) == 11
            host = connect()
            await host.greet("host-9")
            await host.configure({"type": "learning"})
            assert len(LEARNERS) == 11

    @in_loop
    async def test_is_handed_over_when_the_last_call_is_answered_and_restored_after_another_hello(self, caplog):
        gate = asyncio.Event()

        class Slow(Learning):
            async def score(self, call):
                await gate.wait()

        slow = scorer("learning", config=lambda parameters: parameters)(Slow)
        async with ready(slow) as host:
            await host.put({})
            await host.send(drain={"deadline_ms": 5000})
            await host.send(ping={"seq": 1})
            await host.next("pong")
            gate.set()
            await host.answers(1)
            handoff = (await host.next("drained")).handoff
        async with serving(learning) as connect:
            host = connect()
            await host.greet()
            await host.configure({"type": "learning"}, {"type": "learning"})
            again = await host.greet(handoff=handoff)
            assert again.plugin == "test"
            await host.greet(handoff=b"of another kind")
            await host.greet(handoff=handoff[:-1])
            assert [it.known for it in LEARNERS[-2:]] == [[b"learned"], []]
            early = connect()
            await early.greet("early", handoff=handoff)
            await early.configure({"id": 7, "type": "learning"})
            assert LEARNERS[-1].known == [b"learned"]
        assert said_by_us(caplog) == [
            "the hand-off of the generation before is ignored: another kind of plugin has written it",
            "the hand-off of the generation before is ignored: it is cut short",
        ]

    @in_loop
    async def test_is_not_handed_over_where_it_is_too_much(self, caplog):
        class Large(Learning):
            def handoff(self):
                return bytes(960 * 1024)

        async with ready(scorer("learning", config=lambda parameters: parameters)(Large)) as host:
            await host.send(drain={})
            assert (await host.next("drained")).handoff == b""
        assert "is not handed over" in caplog.text


class TestATable:
    @in_loop
    async def test_is_pushed_with_each_change_of_the_endpoints_and_before_it_expires(self):
        rating = scorer("test", needs=["waiting_requests"], table_ttl_ms=300)

        @rating
        def rate(call):
            return [None if waiting > 5 else 1 / (1 + waiting) for waiting in call.column("waiting_requests")]

        async with serving(rate) as connect:
            host = connect()
            await host.greet()
            await host.configure({"type": "test"})
            await host.state([1, 9, 3])
            table = await host.next("table")
            assert (table.instance, table.epoch, table.rev, table.ttl_ms) == (1, EPOCH, 1, 300)
            assert (from_bitmap(table.slots), list(table.scores)) == ((0, 2), [0.5, 0.25])
            assert (await host.next("table")) == table
            await host.state([0, 9, 3], rev=2)
            while (table := await host.next("table")).rev == 1:
                pass
            assert list(table.scores) == [1.0, 0.25]
            assert list((await host.ask({"rev": 2})).scores) == [1.0, 0.0, 0.25]

    @in_loop
    async def test_of_a_scorer_that_takes_its_time_comes_when_it_is_ready(self):
        async def rate(call):
            await asyncio.sleep(0.01)
            return [0.5] * len(call)

        async with ready(scorer("test", table_ttl_ms=60_000)(rate)) as host:
            assert list((await host.next("table")).scores) == [0.5, 0.5]

    @in_loop
    async def test_of_a_scorer_that_takes_its_time_ends_with_the_newest_state(self):
        gate = asyncio.Event()

        async def rate(call):
            await gate.wait()
            return [1 / (1 + waiting) for waiting in call.column("waiting_requests")]

        async with ready(scorer("test", needs=["waiting_requests"], table_ttl_ms=60_000)(rate)) as host:
            for rev in (2, 3, 4):
                await host.state([0, rev], rev=rev)
            gate.set()
            assert [(await host.next("table")).rev for _ in range(2)] == [1, 4]

    @in_loop
    async def test_of_endpoints_that_are_all_abstained_or_gone_is_empty(self):
        async with ready(scorer("test", table_ttl_ms=60_000)(lambda call: None)) as host:
            table = await host.next("table")
            assert (table.slots, list(table.scores), table.rev) == (b"", [], 1)
            await host.state([], rev=2)
            table = await host.next("table")
            assert (table.slots, list(table.scores), table.rev) == (b"", [], 2)

    @in_loop
    async def test_of_an_instance_that_is_configured_anew_is_pushed_at_once(self):
        rated = scorer("test", table_ttl_ms=60_000, config=lambda parameters: parameters["score"])
        async with ready(rated(lambda call, score: [score] * len(call)), parameters={"score": 0.5}) as host:
            assert list((await host.next("table")).scores) == [0.5, 0.5]
            await host.configure({"type": "test", "parameters": {"score": 0.25}})
            assert list((await host.next("table")).scores) == [0.25, 0.25]

    @in_loop
    async def test_that_fails_is_not_pushed(self, caplog):
        async with ready(scorer("test", table_ttl_ms=60_000)(raising(RuntimeError("boom")))) as host:
            await host.send(ping={"seq": 1})
            while (frame := await host.next()).DESCRIPTOR.name != "Ping":
                assert frame.DESCRIPTOR.name != "ScoreTable"
        assert caplog.messages == ["test: table failed: boom"]


def test_logs_by_way_of_logging():
    assert logging.getLogger("outrider_plugin").level == logging.NOTSET
