"""`reset-id` and `purge`: what is gone, and what takes its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from tests.support.audit import AUDIT
from tests.support.cli import ask, home, leave_events, segments

Make = Callable[..., Telemetry]


def _identity(telemetry: Telemetry) -> object:
    said = ask("status", telemetry, json=True).json["installation"]
    assert said is None or isinstance(said, dict)
    return None if said is None else said["id"]


def test_a_new_identity_takes_the_place_of_the_old(make: Make) -> None:
    """While telemetry is on."""
    telemetry = make()
    telemetry.send("didStart")
    old = _identity(telemetry)

    ran = ask("reset-id", telemetry)

    assert ran.code == 0
    assert _identity(telemetry) not in {old, None}
    assert ran.out == (
        f"Forgotten: {old}\nNew:       {_identity(telemetry)}\n"
        "Processes that run already keep the old one until they end.\n"
    )


def test_while_off_none_is_made(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file without permission."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    ran = ask("reset-id", make())

    assert (ran.code, ran.out.splitlines()[0]) == (0, "There was no installation id.")
    assert ask("reset-id", make(), json=True).json == {"was": None, "now": None, "is_done": True}
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_without_a_home_there_is_none(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing to forget."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "nowhere")

    assert ask("reset-id", make(), json=True).json == {"was": None, "now": None, "is_done": True}


def test_an_identity_that_stays_is_no_success(make: Make) -> None:
    """As on a disk that cannot be written to."""
    telemetry = make()
    telemetry.send("didStart")

    with AUDIT.before("os.remove", _refuse):
        ran = ask("reset-id", telemetry)

    assert (ran.code, ran.out) == (1, "The installation id could not be deleted.\n")


def _refuse() -> None:
    raise PermissionError(1, "not permitted")


def test_purge_says_how_much_is_gone(make: Make) -> None:
    """Telemetry stays as it was."""
    leave_events(make(), "one", "two")
    leave_events(make(), "three")

    ran = ask("purge", make())

    assert (ran.code, ran.out) == (0, "Deleted: 3 events in 2 files.\n")
    assert segments() == []
    assert make().decision.enabled
    assert ask("purge", make()).out == "Nothing waited on disk.\n"


def test_what_cannot_be_deleted_is_told(make: Make) -> None:
    """And is no success."""
    leave_events(make(), "one")

    def refuse_all() -> None:
        AUDIT._waiting["os.remove"] = refuse_all
        _refuse()

    with AUDIT.before("os.remove", refuse_all):
        ran = ask("purge", make())
        AUDIT._waiting.clear()

    assert (ran.code, ran.out) == (1, "Deleted: 0 events in 0 files.\nLeft: 1 file.\n")
