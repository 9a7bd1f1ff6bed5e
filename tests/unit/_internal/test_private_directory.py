"""Directories that only the user can read, and the homes of other users."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from otel_telemetry._internal.atomic_file import write_file
from otel_telemetry._internal.private_directory import make_directory, reject_other_home, secure

_SOMEBODY = 54321


def test_only_the_user_can_read_a_secured_directory(tmp_path: Path) -> None:
    """Also if others could read it before."""
    path = tmp_path / "a" / "b"
    secure(str(path))
    path.chmod(0o755)

    secure(str(path))

    assert path.stat().st_mode & 0o777 == 0o700


class TestHomes:
    """`reject_other_home`: the superuser writes nothing into the home of another user."""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        """Return the home directory of a user who is not the superuser."""
        home = tmp_path / "home"
        home.mkdir()
        if os.geteuid() == 0:
            os.chown(home, _SOMEBODY, -1)
        return home

    def test_the_superuser_cannot_write_into_the_home_of_another_user(self, home: Path) -> None:
        """At any depth, and through a link."""
        (home.parent / "alias").symlink_to(home)
        for path in (
            home / ".config",
            home / ".config" / "acme" / "a.json",
            home.parent / "alias/x",
        ):
            with pytest.raises(PermissionError, match="another user's home"):
                reject_other_home(str(path), uid=0, home_of=lambda _uid: str(home))

    def test_the_superuser_can_write_outside_of_homes(self, home: Path) -> None:
        """Such as into the volume of a container, or where a path begins like that of a home."""
        elsewhere = (lambda _uid: "", lambda _uid: "/", lambda _uid: str(home / "deeper"))
        for home_of in (*elsewhere, lambda _uid: f"{home}-of-another"):
            reject_other_home(str(home / "a" / "b"), uid=0, home_of=home_of)

    def test_other_users_are_not_checked(self, home: Path) -> None:
        """The system itself protects homes from them."""
        reject_other_home(str(home / "a"), uid=1, home_of=lambda _uid: str(home))

    def test_the_superuser_can_write_into_its_own_home(self, home: Path, tmp_path: Path) -> None:
        """It is not the home of another user."""
        here = tmp_path if os.geteuid() == 0 else Path("/")

        reject_other_home(str(here / "a"), uid=0, home_of=lambda _uid: str(home))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only a superuser can make others' homes")
    def test_writing_files_and_securing_directories_check_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """For the user whose home the user database says it is."""
        import pwd  # noqa: PLC0415 - not on Windows

        other_user = next(user for user in pwd.getpwall() if user.pw_uid and user.pw_dir != "/")
        home = tmp_path / "home"
        home.mkdir()
        os.chown(home, other_user.pw_uid, -1)
        monkeypatch.setattr(
            pwd, "getpwuid", lambda _uid: pwd.struct_passwd([*other_user[:5], str(home), ""])
        )

        with pytest.raises(PermissionError):
            secure(str(home / ".local" / "state"))
        with pytest.raises(PermissionError):
            write_file(str(home / ".config" / "acme.json"), b"")
        assert list(home.iterdir()) == []


def test_missing_parent_directories_are_made_with_mode_0700(tmp_path: Path) -> None:
    """As the XDG Base Directory Specification requires; existing ones do not change."""
    there = tmp_path / "there"
    there.mkdir(mode=0o755)

    secure(str(there / "a" / "b" / "c"))

    modes = [stat.S_IMODE((there / path).stat().st_mode) for path in (".", "a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o700, 0o700, 0o700]


def test_a_file_or_a_broken_link_in_the_path_raises(tmp_path: Path) -> None:
    """At its end or above."""
    (tmp_path / "file").touch()
    os.symlink(tmp_path / "nowhere", tmp_path / "link")

    for name in "file", "link", "file/below", "link/below":
        with pytest.raises(OSError):  # noqa: PT011 - of several kinds
            secure(str(tmp_path / name))


def test_a_relative_path_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working directory."""
    monkeypatch.chdir(tmp_path)

    make_directory("a/b")

    assert (tmp_path / "a" / "b").is_dir()
    with pytest.raises(FileNotFoundError):
        make_directory("")
