"""Bitmaps of the contract: bit i % 8 of byte i ÷ 8, lowest first."""

from __future__ import annotations

from collections.abc import Iterable

_BITS = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def from_bitmap(bitmap: bytes) -> tuple[int, ...]:
    """Return the numbers whose bits are set, ascending."""
    return tuple(8 * at + bit for at, byte in enumerate(bitmap) if byte for bit in _BITS[byte])


def to_bitmap(numbers: Iterable[int]) -> bytes:
    """Return the bitmap of numbers, no longer than the largest needs."""
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def has_bit(bitmap: bytes, number: int) -> bool:
    """Tell whether a bit is set; false beyond the end."""
    at = number >> 3
    return at < len(bitmap) and bool(bitmap[at] >> (number & 7) & 1)
