"""The setting `before_send`, and the hooks of the library in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import Event, Outcome, Telemetry
from otel_telemetry.events import BeforeSend
from otel_telemetry.hooks.exceptions import describe_exception
from otel_telemetry.hooks.redaction import (
    allow_only,
    hide_home,
    redact,
    redact_emails,
    redact_secrets,
    truncate,
)
from otel_telemetry.hooks.sampling import PROBABILITY, once_per_day, rate_limit, sample
from otel_telemetry.testing import OTLPReceiver, ReceivedEvent
from otel_telemetry.types import AttributeValue
from tests.support.events import texts_of

Make = Callable[..., Telemetry]


def _sent(telemetry: Telemetry, receiver: OTLPReceiver) -> tuple[ReceivedEvent, ...]:
    assert telemetry.flush(10)
    return receiver.events


def _own(event: ReceivedEvent) -> dict[str, object]:
    return {name: value for name, value in event.attributes.items() if name != "log.record.uid"}


def test_a_hook_sees_the_event_as_it_would_be_sent(make: Make) -> None:
    """With a valid name, legal values, every bucket and a timestamp."""
    seen: list[Event] = []

    def look(event: Event) -> Event:
        seen.append(event)
        return event

    telemetry = make(before_send=look)

    telemetry.send(
        "x",
        event_properties={"set": {1}, 5: "key"},  # type: ignore[dict-item]  # to be corrected
        user_properties={"service.name": "other", "plan": "free"},
        timestamp=1_709_251_200_123_456_789,
    )

    assert seen == [
        Event(
            name="x",
            timestamp=1_709_251_200_123_456_789,
            event_properties={"set": [1], "5": "key"},
            user_properties={"plan": "free"},
            group_properties={},
        )
    ]
    assert telemetry.stats.corrected == {"reserved_key": 1}


def test_hooks_run_in_their_order(make: Make, receiver: OTLPReceiver) -> None:
    """Each gets the event of the hook before it."""

    def adding(word: str) -> Callable[[Event], Event]:
        return lambda event: replace(event, name=f"{event.name}-{word}")

    telemetry = make(before_send=[adding("first"), adding("second")])

    telemetry.send("x")

    (event,) = _sent(telemetry, receiver)
    assert event.name == event.body == "x-first-second"


def test_the_event_that_a_hook_returns_is_sent(make: Make, receiver: OTLPReceiver) -> None:
    """Name, timestamp and every bucket."""
    event = Event(
        name="other",
        timestamp=5,
        event_properties={"a": 1},
        user_properties={"b": 2},
        group_properties={"c": 3},
    )
    telemetry = make(before_send=lambda _event: event)

    telemetry.send("x", event_properties={"secret": "s3cr3t"})

    (received,) = _sent(telemetry, receiver)
    assert (received.name, received.timestamp, _own(received)) == ("other", 5, {"a": 1})
    assert received.resource["b"] == 2
    assert received.scope_attributes == {"c": 3}


def test_a_hook_that_returns_none_drops_the_event(make: Make, receiver: OTLPReceiver) -> None:
    """The drop is counted, later hooks do not run, and nothing is sent."""
    seen: list[Event] = []
    telemetry = make(before_send=[lambda _event: None, seen.append])

    receipt = telemetry.send("x")

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "before_send")
    assert telemetry.stats.dropped == {"before_send": 1}
    assert seen == []
    assert _sent(telemetry, receiver) == ()


def _raising(_event: Event) -> Event:
    raise RuntimeError("s3cr3t")


@pytest.mark.parametrize(
    "hook",
    [
        _raising,
        lambda _event: "an event",
        lambda _event: {"name": "x"},
        lambda event: replace(event, name=""),
        lambda event: replace(event, name="x" * 257),
        lambda event: replace(event, name=5),
    ],
    ids=["raises", "str", "mapping", "empty name", "long name", "number for a name"],
)
@pytest.mark.parametrize("strict", [False, True])
def test_an_event_whose_hook_fails_is_never_sent(
    make: Make,
    receiver: OTLPReceiver,
    caplog: pytest.LogCaptureFixture,
    hook: Callable[[Event], Any],
    strict: bool,  # noqa: FBT001 - a table
) -> None:
    """The hook may have had to remove a secret. The drop is counted."""
    telemetry = make(before_send=hook, strict=strict)

    receipt = telemetry.send("x", event_properties={"password": "s3cr3t"})

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "before_send_failed")
    assert telemetry.stats.dropped == {"before_send_failed": 1}
    assert _sent(telemetry, receiver) == ()
    assert "s3cr3t" not in caplog.text


def test_illegal_values_that_a_hook_returns_are_corrected(
    make: Make, receiver: OTLPReceiver
) -> None:
    """The rules are the same as for a caller."""
    properties: dict[str, Any] = {"object": object(), "set": {1}, "big": 2**70}

    def hook(event: Event) -> Event:
        return replace(
            event,
            event_properties=properties,
            user_properties={**properties, "service.name": "other"},
            group_properties=properties,
        )

    telemetry = make(before_send=hook)

    telemetry.send("x")

    (event,) = _sent(telemetry, receiver)
    legal = {"object": "object", "set": [1], "big": str(2**70)}
    assert _own(event) == legal
    assert event.scope_attributes == legal
    assert legal.items() <= event.resource.items()
    assert event.resource["service.name"] == "acme-cms"


@pytest.mark.parametrize("timestamp", [-5, 0, 2**64, "now", 1.5, None])
def test_an_illegal_timestamp_from_a_hook_harms_no_other_event(
    make: Make,
    receiver: OTLPReceiver,
    timestamp: Any,
) -> None:
    """The events before and after it arrive, and the counts add up."""
    telemetry = make(
        before_send=lambda event: (
            replace(event, timestamp=timestamp) if event.name == "bad" else event
        )
    )

    for name in ("good", "bad", "good"):
        telemetry.send(name)

    events = _sent(telemetry, receiver)
    assert sum(event.name == "good" for event in events) == 2
    stats = telemetry.stats
    assert stats.accepted == 3 == stats.delivered + sum(stats.dropped.values())


@pytest.mark.parametrize("bucket", ["event_properties", "user_properties", "group_properties"])
def test_a_hook_that_changes_an_event_in_place_fails(
    make: Make, receiver: OTLPReceiver, bucket: str
) -> None:
    """Buckets are read-only, and the caller's properties stay as they are."""

    def hook(event: Event) -> Event:
        getattr(event, bucket).pop("secret")
        return event

    telemetry = make(before_send=hook)
    mine = {"secret": "s3cr3t", "a": 1}

    for _ in range(2):
        telemetry.send("x", **{bucket: mine})  # type: ignore[arg-type]  # one of the buckets

    assert not _sent(telemetry, receiver)
    assert telemetry.stats.dropped == {"before_send_failed": 2}
    assert mine == {"secret": "s3cr3t", "a": 1}


def test_a_hook_may_send_an_event_itself(make: Make, receiver: OTLPReceiver) -> None:
    """No lock is held while hooks run."""

    def hook(event: Event) -> Event:
        if event.name == "x":
            telemetry.send("y")
        return event

    telemetry = make(before_send=hook)

    telemetry.send("x")

    assert [event.name for event in _sent(telemetry, receiver)] == ["y", "x"]


def test_the_log_names_the_type_of_a_hooks_error_and_not_its_text(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """The text may contain what the hook had to remove."""
    caplog.set_level(logging.WARNING, logger="otel_telemetry")
    telemetry = make(before_send=_raising)

    telemetry.send("x")

    assert "s3cr3t" not in caplog.text


def test_sample_can_decide_by_the_installation(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All instances of one installation decide alike."""

    def is_sampled() -> bool:
        hook = sample(0.5, key=lambda: telemetry.pseudonym("sampling", ""))
        telemetry = make(before_send=hook, spool=False)
        return telemetry.send("didRun").outcome is not Outcome.DROPPED

    answers = set()
    for number in range(20):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / str(number)))
        first = is_sampled()
        assert is_sampled() is first
        answers.add(first)

    assert answers == {True, False}


@pytest.mark.parametrize(
    "hooks",
    [
        [redact_secrets, redact_emails, hide_home, truncate(100)],
        redact(truncate(100), hide_home, redact_emails, redact_secrets),
    ],
    ids=["one by one", "in one"],
)
def test_nothing_private_reaches_the_backend(
    make: Make, receiver: OTLPReceiver, hooks: BeforeSend | list[BeforeSend]
) -> None:
    """Neither in the name nor in the body nor in a bucket."""
    private = ("hunter2", "bob", "ghp_" + "a1" * 18)
    text = f"password=hunter2 bob@example.com /home/bob/x {private[2]}"
    telemetry = make(before_send=hooks)

    telemetry.send(
        text,
        event_properties={text: text, "nested": [{"token": "hunter2"}, text.encode()]},
        user_properties={"mail": "bob@example.com"},
        group_properties={"root": "/home/bob"},
    )

    assert telemetry.flush(10)
    (event,) = receiver.events
    parts = [event.name, event.body, event.attributes, event.resource, event.scope_attributes]
    arrived = "\n".join(word for part in parts for word in texts_of(part))
    assert "[redacted:email]" in arrived
    assert not any(word in arrived for word in private)


def _failing(text: str) -> str:
    if "hunter2" in text:
        raise RuntimeError(text)
    return text


def _endless(event: Event) -> Event:
    circle: dict[str, AttributeValue] = {}
    circle["password"] = "hunter2"
    circle["again"] = circle
    return replace(event, event_properties=circle)


@pytest.mark.parametrize(
    "hooks",
    [
        [redact(redact_emails, _failing)],
        [redact_emails, redact(_failing), redact_secrets],
        [_endless, redact_secrets],
        [sample(0.5, key=lambda: _failing("hunter2"))],
    ],
    ids=["a rule", "a rule amid others", "a circle", "a key"],
)
def test_an_event_whose_library_hook_fails_is_never_sent(
    make: Make, receiver: OTLPReceiver, caplog: pytest.LogCaptureFixture, hooks: list[BeforeSend]
) -> None:
    """The drop is counted."""
    caplog.set_level(logging.WARNING, logger="otel_telemetry")
    telemetry = make(before_send=hooks)

    receipt = telemetry.send("x", event_properties={"note": "my password: hunter2"})

    assert telemetry.flush(10)
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "before_send_failed")
    assert telemetry.stats.dropped == {"before_send_failed": 1}
    assert receiver.events == ()
    assert "hunter2" not in caplog.text


def test_events_that_limits_drop_are_counted(make: Make, receiver: OTLPReceiver) -> None:
    """The others arrive with their sampling probability."""
    key = "0"  # one of those that 0.5 keeps in the first week
    telemetry = make(
        before_send=[
            allow_only("kept"),
            rate_limit(2, 60, "often"),
            once_per_day("daily"),
            sample(0.5, "often", key=key, clock=lambda: 0),
        ]
    )

    for name in ("often", "daily") * 3:
        telemetry.send(name, event_properties={"kept": 1, "other": 2})

    assert telemetry.flush(10)
    arrived = [
        (event.name, {key: event.attributes[key] for key in event.attributes if "uid" not in key})
        for event in receiver.events
    ]
    often = ("often", {PROBABILITY: 0.5, "kept": 1})
    assert arrived == [often, ("daily", {"kept": 1}), often]
    assert telemetry.stats.dropped == {"before_send": 3}


def test_an_exception_arrives_without_its_message(make: Make, receiver: OTLPReceiver) -> None:
    """As properties of an event: its type and its frames."""
    telemetry = make()
    try:
        int("hunter2")
    except ValueError as error:
        telemetry.send("failed", event_properties=describe_exception(error, own=[__name__]))

    assert telemetry.flush(10)
    (event,) = receiver.events
    assert event.attributes["exception.type"] == "ValueError"
    frames = event.attributes["exception.frames"]
    assert isinstance(frames, list)
    assert "test_an_exception_arrives_without_its_message" in str(frames[0])
    assert "hunter2" not in str(event.attributes)
