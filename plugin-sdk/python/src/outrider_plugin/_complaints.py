"""What goes wrong in a plugin, for its operator."""

from __future__ import annotations

import logging
from typing import Final

logger: Final = logging.getLogger("outrider_plugin")

_MOST: Final = 100


class Complaints:
    """Logs each complaint once: it may come with every request."""

    def __init__(self, subject: str) -> None:
        """Complain about a subject."""
        self._subject = subject
        self._known: set[str] = set()

    def add(self, message: str) -> None:
        """Log a complaint that is new."""
        if message in self._known or len(self._known) >= _MOST:
            return
        self._known.add(message)
        logger.warning("%s: %s", self._subject, message)
