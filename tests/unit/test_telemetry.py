"""Events from `send` to the backend: their places, values, times and counts."""

from __future__ import annotations

import asyncio
import datetime
import enum
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from otel_telemetry import (
    ConfigurationError,
    Outcome,
    Telemetry,
    TelemetryPayload,
    create_telemetry_instance,
)
from otel_telemetry.testing import Answer, OTLPReceiver, ReceivedEvent

Make = Callable[..., Telemetry]
_UTC = datetime.timezone.utc


def _sent(telemetry: Telemetry, receiver: OTLPReceiver) -> tuple[ReceivedEvent, ...]:
    """Return the events that have arrived after a flush."""
    assert telemetry.flush(10)
    return receiver.events


def _own(event: ReceivedEvent) -> dict[str, object]:
    """Return the attributes that the caller gave."""
    return {name: value for name, value in event.attributes.items() if name != "log.record.uid"}


def test_every_bucket_arrives_in_its_place(make: Make, receiver: OTLPReceiver) -> None:
    """The event on the record, the user on the resource, the group on the scope."""
    telemetry = make(version="5.1.0", resource_attributes={"deployment": "home"})

    telemetry.send(
        "didCreateEntry",
        TelemetryPayload(
            event_properties={"model": "article", "size": 3},
            user_properties={"plan": "free"},
            group_properties={"database": "postgres"},
        ),
    )

    (event,) = _sent(telemetry, receiver)
    assert (event.name, event.body, event.severity_number) == (
        "didCreateEntry",
        "didCreateEntry",
        9,
    )
    assert _own(event) == {"model": "article", "size": 3}
    assert event.scope_attributes == {"database": "postgres"}
    assert (event.scope_name, event.scope_version) == ("acme-cms", "5.1.0")
    assert {
        "service.name": "acme-cms",
        "service.version": "5.1.0",
        "deployment": "home",
        "plan": "free",
    }.items() <= event.resource.items()


_EVENT, _USER, _GROUP = {"a": 1}, {"b": 2}, {"c": 3}


@pytest.mark.parametrize(
    ("payload", "beside"),
    [
        (TelemetryPayload(event_properties=_EVENT, user_properties=_USER), {"group": _GROUP}),
        (
            {
                "event_properties": _EVENT,
                "user_properties": _USER,
                "group_properties": _GROUP,
            },
            {},
        ),
        ({"eventProperties": _EVENT, "userProperties": _USER, "groupProperties": _GROUP}, {}),
        (None, {"event": _EVENT, "user": _USER, "group": _GROUP}),
        ({"event_properties": {"a": 0}}, {"event": _EVENT, "user": _USER, "group": _GROUP}),
    ],
    ids=["payload", "snake", "camel", "arguments", "both"],
)
def test_all_spellings_of_a_payload_give_the_same_event(
    make: Make, receiver: OTLPReceiver, payload: TelemetryPayload, beside: dict[str, object]
) -> None:
    """A payload, a mapping in two spellings, arguments, and an argument over a payload."""
    telemetry = make()

    telemetry.send("x", payload, **{f"{name}_properties": beside[name] for name in beside})  # type: ignore[arg-type]  # as above

    (event,) = _sent(telemetry, receiver)
    assert _own(event) == _EVENT
    assert event.resource["b"] == 2
    assert event.scope_attributes == _GROUP


def test_later_changes_of_the_properties_do_not_change_the_event(
    make: Make, receiver: OTLPReceiver
) -> None:
    """An event has the values of the moment of `send`."""
    telemetry = make()
    inner: list[object] = [1]
    properties: dict[str, object] = {"a": 1, "inner": inner}

    telemetry.send("x", event_properties=properties, group_properties={"inner": inner})
    inner.append(2)
    properties["a"] = 2

    (event,) = _sent(telemetry, receiver)
    assert _own(event) == {"a": 1, "inner": [1]}
    assert event.scope_attributes == {"inner": [1]}


@pytest.mark.parametrize(
    ("moment", "nanoseconds"),
    [
        (datetime.datetime(2024, 2, 29, 23, 59, 59, 999999, _UTC), 1_709_251_199_999_999_000),
        (
            datetime.datetime(
                2024, 3, 1, 1, 0, 0, 1, datetime.timezone(datetime.timedelta(hours=1))
            ),
            1_709_251_200_000_001_000,
        ),
        (1_709_251_200_123_456_789, 1_709_251_200_123_456_789),
    ],
)
def test_a_timestamp_arrives_to_the_nanosecond(
    make: Make, receiver: OTLPReceiver, moment: datetime.datetime | int, nanoseconds: int
) -> None:
    """The observed timestamp is the time of `send`."""
    telemetry = make()
    before = time.time_ns()

    telemetry.send("x", timestamp=moment)

    (event,) = _sent(telemetry, receiver)
    assert event.timestamp == nanoseconds
    assert before <= event.observed_timestamp <= time.time_ns()


def test_an_event_without_a_timestamp_has_the_time_of_send(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Both timestamps are equal."""
    telemetry = make()
    before = time.time_ns()

    telemetry.send("x")
    after = time.time_ns()

    (event,) = _sent(telemetry, receiver)
    assert before <= event.timestamp == event.observed_timestamp <= after


def test_the_active_span_goes_with_the_event(make: Make, receiver: OTLPReceiver) -> None:
    """The record has the trace id and the span id."""
    telemetry = make()
    context = SpanContext(
        trace_id=0xABC, span_id=0xDEF, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )

    with use_span(NonRecordingSpan(context)):
        telemetry.send("inside")
    telemetry.send("outside")

    inside, outside = _sent(telemetry, receiver)
    assert (inside.trace_id, inside.span_id) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert inside.trace_flags == 1
    assert (outside.trace_id, outside.span_id, outside.trace_flags) == ("", "", 0)


def test_every_event_has_a_uid_of_its_own(make: Make, receiver: OTLPReceiver) -> None:
    """A backend can remove duplicates by it."""
    telemetry = make()

    for _ in range(100):
        telemetry.send("x")

    events = _sent(telemetry, receiver)
    assert len({event.uid for event in events}) == len(events) == 100


def test_an_enum_member_is_an_event_name(make: Make, receiver: OTLPReceiver) -> None:
    """Also where the same name was sent as a plain str before."""

    class Name(str, enum.Enum):
        CREATED = "didCreateEntry"

    telemetry = make()

    for name in ("didCreateEntry", Name.CREATED, "didCreateEntry"):
        telemetry.send(name)

    assert [event.name for event in _sent(telemetry, receiver)] == ["didCreateEntry"] * 3


def test_more_event_names_than_the_cache_holds_all_arrive(
    make: Make, receiver: OTLPReceiver
) -> None:
    """A name beyond the cache is checked each time."""
    telemetry = make()

    for number in range(1100):
        telemetry.send(f"opened-{number}")

    assert len({event.name for event in _sent(telemetry, receiver)}) == 1100


class TestApp:
    """The application: a name, or an object with a name."""

    def test_an_object_gives_its_name_and_version(self) -> None:
        """An application object needs no adapter."""
        config = Telemetry(SimpleNamespace(name="acme-cms", version="5.1.0")).config

        assert (config.name, config.version) == ("acme-cms", "5.1.0")

    @pytest.mark.parametrize(
        "app", [SimpleNamespace(name="acme"), SimpleNamespace(name="acme", version=5)]
    )
    def test_a_version_is_optional(self, app: SimpleNamespace) -> None:
        """A version that is not a str counts as none."""
        assert Telemetry(app).config.version is None

    def test_arguments_win_over_the_object(self) -> None:
        """Name and version are arguments, too."""
        app = SimpleNamespace(name="acme", version="1")

        config = Telemetry(app, name="other", version="2").config

        assert (config.name, config.version) == ("other", "2")

    @pytest.mark.parametrize("app", [None, 5, SimpleNamespace(), SimpleNamespace(name=b"acme")])
    def test_an_object_without_a_name_is_a_configuration_error(self, app: object) -> None:
        """The message says what to pass."""
        with pytest.raises(ConfigurationError, match="a name, or an object that has a name"):
            Telemetry(app)  # type: ignore[arg-type]  # what is tested

    @pytest.mark.parametrize("name", ["", " ", 5, None])
    def test_an_empty_name_is_a_configuration_error(self, name: object) -> None:
        """Also where the application has a name."""
        with pytest.raises(ConfigurationError, match="name must be a str that is not empty"):
            Telemetry("acme", name=name)  # type: ignore[arg-type]  # what is tested

    def test_create_telemetry_instance_is_the_same_as_the_class(self) -> None:
        """The same type and the same settings."""
        made = create_telemetry_instance("acme", version="1", timeout=5)

        assert type(made) is Telemetry
        assert made.config == Telemetry("acme", version="1", timeout=5).config


def test_many_threads_send_at_once(make: Make, receiver: OTLPReceiver) -> None:
    """No event is lost or duplicated, and the counts agree."""
    telemetry = make(flush_interval=0.01)

    def send() -> None:
        for number in range(200):
            telemetry.send("x", event_properties={"number": number}, user_properties={"u": number})

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert telemetry.flush(10)
    assert len({event.uid for event in receiver.events}) == 1600
    assert (telemetry.stats.accepted, telemetry.stats.delivered) == (1600, 1600)


def test_a_receipt_is_delivered_when_the_event_has_arrived(make: Make) -> None:
    """For `wait` and for `await`."""
    telemetry = make(flush_interval=0.01)

    async def main() -> bool:
        return await telemetry.send("x")

    assert asyncio.run(main()) is True
    assert telemetry.send("x").wait(10) is Outcome.DELIVERED


def test_a_receipt_is_refused_when_the_backend_refuses(make: Make, receiver: OTLPReceiver) -> None:
    """With the reason. `await` returns False."""
    telemetry = make(flush_interval=0.01)
    receiver.answer_always(Answer.bad_data())

    async def main() -> bool:
        return await telemetry.send("x")

    assert asyncio.run(main()) is False
    receipt = telemetry.send("x")
    assert receipt.wait(10) is Outcome.REFUSED
    assert receipt.reason == "HTTP status 400"


def test_the_counts_always_add_up(make: Make, receiver: OTLPReceiver) -> None:
    """Delivered, rejected, refused and dropped sum up to accepted."""
    telemetry = make(before_send=lambda event: None if event.name == "private" else event)

    def send() -> None:
        for name in ("x", "x", "private", ""):
            telemetry.send(name)
        telemetry.flush(10)

    receiver.answer(Answer(), Answer.partial(1, "no"), Answer.bad_data())
    for _ in range(3):
        send()

    stats = telemetry.stats
    assert stats.accepted == 12
    assert (stats.delivered, stats.rejected, stats.refused, stats.pending) == (3, 1, 2, 0)
    assert stats.dropped == {"before_send": 3, "invalid": 3}
    assert stats.requests == {"delivered": 1, "partial": 1, "refused": 1}


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_no_input_raises_or_harms_other_events(make: Make, receiver: OTLPReceiver) -> None:
    """The events before and after any input arrive, and everything is counted."""
    telemetry = make(spool=False)
    examples = 0

    @settings(max_examples=200)
    @given(_ANYTHING, _ANYTHING, _ANYTHING, _ANYTHING)
    def send(name: object, payload: object, properties: object, timestamp: object) -> None:
        nonlocal examples
        examples += 1
        telemetry.send("good")
        telemetry.send(name, payload, user_properties=properties, timestamp=timestamp)  # type: ignore[arg-type]  # what is tested
        telemetry.send("good", {"event_properties": properties})  # type: ignore[dict-item]  # too

    send()

    assert telemetry.flush(10)
    assert sum(event.name == "good" for event in receiver.events) >= 2 * examples
    stats = telemetry.stats
    assert stats.accepted == 3 * examples == stats.delivered + sum(stats.dropped.values())
    assert set(stats.dropped) <= {"invalid"}


def test_a_signal_handler_may_send_during_a_send(make: Make) -> None:
    """It runs in the thread that it interrupts, which may hold the lock."""
    telemetry = make()
    telemetry.bootstrap()

    with telemetry._state.counters.lock:
        receipt = telemetry.send("x")

    assert telemetry.flush(10)
    assert receipt.outcome is Outcome.DELIVERED
