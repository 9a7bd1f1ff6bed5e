"""What a receiver got, as values."""

from __future__ import annotations

from otel_telemetry.testing import ReceivedEvent, ReceivedSpan, unique
from otel_telemetry.testing.receiver.received import Contents


def event(uid: object, name: str = "e") -> ReceivedEvent:
    """Make an event with such an id."""
    return ReceivedEvent(name=name, attributes={"log.record.uid": uid})  # type: ignore[dict-item]


def test_an_event_knows_its_id() -> None:
    """The id is the attribute log.record.uid, if that is a string at all."""
    assert event("a").uid == "a"
    assert event(7).uid == ""
    assert ReceivedEvent().uid == ""


def test_unique_keeps_the_first_of_each_id_in_order() -> None:
    """Copies of an event are told by its id."""
    first, second, copy = event("a", "first"), event("b", "second"), event("a", "copy")

    assert unique([first, second, copy]) == (first, second)


def test_unique_keeps_all_events_without_an_id() -> None:
    """Equal events need not be copies."""
    anonymous = ReceivedEvent(name="same")

    assert unique([anonymous, anonymous]) == (anonymous, anonymous)


def test_contents_are_made_once_and_only_when_asked_for() -> None:
    """A request nobody looks into costs no decoding."""
    made: list[str] = []

    def make_events() -> tuple[ReceivedEvent, ...]:
        made.append("events")
        return (ReceivedEvent(name="a"),)

    def make_spans() -> tuple[ReceivedSpan, ...]:
        made.append("spans")
        return (ReceivedSpan(name="s", trace_id="", span_id=""),)

    contents = Contents(make_events, make_spans)
    assert made == []

    assert contents.events is contents.events
    assert contents.spans is contents.spans
    assert made == ["events", "spans"]


def test_contents_of_nothing_are_empty() -> None:
    """A request that could not be read has neither events nor spans."""
    assert Contents().events == ()
    assert Contents().spans == ()
