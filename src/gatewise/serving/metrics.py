"""What a server counts to Prometheus' text format, and one line of a log; neither ever holds a text."""

import bisect
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
Labels = tuple[tuple[str, str], ...]
KIND = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Histogram:
    """How often a value lay under each bound, and the sum of all."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    sum: float = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts = self.counts or [0] * (len(self.bounds) + 1)
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> list[str]:
        """Write it."""
        counts, total, lines = self.counts or [0] * (len(self.bounds) + 1), 0, []
        for bound, count in zip([*map(str, self.bounds), "+Inf"], counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self.sum:.6f}", f"{name}_count {total}"]


@dataclass(slots=True)
class Metrics:
    """All that is counted."""

    requests: Counter[Labels] = field(default_factory=Counter)  # by route, model and status
    texts: Counter[Labels] = field(default_factory=Counter)  # by model
    tokens: Counter[Labels] = field(default_factory=Counter)
    seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    queued: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    computed: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    batches: Histogram = field(default_factory=lambda: Histogram(SIZES))

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Write everything, and gauges by name with what they mean."""
        lines: list[str] = []
        for name, help, counter in (
            ("gatewise_requests", "Requests by route, model and status.", self.requests),
            ("gatewise_texts", "Texts answered.", self.texts),
            ("gatewise_tokens", "Tokens of the texts answered.", self.tokens),
        ):
            lines += [f"# HELP {name}_total {help}", f"# TYPE {name}_total counter"]
            lines += [f"{name}_total{_labels(labels)} {count}" for labels, count in sorted(counter.items())]
        for name, help, histogram in (
            ("gatewise_request_seconds", "Seconds from a request's head to its answer.", self.seconds),
            ("gatewise_queued_seconds", "Seconds that a request waited to be begun.", self.queued),
            ("gatewise_computed_seconds", "Seconds from a request's beginning to its end.", self.computed),
            ("gatewise_batch_requests", "Requests that were computed together.", self.batches),
        ):
            lines += [f"# HELP {name} {help}", f"# TYPE {name} histogram", *histogram.lines(name)]
        for name, (help, value) in gauges.items():
            lines += [f"# HELP gatewise_{name} {help}", f"# TYPE gatewise_{name} gauge", f"gatewise_{name} {value:g}"]
        return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def log_line(fields: Mapping[str, Any]) -> str:
    """Write one line of JSON, with the time; what is None is left out."""
    now = time.time()
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"
    plain = {name: round(value, 2) if isinstance(value, float) else value for name, value in fields.items()}
    return json.dumps({"time": stamp} | {name: value for name, value in plain.items() if value is not None})
