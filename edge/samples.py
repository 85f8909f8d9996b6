"""All samples of the last while, for the case that somebody wants to see them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True, slots=True)
class Sample:
    """A temperature; `at_ms` is the device's time, in milliseconds since 1970."""

    at_ms: int
    value: float


class RawSamples:
    """Keeps what is at most `kept_ms` older than the newest, and never more than `samples_max`."""

    def __init__(self, kept_ms: int = 600_000, samples_max: int = 10_000) -> None:
        self._kept_ms = kept_ms
        self._samples: deque[Sample] = deque(maxlen=samples_max)

    def add(self, sample: Sample) -> None:
        self._samples.append(sample)
        newest_ms = max(sample.at_ms, self._samples[0].at_ms)
        while newest_ms - self._samples[0].at_ms > self._kept_ms:
            self._samples.popleft()

    def between(self, from_ms: int, to_ms: int) -> list[Sample]:
        """Oldest first, both ends included."""
        return [sample for sample in self._samples if from_ms <= sample.at_ms <= to_ms]


def parts(samples: list[Sample], size: int) -> Iterator[list[Sample]]:
    rest = iter(samples)
    while part := list(islice(rest, size)):
        yield part
