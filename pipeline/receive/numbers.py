"""Counts what is received, refused, waiting and passed on, in the form that Prometheus reads."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from pipeline.payload.event import CALL_EVENTS, CHATS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OTHER = "other"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Numbers:
    """The numbers of one receiver; no label has a value that a sender chooses."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._accepted = self._count("events_accepted", "Events that are on disk", "event")
        self._refused = self._count("requests_refused", "Requests that were refused", "reason")
        self._forwarded = self._count("events_forwarded", "Events that were passed on", "target")
        self._given_up = self._count("events_given_up", "Events that a target refused", "target")
        self._seconds = Histogram(
            "pipeline_receive_answer_seconds",
            "Seconds until an event was answered",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._waiting = self._measure("events_waiting", "Events on disk that are not loaded yet")
        self._lag = self._measure("lag_seconds", "From an event to its row, the oldest of the latest load")
        self._to_forward = self._measure("events_to_forward_bytes", "Waits to be passed on", "target")
        self.waiting = 0

    def accept(self, event: str, seconds: float) -> None:
        """Count an event that was accepted after so many seconds."""
        self._accepted.labels(event if event in CALL_EVENTS or event in CHATS else _OTHER).inc()
        self._seconds.observe(seconds)
        self.waiting += 1
        self._waiting.set(self.waiting)

    def refuse(self, reason: str) -> None:
        """Count a request that was refused."""
        self._refused.labels(reason).inc()

    def load(self, events: int, lag_s: float) -> None:
        """Note that events are loaded, the oldest of them so long after it came."""
        self.waiting = max(0, self.waiting - events)
        self._waiting.set(self.waiting)
        self._lag.set(lag_s)

    def forward(self, target: str, *, is_refused: bool = False) -> None:
        """Count an event that a target took, or refused for good."""
        (self._given_up if is_refused else self._forwarded).labels(target).inc()

    def wait_to_forward(self, target: str, byte_count: int) -> None:
        """Note how much waits for a target."""
        self._to_forward.labels(target).set(byte_count)

    def as_text(self) -> bytes:
        """Return all numbers as Prometheus reads them."""
        return generate_latest(self._registry)

    def _count(self, name: str, meaning: str, label: str) -> Counter:
        return Counter(f"pipeline_receive_{name}", meaning, [label], registry=self._registry)

    def _measure(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"pipeline_receive_{name}", meaning, labels, registry=self._registry)
