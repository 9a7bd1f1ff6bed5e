"""What was asked and what is answered: the part of the receiver that knows no protocol."""

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
    """The script of answers and the list of requests. Thread-safe."""

    def __init__(self) -> None:
        """Start with an empty list, and success as the only answer."""
        self._changed = threading.Condition()
        self._script: deque[Answer] = deque()
        self._default: Answer | None = None
        self._requests: list[ReceivedRequest] = []

    def answer(self, *answers: Answer) -> None:
        """Queue answers for the next log requests."""
        with self._changed:
            self._script.extend(answers)

    def answer_always(self, answer: Answer | None) -> None:
        """Set the answer to log requests that the queue leaves open; None is success."""
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
        """Enter a request, and choose its answer.

        A request is entered, and its events are kept, as it arrives: a held answer is an answer
        that is late, as from a backend that stores first and answers after.

        Args:
            protocol: See ReceivedRequest.
            signal: See ReceivedRequest.
            path: See ReceivedRequest.
            headers: See ReceivedRequest.
            size: See ReceivedRequest.
            protobuf: See ReceivedRequest.
            content: The parsed request; or, for one that could not be read, the refusal, which then
                leaves the script as it is.
        """
        refusal = isinstance(content, Answer)
        contents = Contents() if isinstance(content, Answer) else contents_of(content)
        count = 0 if isinstance(content, Answer) else count_records(content)
        with self._changed:
            if isinstance(content, Answer):
                answer = content
            elif signal == "logs":
                answer = self._script.popleft() if self._script else self._default or _SUCCESS
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
                stored=0 if refusal else _stored(count, answer, grpc=protocol == "grpc"),
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
        """Forget what arrived."""
        with self._changed:
            self._requests.clear()

    def wait_for_events(
        self, count: int, timeout: float, *, distinct: bool
    ) -> tuple[ReceivedEvent, ...]:
        """Wait until that many events are stored."""

        def enough() -> bool:
            if sum(request.stored for request in self._requests) < count:
                return False
            return not distinct or len(unique(_stored_events(self._requests))) >= count

        self._wait(enough, timeout, f"{count} {'distinct ' if distinct else ''}events")
        return unique(self.events) if distinct else self.events

    def wait_for_requests(
        self, count: int, timeout: float, signal: Signal | None
    ) -> tuple[ReceivedRequest, ...]:
        """Wait until that many requests, of that signal if one is named, have arrived."""

        def seen() -> tuple[ReceivedRequest, ...]:
            return tuple(r for r in self._requests if signal in (None, r.signal))

        what = f"{count} {signal + ' ' if signal else ''}requests"
        self._wait(lambda: len(seen()) >= count, timeout, what)
        with self._changed:
            return seen()

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait for the condition, looked at whenever a request arrives."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"waited {timeout:g} s for {what}; {self._summary()}")

    def _summary(self) -> str:
        """Say what was seen, for the one who waited for more."""
        answers = Counter(
            f"{r.path} -> {_outcome(r.answer, grpc=r.protocol == 'grpc')}" for r in self._requests
        )
        events = Counter(event.name for event in _stored_events(self._requests))
        return (
            f"saw {len(self._requests)} requests ({_listed(answers)}) "
            f"and {events.total()} stored events ({_listed(events)})"
        )


def _stored_events(
    requests: tuple[ReceivedRequest, ...] | list[ReceivedRequest],
) -> tuple[ReceivedEvent, ...]:
    """Gather the events that were kept; what a partial success rejects is the end of a request."""
    return tuple(e for r in requests if r.stored for e in r.events[: r.stored])


def _stored(count: int, answer: Answer, *, grpc: bool) -> int:
    """Tell how many of a request's records its answer lets the receiver keep."""
    store = answer.store
    if store is None:
        store = not answer.drop and (answer.grpc_code == "OK" if grpc else answer.status < 300)
    return max(0, count - answer.rejected) if store else 0


def _outcome(answer: Answer, *, grpc: bool) -> str:
    """Name an answer in a word."""
    if answer.drop:
        return "dropped"
    return answer.grpc_code if grpc else str(answer.status)


def _listed(counts: Counter[str]) -> str:
    """List what was counted, in order of first appearance."""
    return ", ".join(f"{count} x {what}" for what, count in counts.items()) or "none"
