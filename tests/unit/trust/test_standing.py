"""Where an application stands with its user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent.consent import Standing
from otel_telemetry.consent.files import Choice, read_choice
from tests.support.trust import NOW, set_policy

if TYPE_CHECKING:
    from collections.abc import Callable


def test_what_was_chosen_holds_for_later_runs(make: Callable[..., Standing], home: Path) -> None:
    """With who chose it and when."""
    assert make().decide().source == "default"

    assert make().choose("on", by="admin")

    assert make().decide() == make().decide()
    assert (make().decide().enabled, make().decide().source) == (True, "choice")
    assert make().agreed_at() == NOW
    assert read_choice(str(home / ".config/acme-cms/telemetry.json")) == Choice(
        mode="on", version=1, at=NOW, by="admin"
    )


def test_a_permission_lapses_when_more_is_collected(make: Callable[..., Standing]) -> None:
    """A refusal does not: who said no to less says no to more."""
    make(consent_version=2).choose("on", by="user")
    assert make(consent_version=2).decide().enabled
    assert make(consent_version=3).decide().source == "default"

    make(consent_version=2).choose("off", by="user")
    assert make(consent_version=3, enabled=True).decide().source == "choice"
    assert make(consent_version=3).agreed_at() == 0


@pytest.mark.parametrize("place", ["/proc", ""], ids=["read-only", "none"])
@pytest.mark.parametrize("mode", ["on", "off"])
def test_a_choice_that_cannot_be_saved_holds_in_this_process(
    make: Callable[..., Standing], place: str, mode: str
) -> None:
    """A container's administrator may say it at every start."""
    environ = {"HOME": place or "relative"}
    standing = make(environ, enabled=mode == "off" or None)

    assert not standing.choose("on" if mode == "on" else "off", by="admin")

    assert standing.decide().source == "choice"
    assert standing.decide().enabled is (mode == "on")
    assert make(environ).decide().source == "default"


def test_what_cannot_be_read_beats_a_permission_that_cannot_be_saved(
    make: Callable[..., Standing], home: Path
) -> None:
    """It may have been a no; and a no that cannot be saved beats it."""
    (home / ".config/acme-cms/telemetry.json").mkdir(parents=True)
    (home / ".config/acme-cms/telemetry.json/full").touch()
    standing = make()

    assert not standing.choose("on", by="user")
    assert isinstance(standing.choice(), Unreadable)
    assert not standing.decide().enabled
    assert not standing.choose("off", by="user")
    assert isinstance(standing.choice(), Choice)


def test_policy_is_read_with_the_choice(make: Callable[..., Standing], home: Path) -> None:
    """Either may deny."""
    set_policy(home, "on")
    assert make().decide().source == "policy"
    make().choose("off", by="user")
    assert make().decide().source == "choice"
    set_policy(home, "off")
    make().choose("on", by="user")
    assert (make().decide().enabled, make().decide().source) == (False, "policy")


def test_who_has_said_no_in_the_environment_pays_for_no_file(
    make: Callable[..., Standing], home: Path
) -> None:
    """Not even for looking: a home that hangs, as those on a network may, hangs nobody."""
    os.mkfifo(home / "pipe")
    standing = make({"XDG_CONFIG_HOME": str(home / "pipe"), "DO_NOT_TRACK": "1"})

    assert standing.decide().source == "DO_NOT_TRACK"


class TestStillPermitted:
    """Asked before every request."""

    def test_what_another_process_says_is_heard(
        self, make: Callable[..., Standing], home: Path
    ) -> None:
        """The user's refusal, and the administrator's."""
        standing = make(enabled=True)
        assert standing.is_still_permitted()

        make().choose("off", by="user")
        assert not standing.is_still_permitted()
        make().choose("on", by="user")
        assert standing.is_still_permitted()
        set_policy(home, "off")
        assert not standing.is_still_permitted()

    def test_files_are_read_again_only_when_they_changed(
        self, make: Callable[..., Standing], home: Path
    ) -> None:
        """Else it is a few questions to the file system."""
        make().choose("on", by="user")
        standing = make()
        assert standing.is_still_permitted()
        path = home / ".config/acme-cms/telemetry.json"
        before = path.stat()
        path.write_bytes(b"x" * before.st_size)  # in place, and as if at the same instant
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert standing.is_still_permitted()
        path.touch()
        assert not standing.is_still_permitted()


class TestIdentity:
    """Made after permission, and gone with it."""

    def test_it_is_kept_with_the_state(self, make: Callable[..., Standing], home: Path) -> None:
        """Never with the configuration, which people copy."""
        kept = make().identity(kept=True)

        assert make().identity(kept=True) == kept
        assert (home / ".local/state/acme-cms/telemetry/identity.json").exists()
        assert not (home / ".config").exists()

    def test_without_permission_nothing_is_kept(
        self, make: Callable[..., Standing], home: Path
    ) -> None:
        """A pseudonym then holds for this process; with permission, for longer."""
        standing = make()
        passing = standing.identity(kept=False)
        assert standing.identity(kept=False) == passing
        assert list(home.iterdir()) == []

        kept = standing.identity(kept=True)

        assert kept != passing
        assert standing.identity(kept=False) == kept == make().identity(kept=True)

    def test_all_runs_in_continuous_integration_are_one_installation(
        self, make: Callable[..., Standing], home: Path
    ) -> None:
        """Each machine there is new; the salt is of one run."""
        first, second = (make({"CI": "true"}).identity(kept=True) for _ in range(2))

        assert first.installation_id == second.installation_id == "ci"
        assert first.salt != second.salt
        assert list(home.iterdir()) == []

    def test_it_is_forgotten(self, make: Callable[..., Standing]) -> None:
        """On disk and in memory."""
        standing = make()
        kept = standing.identity(kept=True)

        assert standing.kept_identity() == kept
        assert standing.forget_identity()
        assert standing.kept_identity() is None
        assert not standing.forget_identity()
        assert standing.identity(kept=True) != kept
        assert not make({"HOME": "relative"}).forget_identity()
