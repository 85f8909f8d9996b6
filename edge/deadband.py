"""The filter: a sample is worth a message when it says something new."""

from __future__ import annotations

from edge.samples import Sample


class Deadband:
    """Lets a sample pass that differs by more than `change` from the last that passed, or comes
    `silence_ms` after it: a device that says nothing is not one that measures the same."""

    def __init__(self, change: float, silence_ms: int) -> None:
        self._change = change
        self._silence_ms = silence_ms
        self._last: Sample | None = None

    def passes(self, sample: Sample) -> bool:
        last = self._last
        passes = (
            last is None
            or abs(sample.value - last.value) > self._change
            or sample.at_ms - last.at_ms >= self._silence_ms
        )
        if passes:
            self._last = sample
        return passes
