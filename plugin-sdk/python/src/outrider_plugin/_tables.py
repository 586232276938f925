"""Pushes the scores of instances that depend on no request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ._answer import Rated
from ._bitmap import from_bitmap, to_bitmap
from ._instance import ServedInstance
from ._messages import Message, SessionResponse
from ._table import TableVersion


class _KeptTable:
    """The table of one instance: rated anew with every change, and again before half of its time has passed."""

    def __init__(self, id: int, instance: ServedInstance, send: Callable[[Message], None]) -> None:
        self.instance = instance
        self._id = id
        self._ttl_ms = instance.definition.table_ttl_ms
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Future[Any] | None = None
        self._is_stale = False

    def refresh(self) -> None:
        """Rate now, or when the rating that is under way is over."""
        self._is_stale = self._task is not None
        if self._is_stale:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._ttl_ms / 2000, self.refresh)
        self._task = self.instance.rate_all(self._take)
        if self._task is not None:
            self._task.add_done_callback(self._rated)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.remove_done_callback(self._rated)
            self._task.cancel()

    def _rated(self, _: object) -> None:
        self._task = None
        if self._is_stale:
            self.refresh()

    def _take(self, rated: Rated, table: TableVersion) -> None:
        abstained = set(from_bitmap(rated.abstained))
        rows = [row for at, row in enumerate(zip(table.live, rated.scores, strict=True)) if at not in abstained]
        response = SessionResponse()
        response.table.instance = self._id
        response.table.epoch = table.epoch
        response.table.rev = table.rev
        response.table.ttl_ms = self._ttl_ms
        response.table.slots = to_bitmap(slot for slot, _ in rows)
        response.table.scores.extend(score for _, score in rows)
        self._send(response)


class ScoreTables:
    """The tables of a session."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        """Send tables as frames."""
        self._send = send
        self._tables: dict[int, _KeptTable] = {}

    def refresh(self, instances: Mapping[int, ServedInstance]) -> None:
        """Rate anew: the endpoints have changed, or the instances."""
        for id, table in tuple(self._tables.items()):
            if instances.get(id) is not table.instance:
                self._tables.pop(id).close()
        for id, instance in instances.items():
            if instance.definition.table_ttl_ms > 0:
                if id not in self._tables:
                    self._tables[id] = _KeptTable(id, instance, self._send)
                self._tables[id].refresh()

    def close(self) -> None:
        """Send no more."""
        for table in self._tables.values():
            table.close()
        self._tables.clear()
