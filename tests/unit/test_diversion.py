"""An instance whose events end elsewhere for a while, and what it is afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry import Outcome, Stats, Telemetry
from otel_telemetry.testing import OTLPReceiver, capture_events
from otel_telemetry.testing.capture import Diversion

Make = Callable[..., Telemetry]


def test_afterwards_the_instance_is_what_it_was(make: Make, receiver: OTLPReceiver) -> None:
    """Its counts, its decision, and what was pending; it goes on sending to its backend."""
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


def test_an_error_restores_as_well(make: Make) -> None:
    """A test that fails spoils no other."""
    telemetry = make(enabled=False)

    with pytest.raises(ZeroDivisionError), capture_events(telemetry):
        _ = 1 / 0

    assert telemetry.send("x").outcome is Outcome.DISABLED
    assert telemetry.is_disabled


def test_the_code_under_test_may_destroy_the_instance(make: Make, receiver: OTLPReceiver) -> None:
    """As a program does at its end; the next test finds it alive."""
    telemetry = make()
    telemetry.bootstrap()

    with capture_events(telemetry) as events:
        assert telemetry.destroy()
        assert telemetry.send("late").reason == "destroyed"

    assert events.dropped == {"destroyed": 1}
    telemetry.send("after")
    assert telemetry.flush(10)
    assert len(receiver.events) == 1


def test_an_instance_that_was_destroyed_is_alive_in_the_block(make: Make) -> None:
    """And destroyed again after it."""
    telemetry = make()
    telemetry.destroy()

    with capture_events(telemetry) as events:
        telemetry.send("x")

    assert events.names == ("x",)
    assert telemetry.send("x").reason == "destroyed"


def test_blocks_may_be_nested(make: Make) -> None:
    """The inner one gets the events, then the outer one again."""
    telemetry = make(enabled=False)

    with capture_events(telemetry) as outer:
        telemetry.send("a")
        with capture_events(telemetry) as inner:
            telemetry.send("b")
        telemetry.send("c")

    assert (outer.names, inner.names) == (("a", "c"), ("b",))
    assert telemetry.send("d").outcome is Outcome.DISABLED


def test_blocks_may_overlap(make: Make) -> None:
    """Two tests in two threads may end in any order; the instance is restored with the last."""
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
    """What was laid aside begins anew there as well: with no event of the parent's."""
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


def test_who_is_destroyed_in_the_block_still_ends_at_exit() -> None:
    """`destroy` takes itself off the list of what runs at exit; the instance is on it again."""
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


def test_consent_in_the_block_is_the_tests_own(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends telemetry and begins it again, and keeps nothing; nobody is asked or told."""
    telemetry = make(enabled=None, notice="We count.", spool=str(tmp_path))
    telemetry.consent(granted=True)
    telemetry.send("before")
    kept = _files_below(tmp_path), telemetry.pseudonym("user", "ada")

    with capture_events(telemetry) as events:
        assert telemetry.ask()
        assert not telemetry.show_notice()
        assert telemetry.pseudonym("user", "ada") != kept[1]
        telemetry.send("a")
        assert not telemetry.consent(granted=False).enabled
        assert telemetry.send("b").outcome is Outcome.DISABLED
        assert telemetry.consent(granted=True).enabled
        telemetry.send("c")

    assert events.names == ("a", "c")
    assert (_files_below(tmp_path), telemetry.pseudonym("user", "ada")) == kept
    assert telemetry.decision.source == "choice"
    assert telemetry.flush(10)
    assert telemetry.stats.delivered == 1
    assert capsys.readouterr() == ("", "")


def test_a_choice_that_is_withdrawn_meanwhile_holds_for_what_was_sent_before(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Another process of the user's may say no while a test runs."""
    telemetry = make(enabled=None, flush_interval=60)
    telemetry.consent(granted=True)
    telemetry.send("before")
    path = telemetry._standing.choice_file
    assert path is not None

    with capture_events(telemetry) as events:
        Path(path).write_text("no")
        assert not telemetry._is_still_permitted()
        telemetry.send("within")

    assert events.names == ("within",)
    assert not telemetry.flush(1)
    assert receiver.requests == ()


def test_what_was_laid_aside_begins_anew_in_a_forked_child(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there was a pipeline or not: the parent's counts are the parent's."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")
    telemetry = make()
    for _ in range(2):
        telemetry.send("")
        assert telemetry.stats.accepted == 1
        diversion = Diversion(telemetry, lambda *_: None)

        diversion.new_process()  # as the hook does after a fork
        diversion.end()
        diversion.end()  # once is enough

        assert telemetry.stats == Stats()
        telemetry.bootstrap()


def _files_below(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.rglob("*"))
