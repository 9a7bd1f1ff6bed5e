"""Consent, through the instance: what it starts, what it ends, what it deletes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry import Outcome, Telemetry
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.waiting import wait_until

Make = Callable[..., Telemetry]


def _files() -> set[str]:
    """Return what is in the user's directories, locks aside while anything else waits."""
    home = Path(os.environ["HOME"])
    names = {path.name for path in home.rglob("*") if path.is_file()}
    return {"segment" if name.endswith(".seg") else name for name in names if "lock" not in name}


def _everything() -> set[str]:
    """Return every file in the user's directories, and everything below our own there."""
    home = Path(os.environ["HOME"])
    ours = {path for place in home.rglob("telemetry") for path in (place, *place.rglob("*"))}
    return {path.name for path in {*ours, *filter(Path.is_file, home.rglob("*"))}}


def test_an_administrators_consent_turns_it_on(make: Make, receiver: OTLPReceiver) -> None:
    """Now, and in every later run."""
    telemetry = make(enabled=None)
    assert telemetry.send("before").outcome is Outcome.DISABLED

    decision = telemetry.consent(True, by="admin")
    telemetry.send("after")
    assert telemetry.flush(10)

    assert (decision.enabled, decision.source) == (True, "choice")
    assert telemetry.decision == decision
    assert "admin" in decision.reason
    assert [event.name for event in receiver.events] == ["after"]
    assert make(enabled=None).decision.enabled


def test_a_refusal_ends_it_and_deletes_everything(make: Make, receiver: OTLPReceiver) -> None:
    """What is pending, what earlier processes left, and the identity; nothing is sent of it."""
    receiver.answer_always(Answer.unavailable(retry_after=3600))
    earlier = make()
    earlier.send("left behind")
    earlier.flush(0.2)
    earlier.destroy(0)
    telemetry = make(flush_interval=60)
    receipt = telemetry.send("pending")
    telemetry.flush(0.2)
    assert _files() == {"segment", "identity.json", "backoff"}
    receiver.answer_always(None)
    requests = len(receiver.requests)

    decision = telemetry.consent(False)

    assert not decision.enabled
    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "consent_withdrawn")
    assert telemetry.send("after").outcome is Outcome.DISABLED
    assert telemetry.flush(1)
    assert telemetry.destroy(1)
    assert _everything() == {"telemetry.json"}
    assert len(receiver.requests) == requests
    assert not make().decision.enabled


def test_consent_may_be_given_again(make: Make, receiver: OTLPReceiver) -> None:
    """With another identity: the old one is gone."""
    telemetry = make()
    telemetry.send("first")
    assert telemetry.flush(10)

    telemetry.consent(False)
    telemetry.consent(True)
    telemetry.send("second")
    assert telemetry.flush(10)

    first, second = receiver.events
    assert first.resource["app.installation.id"] != second.resource["app.installation.id"]
    assert telemetry.stats.delivered == 2


def test_consent_counts_for_nothing_where_something_denies(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept all the same, for when that is gone."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    assert make(enabled=None).consent(True).source == "DO_NOT_TRACK"

    monkeypatch.delenv("DO_NOT_TRACK")
    assert make(enabled=None).decision.source == "choice"


def test_who_looks_first_may_agree_afterwards(
    make: Make,
    receiver: OTLPReceiver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Mode log prints; consent then sends."""
    home = Path(os.environ["XDG_CONFIG_HOME"])
    (home / "acme-cms").mkdir(parents=True)
    said = {"mode": "log", "consent_version": 1, "at": 1_700_000_000}
    (home / "acme-cms/telemetry.json").write_text(json.dumps(said), encoding="utf-8")
    telemetry = make(enabled=None)
    telemetry.send("looked at")
    assert "looked at" in capsys.readouterr().err

    telemetry.consent(True)
    telemetry.send("sent")
    assert telemetry.flush(10)

    assert [event.name for event in receiver.events] == ["sent"]
    assert capsys.readouterr().err == ""


def test_a_refusal_elsewhere_ends_what_is_running(make: Make, receiver: OTLPReceiver) -> None:
    """As when a user says off on the command line while a server runs."""
    server = make()
    server.send("before")
    assert server.flush(10)
    make(enabled=None)._state.consent_manager.choose("off", by="user")

    receipt = server.send("after")
    assert not server.flush(10)

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "consent_withdrawn")
    wait_until(lambda: server.is_disabled, within=10, what="off")
    assert server.send("later").outcome is Outcome.DISABLED
    assert [event.name for event in receiver.events] == ["before"]


def test_through_an_applications_own_provider_there_is_nothing_to_delete(make: Make) -> None:
    """What was handed over is the application's; nothing more is."""
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415 - only here

    provider = LoggerProvider(shutdown_on_exit=False)
    telemetry = make(logger_provider=provider)
    assert telemetry.send("x").outcome is Outcome.DELIVERED

    telemetry.consent(False)

    assert telemetry.send("y").outcome is Outcome.DISABLED
    provider.shutdown()


def test_runs_of_one_installation_are_known_as_one(make: Make, receiver: OTLPReceiver) -> None:
    """By a random id that says nothing else."""
    for name in "first", "second":
        with make() as telemetry:
            telemetry.send(name)
            assert telemetry.flush(10)

    first, second = (event.resource["app.installation.id"] for event in receiver.events)
    assert first == second
    assert len(bytes.fromhex(str(first))) == 16


def test_pseudonyms_hold_across_runs_and_need_no_permission(make: Make) -> None:
    """When telemetry is off they lead nowhere, and leave no file."""
    off = make(enabled=False)
    passing = off.pseudonym("user", "ada@example.com")
    assert passing == off.pseudonym("user", "ada@example.com")
    assert _files() == set()

    kept = make().pseudonym("user", "ada@example.com")

    assert kept != passing
    assert kept == make().pseudonym("user", "ada@example.com")


def test_nobody_is_asked_or_told_without_a_terminal(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Output that programs read stays as it is."""
    telemetry = make(enabled=True, notice="We count commands.")

    assert not telemetry.show_notice()
    assert not telemetry.show_notice(quiet=True)
    assert not telemetry.ask()
    assert not telemetry.ask(quiet=True)
    assert capsys.readouterr() == ("", "")
    assert telemetry.decision.source == "notice"


def test_a_program_without_streams_asks_nobody(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a windowed program on Windows is."""
    for name in "stdin", "stderr":
        monkeypatch.setattr(sys, name, None)
    telemetry = make(notice="We count commands.")

    assert not telemetry.show_notice()
    assert not telemetry.ask()


def test_what_is_recorded_after_anothers_refusal_is_deleted_at_the_end(make: Make) -> None:
    """With detached delivery nobody asks before; and nobody is started to deliver it."""
    tool = make(delivery="detached")
    assert tool.send("before").outcome is Outcome.SPOOLED
    make(delivery="detached").consent(False)
    assert _everything() == {"telemetry.json"}
    late = make(delivery="detached", enabled=True)

    tool.send("after")
    tool.flush(0)

    assert _everything() == {"telemetry.json"}
    assert tool.send("later").outcome is Outcome.DISABLED
    assert late.is_disabled


def test_a_straggler_that_begins_to_record_after_a_refusal_leaves_nothing(make: Make) -> None:
    """Its permission was asked for when it was set up; its directory is its own making."""
    tool = make(delivery="detached")
    tool.bootstrap()
    make(delivery="detached").consent(False)

    assert tool.send("after").outcome is Outcome.SPOOLED
    assert "destination.json" in _files()
    tool.destroy()

    assert _everything() == {"telemetry.json"}
    assert tool.stats.dropped == {"consent_withdrawn": 1}


def test_a_refusal_without_the_code_is_finished_by_its_next_run(make: Make, tmp_path: Path) -> None:
    """Only the code knows of the path that it names; a denial that may pass deletes nothing."""
    spool = tmp_path / "spool"
    make(delivery="detached", spool=str(spool)).send("waits")
    made = make(delivery="detached", spool=str(spool))
    assert not made.is_disabled
    Telemetry("acme-cms").consent(False)
    assert list(spool.rglob("*.seg"))

    assert make(enabled=False, spool=str(tmp_path / "other")).is_disabled
    assert list(spool.rglob("*.seg"))
    assert make(delivery="detached", spool=str(spool)).is_disabled

    assert not [path for path in spool.rglob("*") if path.is_file()]


def test_what_a_killed_process_left_after_a_refusal_goes_with_the_next_run(make: Make) -> None:
    """It had not heard of it yet. A denial that may pass deletes nothing."""
    killed = make(delivery="detached")
    killed.bootstrap()
    make(enabled=None).consent(False)
    killed.send("after")
    killed._state.pipeline = None  # as if it had been killed
    assert make("another", enabled=False).is_disabled
    assert "segment" in _files()

    assert make().is_disabled

    assert _everything() == {"telemetry.json"}


def test_one_applications_refusal_holds_in_a_path_that_it_shares(
    make: Make, receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """Same backend, same headers, same path: another's permission is another's."""
    shared = {"spool": str(tmp_path / "spool"), "endpoint": receiver.http_endpoint}
    receiver.answer_always(Answer.unavailable(retry_after=1))
    first = make(**shared)
    first.send("theirs")
    first.destroy(0)
    receiver.answer_always(None)

    with Telemetry("another", enabled=True, **shared) as other:  # type: ignore[arg-type]  # checked
        other.send("ours")
        assert other.flush(10)

    assert [event.name for event in receiver.events] == ["ours"]
    assert len(list(tmp_path.rglob("*.seg"))) == 1


def test_what_is_only_to_be_printed_is_no_refusal(make: Make) -> None:
    """Another process chose it: what is recorded here is deleted, what waited before it is not."""
    first = make(delivery="detached")
    first.send("waits")
    first._state.pipeline = None  # as if it had been killed
    tool = make(delivery="detached")
    tool.send("before")
    make(delivery="detached").choose("log")

    tool.destroy()

    assert {"segment", "identity.json"} <= _files()
    assert tool.stats.dropped == {"consent_withdrawn": 1}
