"""`reset-id` and `purge`: the installation id and the waiting events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from tests.support.audit import AUDIT
from tests.support.cli import home, run_verb, segments, spool_events

Make = Callable[..., Telemetry]


def _identity(telemetry: Telemetry) -> object:
    data = run_verb("status", telemetry, json=True).json["installation"]
    assert data is None or isinstance(data, dict)
    return None if data is None else data["id"]


def test_reset_id_replaces_the_installation_id_while_telemetry_is_on(make: Make) -> None:
    """The output shows both ids."""
    telemetry = make()
    telemetry.send("didStart")
    old = _identity(telemetry)

    result = run_verb("reset-id", telemetry)

    assert result.code == 0
    assert _identity(telemetry) not in {old, None}
    assert result.out == (
        f"Deleted: {old}\nNew:     {_identity(telemetry)}\n"
        "Running processes keep the old id until they end.\n"
    )


def test_reset_id_makes_no_new_id_while_telemetry_is_off(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is written without permission."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    result = run_verb("reset-id", make())

    assert (result.code, result.out.splitlines()[0]) == (0, "There was no installation id.")
    assert run_verb("reset-id", make(), json=True).json == {
        "was": None,
        "now": None,
        "is_done": True,
    }
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_reset_id_without_a_home_directory_has_no_id_to_delete(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This is no error."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "nowhere")

    assert run_verb("reset-id", make(), json=True).json == {
        "was": None,
        "now": None,
        "is_done": True,
    }


def test_reset_id_exits_with_1_if_the_old_id_cannot_be_deleted(make: Make) -> None:
    """As on a read-only disk."""
    telemetry = make()
    telemetry.send("didStart")

    with AUDIT.before("os.remove", _refuse):
        result = run_verb("reset-id", telemetry)

    assert (result.code, result.out) == (1, "The installation id could not be deleted.\n")


def _refuse() -> None:
    raise PermissionError(1, "not permitted")


def test_purge_deletes_and_counts_the_waiting_events(make: Make) -> None:
    """Telemetry stays on."""
    spool_events(make(), "one", "two")
    spool_events(make(), "three")

    result = run_verb("purge", make())

    assert (result.code, result.out) == (0, "Deleted: 3 events in 2 files.\n")
    assert segments() == []
    assert make().decision.enabled
    assert run_verb("purge", make()).out == "Nothing waited on disk.\n"


def test_purge_exits_with_1_and_counts_the_files_that_cannot_be_deleted(make: Make) -> None:
    """As on a read-only disk."""
    spool_events(make(), "one")

    def refuse_all() -> None:
        AUDIT._waiting["os.remove"] = refuse_all
        _refuse()

    with AUDIT.before("os.remove", refuse_all):
        result = run_verb("purge", make())
        AUDIT._waiting.clear()

    assert (result.code, result.out) == (1, "Deleted: 0 events in 0 files.\nNot deleted: 1 file.\n")
