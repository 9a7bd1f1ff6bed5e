"""Records with illegal values, between good records."""

from __future__ import annotations

import datetime
import enum
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_telemetry import OTLPLogRecordProcessor, Outcome
from otel_telemetry.mapping.sdk import EventRecord
from otel_telemetry.testing import OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

SURROGATE: Final = "a\ud800b"
REPLACED: Final = "a\ufffdb"


class Rude:
    """An object whose own methods raise."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


class Color(enum.Enum):
    """A choice."""

    RED = "red"


def nested(depth: int) -> object:
    """Make a map in a map in a map."""
    value: object = 1
    for _ in range(depth):
        value = {"k": value}
    return value


def cycle() -> dict[str, object]:
    """Make a map that contains itself."""
    value: dict[str, object] = {"good": 1}
    value["self"] = value
    return value


@pytest.fixture(scope="module")
def receiver() -> Iterator[OTLPReceiver]:
    """A backend for all tests of this module: its start is slower than any of them."""
    with OTLPReceiver() as receiver:
        yield receiver


@pytest.fixture
def processor(receiver: OTLPReceiver) -> Iterator[OTLPLogRecordProcessor]:
    """A processor; at the end, its counts add up."""
    receiver.clear()
    processor = OTLPLogRecordProcessor(endpoint=receiver.http_endpoint, flush_interval=60)
    yield processor
    processor.shutdown()
    stats = processor.stats
    assert stats.accepted == stats.delivered + sum(stats.dropped.values())


def record(**fields: object) -> ReadWriteLogRecord:
    """Make a record with fields of any type, without the checks of the SDK."""
    sdk_record = ReadWriteLogRecord(
        LogRecord(event_name="odd"), Resource({"r": 1}), InstrumentationScope("scope")
    )
    for name, value in fields.items():
        setattr(sdk_record.log_record, name, value)
    return sdk_record


def emit_between_good_ones(processor: OTLPLogRecordProcessor, odd: ReadWriteLogRecord) -> None:
    """Emit a good record, *odd*, and another good one; send all."""
    processor.on_emit(record(event_name="good"))
    processor.on_emit(odd)
    processor.on_emit(record(event_name="good"))
    assert processor.force_flush()


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (SURROGATE, REPLACED),
        (2**63, str(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (datetime.date(2026, 3, 1), "2026-03-01"),
        (Color.RED, "red"),
        ([bytearray(b"x")], [b"x"]),
        (object(), "object"),
        (Rude(), "Rude"),
        ({SURROGATE: 1}, {REPLACED: 1}),
        ({1: {"deep": [object()]}}, {"1": {"deep": ["object"]}}),
    ],
)
@pytest.mark.parametrize("place", ["body", "attribute", "resource", "scope"])
def test_illegal_value_is_repaired_and_its_neighbours_stay_unchanged(
    receiver: OTLPReceiver,
    processor: OTLPLogRecordProcessor,
    place: str,
    value: object,
    arrives: object,
) -> None:
    """This holds for every place in a record. The record is sent with the repaired value."""
    odd = record()
    attributes = cast("Any", {"odd": value})
    if place == "body":
        odd.log_record.body = cast("Any", value)
    elif place == "attribute":
        odd.log_record.attributes = attributes
    elif place == "resource":
        odd.resource = Resource({})
        odd.resource._attributes = attributes
    else:
        odd.instrumentation_scope = InstrumentationScope("odd scope")
        odd.instrumentation_scope._attributes = attributes

    emit_between_good_ones(processor, odd)

    assert sorted(event.name for event in receiver.events) == ["good", "good", "odd"]
    (event,) = (event for event in receiver.events if event.name == "odd")
    found = {
        "body": event.body,
        "attribute": event.attributes.get("odd"),
        "resource": event.resource.get("odd"),
        "scope": event.scope_attributes.get("odd"),
    }
    assert found[place] == arrives


@pytest.mark.parametrize("value", [cycle(), nested(40), nested(5000)], ids=["cycle", "40", "5000"])
@pytest.mark.parametrize("place", ["body", "attribute"])
def test_endless_value_is_truncated(
    receiver: OTLPReceiver, processor: OTLPLogRecordProcessor, place: str, value: object
) -> None:
    """The backend gets no deeper nesting than it can parse."""
    odd = record(**({"body": value} if place == "body" else {"attributes": {"odd": value}}))

    emit_between_good_ones(processor, odd)

    assert [event.name for event in receiver.events] == ["good", "odd", "good"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_name", 7),
        ("event_name", SURROGATE),
        ("event_name", Rude()),
        ("severity_text", 7),
        ("severity_text", SURROGATE),
        ("severity_number", "WARN"),
        ("severity_number", 9),
        ("timestamp", -1),
        ("timestamp", 1.5),
        ("timestamp", "now"),
        ("timestamp", 2**64),
        ("observed_timestamp", "now"),
        ("trace_id", 2**128),
        ("trace_id", "abc"),
        ("span_id", -1),
        ("attributes", 7),
        ("attributes", [("a", 1)]),
        ("attributes", Rude()),
        ("body", Rude()),
    ],
)
def test_broken_record_is_repaired_or_dropped_and_its_neighbours_arrive(
    receiver: OTLPReceiver, processor: OTLPLogRecordProcessor, field: str, value: object
) -> None:
    """The record arrives with its readable fields, or it is dropped and counted."""
    emit_between_good_ones(processor, record(**{field: value}))

    names = [event.name for event in receiver.events]
    assert names.count("good") == 2
    assert processor.stats.delivered == len(names)
    assert processor.stats.delivered + processor.stats.dropped.get("invalid", 0) == 3


def test_object_that_is_no_record_is_dropped(
    receiver: OTLPReceiver, processor: OTLPLogRecordProcessor
) -> None:
    """The caller gets no exception."""
    emit_between_good_ones(processor, cast("Any", object()))

    assert [event.name for event in receiver.events] == ["good", "good"]
    assert processor.stats.dropped == {"invalid": 1}


def test_event_that_cannot_be_encoded_is_dropped_and_its_receipt_has_the_reason(
    receiver: OTLPReceiver, processor: OTLPLogRecordProcessor
) -> None:
    """The sender of the event holds the receipt."""
    hollow = EventRecord.__new__(EventRecord)

    emit_between_good_ones(processor, hollow)

    assert [event.name for event in receiver.events] == ["good", "good"]
    assert hollow.receipt is not None
    assert (hollow.receipt.outcome, hollow.receipt.reason) == (Outcome.DROPPED, "invalid")


def test_dropped_attributes_are_counted_in_the_record(
    receiver: OTLPReceiver, processor: OTLPLogRecordProcessor
) -> None:
    """The backend can see that there were more attributes."""
    emit_between_good_ones(processor, record(attributes={"": 1, "odd": 2**64, "deep": cycle()}))

    (event,) = (event for event in receiver.events if event.name == "odd")
    assert event.attributes == {"odd": str(2**64), "deep": {"good": 1}}
    assert event.dropped_attributes_count == 2


def test_every_severity_number_of_the_api_arrives(
    receiver: OTLPReceiver, processor: OTLPLogRecordProcessor
) -> None:
    """They are 0 to 24."""
    for severity in SeverityNumber:
        processor.on_emit(record(severity_number=severity))
    assert processor.force_flush()

    assert [event.severity_number for event in receiver.events] == list(range(25))


ANYTHING: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary()
    | st.text(st.characters()),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.integers(), inner)
    ),
    max_leaves=10,
)


@given(body=ANYTHING, value=ANYTHING, key=st.text(st.characters()))
@settings(max_examples=50)
def test_no_attribute_value_blocks_a_batch(
    receiver: OTLPReceiver, body: object, value: object, key: str
) -> None:
    """Every emitted record arrives or is counted."""
    processor = OTLPLogRecordProcessor(endpoint=receiver.http_endpoint, flush_interval=60)
    try:
        emit_between_good_ones(processor, record(body=body, attributes={key: value}))
        assert processor.stats.delivered == 3
    finally:
        processor.shutdown()
