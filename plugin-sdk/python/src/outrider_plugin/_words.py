"""Numbers packed in bytes, little-endian."""

from __future__ import annotations

import sys
from array import array
from typing import Literal


def to_words(kind: Literal["I", "Q"], packed: bytes) -> array[int]:
    """Unpack numbers of 32 (``I``) or 64 bits (``Q``); what is left of a cut one is dropped."""
    words = array(kind)
    words.frombytes(packed[: len(packed) // words.itemsize * words.itemsize])
    if sys.byteorder == "big":
        words.byteswap()
    return words
