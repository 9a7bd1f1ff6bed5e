"""The requests that the receiver got, and the answers that it gives, over either protocol."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING

from otel_telemetry.testing.receiver.answers import Answer
from otel_telemetry.testing.receiver.decoding import contents_of, count_records
from otel_telemetry.testing.receiver.received import Contents, ReceivedRequest, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_telemetry.testing.receiver.decoding import Message
    from otel_telemetry.testing.receiver.received import (
        ReceivedEvent,
        ReceivedSpan,
        Signal,
        WireProtocol,
    )

_SUCCESS = Answer()


class RequestLog:
    """The queue of answers and the list of requests. Thread-safe."""

    def __init__(self) -> None:
        """Create an empty log, which answers with success."""
        self._changed = threading.Condition()
        self._queue: deque[Answer] = deque()
        self._default: Answer | None = None
        self._requests: list[ReceivedRequest] = []

    def answer(self, *answers: Answer) -> None:
        """Queue answers for the next log requests."""
        with self._changed:
            self._queue.extend(answers)

    def answer_always(self, answer: Answer | None) -> None:
        """Set the answer to log requests once the queue is empty; None is success."""
        with self._changed:
            self._default = answer

    def record(
        self,
        *,
        protocol: WireProtocol,
        signal: Signal | None,
        path: str,
        headers: Mapping[str, str],
        size: int,
        protobuf: bytes,
        content: Message | Answer,
    ) -> Answer:
        """Add a request, and return its answer.

        The events are stored at once, also if the answer waits, as in a backend that stores first
        and answers then.

        Args:
            protocol: See ReceivedRequest.
            signal: See ReceivedRequest.
            path: See ReceivedRequest.
            headers: See ReceivedRequest.
            size: See ReceivedRequest.
            protobuf: See ReceivedRequest.
            content: The parsed request; or the answer to one that could not be read, which then
                takes no answer from the queue.
        """
        refusal = isinstance(content, Answer)
        contents = Contents() if isinstance(content, Answer) else contents_of(content)
        count = 0 if isinstance(content, Answer) else count_records(content)
        with self._changed:
            if isinstance(content, Answer):
                answer = content
            elif signal == "logs":
                answer = self._queue.popleft() if self._queue else self._default or _SUCCESS
            else:
                answer = _SUCCESS
            request = ReceivedRequest(
                protocol=protocol,
                signal=signal,
                path=path,
                headers=headers,
                size=size,
                protobuf=protobuf,
                answer=answer,
                stored_count=0
                if refusal
                else _stored_count(count, answer, grpc=protocol == "grpc"),
                _contents=contents,
            )
            self._requests.append(request)
            self._changed.notify_all()
        return answer

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests, in the order of their arrival."""
        with self._changed:
            return tuple(self._requests)

    @property
    def events(self) -> tuple[ReceivedEvent, ...]:
        """The stored events, in the order of their arrival."""
        return _stored_events(self.requests)

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """The spans, in the order of their arrival."""
        return tuple(span for request in self.requests for span in request.spans)

    def clear(self) -> None:
        """Delete the requests."""
        with self._changed:
            self._requests.clear()

    def wait_for_events(
        self, count: int, timeout: float, *, distinct: bool
    ) -> tuple[ReceivedEvent, ...]:
        """Wait until at least `count` events are stored."""

        def enough() -> bool:
            if sum(request.stored_count for request in self._requests) < count:
                return False
            return not distinct or len(unique(_stored_events(self._requests))) >= count

        self._wait(enough, timeout, f"{count} {'distinct ' if distinct else ''}events")
        return unique(self.events) if distinct else self.events

    def wait_for_requests(
        self, count: int, timeout: float, signal: Signal | None
    ) -> tuple[ReceivedRequest, ...]:
        """Wait until at least `count` requests, of the signal if it is not None, have arrived."""

        def matching() -> tuple[ReceivedRequest, ...]:
            return tuple(r for r in self._requests if signal in (None, r.signal))

        what = f"{count} {signal + ' ' if signal else ''}requests"
        self._wait(lambda: len(matching()) >= count, timeout, what)
        with self._changed:
            return matching()

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait for the condition, which is checked at each request."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"waited {timeout:g} s for {what}; {self._summary()}")

    def _summary(self) -> str:
        """Return a summary of the requests and events, for the message of a timeout."""
        answers = Counter(
            f"{r.path} -> {_format_status(r.answer, grpc=r.protocol == 'grpc')}"
            for r in self._requests
        )
        events = Counter(event.name for event in _stored_events(self._requests))
        return (
            f"received {len(self._requests)} requests ({_format_counts(answers)}) "
            f"and {events.total()} stored events ({_format_counts(events)})"
        )


def _stored_events(
    requests: tuple[ReceivedRequest, ...] | list[ReceivedRequest],
) -> tuple[ReceivedEvent, ...]:
    """Return the stored events; a partial success rejects the last of a request."""
    return tuple(e for r in requests if r.stored_count for e in r.events[: r.stored_count])


def _stored_count(count: int, answer: Answer, *, grpc: bool) -> int:
    """Return how many of the records of a request are stored."""
    store = answer.store
    if store is None:
        store = not answer.drop and (answer.grpc_code == "OK" if grpc else answer.status < 300)
    return max(0, count - answer.rejected) if store else 0


def _format_status(answer: Answer, *, grpc: bool) -> str:
    """Return the status of an answer as text."""
    if answer.drop:
        return "dropped"
    return answer.grpc_code if grpc else str(answer.status)


def _format_counts(counts: Counter[str]) -> str:
    """Format counts, in order of first appearance."""
    return ", ".join(f"{count} x {what}" for what, count in counts.items()) or "none"
