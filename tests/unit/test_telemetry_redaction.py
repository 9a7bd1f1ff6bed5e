"""The shipped hooks at work: what they find does not reach the backend."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from otel_telemetry import Event, Outcome, Telemetry
from otel_telemetry.hooks.exceptions import describe_exception
from otel_telemetry.hooks.redaction import (
    allow_only,
    hide_home,
    redact,
    redact_emails,
    redact_secrets,
    truncate,
)
from otel_telemetry.hooks.sampling import PROBABILITY, at_most, once_a_day, sample
from otel_telemetry.testing import OTLPReceiver
from otel_telemetry.types import AttributeValue, BeforeSend
from tests.support.events import texts_of

Make = Callable[..., Telemetry]


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
    """Not in a name, a body, or any bucket."""
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
    told = [event.name, event.body, event.attributes, event.resource, event.scope_attributes]
    arrived = "\n".join(word for part in told for word in texts_of(part))
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
def test_where_a_hook_fails_the_event_stays_here(
    make: Make, receiver: OTLPReceiver, caplog: pytest.LogCaptureFixture, hooks: list[BeforeSend]
) -> None:
    """Counted, and never sent as it was."""
    caplog.set_level(logging.WARNING, logger="otel_telemetry")
    telemetry = make(before_send=hooks)

    receipt = telemetry.send("x", event_properties={"note": "my password: hunter2"})

    assert telemetry.flush(10)
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "before_send_failed")
    assert telemetry.stats.dropped == {"before_send_failed": 1}
    assert receiver.events == ()
    assert "hunter2" not in caplog.text


def test_what_limits_hold_back_is_counted(make: Make, receiver: OTLPReceiver) -> None:
    """And what passes arrives, with the share that it stands for."""
    key = "0"  # one of those that 0.5 keeps in the first week
    telemetry = make(
        before_send=[
            allow_only("kept"),
            at_most(2, 60, "often"),
            once_a_day("daily"),
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


def test_an_exception_arrives_without_its_words(make: Make, receiver: OTLPReceiver) -> None:
    """As properties of an event."""
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
    assert "test_an_exception_arrives_without_its_words" in str(frames[0])
    assert "hunter2" not in str(event.attributes)
