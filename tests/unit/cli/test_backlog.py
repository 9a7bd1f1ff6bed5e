"""`show`: the events that wait on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.testing.receiver.decoding import contents_of, from_json
from tests.support.cli import run_verb, segments, spool_events

Make = Callable[..., Telemetry]


def test_show_prints_each_event_with_its_event_user_and_group_properties(make: Make) -> None:
    """The attributes of the software appear once, above the events."""
    spool_events(make(resource_attributes={"edition": "free"}), "didStart", "didStop", draft=True)

    result = run_verb("show", make())

    assert (result.code, result.err) == (0, "")
    assert result.out.count("all events below") == 1
    assert result.out.count('service.name              "acme-cms"') == 1
    lines = result.out.splitlines()
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


def test_last_n_shows_the_newest_n_events_of_all_files(make: Make) -> None:
    """The oldest of them comes first."""
    for name in ["newest", "newer", "older"]:
        spool_events(make(), name, f"{name} too")
    for age, path in enumerate(segments()):  # by name: as they were made
        os.utime(path, (time.time() - age, time.time() - age))

    result = run_verb("show", make(), last=3, json=True)

    shown = [event.name for event in contents_of(from_json("logs", result.out.encode())).events]
    assert shown == ["newer too", "newest", "newest too"]


def test_show_reports_an_empty_spool(make: Make) -> None:
    """As text and as JSON."""
    assert run_verb("show", make()).out == "Nothing waits on disk.\n"
    assert run_verb("show", make(), json=True).json == {"resourceLogs": []}


def test_show_notes_on_stderr_that_waiting_events_are_not_sent_while_telemetry_is_off(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note is not a part of the result."""
    spool_events(make(), "didStart")
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert (
        run_verb("show", make()).err
        == "note: these events are not sent now: DO_NOT_TRACK is set.\n"
    )


def test_show_escapes_control_characters_in_events(make: Make) -> None:
    """Among them terminal escapes, and those that reverse the direction of writing."""
    telemetry = make()
    spool_events(telemetry, "did\x1b[2JClear\u202e", key="\x1b]0;owned\x07\x9b31m\u2028")

    out = run_verb("show", make()).out

    assert all(sign.isprintable() for sign in out.replace("\n", ""))
    assert r"did\x1b[2JClear\u202e" in out


def test_show_prints_values_so_that_their_types_differ(make: Make) -> None:
    """True, 1, 1.0 and "1" look different."""
    spool_events(make(), "x", a=True, b=1, c=1.0, d="1", e=b"\x01", f=[None, {"k": b"\x02"}])

    out = run_verb("show", make()).out

    for shown in ("true", "1", "1.0", '"1"', "bytes:01", '[null, {"k": "bytes:02"}]'):
        assert f"  {shown}\n" in out


def test_show_counts_the_attributes_that_a_limit_dropped(make: Make) -> None:
    """The record carries that count."""
    spool_events(make(attribute_count_limit=2), "x", a=1, b=2, c=3)

    assert "  1 attribute dropped\n" in run_verb("show", make()).out


def test_show_leaves_out_an_event_that_cannot_be_decoded(make: Make) -> None:
    """The other events are shown."""
    spool_events(make(), "one", "two")
    (path,) = segments()
    from otel_telemetry.spool import segment  # noqa: PLC0415 - only here

    frames = segment.resource_frame(0, b"") + segment.scope_frame(0, b"")
    path.write_bytes(path.read_bytes() + frames + segment.record_frame(0, 0, b"\x12\x7f"))

    result = run_verb("show", make())

    assert (result.code, result.out.splitlines()[-1]) == (0, "2 events")
