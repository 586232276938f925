"""Randomness of a call."""

from __future__ import annotations

from typing import Final

_MASK: Final = 0xFFFFFFFF


class Random:
    """Numbers in [0, 1) from a 32-bit seed (mulberry32), the same ones in every placement and language."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        """Begin at a seed of 32 bits."""
        self._state = seed & _MASK

    def __call__(self) -> float:
        """Return the next number."""
        self._state = state = (self._state + 0x6D2B79F5) & _MASK
        mixed = ((state ^ (state >> 15)) * (state | 1)) & _MASK
        mixed ^= (mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)) & _MASK
        return float(mixed ^ (mixed >> 14)) / 2**32
