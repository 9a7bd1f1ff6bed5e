"""The received events, spans and requests."""

from __future__ import annotations

from otel_telemetry.testing import ReceivedEvent, ReceivedSpan, unique
from otel_telemetry.testing.receiver.received import Contents


def event(uid: object, name: str = "e") -> ReceivedEvent:
    """Return an event with this id."""
    return ReceivedEvent(name=name, attributes={"log.record.uid": uid})  # type: ignore[dict-item]


def test_uid_is_the_attribute_log_record_uid() -> None:
    """It is empty if the attribute is missing or not a string."""
    assert event("a").uid == "a"
    assert event(7).uid == ""
    assert ReceivedEvent().uid == ""


def test_unique_returns_the_first_event_of_each_id_in_order() -> None:
    """Copies of an event have the same id."""
    first, second, copy = event("a", "first"), event("b", "second"), event("a", "copy")

    assert unique([first, second, copy]) == (first, second)


def test_unique_returns_every_event_without_an_id() -> None:
    """Equal events need not be copies."""
    anonymous = ReceivedEvent(name="same")

    assert unique([anonymous, anonymous]) == (anonymous, anonymous)


def test_contents_are_decoded_once_and_only_on_first_use() -> None:
    """A test that only counts requests does not wait for decoding."""
    decoded: list[str] = []

    def make_events() -> tuple[ReceivedEvent, ...]:
        decoded.append("events")
        return (ReceivedEvent(name="a"),)

    def make_spans() -> tuple[ReceivedSpan, ...]:
        decoded.append("spans")
        return (ReceivedSpan(name="s", trace_id="", span_id=""),)

    contents = Contents(make_events, make_spans)
    assert decoded == []

    assert contents.events is contents.events
    assert contents.spans is contents.spans
    assert decoded == ["events", "spans"]


def test_empty_contents_have_no_events_and_no_spans() -> None:
    """This is the content of a request that cannot be read."""
    assert Contents().events == ()
    assert Contents().spans == ()
