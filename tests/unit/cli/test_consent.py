"""`on`, `off` and `log`: the user's choice and its effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from tests.support.cli import home, run_verb, segments, spool_events

Make = Callable[..., Telemetry]


def test_on_saves_the_choice_for_later_runs(make: Make) -> None:
    """The output names the file."""
    result = run_verb("on", make(enabled=None))

    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Your choice is saved: acme-cms telemetry on.\n"
        f"{home()}/.config/acme-cms/telemetry.json\n"
        "Events are sent from now on. Events that were recorded before are not sent.\n"
    )
    assert make(enabled=None).decision.enabled


@pytest.mark.parametrize(
    ("name", "word", "reason"),
    [
        ("DO_NOT_TRACK", "1", "DO_NOT_TRACK is set."),
        ("ACME_CMS_TELEMETRY", "off", "ACME_CMS_TELEMETRY is set to off."),
    ],
)
def test_on_exits_with_1_and_gives_the_reason_while_another_setting_denies_telemetry(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, word: str, reason: str
) -> None:
    """The choice is saved all the same."""
    monkeypatch.setenv(name, word)

    result = run_verb("on", make())

    assert result.code == 1
    assert result.out.endswith(f"But telemetry is still off: {reason}\n")
    data = run_verb("on", make(), json=True).json
    assert (data["is_saved"], data["state"], data["source"]) == (True, "off", name)


def test_off_deletes_the_waiting_events_and_the_installation_id(make: Make) -> None:
    """The output counts the events."""
    spool_events(make(), "didStart", "didStop")
    assert list(home().rglob("identity.json"))

    result = run_verb("off", make())

    assert result.code == 0
    assert result.out.endswith(
        "Nothing more is sent, and the 2 waiting events are deleted.\n"
        "The installation id is deleted.\n"
    )
    assert segments() == list(home().rglob("identity.json")) == []
    assert not make().decision.enabled


def test_off_without_the_code_notes_that_a_spool_directory_may_be_unknown(make: Make) -> None:
    """The code may set a directory of its own."""
    result = run_verb("off", make(), is_known=False)

    assert result.code == 0
    assert "a spool directory of its own" in " ".join(result.err.split())
    assert run_verb("on", make(), is_known=False).err == ""


@pytest.mark.parametrize(
    ("verb", "line"),
    [
        ("off", "Nothing more is sent, and the waiting event is deleted.\n"),
        ("log", "Nothing is sent, and the 2 waiting events stay on disk.\n"),
    ],
)
def test_the_number_of_waiting_events_has_its_grammar(make: Make, verb: str, line: str) -> None:
    """Singular and plural."""
    spool_events(make(), *["didStart"] * (1 if verb == "off" else 2))

    assert line in run_verb(verb, make()).out


def test_log_without_waiting_events_does_not_mention_them(make: Make) -> None:
    """The sentence ends earlier."""
    assert run_verb("log", make()).out.endswith("from now on. Nothing is sent.\n")


def test_a_second_off_reports_that_there_is_nothing_to_delete(make: Make) -> None:
    """As text and as JSON."""
    run_verb("off", make())

    result = run_verb("off", make())

    assert result.code == 0
    assert result.out.endswith(
        "Nothing more is sent. Nothing waited on disk.\nThere was no installation id.\n"
    )
    data = run_verb("off", make(), json=True).json
    assert (data["events_deleted"], data["is_identity_deleted"]) == (0, False)


def test_log_prints_new_events_and_keeps_the_waiting_ones_on_disk(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is sent."""
    telemetry = make()
    spool_events(make(), "didWait")

    result = run_verb("log", telemetry)
    telemetry.send("didPrint")

    assert result.code == 0
    assert result.out.endswith(
        "Events are printed to stderr from now on. Nothing is sent, and the waiting event stays "
        "on disk.\n"
    )
    assert '"event": "didPrint"' in capsys.readouterr().err
    assert len(segments()) == 1
    assert make().decision.log


def test_a_choice_that_cannot_be_saved_exits_with_1_and_names_the_variable_to_set(
    make: Make,
) -> None:
    """The choice holds for this command only."""
    (home() / ".config").write_text("in the way", encoding="utf-8")

    result = run_verb("off", make())

    assert result.code == 1
    assert "could not be saved" in result.out
    assert "set ACME_CMS_TELEMETRY=off in the environment" in result.out
    assert run_verb("on", make(), json=True).json["is_saved"] is False


def test_without_a_home_directory_a_choice_cannot_be_saved(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output gives the reason."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "nowhere")

    result = run_verb("off", make())

    assert result.code == 1
    assert "there is no home directory" in result.out
