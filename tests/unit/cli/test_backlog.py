"""`show`: what waits, as it will leave."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.testing.receiver.decoding import contents_of, from_json
from tests.support.cli import ask, leave_events, segments

Make = Callable[..., Telemetry]


def test_each_event_is_shown_with_its_three_buckets(make: Make) -> None:
    """And what all share, once."""
    leave_events(make(resource_attributes={"edition": "free"}), "didStart", "didStop", draft=True)

    ran = ask("show", make())

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("every event from here on") == 1
    assert ran.out.count('service.name              "acme-cms"') == 1
    lines = ran.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("didStart  20"))
    assert [line for line in lines[at + 1 : at + 9] if "uid" not in line] == [
        "  event properties, attributes of the log record",
        "    draft           true",
        "  user properties, attributes of the resource",
        '    edition  "free"',
        '    plan     "free"',
        "  group properties, attributes of the scope",
        '    database  "postgres"',
    ]
    assert lines[-1] == "2 events"


def test_the_newest_can_be_asked_for(make: Make) -> None:
    """Over all files, the oldest of them first."""
    for name in ["newest", "newer", "older"]:
        leave_events(make(), name, f"{name} too")
    for age, path in enumerate(segments()):  # by name: as they were made
        os.utime(path, (time.time() - age, time.time() - age))

    ran = ask("show", make(), last=3, json=True)

    shown = [event.name for event in contents_of(from_json("logs", ran.out.encode())).events]
    assert shown == ["newer too", "newest", "newest too"]


def test_nothing_is_said_too(make: Make) -> None:
    """In both forms."""
    assert ask("show", make()).out == "Nothing waits on disk.\n"
    assert ask("show", make(), json=True).json == {"resourceLogs": []}


def test_while_off_it_says_that_this_does_not_leave(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr: it is no part of what waits."""
    leave_events(make(), "didStart")
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert ask("show", make()).err == "note: nothing of this leaves now: DO_NOT_TRACK is set.\n"


def test_what_an_event_holds_gives_a_terminal_no_orders(make: Make) -> None:
    """Escapes, and what turns the writing around, are shown as what they are."""
    telemetry = make()
    leave_events(telemetry, "did\x1b[2JClear\u202e", key="\x1b]0;owned\x07\x9b31m\u2028")

    out = ask("show", make()).out

    assert all(sign.isprintable() for sign in out.replace("\n", ""))
    assert r"did\x1b[2JClear\u202e" in out


def test_values_keep_their_types_in_sight(make: Make) -> None:
    """True, 1, 1.0 and "1" are four."""
    leave_events(make(), "x", a=True, b=1, c=1.0, d="1", e=b"\x01", f=[None, {"k": b"\x02"}])

    out = ask("show", make()).out

    for shown in ("true", "1", "1.0", '"1"', "bytes:01", '[null, {"k": "bytes:02"}]'):
        assert f"  {shown}\n" in out


def test_what_was_cut_is_told(make: Make) -> None:
    """As it will be told to the backend."""
    leave_events(make(attribute_count_limit=2), "x", a=1, b=2, c=3)

    assert "1 attribute cut" in ask("show", make()).out


def test_an_event_that_cannot_be_decoded_is_passed_over(make: Make) -> None:
    """Whoever delivers it will hear of it."""
    leave_events(make(), "one", "two")
    (path,) = segments()
    from otel_telemetry.spool import segment  # noqa: PLC0415 - only here

    frames = segment.resource_frame(0, b"") + segment.scope_frame(0, b"")
    path.write_bytes(path.read_bytes() + frames + segment.record_frame(0, 0, b"\x12\x7f"))

    ran = ask("show", make())

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "2 events")
