"""`capture_events`: what it captures, and the instance after the block."""

from __future__ import annotations

import asyncio
import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import pytest

from otel_telemetry import (
    Event,
    InvalidEventError,
    Outcome,
    Stats,
    Telemetry,
    TelemetryConfig,
    TelemetryPayload,
)
from otel_telemetry.catalog import Catalog, event, field
from otel_telemetry.testing import CapturedEvent, OTLPReceiver, capture_events
from tests.support.audit import AUDIT
from tests.support.processes import refusing_port

Make = Callable[..., Telemetry]


class _Kind(Enum):
    SINGLE = "singleType"


@pytest.mark.parametrize("enabled", [True, False, None], ids=["on", "off", "undecided"])
def test_an_event_is_captured_whether_telemetry_is_on_or_off(
    make: Make, receiver: OTLPReceiver, *, enabled: bool | None
) -> None:
    """In its three buckets, with the values that would be sent."""
    telemetry = make(version="5.1.0", enabled=enabled, resource_attributes={"edition": "free"})

    with capture_events(telemetry) as events:
        receipt = telemetry.send(
            "didCreateEntry",
            TelemetryPayload(
                event_properties={"kind": _Kind.SINGLE, "tags": ("a",)},
                user_properties={"plan": "free", "os.type": "plan9"},
                group_properties={"locales": 3},
            ),
            timestamp=1_700_000_000_000_000_000,
        )

    sent = events.only()
    assert sent.resource["service.version"] == "5.1.0"
    assert sent.resource["edition"] == "free"
    assert sent.resource["plan"] == "free"
    assert sent == CapturedEvent(
        name="didCreateEntry",
        timestamp=1_700_000_000_000_000_000,
        event_properties={"kind": "singleType", "tags": sent.event_properties["tags"]},
        user_properties={"plan": "free", "os.type": "plan9"},
        group_properties={"locales": 3},
        resource=sent.resource,
    )
    events.assert_sent("didCreateEntry", event_properties={"tags": ["a"]})
    assert receipt.outcome is Outcome.DELIVERED
    assert receiver.requests == ()


def test_the_buckets_are_the_same_with_properties_on_the_record(make: Make) -> None:
    """The layout on the wire does not matter to such a test."""
    telemetry = make(properties_on="record")

    with capture_events(telemetry) as events:
        telemetry.send("x", event_properties={"a": 1}, user_properties={"b": 2})

    assert events[0].event_properties == {"a": 1}
    assert events[0].user_properties == {"b": 2}


def test_later_changes_of_a_value_do_not_change_the_event(make: Make) -> None:
    """A list, for example."""
    telemetry = make()
    tags = ["a"]

    with capture_events(telemetry) as events:
        telemetry.send("x", event_properties={"tags": tags})
        tags.append("b")

    events.assert_sent("x", event_properties={"tags": ["a"]})


def test_events_pass_hooks_checks_and_limits(make: Make) -> None:
    """Drops and corrections are counted."""

    def hook(sent: Event) -> Event | None:
        return None if sent.name == "private" else sent

    telemetry = make(before_send=hook, attribute_count_limit=2)

    with capture_events(telemetry) as events:
        telemetry.send("private")
        telemetry.send("")
        telemetry.send("x", event_properties={"a": 1, "b": 2, "c": 3, "service.name": "other"})

    assert events.names == ("x",)
    assert events.dropped == {"before_send": 1, "invalid": 1}
    assert set(events.corrected) == {"cut", "reserved_key"}


def test_strict_raises_in_the_block(make: Make) -> None:
    """Also while telemetry is off otherwise."""
    telemetry = make(strict=True, enabled=False)

    with capture_events(telemetry) as events, pytest.raises(InvalidEventError):
        telemetry.send("")

    assert len(events) == 0


def test_the_environment_of_the_machine_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A test has the same result on every machine."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=theirs")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    telemetry = Telemetry("acme-cms", enabled=True)

    with capture_events(telemetry) as events:
        telemetry.send("x")

    assert "team" not in events.only().resource


def test_several_instances_are_captured_together(make: Make) -> None:
    """In the order of all events. An instance that is passed twice counts once."""
    one, other = make("one"), make("other", attribute_count_limit=1)

    with capture_events(one, other, one) as events:
        other.send("a", event_properties={"x": 1, "y": 2})
        one.send("b")
        for telemetry in (one, other):
            telemetry.send("")

    assert events.names == ("a", "b")
    assert events[1].resource["service.name"] == "one"
    assert events.dropped == {"invalid": 2}
    assert events.corrected == {"cut": 1}


def test_events_of_all_threads_are_captured(make: Make) -> None:
    """The capture belongs to the instance, not to a thread."""
    telemetry = make(enabled=False)
    threads = [
        threading.Thread(target=lambda: [telemetry.send("x") for _ in range(100)]) for _ in range(4)
    ]

    with capture_events(telemetry) as events:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(events) == 400
    assert events.names.count("x") == 400


def test_events_of_coroutines_are_captured(make: Make) -> None:
    """And `await` gives True."""
    telemetry = make(enabled=False)

    async def work() -> bool:
        async with telemetry:
            return await telemetry.send("x") and await telemetry.aflush()

    with capture_events(telemetry) as events:
        assert asyncio.run(work())

    assert events.names == ("x",)


def test_no_thread_no_file_no_connection(make: Make, tmp_path: object) -> None:
    """Also where the settings name a spool and a backend."""
    with refusing_port() as port:
        telemetry = make(endpoint=f"http://127.0.0.1:{port}", spool=str(tmp_path))
        with capture_events(telemetry):  # the imports of the first event
            telemetry.send("x")

        before = threading.active_count()
        with (
            AUDIT.counting("socket.connect") as connections,
            AUDIT.counting("os.mkdir") as directories,
            capture_events(telemetry),
        ):
            telemetry.send("x")
            telemetry.flush()
            assert threading.active_count() == before

    assert connections == directories == []
    assert os.listdir(str(tmp_path)) == []


def test_the_settings_stay_the_same(make: Make) -> None:
    """The code under test may read them."""
    telemetry = make(properties_on="record")
    config = telemetry.config

    with capture_events(telemetry):
        assert telemetry.config is config
        assert isinstance(telemetry.config, TelemetryConfig)


def test_the_catalogue_holds_and_typed_events_are_captured(make: Make) -> None:
    """An undeclared event is not captured, but counted as dropped."""

    @event("didCreateEntry", since="5.0")
    class EntryCreated:
        """An entry was created."""

        draft: bool = field("Whether it is a draft.", data_class="feature", example=True)

    telemetry = make(enabled=False, catalog=Catalog(EntryCreated, version=1))

    with capture_events(telemetry) as events:
        telemetry.send(EntryCreated(draft=True))
        telemetry.send("didCreateEntry", event_properties={"draft": False, "title": "private"})
        telemetry.send("didGuess")

    events.assert_sent("didCreateEntry", event_properties={"draft": True}, times=1)
    assert events[1].event_properties == {"draft": False}
    assert events.dropped == {"undeclared": 1}
    assert events.corrected == {"undeclared_property": 1}


def test_after_the_block_the_instance_has_its_own_state_again(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Its counts, its decision and its pending events, which its backend gets."""
    telemetry = make(flush_interval=60)
    telemetry.send("before")
    before = telemetry.stats, telemetry.decision

    with capture_events(telemetry) as events:
        telemetry.send("within")
        assert telemetry.stats == Stats(accepted=1, delivered=1)
        assert telemetry.decision.source == "test"
        assert telemetry.flush()

    assert (telemetry.stats, telemetry.decision) == before
    telemetry.send("after")
    assert telemetry.flush(10)
    assert [event.name for event in receiver.events] == ["before", "after"]
    assert events.names == ("within",)


def test_an_error_ends_the_capture(make: Make) -> None:
    """A test that fails has no effect on others."""
    telemetry = make(enabled=False)

    with pytest.raises(ZeroDivisionError), capture_events(telemetry):
        _ = 1 / 0

    assert telemetry.send("x").outcome is Outcome.DISABLED
    assert telemetry.is_disabled


def test_the_code_under_test_may_destroy_the_instance(make: Make, receiver: OTLPReceiver) -> None:
    """As a program does at its end. After the block it sends again."""
    telemetry = make()
    telemetry.bootstrap()

    with capture_events(telemetry) as events:
        assert telemetry.destroy()
        assert telemetry.send("late").reason == "destroyed"

    assert events.dropped == {"destroyed": 1}
    telemetry.send("after")
    assert telemetry.flush(10)
    assert len(receiver.events) == 1


def test_a_destroyed_instance_works_in_the_block(make: Make) -> None:
    """After the block it is destroyed again."""
    telemetry = make()
    telemetry.destroy()

    with capture_events(telemetry) as events:
        telemetry.send("x")

    assert events.names == ("x",)
    assert telemetry.send("x").reason == "destroyed"


def test_blocks_may_be_nested(make: Make) -> None:
    """The inner block gets the events, then the outer block again."""
    telemetry = make(enabled=False)

    with capture_events(telemetry) as outer:
        telemetry.send("a")
        with capture_events(telemetry) as inner:
            telemetry.send("b")
        telemetry.send("c")

    assert (outer.names, inner.names) == (("a", "c"), ("b",))
    assert telemetry.send("d").outcome is Outcome.DISABLED


def test_blocks_may_overlap(make: Make) -> None:
    """Two tests in two threads may end in any order. The last end gives the state back."""
    telemetry = make(enabled=False)
    first, second = capture_events(telemetry), capture_events(telemetry)

    early = first.__enter__()
    late = second.__enter__()
    first.__exit__(None, None, None)
    telemetry.send("x")
    second.__exit__(None, None, None)

    assert (early.names, late.names) == ((), ("x",))
    assert telemetry.is_disabled


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks where there are threads
def test_a_forked_child_leaves_the_block_with_an_instance_of_its_own(
    make: Make, receiver: OTLPReceiver
) -> None:
    """The child's own state has no event of the parent."""
    telemetry = make(flush_interval=60)
    telemetry.send("of the parent")

    with capture_events(telemetry) as events:
        child = os.fork()
        telemetry.send("within")
    if child == 0:
        telemetry.send("of the child")
        os._exit(0 if telemetry.flush(10) and events.names == ("within",) else 1)
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert telemetry.flush(10)
    assert sorted(event.name for event in receiver.events) == ["of the child", "of the parent"]


def test_an_instance_destroyed_in_the_block_is_destroyed_at_exit_as_well() -> None:
    """`destroy` in the block ends the state of the test; the exit hook ends the instance."""
    program = """
import sys
from otel_telemetry import Telemetry
from otel_telemetry.testing import capture_events
telemetry = Telemetry("acme", enabled=True, endpoint=sys.argv[1], spool=False, flush_interval=60)
telemetry.send("real")
with capture_events(telemetry):
    telemetry.destroy()
"""
    with OTLPReceiver() as receiver:
        subprocess.run([sys.executable, "-c", program, receiver.http_endpoint], check=True)

        assert [event.name for event in receiver.events] == ["real"]


def test_repeated_captures_use_up_no_slots_of_atexit() -> None:
    """A long test run does not collect exit hooks; `atexit` never frees the slot of one."""
    telemetry = Telemetry("acme-cms")
    before = atexit._ncallbacks()

    for _ in range(3):
        with capture_events(telemetry):
            telemetry.send("didStart")

    assert atexit._ncallbacks() == before


def test_consent_in_the_block_is_the_tests_own(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It turns telemetry off and on, saves nothing, asks nothing and shows nothing."""
    telemetry = make(enabled=None, notice="We count.", spool=str(tmp_path))
    telemetry.consent(granted=True)
    telemetry.send("before")
    before = _files_below(tmp_path), telemetry.pseudonym("user", "ada")

    with capture_events(telemetry) as events:
        assert telemetry.ask()
        assert not telemetry.show_notice()
        assert telemetry.pseudonym("user", "ada") != before[1]
        telemetry.send("a")
        assert not telemetry.consent(granted=False).enabled
        assert telemetry.send("b").outcome is Outcome.DISABLED
        assert telemetry.consent(granted=True).enabled
        telemetry.send("c")

    assert events.names == ("a", "c")
    assert (_files_below(tmp_path), telemetry.pseudonym("user", "ada")) == before
    assert telemetry.decision.source == "choice"
    assert telemetry.flush(10)
    assert telemetry.stats.delivered == 1
    assert capsys.readouterr() == ("", "")


def test_a_refusal_during_the_block_ends_the_instances_own_delivery(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Another process of the user may withdraw the consent while a test runs."""
    telemetry = make(enabled=None, flush_interval=60)
    telemetry.consent(granted=True)
    telemetry.send("before")
    own_state = telemetry._state
    path = own_state.consent_manager.record_file
    assert path is not None

    with capture_events(telemetry) as events:
        Path(path).write_text("no")
        assert not telemetry._is_granted(own_state)
        telemetry.send("within")

    assert events.names == ("within",)
    telemetry.flush(1)
    assert receiver.requests == ()
    assert telemetry.is_disabled
    assert telemetry.stats.dropped == {"consent_withdrawn": 1}


def test_the_instances_own_counts_are_zero_in_a_forked_child(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without a pipeline."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")
    telemetry = make()
    for _ in range(2):
        telemetry.send("")
        assert telemetry.stats.accepted == 1

        with capture_events(telemetry):
            telemetry._after_fork()  # as the hook does after a fork

        assert telemetry.stats == Stats()
        telemetry.bootstrap()


def _files_below(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.rglob("*"))
