"""java.util.Random, because AWS shows its numbers: `$random(42)` is 0.7275636800328681.

The generator is a 48-bit linear congruential one, specified to the bit:
https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Random.html
"""

from __future__ import annotations

_MULTIPLIER = 0x5DEECE66D
_INCREMENT = 0xB
_MASK = (1 << 48) - 1


class JavaRandom:
    """Gives the numbers that `new java.util.Random(seed)` gives."""

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def _bits(self, count: int) -> int:
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return self._state >> (48 - count)

    def next_double(self) -> float:
        """From 0 to below 1."""
        return float((self._bits(26) << 27) + self._bits(27)) / float(1 << 53)

    def next_int(self, bound: int) -> int:
        """From 0 to below `bound`, which is positive and below 2**31."""
        if bound & (bound - 1) == 0:
            return (bound * self._bits(31)) >> 31
        while True:
            bits = self._bits(31)
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value
