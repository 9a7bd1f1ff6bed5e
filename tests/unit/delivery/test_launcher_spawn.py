"""The process that is started: on its own from its first moment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from otel_telemetry.detached.launcher import spawn
from tests.support.processes import plain_environment

SAYS = """
import os, sys
os.makedirs(sys.argv[1])
with open(sys.argv[1] + "/said", "w") as file:
    null = os.stat("/dev/null").st_rdev
    print(os.getsid(0) == os.getpid(), [os.fstat(n).st_rdev == null for n in range(3)],
          os.environ["X"], file=file)
os.rename(sys.argv[1] + "/said", sys.argv[1] + "/done")
"""


def _said_by_a_child(path: Path) -> str:
    environ = {**plain_environment(), "X": "y"}
    pid = spawn([sys.executable, "-I", "-c", SAYS, str(path)], environ)
    assert os.waitpid(pid, 0) == (pid, 0)
    return (path / "done").read_text()


def test_it_has_a_session_of_its_own_and_no_terminal(tmp_path: Path) -> None:
    """And the environment that it is given."""
    assert _said_by_a_child(tmp_path / "x") == "True [True, True, True] y\n"


def test_a_system_without_sessions_for_it_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new process begins its own then, as it begins."""
    original = os.posix_spawn

    def old_posix_spawn(*args: object, **options: object) -> int:
        if "setsid" in options:
            raise NotImplementedError
        return original(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "posix_spawn", old_posix_spawn)

    assert _said_by_a_child(tmp_path / "x") == "False [True, True, True] y\n"


def test_what_cannot_be_started_raises(tmp_path: Path) -> None:
    """The launcher contains it."""
    with pytest.raises(OSError, match="No such file"):
        spawn([str(tmp_path / "no-python")], {})
