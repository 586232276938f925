"""Declares scorers and producers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, cast, overload

from ._json_schema import json_schema
from .call import Call
from .config import ConfigError, read_config
from .contract import Category, EndpointChange, Need, Produced, Scores, StateScope
from .feedback import FeedbackEvent

C = TypeVar("C")

DEFAULT_CONCURRENCY = 64
"""Calls that an instance takes before it has answered one, unless its declaration says otherwise."""


class Plugin(ABC):  # noqa: B024  # only its two kinds are abstract
    """What scorers and producers have in common: hooks, which run in the order of what they tell of."""

    def endpoints_changed(self, change: EndpointChange) -> None:  # noqa: B027
        """Learn of endpoints that came, left or restarted, before the first call that knows of it."""

    def feedback(self, event: FeedbackEvent) -> None:  # noqa: B027
        """Learn what became of a call; the kinds of event that were granted, and then always ``Done``."""

    def in_flight(self, counts: Mapping[int, int]) -> None:  # noqa: B027
        """Learn how many requests each slot really has in flight, the others none: after feedback was lost."""

    def handoff(self) -> bytes:
        """Return what was learned so far, for the instance that takes over; at most 960 KiB with all others."""
        return b""

    def restore(self, handoff: bytes) -> None:  # noqa: B027
        """Take what the instance before this one has handed over; calls may have come before it."""


class Scorer(Plugin):
    """One configured scorer with state of its own. Must not count on seeing every request."""

    @abstractmethod
    def score(self, call: Call) -> Scores | Awaitable[Scores]:
        """Return a score per candidate, each in [0, 1], 1 best; ``None`` or NaN = no opinion."""


class Producer(Plugin):
    """One configured producer: computes named values per candidate before the filters run."""

    @abstractmethod
    def produce(self, call: Call) -> Produced | Awaitable[Produced]:
        """Return the values of each key it produces, one per candidate; ``None`` or NaN = unknown."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A declared type, ready to be served; made by :func:`scorer` and :func:`producer`."""

    kind: Literal["scorer", "producer"]
    """What it brings to a decision."""
    type: str
    """``type:`` in the configuration."""
    category: Category
    """What its scores express; of no meaning for a producer."""
    state: StateScope
    """Where its state lives."""
    needs: tuple[Need, ...]
    """What it asks for."""
    produces: tuple[str, ...]
    """Producer: keys it writes, ``data.*``."""
    config: Any
    """Dataclass or function that checks ``parameters:``; ``None`` = takes none."""
    config_schema: bytes
    """JSON Schema of the parameters; empty = not known."""
    max_concurrency: int
    """Calls it takes before it has answered one."""
    table_ttl_ms: int
    """Scores are pushed and hold so long, in ms; 0 = it is asked for each request."""
    make: Callable[..., Plugin]
    """Makes an instance, of the checked configuration where there is one."""

    def create(self, parameters: object = None) -> Plugin:
        """Make an instance of ``parameters:`` as written; ``None`` counts as none.

        :raises ConfigError: with every fault.
        """
        given = {} if parameters is None else parameters
        if self.config is None:
            if given != {}:
                raise ConfigError(f"{self.type} takes no parameters")
            return self.make()
        if is_dataclass(self.config):
            return self.make(read_config(cast("type[Any]", self.config), given))
        return self.make(self.config(given))


class _FunctionScorer(Scorer):
    def __init__(self, function: Callable[..., Any], *config: Any) -> None:
        self._function = function
        self._config = config

    def score(self, call: Call) -> Any:
        return self._function(call, *self._config)


class _FunctionProducer(Producer):
    def __init__(self, function: Callable[..., Any], *config: Any) -> None:
        self._function = function
        self._config = config

    def produce(self, call: Call) -> Any:
        return self._function(call, *self._config)


ConfigCheck: TypeAlias = type[C] | Callable[[Any], C]
"""A dataclass, or a function that takes what was written and raises :class:`ConfigError`."""

_S: TypeAlias = Scores | Awaitable[Scores]
_P: TypeAlias = Produced | Awaitable[Produced]
_F = TypeVar("_F", contravariant=True)
_ScorerClass = TypeVar("_ScorerClass", bound=type[Scorer])
_ProducerClass = TypeVar("_ProducerClass", bound=type[Producer])

Declared: TypeAlias = Definition | type[Plugin]
"""What can be served: a declared function, or a declared class."""

_DEFINITION = "_outrider_definition"


def to_definition(declared: Declared) -> Definition:
    """Return the definition of what was declared.

    :raises TypeError: where a class was not.
    """
    found = declared if isinstance(declared, Definition) else vars(declared).get(_DEFINITION)
    if not isinstance(found, Definition):
        raise TypeError(f"{declared!r} is not declared: write @scorer(...) or @producer(...) above it")
    return found


class ScorerDecorator(Protocol[_F]):
    """Declares a class, which stays what it is, or a function, which becomes a :class:`Definition`."""

    @overload
    def __call__(self, target: _ScorerClass, /) -> _ScorerClass: ...  # type: ignore[overload-overlap]  # a class is no such function
    @overload
    def __call__(self, target: _F, /) -> Definition: ...


class ProducerDecorator(Protocol[_F]):
    """Declares a class, which stays what it is, or a function, which becomes a :class:`Definition`."""

    @overload
    def __call__(self, target: _ProducerClass, /) -> _ProducerClass: ...  # type: ignore[overload-overlap]  # a class is no such function
    @overload
    def __call__(self, target: _F, /) -> Definition: ...


@overload
def scorer(
    type: str,
    *,
    needs: Iterable[str | Need] = (),
    category: Category = "balance",
    state: StateScope | None = None,
    max_concurrency: int = DEFAULT_CONCURRENCY,
    table_ttl_ms: int = 0,
) -> ScorerDecorator[Callable[[Call], _S]]: ...
@overload
def scorer(
    type: str,
    *,
    config: ConfigCheck[C],
    needs: Iterable[str | Need] = (),
    category: Category = "balance",
    state: StateScope | None = None,
    max_concurrency: int = DEFAULT_CONCURRENCY,
    table_ttl_ms: int = 0,
) -> ScorerDecorator[Callable[[Call, C], _S]]: ...
def scorer(
    type: str,
    *,
    config: Any = None,
    needs: Iterable[str | Need] = (),
    category: Category = "balance",
    state: StateScope | None = None,
    max_concurrency: int = DEFAULT_CONCURRENCY,
    table_ttl_ms: int = 0,
) -> Any:
    """Declare a scorer: a function of the call (and the configuration), or a subclass of :class:`Scorer`.

    Above a function it makes a :class:`Definition` of it; a class stays what it is.

    :param type: ``type:`` of the configuration, kebab-case.
    :param needs: keys it reads; what is not granted is unknown.
    :param config: makes the configuration of ``parameters:``; without it there are none.
    :param category: what its scores express, for advice on weights.
    :param state: where its state lives; default ``none`` for a function and ``local`` for a class.
    :param max_concurrency: calls it takes before it has answered one.
    :param table_ttl_ms: set where scores depend on neither request nor other candidates, nor on what is in flight:
        they are pushed with each change of the endpoints, hold so long, and no request asks.
    """

    def declare(target: Any) -> Any:
        common = (type, config, needs, max_concurrency)
        return _define(target, Scorer, _FunctionScorer, common, state, category=category, table_ttl_ms=table_ttl_ms)

    return declare


@overload
def producer(
    type: str,
    *,
    produces: Iterable[str],
    needs: Iterable[str | Need] = (),
    state: StateScope | None = None,
    max_concurrency: int = DEFAULT_CONCURRENCY,
) -> ProducerDecorator[Callable[[Call], _P]]: ...
@overload
def producer(
    type: str,
    *,
    produces: Iterable[str],
    config: ConfigCheck[C],
    needs: Iterable[str | Need] = (),
    state: StateScope | None = None,
    max_concurrency: int = DEFAULT_CONCURRENCY,
) -> ProducerDecorator[Callable[[Call, C], _P]]: ...
def producer(
    type: str,
    *,
    produces: Iterable[str],
    config: Any = None,
    needs: Iterable[str | Need] = (),
    state: StateScope | None = None,
    max_concurrency: int = DEFAULT_CONCURRENCY,
) -> Any:
    """Declare a producer: a function of the call (and the configuration), or a subclass of :class:`Producer`.

    :param produces: keys it writes, such as ``data.predicted_ttft_ms``; the others are as in :func:`scorer`.
    """
    keys = tuple(produces)
    wrong = [key for key in keys if not key.startswith("data.")]
    if wrong or not keys:
        raise ValueError(f"{type} produces {wrong or 'nothing'}: keys of producers begin with data.")

    def declare(target: Any) -> Any:
        common = (type, config, needs, max_concurrency)
        return _define(target, Producer, _FunctionProducer, common, state, produces=keys)

    return declare


def _define(
    target: Any,
    base: type[Plugin],
    wrapper: Callable[..., Plugin],
    common: tuple[str, Any, Iterable[str | Need], int],
    state: StateScope | None,
    *,
    category: Category = "balance",
    produces: tuple[str, ...] = (),
    table_ttl_ms: int = 0,
) -> Any:
    type_name, config, needs, max_concurrency = common
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", type_name) is None:
        raise ValueError(f"type {type_name!r} is not kebab-case, such as short-queue")
    if max_concurrency < 1:
        raise ValueError(f"max_concurrency of {type_name} is {max_concurrency}: at least 1")
    is_class = isinstance(target, type)
    if is_class and not issubclass(target, base):
        raise TypeError(f"{target.__name__} is to be a subclass of {base.__name__}")
    definition = Definition(
        kind="scorer" if base is Scorer else "producer",
        type=type_name,
        category=category,
        state=state or ("local" if is_class else "none"),
        needs=tuple(Need(need) if isinstance(need, str) else need for need in needs),
        produces=produces,
        config=config,
        config_schema=json_schema(config),
        max_concurrency=max_concurrency,
        table_ttl_ms=table_ttl_ms,
        make=target if is_class else lambda *checked: wrapper(target, *checked),
    )
    if not is_class:
        return definition
    setattr(target, _DEFINITION, definition)
    return target
