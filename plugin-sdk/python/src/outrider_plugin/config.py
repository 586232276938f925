"""Checks of ``parameters:``: every fault at once, each with its path."""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with ``parameters:``."""

    path: str
    """Where, such as ``rules[2].name``; empty = the whole."""
    message: str
    """What is wrong and what would be right."""


class ConfigError(ValueError):
    """Parameters that cannot be used; raised by a check of one's own as well."""

    def __init__(self, faults: str | Iterable[Fault], *, path: str = "") -> None:
        """Take one message with its path, or all faults."""
        self.faults = (Fault(path, faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("; ".join(f"{it.path}: {it.message}" if it.path else it.message for it in self.faults))


@dataclass(frozen=True, slots=True)
class Limits:
    """Range of a number, or of the length of a string or list: ``Annotated[float, Limits(above=0)]``."""

    at_least: float | None = None
    """Smallest value allowed."""
    above: float | None = None
    """Value that must be exceeded."""
    at_most: float | None = None
    """Largest value allowed."""
    below: float | None = None
    """Value that must not be reached."""

    def fault(self, value: float) -> str | None:
        """Say what a number should have been; ``None`` where it is in range."""
        if self.at_least is not None and value < self.at_least:
            return f"at least {self.at_least}"
        if self.above is not None and value <= self.above:
            return f"above {self.above}"
        if self.at_most is not None and value > self.at_most:
            return f"at most {self.at_most}"
        if self.below is not None and value >= self.below:
            return f"below {self.below}"
        return None


def to_key(name: str) -> str:
    """Name of a field as operators write it: ``block_size`` is ``blockSize``."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def read_config(kind: type[C], parameters: object) -> C:
    """Make a dataclass of parameters.

    :raises ConfigError: with every fault.
    """
    faults: list[Fault] = []
    value = _read(kind, parameters, "", faults)
    if faults:
        raise ConfigError(faults)
    return value  # type: ignore[no-any-return]  # it is what the type asked for has made


def _read(kind: Any, value: object, path: str, faults: list[Fault]) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return value
    if origin is Annotated:
        return _read_limited(args, value, path, faults)
    if is_dataclass(kind) and isinstance(kind, type):
        return _read_dataclass(kind, value, path, faults)
    if origin is Literal:
        if not any(value == arg and type(value) is type(arg) for arg in args):
            _complain(faults, path, f"one of {', '.join(map(repr, args))}", value)
        return value
    if origin in (Union, types.UnionType):
        return _read_union(args, value, path, faults)
    if origin in (list, tuple, Sequence):
        return _read_list(origin, args, value, path, faults)
    if origin in (dict, Mapping):
        return _read_mapping(args[1], value, path, faults)
    return _read_scalar(kind, value, path, faults)


def _complain(faults: list[Fault], path: str, wanted: str, value: object) -> None:
    faults.append(Fault(path, f"must be {wanted}, not {_shown(value)}"))


def _shown(value: object) -> str:
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


_scalars: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    type(None): "null",
}


def _read_scalar(kind: Any, value: object, path: str, faults: list[Fault]) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    is_number = kind in (int, float)
    if not isinstance(value, kind) or (is_number and isinstance(value, bool)):
        _complain(faults, path, _scalars[kind], value)
    elif isinstance(value, float) and not math.isfinite(value):
        _complain(faults, path, "a finite number", value)
    return value


def _read_limited(args: tuple[Any, ...], value: object, path: str, faults: list[Fault]) -> Any:
    before = len(faults)
    read = _read(args[0], value, path, faults)
    if len(faults) > before or read is None:
        return read
    for limits in args[1:]:
        if not isinstance(limits, Limits):
            continue
        is_number = isinstance(read, int | float)
        wanted = limits.fault(read if is_number else len(read))
        if wanted is not None:
            _complain(faults, path, wanted if is_number else f"{wanted} long", value)
    return read


def _read_union(args: tuple[Any, ...], value: object, path: str, faults: list[Fault]) -> Any:
    attempts: list[list[Fault]] = []
    for arg in args:
        attempt: list[Fault] = []
        read = _read(arg, value, path, attempt)
        if not attempt:
            return read
        attempts.append(attempt)
    # The alternative that got furthest is the one that was meant.
    faults.extend(max(attempts, key=lambda attempt: max(len(fault.path) for fault in attempt)))
    return value


def _read_list(origin: Any, args: tuple[Any, ...], value: object, path: str, faults: list[Fault]) -> Any:
    if not isinstance(value, list | tuple):
        _complain(faults, path, "a list", value)
        return value
    read = [_read(args[0], item, f"{path}[{at}]", faults) for at, item in enumerate(value)]
    return read if origin is list else tuple(read)


def _read_mapping(kind: Any, value: object, path: str, faults: list[Fault]) -> Any:
    if not isinstance(value, Mapping):
        _complain(faults, path, "a mapping", value)
        return value
    return {str(key): _read(kind, item, _below(path, str(key)), faults) for key, item in value.items()}


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _read_dataclass(kind: type, value: object, path: str, faults: list[Fault]) -> Any:
    if not isinstance(value, Mapping):
        _complain(faults, path, "a mapping", value)
        return value
    before = len(faults)
    hints = get_type_hints(kind, include_extras=True)
    known = {to_key(it.name): it for it in fields(kind) if it.init}
    for key in value:
        if key not in known:
            faults.append(Fault(_below(path, str(key)), f"is not known here; known: {', '.join(known) or 'nothing'}"))
    given: dict[str, Any] = {}
    for key, it in known.items():
        if key in value:
            given[it.name] = _read(hints[it.name], value[key], _below(path, key), faults)
        elif it.default is MISSING and it.default_factory is MISSING:
            faults.append(Fault(_below(path, key), "is missing"))
    return None if len(faults) > before else _construct(kind, given, path, faults)


def _construct(kind: type, given: dict[str, Any], path: str, faults: list[Fault]) -> Any:
    """What ``__post_init__`` finds wrong is a fault, too."""
    try:
        return kind(**given)
    except ConfigError as error:
        faults.extend(Fault(_below(path, it.path) if it.path else path, it.message) for it in error.faults)
    except ValueError as error:
        faults.append(Fault(path, str(error)))
    return None
