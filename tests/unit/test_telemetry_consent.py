"""Consent through the instance: what it starts, ends and deletes."""

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
    """Return the files in the user's directories, without locks."""
    home = Path(os.environ["HOME"])
    names = {path.name for path in home.rglob("*") if path.is_file()}
    return {"segment" if name.endswith(".seg") else name for name in names if "lock" not in name}


def _everything() -> set[str]:
    """Return every file in the user's directories, and every directory of telemetry."""
    home = Path(os.environ["HOME"])
    ours = {path for place in home.rglob("telemetry") for path in (place, *place.rglob("*"))}
    return {path.name for path in {*ours, *filter(Path.is_file, home.rglob("*"))}}


def test_consent_by_an_administrator_turns_telemetry_on(make: Make, receiver: OTLPReceiver) -> None:
    """In this run and in later ones."""
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


def test_a_refusal_ends_telemetry_and_deletes_everything(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Pending events, events of earlier processes, and the identity. Nothing is sent."""
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


def test_consent_after_a_refusal_makes_a_new_identity(make: Make, receiver: OTLPReceiver) -> None:
    """The old one is deleted."""
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


def test_consent_has_no_effect_where_another_source_denies(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is saved, and holds once the denial is gone."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    assert make(enabled=None).consent(True).source == "DO_NOT_TRACK"

    monkeypatch.delenv("DO_NOT_TRACK")
    assert make(enabled=None).decision.source == "choice"


def test_consent_after_log_mode_sends(
    make: Make,
    receiver: OTLPReceiver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Log mode prints; consent then sends."""
    home = Path(os.environ["XDG_CONFIG_HOME"])
    (home / "acme-cms").mkdir(parents=True)
    record = {"mode": "log", "consent_version": 1, "at": 1_700_000_000}
    (home / "acme-cms/telemetry.json").write_text(json.dumps(record), encoding="utf-8")
    telemetry = make(enabled=None)
    telemetry.send("looked at")
    assert "looked at" in capsys.readouterr().err

    telemetry.consent(True)
    telemetry.send("sent")
    assert telemetry.flush(10)

    assert [event.name for event in receiver.events] == ["sent"]
    assert capsys.readouterr().err == ""


def test_a_refusal_in_another_process_ends_telemetry(make: Make, receiver: OTLPReceiver) -> None:
    """A user may turn telemetry off on the command line while a server runs."""
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


def test_a_refusal_hands_nothing_more_to_the_applications_provider(make: Make) -> None:
    """Events handed over before are the application's."""
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415 - only here

    provider = LoggerProvider(shutdown_on_exit=False)
    telemetry = make(logger_provider=provider)
    assert telemetry.send("x").outcome is Outcome.DELIVERED

    telemetry.consent(False)

    assert telemetry.send("y").outcome is Outcome.DISABLED
    provider.shutdown()


def test_runs_of_one_installation_have_one_id(make: Make, receiver: OTLPReceiver) -> None:
    """The id is random."""
    for name in "first", "second":
        with make() as telemetry:
            telemetry.send(name)
            assert telemetry.flush(10)

    first, second = (event.resource["app.installation.id"] for event in receiver.events)
    assert first == second
    assert len(bytes.fromhex(str(first))) == 16


def test_pseudonyms_hold_across_runs_only_while_telemetry_is_on(make: Make) -> None:
    """While it is off, they hold for one process and leave no file."""
    off = make(enabled=False)
    passing = off.pseudonym("user", "ada@example.com")
    assert passing == off.pseudonym("user", "ada@example.com")
    assert _files() == set()

    kept = make().pseudonym("user", "ada@example.com")

    assert kept != passing
    assert kept == make().pseudonym("user", "ada@example.com")


def test_ask_and_show_notice_print_nothing_without_a_terminal(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs may read the output."""
    telemetry = make(enabled=True, notice="We count commands.")

    assert not telemetry.show_notice()
    assert not telemetry.show_notice(quiet=True)
    assert not telemetry.ask()
    assert not telemetry.ask(quiet=True)
    assert capsys.readouterr() == ("", "")
    assert telemetry.decision.source == "notice"


def test_ask_and_show_notice_do_nothing_without_streams(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A windowed program on Windows has none."""
    for name in "stdin", "stderr":
        monkeypatch.setattr(sys, name, None)
    telemetry = make(notice="We count commands.")

    assert not telemetry.show_notice()
    assert not telemetry.ask()


def test_detached_events_recorded_after_a_refusal_are_deleted_at_the_end(make: Make) -> None:
    """The recording process checks at its end, and starts no uploader."""
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


def test_a_process_that_first_records_after_a_refusal_leaves_nothing(make: Make) -> None:
    """Its pipeline was set up before the refusal."""
    tool = make(delivery="detached")
    tool.bootstrap()
    make(delivery="detached").consent(False)

    assert tool.send("after").outcome is Outcome.SPOOLED
    assert "destination.json" in _files()
    tool.destroy()

    assert _everything() == {"telemetry.json"}
    assert tool.stats.dropped == {"consent_withdrawn": 1}


def test_the_next_run_completes_a_refusal_that_did_not_know_the_spool(
    make: Make, tmp_path: Path
) -> None:
    """Only the code knows its spool path. A denial by a variable deletes nothing."""
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


def test_the_next_run_deletes_what_a_killed_process_left_after_a_refusal(make: Make) -> None:
    """The process had not noticed the refusal. A denial by a variable deletes nothing."""
    killed = make(delivery="detached")
    killed.bootstrap()
    make(enabled=None).consent(False)
    killed.send("after")
    killed._state.pipeline = None  # as if it had been killed
    assert make("another", enabled=False).is_disabled
    assert "segment" in _files()

    assert make().is_disabled

    assert _everything() == {"telemetry.json"}


def test_a_refusal_deletes_nothing_of_another_application_in_one_spool(
    make: Make, receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """Backend, headers and path are the same; consents are not."""
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


def test_log_mode_chosen_elsewhere_deletes_only_what_this_process_recorded(make: Make) -> None:
    """Events that were spooled before stay."""
    first = make(delivery="detached")
    first.send("waits")
    first._state.pipeline = None  # as if it had been killed
    tool = make(delivery="detached")
    tool.send("before")
    make(delivery="detached").choose("log")

    tool.destroy()

    assert {"segment", "identity.json"} <= _files()
    assert tool.stats.dropped == {"consent_withdrawn": 1}
