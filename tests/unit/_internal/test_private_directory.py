"""Directories that are ours alone, and homes that are others'."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from otel_telemetry._internal.atomic_file import write_file
from otel_telemetry._internal.private_directory import make, secure, spare_homes

_SOMEBODY = 54321


def test_a_directory_is_made_for_its_user_alone(tmp_path: Path) -> None:
    """And one that others could read no longer is one."""
    path = tmp_path / "a" / "b"
    secure(str(path))
    path.chmod(0o755)

    secure(str(path))

    assert path.stat().st_mode & 0o777 == 0o700


class TestHomes:
    """A superuser with a user's environment leaves nothing in that user's home."""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        """A directory of somebody's who is not the superuser."""
        home = tmp_path / "home"
        home.mkdir()
        if os.geteuid() == 0:
            os.chown(home, _SOMEBODY, -1)
        return home

    def test_a_superuser_makes_nothing_in_it(self, home: Path) -> None:
        """At any depth, and by whatever name."""
        (home.parent / "alias").symlink_to(home)
        for path in (
            home / ".config",
            home / ".config" / "acme" / "a.json",
            home.parent / "alias/x",
        ):
            with pytest.raises(PermissionError, match="another user's home"):
                spare_homes(str(path), uid=0, home_of=lambda _uid: str(home))

    def test_a_directory_of_others_that_is_no_home_will_do(self, home: Path) -> None:
        """Such as a volume that a container was given; or one whose name only begins so."""
        elsewhere = (lambda _uid: "", lambda _uid: "/", lambda _uid: str(home / "deeper"))
        for home_of in (*elsewhere, lambda _uid: f"{home}-of-another"):
            spare_homes(str(home / "a" / "b"), uid=0, home_of=home_of)

    def test_everybody_else_makes_what_they_can(self, home: Path) -> None:
        """The system itself keeps users out of each other's homes."""
        spare_homes(str(home / "a"), uid=1, home_of=lambda _uid: str(home))

    def test_a_superuser_at_home_makes_what_it_needs(self, home: Path, tmp_path: Path) -> None:
        """Where nobody else lives."""
        here = tmp_path if os.geteuid() == 0 else Path("/")

        spare_homes(str(here / "a"), uid=0, home_of=lambda _uid: str(home))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only a superuser can make others' homes")
    def test_whoever_writes_asks(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Files and directories, of the one user whose home the system knows to be this."""
        import pwd  # noqa: PLC0415 - not on Windows

        somebody = next(user for user in pwd.getpwall() if user.pw_uid and user.pw_dir != "/")
        home = tmp_path / "home"
        home.mkdir()
        os.chown(home, somebody.pw_uid, -1)
        monkeypatch.setattr(
            pwd, "getpwuid", lambda _uid: pwd.struct_passwd([*somebody[:5], str(home), ""])
        )

        with pytest.raises(PermissionError):
            secure(str(home / ".local" / "state"))
        with pytest.raises(PermissionError):
            write_file(str(home / ".config" / "acme.json"), b"")
        assert list(home.iterdir()) == []


def test_all_that_is_made_on_the_way_is_for_this_user_only(tmp_path: Path) -> None:
    """XDG Base Directory Specification: 0700; what is there already stays as it is."""
    there = tmp_path / "there"
    there.mkdir(mode=0o755)

    secure(str(there / "a" / "b" / "c"))

    modes = [stat.S_IMODE((there / path).stat().st_mode) for path in (".", "a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o700, 0o700, 0o700]


def test_what_is_no_directory_is_an_error(tmp_path: Path) -> None:
    """A file, or a link to nowhere, at its end or above it."""
    (tmp_path / "file").touch()
    os.symlink(tmp_path / "nowhere", tmp_path / "link")

    for name in "file", "link", "file/below", "link/below":
        with pytest.raises(OSError):  # noqa: PT011 - of several kinds
            secure(str(tmp_path / name))


def test_a_path_may_begin_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it can be made at all."""
    monkeypatch.chdir(tmp_path)

    make("a/b")

    assert (tmp_path / "a" / "b").is_dir()
    with pytest.raises(FileNotFoundError):
        make("")
