"""The launcher starts uploaders rarely, once for many processes, and safely."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_telemetry._internal import filelock
from otel_telemetry.detached import launcher
from otel_telemetry.detached.launcher import Launcher, command, is_python, spawn
from otel_telemetry.spool.layout import UPLOADER_LOCK
from tests.support.processes import plain_environment
from tests.support.spools import leave
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping


HOUR = 3600.0


class Starts:
    """The uploaders that were started, and the time."""

    def __init__(self, directory: Path, *, result: int | None = None) -> None:
        leave(directory, "a")
        self.directory = directory
        self.now = time.time()
        self.started: list[str] = []
        self.result = result

    def launcher(self, interval: float = HOUR) -> Launcher:
        """Return a launcher as in another process."""
        return Launcher(
            str(self.directory), interval=interval, start=self._start, now=lambda: self.now
        )

    def _start(self, directory: str) -> int | None:
        self.started.append(directory)
        return self.result


@pytest.fixture
def starts(directory: Path) -> Starts:
    """A directory with a segment of a dead process."""
    return Starts(directory)


class TestWhen:
    """The launcher starts an uploader when one is due."""

    def test_uploader_starts_once_in_an_interval(self, starts: Starts) -> None:
        """This holds across processes."""
        assert starts.launcher().start_if_due()
        assert not starts.launcher().start_if_due()

        starts.now += HOUR + 1

        assert starts.launcher().start_if_due()
        assert starts.started == [str(starts.directory)] * 2

    def test_uploader_starts_each_time_without_an_interval(self, starts: Starts) -> None:
        """The interval is zero."""
        assert starts.launcher(0).start_if_due()
        assert starts.launcher(0).start_if_due()

    @pytest.mark.parametrize("ahead", [120, 10 * 365 * 24 * HOUR])
    def test_mark_from_the_future_does_not_block(self, starts: Starts, ahead: float) -> None:
        """The clock was set back."""
        starts.now += ahead
        starts.launcher().start_if_due()
        starts.now -= ahead

        assert starts.launcher().start_if_due()

    def test_mark_slightly_in_the_future_counts(self, starts: Starts) -> None:
        """Two machines may share a home directory, and their clocks differ a little."""
        starts.now += 30
        starts.launcher().start_if_due()
        starts.now -= 30

        assert not starts.launcher().start_if_due()

    def test_no_uploader_starts_while_one_is_running(self, starts: Starts) -> None:
        """The running uploader holds the lock."""
        starts.launcher().start_if_due()
        starts.now += HOUR + 1
        lock = filelock.acquire(str(starts.directory / UPLOADER_LOCK), create=False)
        assert lock is not None

        assert not starts.launcher().start_if_due()

        filelock.release(lock)

        assert starts.launcher().start_if_due()

    def test_no_uploader_starts_without_a_segment(self, tmp_path: Path, starts: Starts) -> None:
        """This holds also without a directory."""
        for path in starts.directory.glob("*.seg"):
            path.unlink()

        assert not starts.launcher().start_if_due()
        assert not Launcher(str(tmp_path / "gone"), interval=HOUR).start_if_due()
        assert not (tmp_path / "gone").exists()

    def test_no_uploader_starts_if_another_process_was_first(self, starts: Starts) -> None:
        """It was first between the read of the mark and the lock."""
        starts.launcher().start_if_due()
        times = iter([starts.now + HOUR + 1, starts.now])
        late = Launcher(
            str(starts.directory),
            interval=HOUR,
            start=starts._start,
            now=lambda: next(times),
        )

        assert not late.start_if_due()
        assert len(starts.started) == 1

    def test_mark_is_written_before_the_start(self, starts: Starts) -> None:
        """Otherwise every process that ends at this moment starts an uploader."""
        marks: list[float] = []

        def start(directory: str) -> None:
            marks.append((Path(directory) / UPLOADER_LOCK).stat().st_mtime)
            raise BlockingIOError

        launching = Launcher(
            str(starts.directory), interval=HOUR, start=start, now=lambda: starts.now
        )

        assert not launching.start_if_due()
        assert marks == [pytest.approx(starts.now)]
        assert not starts.launcher().start_if_due()

    def test_no_uploader_starts_without_write_permission(self, starts: Starts) -> None:
        """No exception is raised."""
        (starts.directory / UPLOADER_LOCK).symlink_to(starts.directory / "elsewhere")

        assert not starts.launcher().start_if_due()


class TestChildren:
    """The launcher reaps its children in a process that lives on."""

    def test_ended_uploaders_are_reaped(self, directory: Path) -> None:
        """The next start reaps them at the latest."""
        child = subprocess.Popen([sys.executable, "-c", ""])
        starts = Starts(directory, result=child.pid)
        launching = starts.launcher(0)
        launching.start_if_due()
        wait_until(lambda: _is_zombie(child.pid), within=10, what="its end")
        starts.result = None
        launching.start_if_due()

        assert not _is_zombie(child.pid)
        assert launching._started == []
        child.returncode = 0

    def test_reaping_does_not_wait_for_a_running_uploader(self, directory: Path) -> None:
        """The next call checks it again."""
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            starts = Starts(directory, result=child.pid)
            launching = starts.launcher(0)
            launching.start_if_due()
            starts.result = None
            launching.start_if_due()

            assert launching._started == [(child.pid, os.getpid())]

            child.communicate(b"\n")

    def test_forked_child_does_not_reap_the_uploaders_of_its_parent(self, directory: Path) -> None:
        """A forked process has no uploaders."""
        child = subprocess.Popen([sys.executable, "-c", ""])
        starts = Starts(directory)
        launching = starts.launcher(0)
        launching._started = [(child.pid, os.getpid() + 1)]
        launching.start_if_due()

        assert launching._started == []
        assert child.wait(10) == 0


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False


class TestCommand:
    """The command line of the uploader."""

    def test_uploader_environment_holds_only_paths(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It holds no payload, header or key: others can read it."""
        monkeypatch.setattr(sys, "path", ["/a"])
        root = str(Path(launcher.__file__).parents[2])
        arguments = command("/spool/x")

        assert arguments[0] == sys.executable
        assert arguments[-3:] == ["/spool/x", root, "/a"]
        assert "-I" in arguments

    def test_current_directory_is_not_on_the_uploader_path(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """It is removed under every name, and so is the directory of the program."""
        (tmp_path / "cwd").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "cwd")
        places = ["", ".", "cwd", str(tmp_path / "cwd"), str(tmp_path / "link"), "/bin", "/lib/x"]
        monkeypatch.chdir(tmp_path / "cwd")
        monkeypatch.setattr(sys, "path", places)
        root = str(Path(launcher.__file__).parents[2])

        assert command("/spool/x", "/bin/tool")[-3:] == ["/spool/x", root, "/lib/x"]

    def test_missing_current_directory_does_not_prevent_the_start(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Tools may delete it."""
        (tmp_path / "cwd").mkdir()
        monkeypatch.chdir(tmp_path / "cwd")
        (tmp_path / "cwd").rmdir()

        assert command("/spool/x")[0] == sys.executable

    @pytest.mark.parametrize(
        ("forbidden", "prefix", "expected"),
        [(False, None, True), (True, None, False), (False, "/cache", False)],
    )
    def test_uploader_writes_bytecode_where_the_host_does(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        forbidden: bool,
        prefix: str | None,
        expected: bool,
    ) -> None:
        """It writes none elsewhere."""
        monkeypatch.setattr(sys, "dont_write_bytecode", forbidden)
        monkeypatch.setattr(sys, "pycache_prefix", prefix)

        assert ("-B" not in command("/spool/x")) is expected


@pytest.mark.parametrize(
    ("executable", "environ", "is_frozen", "expected"),
    [
        ("/usr/bin/python3", {}, False, True),
        ("/usr/bin/python3.13t", {}, False, True),
        ("C:/Python/Python.exe", {}, False, True),
        ("/opt/pypy3", {}, False, True),
        ("/usr/bin/python3", {}, True, False),
        ("/usr/bin/python3", {"PYTHONHOME": "/opt"}, False, False),
        ("/usr/sbin/uwsgi", {}, False, False),
        ("", {}, False, False),
        (None, {}, False, False),
    ],
)
def test_only_a_python_interpreter_is_started(
    executable: str | None, environ: Mapping[str, str], *, is_frozen: bool, expected: bool
) -> None:
    """Any other program would start the host again, in a loop."""
    assert is_python(executable, environ, is_frozen=is_frozen) is expected


REPORT_PROGRAM = """
import os, sys
os.makedirs(sys.argv[1])
with open(sys.argv[1] + "/report", "w") as file:
    null = os.stat("/dev/null").st_rdev
    print(os.getsid(0) == os.getpid(), [os.fstat(n).st_rdev == null for n in range(3)],
          os.environ["X"], file=file)
os.rename(sys.argv[1] + "/report", sys.argv[1] + "/done")
"""


def _report_of_a_child(path: Path) -> str:
    environ = {**plain_environment(), "X": "y"}
    pid = spawn([sys.executable, "-I", "-c", REPORT_PROGRAM, str(path)], environ)
    assert os.waitpid(pid, 0) == (pid, 0)
    return (path / "done").read_text()


def test_spawned_process_has_its_own_session_and_no_terminal(tmp_path: Path) -> None:
    """It gets the environment of the call."""
    assert _report_of_a_child(tmp_path / "x") == "True [True, True, True] y\n"


def test_spawn_works_where_posix_spawn_sets_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new process then creates its session itself."""
    original = os.posix_spawn

    def old_posix_spawn(*args: object, **options: object) -> int:
        if "setsid" in options:
            raise NotImplementedError
        return original(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "posix_spawn", old_posix_spawn)

    assert _report_of_a_child(tmp_path / "x") == "False [True, True, True] y\n"


def test_spawn_raises_when_the_program_cannot_start(tmp_path: Path) -> None:
    """The launcher catches the error."""
    with pytest.raises(OSError, match="No such file"):
        spawn([str(tmp_path / "no-python")], {})
