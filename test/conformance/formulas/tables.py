#!/usr/bin/env python3
"""Computes a table of cases for every formula of a scorer, from its published text and nothing of Outrider's.

`python3 tables.py` prints the tables as JSON; `tables.golden.json` beside it is what it printed. Standard library only.
An endpoint of which a value is unknown has None for it, and None for its score: an abstention.
"""
import json
import math

UNKNOWN = None


def column(key, values):
    """A pool of endpoints with one measured value each."""
    return [{} if value is UNKNOWN else {key: value} for value in values]


def case(title, pool, want, **more):
    return {"title": title, "pool": pool, "want": want, **more}


# --- formulas, over one value per endpoint -------------------------------------------------------------------------

def min_max_lower(values):
    """(max - v) / (max - min); all equal: 1."""
    known = [value for value in values if value is not UNKNOWN]
    if not known:
        return [UNKNOWN] * len(values)
    low, high = min(known), max(known)
    return [UNKNOWN if v is UNKNOWN else 1.0 if low == high else (high - v) / (high - low) for v in values]


def kv_free(values):
    return [UNKNOWN if v is UNKNOWN else 1 - v for v in values]


def load_aware(threshold):
    def rate(queue):
        return 0.5 if queue == 0 else 0.5 * (1 - min(queue, threshold) / threshold)

    return lambda values: [UNKNOWN if v is UNKNOWN else rate(v) for v in values]


def active_request(idle, most_busy):
    def rate_all(values):
        most = max(values)
        return [1.0 if v <= idle else (most - v) / most * most_busy for v in values]

    return rate_all


def linear(low, high, lower_is_better):
    def rate_all(values):
        known = [value for value in values if value is not UNKNOWN]
        least, most = (low, high) if low is not None else (min(known), max(known))

        def rate(value):
            if least == most:
                return 1.0
            share = (min(max(value, least), most) - least) / (most - least)
            return 1 - share if lower_is_better else share

        return [UNKNOWN if v is UNKNOWN else rate(v) for v in values]

    return rate_all


POOLS = {
    "counts": [
        ("bounds", [0, 1_000_000]),
        ("all equal", [7, 7, 7]),
        ("all 0", [0, 0, 0]),
        ("one unknown", [4, UNKNOWN, 2]),
        ("N = 1", [9]),
        ("typical", [0, 3, 12, 5, 5, 1, 27, 2]),
    ],
    "shares": [
        ("bounds", [0.0, 1.0]),
        ("all equal", [0.5, 0.5, 0.5]),
        ("one unknown", [0.25, UNKNOWN, 0.75]),
        ("N = 1", [0.875]),
        ("typical", [0.12, 0.34, 0.97, 0.5, 0.03]),
    ],
    "known counts": [
        ("bounds", [0, 1_000]),
        ("all equal", [3, 3]),
        ("all idle", [0, 0, 0]),
        ("N = 1, busy", [5]),
        ("N = 1, idle", [0]),
        ("typical", [0, 1, 2, 6, 3, 11]),
    ],
}


def over(kind, key, formula, **more):
    return [case(title, column(key, values), formula(values), **more) for title, values in POOLS[kind]]


# --- formulas over several values ------------------------------------------------------------------------------------

def prefix_cache(weight, scale):
    """(1 - w) m/t + w min(1, m/t * prompt / scale)^2, with m/t the matched share and m * block = share * prompt."""
    def cases():
        table = [
            ("bounds", [0, 10], 10, 640),
            ("all equal", [5, 5], 10, 640),
            ("one unknown", [3, UNKNOWN], 10, 640),
            ("N = 1", [10], 10, 640),
            ("typical", [0, 1, 40, 64, 128], 128, 8_192),
            ("beyond the scale", [100, 400], 1_000, 64_000),
        ]
        for title, matched, total, prompt in table:
            want = []
            for m in matched:
                if m is UNKNOWN:
                    want.append(UNKNOWN)
                    continue
                share = m / total
                want.append((1 - weight) * share + weight * min(1, share * prompt / scale) ** 2)
            data = {"data.prefix_match_blocks": matched, "data.prefix_total_blocks": [total] * len(matched)}
            parameters = {"matchLengthWeight": weight, "matchLengthScaleTokens": scale}
            yield case(title, [{}] * len(matched), want, data=data, request={"promptTokens": prompt},
                       parameters=parameters)

    return list(cases())


def token_load(threshold):
    table = [
        ("bounds", [0, threshold, 2 * threshold], [0, 0, 0]),
        ("all equal", [70, 70], [30, 30]),
        ("one unknown", [10, UNKNOWN], [5, 5]),
        ("N = 1", [threshold / 2], [0]),
        ("typical", [0, 1_000, 250_000, 3_000_000], [640, 8_192, 128, 100_000]),
    ]
    for title, inflight, uncached in table:
        want = []
        for a, b in zip(inflight, uncached):
            t = UNKNOWN if a is UNKNOWN else a + b
            want.append(UNKNOWN if t is UNKNOWN else 1.0 if t <= 0 else 1 - min(t, threshold) / threshold)
        data = {"data.inflight_tokens": inflight, "data.uncached_tokens": uncached}
        parameters = {} if threshold == 4_194_304 else {"queueThresholdTokens": threshold}
        yield case(title, [{}] * len(inflight), want, data=data, parameters=parameters)


def lora_affinity():
    def rate(endpoint, adapter):
        if "sets" not in endpoint:
            return UNKNOWN
        running, waiting = endpoint["sets"]["adapters_running"], endpoint["sets"]["adapters_waiting"]
        if adapter in running:
            return 1.0
        if len(set(running) | set(waiting)) < endpoint["max_adapters"]:
            return 0.8
        return 0.6 if adapter in waiting else 0.0

    def endpoint(most, running, waiting=()):
        return {"max_adapters": most, "sets": {"adapters_running": sorted(running), "adapters_waiting": sorted(waiting)}}

    pools = [
        ("bounds", [endpoint(1, ["a"]), endpoint(1, ["b"])]),
        ("all equal", [endpoint(4, []), endpoint(4, [])]),
        ("one unknown", [endpoint(2, ["a"]), {}]),
        ("N = 1", [endpoint(2, ["b", "c"], ["a"])]),
        ("typical", [endpoint(2, ["b"]), endpoint(2, ["b"], ["a"]), endpoint(2, ["a", "b"]), endpoint(3, ["b"], ["a"])]),
    ]
    for title, pool in pools:
        yield case(title, pool, [rate(each, "a") for each in pool], request={"lora": "a", "model": "a"})


def context_length():
    def rate(label, length):
        if label is None:
            return 0.5
        try:
            low, high = (int(part) for part in label.split("-"))
        except ValueError:
            return 0.0
        if not low <= length <= high:
            return 0.3 / (1 + max(low - length, length - high) / 1_000)
        width = high - low
        return 1.0 if width == 0 else 0.3 + 0.7 * (0.7 / (1 + width / 10_000) + 0.3 * (high - length) / width)

    labels = [
        ("bounds", ["0-100", "100-200", "101-200", "0-99"], 100),
        ("all equal", ["0-8192", "0-8192"], 4_000),
        ("no label", [None, "0-10"], 5),
        ("no range", ["short", "0-10"], 5),
        ("N = 1", ["64-64"], 64),
        ("typical", ["0-2048", "2049-16384", "16385-131072", None], 9_000),
    ]
    for title, ranges, length in labels:
        pool = [{"labels": {} if text is None else {"llm-d.ai/context-length-range": text}} for text in ranges]
        yield case(title, pool, [rate(text, length) for text in ranges], request={"promptTokens": length})


def header_label():
    parameters = {"headerName": "x-tier", "labelKey": "tier"}
    tables = [
        ("bounds", ["gold", "lead"], "gold"),
        ("all equal", ["gold", "gold"], "gold"),
        ("no label", ["gold", None], "gold"),
        ("no header", ["gold", "lead"], None),
        ("N = 1", ["lead"], "gold"),
    ]
    for title, tiers, header in tables:
        pool = [{"labels": {} if tier is None else {"tier": tier}} for tier in tiers]
        want = [UNKNOWN if header is None else 1.0 if tier == header else 0.0 for tier in tiers]
        headers = {} if header is None else {"x-tier": header}
        yield case(title, pool, want, request={"headers": headers}, parameters=parameters)


def topology_affinity():
    """By the closest level that candidate and peer both name alike; nothing to compare: unknown."""
    levels = [("kubernetes.io/hostname", 1.0), ("topology.kubernetes.io/rack", 0.2),
              ("topology.kubernetes.io/zone", 0.05), ("topology.kubernetes.io/region", 0.02)]
    keys = [key for key, _ in levels]

    def rate(place, peer):
        shared = [score for key, score in levels if key in place and place[key] == peer.get(key)]
        return max(shared) if shared else 0.0 if set(place) & set(peer) else UNKNOWN

    def place(*names):
        return {key: name for key, name in zip(keys, names) if name is not None}

    here = place("h1", "r1", "z1", "g1")
    tables = [
        ("bounds", [here, place("h2", "r2", "z2", "g2")]),
        ("all equal", [here, place("h2", "r1", "z1", "g1"), place("h3", "r1", "z1", "g1")]),
        ("one unknown", [place("h1", None, "z1"), place(None, "r1"), place("h2", None, "z1")]),
        ("N = 1", [here]),
        ("typical", [here, place("h1", "r1", "z1", "g1"), place("h2", "r1", "z1", "g1"), place("h3", "r2", "z1", "g1"),
                     place("h4", "r3", "z2", "g1"), place("h5", "r4", "z3", "g2"), place(None, None, "z1")]),
    ]
    for title, places in tables:
        peer, *others = places
        want = [1.0] + [rate(other, peer) for other in others]
        yield case(title, [{"labels": each} for each in places], want, peers=[{"profile": "prefill", "slot": 0}])
    yield case("no earlier pick", [{"labels": here}] * 2, [UNKNOWN] * 2)


def endpoint_attribute():
    for direction in ("lower", "higher"):
        for bounds in (None, (0, 10)):
            normalization = {"adaptiveRange": {}} if bounds is None else {"fixedRange": {"min": bounds[0], "max": bounds[1]}}
            parameters = {
                "attributeKey": "WaitingQueueSize",
                "algorithm": {"type": f"linear_{direction}_is_better", "normalization": normalization},
            }
            low, high = bounds or (None, None)
            formula = linear(low, high, direction == "lower")
            for title, values in POOLS["counts"]:
                name = f"{title}, {direction}, {'adaptive' if bounds is None else 'fixed'}"
                yield case(name, column("waiting_requests", values), formula(values), parameters=parameters)


def no_hit_lru():
    """Never-used endpoints first, in order, then the least recently used; `history`: where cold requests went."""
    def rate(count, history):
        last = {}
        for turn, slot in enumerate(history):
            last[slot] = turn
        order = sorted(range(count), key=lambda slot: (last.get(slot, -1), slot))
        rank = {slot: place for place, slot in enumerate(order)}
        return [1.0 if count == 1 else 1 - rank[slot] / (count - 1) for slot in range(count)]

    for title, count, history in [
        ("nobody was used", 4, []),
        ("all were used", 3, [2, 0, 1]),
        ("some were used", 5, [3, 1, 3]),
        ("N = 1", 1, [0]),
        ("typical", 8, [0, 1, 2, 3, 4, 5, 0, 2]),
    ]:
        data = {"data.prefix_match_blocks": [0] * count}
        yield case(title, [{}] * count, rate(count, history), data=data, history=history)
    hit = {"data.prefix_match_blocks": [0, 3, 0]}
    yield case("some candidate has a hit", [{}] * 3, [0.5] * 3, data=hit, history=[0])


def cheapest(costs):
    """The order of a policy's costs as scores: least / cost."""
    known = [cost for cost in costs if cost is not UNKNOWN]
    return [UNKNOWN if c is UNKNOWN else 1.0 if c == min(known) else min(known) / c for c in costs]


def lmetric():
    """New prefill tokens x batch size, this request included."""
    tables = [
        ("all equal", [(3, 100), (3, 100)], [50, 50]),
        ("one unknown", [(UNKNOWN, 0), (2, 0)], [10, 10]),
        ("N = 1", [(9, 9)], [9]),
        ("typical", [(0, 0), (4, 2_000), (12, 0), (1, 512)], [4_000, 64, 0, 4_000]),
    ]
    for title, endpoints, uncached in tables:
        pool, costs = [], []
        for (running, prefill), new in zip(endpoints, uncached):
            pool.append({"inflight_prompt_tokens": prefill} | ({} if running is UNKNOWN else {"running_requests": running}))
            costs.append(UNKNOWN if running is UNKNOWN else (prefill + new) * (running + 1))
        yield case(title, pool, cheapest(costs), data={"data.uncached_tokens": uncached})


def smg_least_load():
    """(queued + inflight tokens) / throughput + 0.15 k / (1 - k); 1,024 tokens a request, 2,000 tokens/s when cold."""
    tables = [
        ("all equal", [(2, 0.5, 0, 0), (2, 0.5, 0, 0)]),
        ("one unknown", [(UNKNOWN, 0.5, 0, 0), (1, 0.25, 0, 0)]),
        ("N = 1", [(4, 0.9, 0, 0)]),
        ("typical", [(0, 0.2, 4_000, 900), (3, 0.6, 12_000, 2_000), (1, 0.95, 100, 50), (8, 0.1, 0, 0)]),
    ]
    for title, endpoints in tables:
        pool, costs = [], []
        for queued, usage, prompt, output in endpoints:
            endpoint = {"kv_cache_usage": usage, "rate.prompt_tokens": prompt, "rate.output_tokens": output}
            pool.append(endpoint | ({} if queued is UNKNOWN else {"waiting_requests": queued}))
            throughput = prompt + output if prompt + output > 0 else 2_000
            costs.append(UNKNOWN if queued is UNKNOWN else queued * 1_024 / throughput + 0.15 * usage / (1 - usage))
        yield case(title, pool, cheapest(costs))


def smg_cache_aware():
    """By load when imbalanced, else by match above half of the prompt; the smallest trees are all empty here."""
    def decide(loads, matched, total):
        low, high = min(loads), max(loads)
        if high - low > 32 and high > 1.1 * low:
            return [(high - load) / (high - low) for load in loads]
        best = max(m / total for m in matched)
        if best > 0.5:
            return [(m / total) / best for m in matched]
        return [1.0] * len(loads)

    for title, loads, matched, total in [
        ("by match", [3, 0, 8], [6, 2, 0], 10),
        ("at the threshold nobody matches", [1, 2], [5, 0], 10),
        ("by load", [0, 33, 10], [0, 10, 0], 10),
        ("at the threshold of load", [0, 32], [0, 10], 10),
        ("busy alike", [1_000, 1_090], [0, 10], 10),
        ("N = 1", [50], [0], 10),
    ]:
        pool = [{"inflight_requests": load} for load in loads]
        data = {"data.prefix_match_blocks": matched, "data.prefix_total_blocks": [total] * len(matched)}
        yield case(title, pool, decide(loads, matched, total), data=data)


def load():
    """half / (half + s - least), s = (tokens there + tokens of this request) / tokens per second."""
    half, default_speed, request_tokens, prompt = 0.5, 2_000, 1_024, 600
    tables = [
        ("all equal", [(0, 0, 0, 1_000), (0, 0, 0, 1_000)]),
        ("one unknown", [(UNKNOWN, 0, 0, 1_000), (0, 0, 0, 1_000)]),
        ("N = 1", [(5, 2, 900, 3_000)]),
        ("no speed is known", [(0, 0, 0, UNKNOWN), (3, 0, 0, UNKNOWN)]),
        ("one stood still", [(0, 0, 0, 0), (0, 0, 0, 4_000), (9, 0, 0, 4_000)]),
        ("typical", [(0, 2, 500, 8_000), (4, 0, 0, 8_000), (1, 6, 3_000, 16_000), (0, 0, 0, UNKNOWN)]),
    ]
    for title, endpoints in tables:
        known = [speed for *_, speed in endpoints if speed is not UNKNOWN and speed > 0]
        typical = sum(known) / len(known) if known else default_speed
        pool, seconds = [], []
        for foreign, inflight, prefill, speed in endpoints:
            endpoint = {"inflight_requests": inflight, "inflight_prompt_tokens": prefill}
            if foreign is not UNKNOWN:
                endpoint["foreign_requests"] = foreign
            if speed is not UNKNOWN:
                endpoint["rate.saturated_tokens"] = speed
            pool.append(endpoint)
            each = request_tokens / 2
            if foreign is UNKNOWN:
                seconds.append(UNKNOWN)
                continue
            there = prefill + foreign * each + (inflight + foreign) * each / 2
            seconds.append((there + prompt + each) / (typical if speed is UNKNOWN else max(speed, typical / 16)))
        least = min(value for value in seconds if value is not UNKNOWN)
        want = [UNKNOWN if value is UNKNOWN else half / (half + value - least) for value in seconds]
        yield case(title, pool, want, request={"promptTokens": prompt})


TABLES = {
    "queue-scorer": over("counts", "waiting_requests", min_max_lower),
    "running-requests-size-scorer": over("counts", "running_requests", min_max_lower),
    "kv-cache-utilization-scorer": over("shares", "kv_cache_usage", kv_free),
    "load-aware-scorer": over("counts", "waiting_requests", load_aware(128))
    + over("counts", "waiting_requests", load_aware(10), parameters={"threshold": 10}),
    "active-request-scorer": over("known counts", "inflight_requests", active_request(0, 1.0))
    + over("known counts", "inflight_requests", active_request(2, 0.5),
           parameters={"idleThreshold": 2, "maxBusyScore": 0.5}),
    "token-load-scorer": list(token_load(4_194_304)) + list(token_load(1_000)),
    "prefix-cache-scorer": prefix_cache(0, 8_192) + prefix_cache(0.3, 8_192) + prefix_cache(1, 1_000),
    "lora-affinity-scorer": list(lora_affinity()),
    "context-length-aware": list(context_length()),
    "header-label-affinity-scorer": list(header_label()),
    "topology-affinity-scorer": list(topology_affinity()),
    "endpoint-attribute-scorer": list(endpoint_attribute()),
    "no-hit-lru-scorer": list(no_hit_lru()),
    "lmetric": list(lmetric()),
    "smg-cache-aware": list(smg_cache_aware()),
    "smg-least-load": list(smg_least_load()),
    "load": list(load()),
}


def check(tables):
    """No score is outside [0, 1], whatever the formula."""
    for name, cases in tables.items():
        for each in cases:
            for score in each["want"]:
                assert score is UNKNOWN or (math.isfinite(score) and 0 <= score <= 1 + 1e-12), (name, each["title"], score)


if __name__ == "__main__":
    check(TABLES)
    print("{")
    rows = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"    {json.dumps(each)}" for each in cases) + "\n  ]"
        for name, cases in TABLES.items()
    ]
    print(",\n".join(rows))
    print("}")
