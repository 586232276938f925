from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from outrider_plugin import ConfigError, Limits, scorer
from outrider_plugin._json_schema import json_schema
from outrider_plugin.config import read_config
from outrider_plugin.definition import to_definition


@dataclass(frozen=True)
class Rule:
    name: Annotated[str, Limits(at_least=1)]
    weight: Annotated[float, Limits(above=0, at_most=1)] = 1.0


@dataclass(frozen=True)
class Config:
    block_size: Annotated[int, Limits(at_least=1), "Tokens per block."]
    mode: Literal["fast", "exact"] = "fast"
    rules: list[Rule] = field(default_factory=list)
    zones: dict[str, float] = field(default_factory=dict)
    model: str | None = None
    is_open: bool = False
    pair: tuple[int, ...] = ()
    anything: Any = None

    def __post_init__(self) -> None:
        if self.mode == "exact" and self.block_size > 64:
            raise ConfigError("must be at most 64 where mode is exact", path="blockSize")
        if len(self.pair) == 1:
            raise ValueError("a pair has two numbers")


FAULTS = [
    ("no mapping", [1], [("", "must be a mapping, not [1]")]),
    ("a missing key", {}, [("blockSize", "is missing")]),
    (
        "an unknown key",
        {"blockSize": 1, "block_size": 2},
        [("block_size", "is not known here; known: blockSize, mode, rules, zones, model, isOpen, pair, anything")],
    ),
    ("another type", {"blockSize": "16"}, [("blockSize", "must be a whole number, not '16'")]),
    ("a truth value for a number", {"blockSize": True}, [("blockSize", "must be a whole number, not True")]),
    ("a fraction for a whole number", {"blockSize": 1.5}, [("blockSize", "must be a whole number, not 1.5")]),
    ("a value out of range", {"blockSize": 0}, [("blockSize", "must be at least 1, not 0")]),
    ("a value that is not one of", {"blockSize": 1, "mode": "slow"}, [("mode", "must be one of 'fast', 'exact', not 'slow'")]),
    (
        "several at once, with their paths",
        {"blockSize": 0, "rules": [{"name": "a"}, {"name": "", "weight": 2}], "zones": {"eu": "x"}, "isOpen": 1},
        [
            ("blockSize", "must be at least 1, not 0"),
            ("rules[1].name", "must be at least 1 long, not ''"),
            ("rules[1].weight", "must be at most 1, not 2"),
            ("zones.eu", "must be a number, not 'x'"),
            ("isOpen", "must be true or false, not 1"),
        ],
    ),
    ("no list", {"blockSize": 1, "rules": {}}, [("rules", "must be a list, not {}")]),
    ("infinity", {"blockSize": 1, "zones": {"eu": float("inf")}}, [("zones.eu", "must be a finite number, not inf")]),
    ("a rule between fields", {"blockSize": 65, "mode": "exact"}, [("blockSize", "must be at most 64 where mode is exact")]),
    ("what __post_init__ does not like", {"blockSize": 1, "pair": [1]}, [("", "a pair has two numbers")]),
    ("none of several types", {"blockSize": 1, "model": 1}, [("model", "must be a string, not 1")]),
]  # fmt: skip


@pytest.mark.parametrize("parameters, want", [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_reports(parameters, want):
    with pytest.raises(ConfigError) as caught:
        read_config(Config, parameters)
    assert [(fault.path, fault.message) for fault in caught.value.faults] == want


def test_makes_what_was_declared():
    parameters = {"blockSize": 16.0, "rules": [{"name": "a", "weight": 1}], "pair": [1, 2], "model": None}
    config = read_config(Config, parameters)
    assert config == Config(block_size=16, rules=[Rule("a", 1.0)], pair=(1, 2))
    assert isinstance(config.rules[0].weight, float)
    assert isinstance(config.block_size, int)


def test_is_described_as_json_schema():
    schema = json.loads(json_schema(Config))
    assert schema["required"] == ["blockSize"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["blockSize"] == {"type": "integer", "minimum": 1, "description": "Tokens per block."}
    assert schema["properties"]["rules"]["items"]["properties"]["weight"] == {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 1,
        "default": 1.0,
    }
    assert json_schema(lambda parameters: parameters) == b""


def test_refuses_a_type_that_no_configuration_can_hold():
    @dataclass
    class Wrong:
        values: set[int]

    Wrong.__annotations__["values"] = set[int]
    with pytest.raises(TypeError, match="holds no set"):
        scorer("wrong", config=Wrong)(lambda call, config: None)


def test_is_checked_by_a_function_as_well():
    def check(parameters: Any) -> int:
        if "size" not in parameters:
            raise ConfigError("is missing", path="size")
        return int(parameters["size"])

    definition = scorer("checked", config=check)(lambda call, size: [size / 10] * len(call))
    with pytest.raises(ConfigError, match="size: is missing"):
        definition.create()
    assert definition.create({"size": 5}) is not None


def test_of_a_scorer_that_takes_none_is_refused():
    definition = scorer("plain")(lambda call: None)
    with pytest.raises(ConfigError, match="plain takes no parameters"):
        definition.create({"size": 5})


@pytest.mark.parametrize(
    "declare, says",
    [
        (lambda: scorer("Not_Kebab")(lambda call: None), "kebab-case"),
        (lambda: scorer("a", max_concurrency=0)(lambda call: None), "at least 1"),
        (lambda: scorer("a")(Rule), "subclass of Scorer"),
        (lambda: to_definition(Rule), "is not declared"),
    ],
)
def test_of_a_wrong_declaration_is_told_at_once(declare, says):
    with pytest.raises((TypeError, ValueError), match=says):
        declare()
