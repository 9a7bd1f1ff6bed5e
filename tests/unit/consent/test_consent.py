"""The consent manager: record, policy, identity, notice and prompt."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import ModuleType
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


def test_a_choice_holds_for_later_runs(make: Callable[..., ConsentManager], home: Path) -> None:
    """With its time, and with who chose."""
    assert make().decide().source == "default"

    assert make().choose("on", by="admin")

    assert make().decide() == make().decide()
    assert (make().decide().enabled, make().decide().source) == (True, "choice")
    assert make().granted_at() == NOW
    assert read_consent_record(str(home / ".config/acme-cms/telemetry.json")) == ConsentRecord(
        mode="on", version=1, at=NOW, by="admin"
    )


def test_a_permission_lapses_when_consent_version_rises(
    make: Callable[..., ConsentManager],
) -> None:
    """A refusal does not."""
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
    """A container may have no writable home."""
    environ = {"HOME": place or "relative"}
    consent_manager = make(environ, enabled=mode == "off" or None)

    assert not consent_manager.choose("on" if mode == "on" else "off", by="admin")

    assert consent_manager.decide().source == "choice"
    assert consent_manager.decide().enabled is (mode == "on")
    assert make(environ).decide().source == "default"


def test_an_unreadable_record_beats_a_permission_that_cannot_be_saved(
    make: Callable[..., ConsentManager], home: Path
) -> None:
    """It may have been a refusal. A refusal that cannot be saved holds."""
    (home / ".config/acme-cms/telemetry.json").mkdir(parents=True)
    (home / ".config/acme-cms/telemetry.json/full").touch()
    consent_manager = make()

    assert not consent_manager.choose("on", by="user")
    assert isinstance(consent_manager.record(), Unreadable)
    assert not consent_manager.decide().enabled
    assert not consent_manager.choose("off", by="user")
    assert isinstance(consent_manager.record(), ConsentRecord)


def test_a_policy_and_a_choice_can_both_deny(
    make: Callable[..., ConsentManager], home: Path
) -> None:
    """One denial is enough."""
    set_policy(home, "on")
    assert make().decide().source == "policy"
    make().choose("off", by="user")
    assert make().decide().source == "choice"
    set_policy(home, "off")
    make().choose("on", by="user")
    assert (make().decide().enabled, make().decide().source) == (False, "policy")


def test_a_denial_in_the_environment_reads_no_file(
    make: Callable[..., ConsentManager], home: Path
) -> None:
    """A home directory on a network that hangs does not block the program."""
    os.mkfifo(home / "pipe")
    consent_manager = make({"XDG_CONFIG_HOME": str(home / "pipe"), "DO_NOT_TRACK": "1"})

    assert consent_manager.decide().source == "DO_NOT_TRACK"


class TestIsGranted:
    """Checked before every request."""

    def test_a_change_by_another_process_is_noticed(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """The user's choice, and the policy."""
        consent_manager = make(enabled=True)
        assert consent_manager.is_granted()

        make().choose("off", by="user")
        assert not consent_manager.is_granted()
        make().choose("on", by="user")
        assert consent_manager.is_granted()
        set_policy(home, "off")
        assert not consent_manager.is_granted()

    def test_files_are_read_again_only_when_they_changed(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """Otherwise a check costs one stat per file."""
        make().choose("on", by="user")
        consent_manager = make()
        assert consent_manager.is_granted()
        path = home / ".config/acme-cms/telemetry.json"
        before = path.stat()
        path.write_bytes(b"x" * before.st_size)  # in place, and as if at the same instant
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert consent_manager.is_granted()
        path.touch()
        assert not consent_manager.is_granted()


class TestIdentity:
    """Made after a permission, deleted after a refusal."""

    def test_it_is_saved_in_the_state_directory(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """Not in the configuration directory, which users copy."""
        saved = make().identity(save=True)

        assert make().identity(save=True) == saved
        assert (home / ".local/state/acme-cms/telemetry/identity.json").exists()
        assert not (home / ".config").exists()

    def test_without_a_permission_it_is_not_saved(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """A pseudonym then holds for this process."""
        consent_manager = make()
        temporary = consent_manager.identity(save=False)
        assert consent_manager.identity(save=False) == temporary
        assert list(home.iterdir()) == []

        saved = consent_manager.identity(save=True)

        assert saved != temporary
        assert consent_manager.identity(save=False) == saved == make().identity(save=True)

    def test_all_runs_in_continuous_integration_are_one_installation(
        self, make: Callable[..., ConsentManager], home: Path
    ) -> None:
        """Each machine there is new. The salt holds for one run."""
        first, second = (make({"CI": "true"}).identity(save=True) for _ in range(2))

        assert first.installation_id == second.installation_id == "ci"
        assert first.salt != second.salt
        assert list(home.iterdir()) == []

    def test_it_can_be_deleted(self, make: Callable[..., ConsentManager]) -> None:
        """On disk and in memory."""
        consent_manager = make()
        saved = consent_manager.identity(save=True)

        assert consent_manager.saved_identity() == saved
        assert consent_manager.delete_identity()
        assert consent_manager.saved_identity() is None
        assert not consent_manager.delete_identity()
        assert consent_manager.identity(save=True) != saved
        assert not make({"HOME": "relative"}).delete_identity()


class TestNotice:
    """`enabled=True` has no effect before the user has seen the notice."""

    TEXT = "Acme counts which commands are used.\nSee https://acme.example/telemetry"

    def test_it_is_shown_once_and_telemetry_is_off_before(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """The notice, where events are sent, and how to turn telemetry off."""
        settings = {"enabled": True, "notice": self.TEXT, "endpoint": "https://t.acme.example"}
        consent_manager = make(**settings)
        assert consent_manager.decide().source == "notice"

        assert consent_manager.show_notice(terminal[1])

        assert os.read(terminal[2], 1000).decode().splitlines() == [
            *self.TEXT.splitlines(),
            "Events are sent to t.acme.example. Nothing is recorded in this run.",
            "To turn telemetry off, set ACME_CMS_TELEMETRY=off or DO_NOT_TRACK=1.",
        ]
        assert consent_manager.decide().source == "notice"
        assert make(**settings).decide().source == "code"
        assert not make(**settings).show_notice(terminal[1])
        assert make(**settings, consent_version=2).decide().source == "notice"

    @pytest.mark.parametrize(
        "hint",
        [
            "Turn it off: ACME_CMS_TELEMETRY=off.",
            "Set otel_telemetry=off to turn it off.",
            "We honour DO_NOT_TRACK.",
            "Turn it off with `Acme-CMS telemetry off`.",
            "See otel-telemetry --help.",
        ],
    )
    def test_a_notice_that_says_how_to_turn_it_off_is_not_repeated(
        self, make: Callable[..., ConsentManager], terminal: Ends, hint: str
    ) -> None:
        """It names a variable that turns telemetry off, or a command that does."""
        consent_manager = make(enabled=True, notice=f"We count commands.\n{hint}")

        assert consent_manager.show_notice(terminal[1])

        assert os.read(terminal[2], 1000).decode().splitlines() == [
            "We count commands.",
            hint,
            "Events are sent to localhost:4318. Nothing is recorded in this run.",
        ]

    @pytest.mark.parametrize("text", ["Turn telemetry off at any time.", "acme telemetry off"])
    def test_a_notice_that_names_no_variable_and_no_command_gets_the_line(
        self, make: Callable[..., ConsentManager], terminal: Ends, text: str
    ) -> None:
        """A command of another name may be the command of another program."""
        assert make(enabled=True, notice=text).show_notice(terminal[1])

        shown = os.read(terminal[2], 1000).decode()
        assert "To turn telemetry off, set ACME_CMS_TELEMETRY=off or DO_NOT_TRACK=1." in shown

    def test_without_a_notice_nothing_is_shown(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """The permission of the code holds at once."""
        consent_manager = make(enabled=True)

        assert not consent_manager.show_notice(terminal[1])
        assert consent_manager.decide().source == "code"

    def test_where_it_cannot_be_shown_it_stays_due(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """In a pipe and in continuous integration; also where the state cannot be saved."""
        settings = {"enabled": True, "notice": self.TEXT}
        with open(os.devnull, "w", encoding="utf-8") as file:
            assert not make(**settings).show_notice(file)
        assert not make({"CI": "1"}, **settings).show_notice(terminal[1])
        assert not make(**settings).show_notice(None)
        assert make(**settings).decide().source == "notice"

        assert make({"HOME": "/proc"}, **settings).show_notice(terminal[1])
        assert make({"HOME": "/proc"}, **settings).decide().source == "notice"

    @pytest.mark.parametrize("environ", [{"DO_NOT_TRACK": "1"}, {"ACME_CMS_TELEMETRY": "on"}])
    def test_it_is_not_shown_where_the_user_has_decided(
        self, make: Callable[..., ConsentManager], terminal: Ends, environ: Mapping[str, str]
    ) -> None:
        """By a variable, for example."""
        consent_manager = make(environ, enabled=True, notice=self.TEXT)

        assert not consent_manager.show_notice(terminal[1])


class TestAsk:
    """The prompt, whose default is no."""

    @pytest.mark.parametrize(("typed", "mode"), [(b"y\n", "on"), (b"\n", "off")])
    def test_the_answer_is_saved(
        self, make: Callable[..., ConsentManager], terminal: Ends, typed: bytes, mode: str
    ) -> None:
        """And the user is not asked again."""
        os.write(terminal[2], typed)
        make().ask(None, *terminal[:2])

        record = make().record()
        assert isinstance(record, ConsentRecord)
        assert (record.mode, record.by) == (mode, "user")
        make().ask(None, *terminal[:2])  # a second prompt would block the test

    def test_a_user_who_agreed_to_an_earlier_version_is_asked_again(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """With the question of the application."""
        make().choose("on", by="user")
        os.write(terminal[2], b"y\n")

        make(consent_version=2).ask("More than before?", *terminal[:2])

        assert make(consent_version=2).decide().enabled

    def test_without_a_terminal_nothing_is_saved(
        self, make: Callable[..., ConsentManager], terminal: Ends
    ) -> None:
        """The user is asked in a later run."""
        with open(os.devnull, encoding="utf-8") as file:
            make().ask(None, file, terminal[1])

        assert make().record() is None

    def test_in_a_notebook_a_line_says_how_to_answer(
        self,
        make: Callable[..., ConsentManager],
        terminal: Ends,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A notebook has a user, but no terminal on which to ask."""
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
        cell = io.StringIO()

        make().ask("May Acme count commands?", terminal[0], cell)

        assert make().record() is None
        assert cell.getvalue() == (
            "May Acme count commands? "
            "A notebook cannot ask: call consent(True) or consent(False).\n"
        )

    @pytest.mark.parametrize(
        "environ",
        [
            {"CI": "1"},
            {"DO_NOT_TRACK": "1"},
            {"OTEL_TELEMETRY": "no"},
            {"ACME_CMS_TELEMETRY": "on"},
        ],
    )
    def test_it_does_not_ask_where_another_source_has_decided(
        self, make: Callable[..., ConsentManager], terminal: Ends, environ: Mapping[str, str]
    ) -> None:
        """A prompt would block the test."""
        make(environ).ask(None, *terminal[:2])

        assert make().record() is None

    def test_it_does_not_ask_where_a_policy_has_decided(
        self, make: Callable[..., ConsentManager], terminal: Ends, home: Path
    ) -> None:
        """The administrator has decided for every user."""
        set_policy(home, "on")
        make().ask(None, *terminal[:2])

        assert make().record() is None


class Broken(io.StringIO):
    """A terminal that fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def isatty(self) -> bool:
        """Claim to be a terminal."""
        return True

    def write(self, _text: str, /) -> int:
        """Fail, as a terminal that cannot encode the text does."""
        raise self._error

    def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]  # a terminal's own has no default of 0
        """Fail, as when Ctrl-C is pressed."""
        raise self._error


def test_text_is_written_to_a_terminal(terminal: Ends) -> None:
    """And reported as written."""
    _, stderr, controller = terminal

    assert consent.write_text("We count commands.\n", stderr)
    assert os.read(controller, 100) == b"We count commands.\r\n"


def test_text_is_not_written_elsewhere() -> None:
    """Not to a file, a missing stream, a closed stream or a terminal that fails."""
    file, closed = io.StringIO(), io.StringIO()
    closed.close()

    for stream in (file, None, closed, Broken(OSError())):
        assert not consent.write_text("text", stream)
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
def test_every_answer_but_yes_is_a_no(terminal: Ends, typed: bytes, agreed: bool) -> None:  # noqa: FBT001 - a table
    """The end of the input, too."""
    stdin, stderr, controller = terminal
    os.write(controller, typed)

    assert consent.ask_yes_no("May we?", stdin, stderr) is agreed
    shown = b""
    while b"May we? [y/N] " not in shown:  # the terminal's echo comes before or after it
        shown += os.read(controller, 100)


def test_ctrl_c_is_a_no(terminal: Ends) -> None:
    """It ends the prompt, not the program. So does a failing terminal."""
    _, stderr, _ = terminal

    for error in KeyboardInterrupt(), OSError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"):
        assert consent.ask_yes_no("May we?", Broken(error), stderr) is False


def test_without_a_terminal_there_is_no_answer(terminal: Ends) -> None:
    """Neither yes nor no."""
    stdin, stderr, _ = terminal

    assert consent.ask_yes_no("May we?", stdin, io.StringIO()) is None
    assert consent.ask_yes_no("May we?", io.StringIO("y\n"), stderr) is None
    assert consent.ask_yes_no("May we?", None, stderr) is None


def test_a_seen_notice_counts_until_consent_version_rises(tmp_path: Path) -> None:
    """The notice of a higher version is due."""
    state = str(tmp_path / "telemetry")
    assert not consent.notice_was_seen(state, 1)

    consent.mark_notice_seen(state, 2)

    assert consent.notice_was_seen(state, 1)
    assert consent.notice_was_seen(state, 2)
    assert not consent.notice_was_seen(state, 3)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"consent_version": "2"}', '{"consent_version": true}']
)
def test_a_notice_file_that_cannot_be_understood_counts_as_unseen(
    tmp_path: Path, text: str
) -> None:
    """The notice is shown again."""
    (tmp_path / "notice.json").write_text(text, encoding="utf-8")

    assert not consent.notice_was_seen(str(tmp_path), 1)


@pytest.mark.parametrize("state", [None, "/proc/telemetry"])
def test_a_notice_that_cannot_be_recorded_counts_as_unseen(state: str | None) -> None:
    """So the permission of the code has no effect there."""
    consent.mark_notice_seen(state, 1)

    assert not consent.notice_was_seen(state, 1)
