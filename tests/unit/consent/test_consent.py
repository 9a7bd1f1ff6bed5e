"""Where an application stands with its user."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent import consent
from otel_telemetry.consent.consent import ConsentManager
from otel_telemetry.consent.files import ConsentRecord, read_consent_record
from tests.support.trust import NOW, set_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from otel_telemetry.consent.consent import ConsentManager
    from tests.support.trust import Ends


def test_what_was_chosen_holds_for_later_runs(
    make: Callable[..., ConsentManager], home: Path
) -> None:
    """With who chose it and when."""
    assert make().decide().source == "default"

    assert make().choose("on", by="admin")

    assert make().decide() == make().decide()
    assert (make().decide().enabled, make().decide().source) == (True, "choice")
    assert make().granted_at() == NOW
    assert read_consent_record(str(home / ".config/acme-cms/telemetry.json")) == ConsentRecord(
        mode="on", version=1, at=NOW, by="admin"
    )


def test_a_permission_lapses_when_more_is_collected(make: Callable[..., ConsentManager]) -> None:
    """A refusal does not: who said no to less says no to more."""
    make(consent_version=2).choose("on", by="user")
    assert make(consent_version=2).decide().enabled
    assert make(consent_version=3).decide().source == "default"

    make(consent_version=2).choose("off", by="user")
    assert make(consent_version=3, enabled=True).decide().source == "choice"
    assert make(consent_version=3).granted_at() == 0


@pytest.mark.parametrize("place", ["/proc", ""], ids=["read-only", "none"])
@pytest.mark.parametrize("mode", ["on", "off"])
def test_a_choice_that_cannot_be_saved_holds_in_this_process(
    make: Callable[..., ConsentManager], place: str, mode: str
) -> None:
    """A container's administrator may say it at every start."""
    environ = {"HOME": place or "relative"}
    consent_manager = make(environ, enabled=mode == "off" or None)

    assert not consent_manager.choose("on" if mode == "on" else "off", by="admin")

    assert consent_manager.decide().source == "choice"
    assert consent_manager.decide().enabled is (mode == "on")
    assert make(environ).decide().source == "default"


def test_what_cannot_be_read_beats_a_permission_that_cannot_be_saved(
    make: Callable[..., ConsentManager], home: Path
) -> None:
    """It may have been a no; and a no that cannot be saved beats it."""
    (home / ".config/acme-cms/telemetry.json").mkdir(parents=True)
    (home / ".config/acme-cms/telemetry.json/full").touch()
    consent_manager = make()

    assert not consent_manager.choose("on", by="user")
    assert isinstance(consent_manager.choice(), Unreadable)
    assert not consent_manager.decide().enabled
    assert not consent_manager.choose("off", by="user")
    assert isinstance(consent_manager.choice(), ConsentRecord)


def test_policy_is_read_with_the_choice(make: Callable[..., ConsentManager], home: Path) -> None:
    """Either may deny."""
    set_policy(home, "on")
    assert make().decide().source == "policy"
    make().choose("off", by="user")
    assert make().decide().source == "choice"
    set_policy(home, "off")
    make().choose("on", by="user")
    assert (make().decide().enabled, make().decide().source) == (False, "policy")


def test_who_has_said_no_in_the_environment_pays_for_no_file(
    make: Callable[..., ConsentManager], home: Path
) -> None:
    """Not even for looking: a home that hangs, as those on a network may, hangs nobody."""
    os.mkfifo(home / "pipe")
    consent_manager = make({"XDG_CONFIG_HOME": str(home / "pipe"), "DO_NOT_TRACK": "1"})

    assert consent_manager.decide().source == "DO_NOT_TRACK"


class TestStillPermitted:
    """Asked before every request."""

    def test_what_another_process_says_is_heard(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """The user's refusal, and the administrator's."""
        consent_manager = make(enabled=True)
        assert consent_manager.is_still_permitted()

        make().choose("off", by="user")
        assert not consent_manager.is_still_permitted()
        make().choose("on", by="user")
        assert consent_manager.is_still_permitted()
        set_policy(home, "off")
        assert not consent_manager.is_still_permitted()

    def test_files_are_read_again_only_when_they_changed(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """Else it is a few questions to the file system."""
        make().choose("on", by="user")
        consent_manager = make()
        assert consent_manager.is_still_permitted()
        path = home / ".config/acme-cms/telemetry.json"
        before = path.stat()
        path.write_bytes(b"x" * before.st_size)  # in place, and as if at the same instant
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert consent_manager.is_still_permitted()
        path.touch()
        assert not consent_manager.is_still_permitted()


class TestIdentity:
    """Made after permission, and gone with it."""

    def test_it_is_kept_with_the_state(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """Never with the configuration, which people copy."""
        kept = make().identity(kept=True)

        assert make().identity(kept=True) == kept
        assert (home / ".local/state/acme-cms/telemetry/identity.json").exists()
        assert not (home / ".config").exists()

    def test_without_permission_nothing_is_kept(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """A pseudonym then holds for this process; with permission, for longer."""
        consent_manager = make()
        passing = consent_manager.identity(kept=False)
        assert consent_manager.identity(kept=False) == passing
        assert list(home.iterdir()) == []

        kept = consent_manager.identity(kept=True)

        assert kept != passing
        assert consent_manager.identity(kept=False) == kept == make().identity(kept=True)

    def test_all_runs_in_continuous_integration_are_one_installation(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """Each machine there is new; the salt is of one run."""
        first, second = (make({"CI": "true"}).identity(kept=True) for _ in range(2))

        assert first.installation_id == second.installation_id == "ci"
        assert first.salt != second.salt
        assert list(home.iterdir()) == []

    def test_it_is_forgotten(self, make: Callable[..., ConsentManager]) -> None:
        """On disk and in memory."""
        consent_manager = make()
        kept = consent_manager.identity(kept=True)

        assert consent_manager.kept_identity() == kept
        assert consent_manager.forget_identity()
        assert consent_manager.kept_identity() is None
        assert not consent_manager.forget_identity()
        assert consent_manager.identity(kept=True) != kept
        assert not make({"HOME": "relative"}).forget_identity()


class TestNotice:
    """`enabled=True` waits until the user has seen what it means."""

    TEXT = "Acme counts which commands are used.\nSee https://acme.example/telemetry"

    def test_it_is_shown_once_and_nothing_is_on_before(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """Eight lines at most: what, where to, and how to turn it off."""
        settings = {"enabled": True, "notice": self.TEXT, "endpoint": "https://t.acme.example"}
        consent_manager = make(**settings)
        assert consent_manager.decide().source == "notice"

        assert consent_manager.show_notice(terminal[1])

        assert os.read(terminal[2], 1000).decode().splitlines() == [
            *self.TEXT.splitlines(),
            "It goes to t.acme.example. Nothing is recorded in this run.",
            "Turn it off: ACME_CMS_TELEMETRY=off, or DO_NOT_TRACK=1.",
        ]
        assert consent_manager.decide().source == "notice"
        assert make(**settings).decide().source == "code"
        assert not make(**settings).show_notice(terminal[1])
        assert make(**settings, consent_version=2).decide().source == "notice"

    def test_where_it_cannot_be_seen_it_stays_due(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """In a pipe, in continuous integration; and where it cannot be kept that it was seen."""
        settings = {"enabled": True, "notice": self.TEXT}
        with open(os.devnull, "w", encoding="utf-8") as file:
            assert not make(**settings).show_notice(file)
        assert not make({"CI": "1"}, **settings).show_notice(terminal[1])
        assert not make(**settings).show_notice(None)
        assert make(**settings).decide().source == "notice"

        assert make({"HOME": "/proc"}, **settings).show_notice(terminal[1])
        assert make({"HOME": "/proc"}, **settings).decide().source == "notice"

    @pytest.mark.parametrize("said", [{"DO_NOT_TRACK": "1"}, {"ACME_CMS_TELEMETRY": "on"}])
    def test_who_has_said_something_is_not_told(
        self, make: Callable[..., ConsentManager], terminal: Ends, said: Mapping[str, str]
    ) -> None:
        """They know already."""
        consent_manager = make(said, enabled=True, notice=self.TEXT)

        assert not consent_manager.show_notice(terminal[1])


class TestAsk:
    """A question whose default is no."""

    @pytest.mark.parametrize(("typed", "mode"), [(b"y\n", "on"), (b"\n", "off")])
    def test_the_answer_is_kept(
        self, make: Callable[..., ConsentManager], terminal: Ends, typed: bytes, mode: str
    ) -> None:
        """And nobody is asked twice."""
        os.write(terminal[2], typed)
        make().ask(None, *terminal[:2])

        choice = make().choice()
        assert isinstance(choice, ConsentRecord)
        assert (choice.mode, choice.by) == (mode, "user")
        make().ask(None, *terminal[:2])  # would wait for ever

    def test_who_agreed_to_less_is_asked_again(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """In the application's own words."""
        make().choose("on", by="user")
        os.write(terminal[2], b"y\n")

        make(consent_version=2).ask("More than before?", *terminal[:2])

        assert make(consent_version=2).decide().enabled

    def test_who_cannot_be_asked_has_said_nothing(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """No terminal: they are asked another time."""
        with open(os.devnull, encoding="utf-8") as file:
            make().ask(None, file, terminal[1])

        assert make().choice() is None

    @pytest.mark.parametrize(
        "said",
        [
            {"CI": "1"},
            {"DO_NOT_TRACK": "1"},
            {"OTEL_TELEMETRY": "no"},
            {"ACME_CMS_TELEMETRY": "on"},
        ],
    )
    def test_where_something_is_said_nobody_is_asked(
        self, make: Callable[..., ConsentManager], terminal: Ends, said: Mapping[str, str]
    ) -> None:
        """It would wait for ever."""
        make(said).ask(None, *terminal[:2])

        assert make().choice() is None

    def test_a_policy_asks_for_everybody(
        self, make: Callable[..., ConsentManager], terminal: Ends, home: Path
    ) -> None:
        """Their administrator has answered."""
        set_policy(home, "on")
        make().ask(None, *terminal[:2])

        assert make().choice() is None


class Broken(io.StringIO):
    """A terminal that is gone."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def isatty(self) -> bool:
        """Claim to be one."""
        return True

    def write(self, _text: str, /) -> int:
        """Fail, as a terminal without these letters does."""
        raise self._error

    def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]  # a terminal's own has no default of 0
        """Fail, as when Ctrl-C is pressed."""
        raise self._error


def test_it_is_said_on_a_terminal(terminal: Ends) -> None:
    """And known to have been said."""
    _, stderr, controller = terminal

    assert consent.write_line("We count commands.\n", stderr)
    assert os.read(controller, 100) == b"We count commands.\r\n"


def test_elsewhere_it_is_not_said() -> None:
    """Not into a file or a pipe, not where there is no stream, not where it is closed."""
    file, closed = io.StringIO(), io.StringIO()
    closed.close()

    for stream in (file, None, closed, Broken(OSError())):
        assert not consent.write_line("text", stream)
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [
        (b"y\n", True),
        (b" YES \n", True),
        (b"\n", False),
        (b"n\n", False),
        (b"yeah\n", False),
        (b"\x04", False),  # the end of the input
    ],
)
def test_everything_but_a_yes_is_a_no(terminal: Ends, typed: bytes, agreed: bool) -> None:  # noqa: FBT001 - a table
    """The question says so."""
    stdin, stderr, controller = terminal
    os.write(controller, typed)

    assert consent.ask_yes_no("May we?", stdin, stderr) is agreed
    shown = b""
    while b"May we? [y/N] " not in shown:  # the echo of what was typed comes before it or after
        shown += os.read(controller, 100)


def test_ctrl_c_is_a_no(terminal: Ends) -> None:
    """It ends the question, not the program."""
    _, stderr, _ = terminal

    for error in KeyboardInterrupt(), OSError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"):
        assert consent.ask_yes_no("May we?", Broken(error), stderr) is False


def test_who_cannot_be_asked_has_not_answered(terminal: Ends) -> None:
    """Neither yes nor no: they are asked another time."""
    stdin, stderr, _ = terminal

    assert consent.ask_yes_no("May we?", stdin, io.StringIO()) is None
    assert consent.ask_yes_no("May we?", io.StringIO("y\n"), stderr) is None
    assert consent.ask_yes_no("May we?", None, stderr) is None


def test_what_was_seen_stays_seen_until_more_is_collected(tmp_path: Path) -> None:
    """A higher version has not been seen yet."""
    state = str(tmp_path / "telemetry")
    assert not consent.notice_was_seen(state, 1)

    consent.mark_notice_seen(state, 2)

    assert consent.notice_was_seen(state, 1)
    assert consent.notice_was_seen(state, 2)
    assert not consent.notice_was_seen(state, 3)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"consent_version": "2"}', '{"consent_version": true}']
)
def test_what_cannot_be_understood_was_not_seen(tmp_path: Path, text: str) -> None:
    """It is shown again."""
    (tmp_path / "notice.json").write_text(text, encoding="utf-8")

    assert not consent.notice_was_seen(str(tmp_path), 1)


@pytest.mark.parametrize("state", [None, "/proc/telemetry"])
def test_where_nothing_can_be_kept_nothing_was_seen(state: str | None) -> None:
    """So nothing is recorded there on the code's word alone."""
    consent.mark_notice_seen(state, 1)

    assert not consent.notice_was_seen(state, 1)
