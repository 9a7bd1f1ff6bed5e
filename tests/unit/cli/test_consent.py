"""`on`, `off` and `log`: the choice, and what follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otel_telemetry import Telemetry
from tests.support.cli import ask, home, leave_events, segments

Make = Callable[..., Telemetry]


def test_on_is_kept_for_every_later_run(make: Make) -> None:
    """And said."""
    ran = ask("on", make(enabled=None))

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "Your choice is kept: acme-cms telemetry on.\n"
        f"{home()}/.config/acme-cms/telemetry.json\n"
        "Events may leave from now on. What was recorded before does not.\n"
    )
    assert make(enabled=None).decision.enabled


@pytest.mark.parametrize(
    ("name", "word", "reason"),
    [
        ("DO_NOT_TRACK", "1", "DO_NOT_TRACK is set."),
        ("ACME_CMS_TELEMETRY", "off", "ACME_CMS_TELEMETRY is set to off."),
    ],
)
def test_on_says_what_still_denies_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, word: str, reason: str
) -> None:
    """The choice is kept, but nothing follows yet: that is no success."""
    monkeypatch.setenv(name, word)

    ran = ask("on", make())

    assert ran.code == 1
    assert ran.out.endswith(f"But telemetry is off all the same. Blocked by {name}:\n  {reason}\n")
    said = ask("on", make(), json=True).json
    assert (said["is_saved"], said["state"], said["source"]) == (True, "off", name)


def test_off_deletes_what_there_is_and_says_so(make: Make) -> None:
    """What waits, and the identity."""
    leave_events(make(), "didStart", "didStop")
    assert list(home().rglob("identity.json"))

    ran = ask("off", make())

    assert ran.code == 0
    assert "Nothing is recorded any more, and nothing is sent, not even of this." in ran.out
    assert "Deleted: 2 events that waited on disk.\nDeleted: the installation id.\n" in ran.out
    assert segments() == list(home().rglob("identity.json")) == []
    assert not make().decision.enabled


def test_off_says_what_it_cannot_know_without_the_code(make: Make) -> None:
    """On stderr, beside the answer: a path that only the code names."""
    ran = ask("off", make(), is_known=False)

    assert ran.code == 0
    assert "deleted when the application next runs" in " ".join(ran.err.split())
    assert ask("on", make(), is_known=False).err == ""


def test_off_a_second_time_has_nothing_to_delete(make: Make) -> None:
    """And says that, too."""
    ask("off", make())

    ran = ask("off", make())

    assert ran.code == 0
    assert ran.out.endswith("Nothing waited on disk.\nThere is no installation id.\n")
    said = ask("off", make(), json=True).json
    assert (said["events_deleted"], said["is_identity_deleted"]) == (0, False)


def test_log_prints_and_keeps_but_sends_nothing(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what comes nor what waits."""
    telemetry = make()
    leave_events(make(), "didWait")

    ran = ask("log", telemetry)
    telemetry.send("didPrint")

    assert ran.code == 0
    assert "Events are printed to stderr from now on." in ran.out
    assert '"event": "didPrint"' in capsys.readouterr().err
    assert len(segments()) == 1
    assert make().decision.log


def test_a_choice_that_cannot_be_saved_is_no_success(make: Make) -> None:
    """It would be forgotten with this command."""
    (home() / ".config").write_text("in the way", encoding="utf-8")

    ran = ask("off", make())

    assert ran.code == 1
    assert "could not be saved" in ran.out
    assert ask("on", make(), json=True).json["is_saved"] is False


def test_without_a_home_no_choice_can_be_saved(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no place for it."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "nowhere")

    ran = ask("off", make())

    assert ran.code == 1
    assert "there is no home directory" in ran.out
