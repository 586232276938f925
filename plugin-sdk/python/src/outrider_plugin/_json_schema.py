"""JSON Schema of a configuration, for those who write one."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .config import Limits, to_key

_scalars: Mapping[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_number_words = {"at_least": "minimum", "above": "exclusiveMinimum", "at_most": "maximum", "below": "exclusiveMaximum"}


def json_schema(config: object) -> bytes:
    """Describe a dataclass as UTF-8 JSON; nothing for a check of another kind.

    :raises TypeError: where a field has a type that no configuration can hold.
    """
    if not (is_dataclass(config) and isinstance(config, type)):
        return b""
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(config)}).encode()


def _schema(kind: Any) -> dict[str, Any]:
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return {}
    if kind in _scalars:
        return {"type": _scalars[kind]}
    if is_dataclass(kind) and isinstance(kind, type):
        return _object(kind)
    if origin is Annotated:
        return _limited(args)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(arg) for arg in args]}
    if origin in (list, Sequence) or (origin is tuple and args[1:] == (...,)):
        return {"type": "array", "items": _schema(args[0])}
    if origin in (dict, Mapping) and args[0] is str:
        return {"type": "object", "additionalProperties": _schema(args[1])}
    raise TypeError(f"a configuration holds no {kind}")


def _limited(args: tuple[Any, ...]) -> dict[str, Any]:
    schema = _schema(args[0])
    for limits in args[1:]:
        if isinstance(limits, str):
            schema["description"] = limits
        if isinstance(limits, Limits) and schema.get("type") in ("number", "integer"):
            schema |= {_number_words[name]: limit for name, limit in asdict(limits).items() if limit is not None}
    return schema


def _object(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    known = [it for it in fields(kind) if it.init]
    properties: dict[str, Any] = {}
    for it in known:
        properties[to_key(it.name)] = _schema(hints[it.name])
        if it.default is None or isinstance(it.default, bool | int | float | str):
            properties[to_key(it.name)]["default"] = it.default
    required = [to_key(it.name) for it in known if it.default is MISSING and it.default_factory is MISSING]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
