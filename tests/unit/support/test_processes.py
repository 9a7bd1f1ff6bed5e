"""Starting and stopping real programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes import (
    ChildError,
    free_port,
    missing,
    plain_environment,
    port_answers,
    refusing_port,
    running,
)
from tests.support.waiting import wait_until

FOREVER: Final = "import threading; threading.Event().wait()"
DEAF: Final = (
    "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); threading.Event().wait()"
)
LATE_SERVER: Final = """\
import socket, sys, threading
threading.Event().wait(0.2)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        server.accept()[0].close()
"""


def python(program: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a Python program."""
    return (sys.executable, "-c", program, *arguments)


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is no zombie, which a container may keep."""
    state = subprocess.run(("ps", "-o", "state=", "-p", str(pid)), capture_output=True, check=False)
    return state.stdout.strip() not in {b"", b"Z"}


def test_the_block_starts_once_the_port_answers() -> None:
    """Also if the program is slow."""
    port = free_port()

    with running(python(LATE_SERVER, str(port)), ports=(port,)):
        assert port_answers(port)


def test_the_program_has_ended_after_the_block() -> None:
    """Its port is closed, and its exit status is known."""
    port = free_port()

    with running(python(LATE_SERVER, str(port)), ports=(port,)) as child:
        pass

    assert not port_answers(port)
    assert child.returncode is not None


def test_a_program_that_ends_early_raises_child_error_at_once() -> None:
    """The error has the exit status and the last output."""
    command = python("import sys; sys.exit('no such option')")

    with (
        pytest.raises(ChildError, match=r"ended with 1 before port \d+; .*\nno such option"),
        running(command, ports=(free_port(),), ready_within=30),
    ):
        pytest.fail("entered without an answer")


def test_a_program_whose_port_never_answers_raises_child_error() -> None:
    """After a timeout, and the program is stopped."""
    with (
        pytest.raises(ChildError, match=r"not within 0\.1 s: port \d+"),
        running(python(FOREVER), ports=(free_port(),), ready_within=0.1),
    ):
        pytest.fail("entered without an answer")


def test_both_outputs_are_collected() -> None:
    """Standard output and error can be read during the run and after it."""
    program = f"import sys; print('out', flush=True); print('err', file=sys.stderr); {FOREVER}"

    with running(python(program)) as child:
        child.wait_for_output("out\nerr\n", within=10)

    assert child.output == "out\nerr\n"


def test_reading_the_output_does_not_change_it() -> None:
    """The reader and the writer share one file offset."""
    program = "print(1, flush=True); input_ = __import__('threading').Event().wait(0.1); print(2)"

    with running(python(program)) as child:
        child.wait_for_output("1\n", within=10)
        assert child.wait(within=10) == 0

    assert child.output == "1\n2\n"


def test_waiting_for_output_ends_with_the_program() -> None:
    """If the program ends without it."""
    with (
        running(python("print('hello')")) as child,
        pytest.raises(ChildError, match=r"ended with 0 before 'goodbye'; .*\nhello"),
    ):
        child.wait_for_output("goodbye", within=30)


def test_waiting_for_output_finds_the_last_output() -> None:
    """The program writes it and ends."""
    with running(python("print('goodbye')")) as child:
        assert child.wait(within=10) == 0

        child.wait_for_output("goodbye", within=0)


def test_waiting_for_the_end_has_a_timeout() -> None:
    """A program that still runs is an error."""
    with running(python(FOREVER)) as child, pytest.raises(ChildError, match="still runs"):
        child.wait(within=0.05)


def test_a_program_that_ignores_sigterm_is_killed() -> None:
    """After a timeout."""
    with running(python(DEAF), stop_within=0.1) as child:
        child.wait_for_output("deaf", within=10)

    assert child.returncode == -9


def test_child_processes_of_the_program_are_killed() -> None:
    """They are in its process group."""
    program = (
        "import subprocess, sys;"
        f"other = subprocess.Popen((sys.executable, '-c', {DEAF!r}));"
        f"print(other.pid, flush=True); {FOREVER}"
    )

    with running(python(program)) as child:
        child.wait_for_output("deaf", within=10)
        grandchild = int(child.output.split()[0])

    wait_until(lambda: not is_alive(grandchild), within=5, what="end of the grandchild")


def test_kill_ends_the_program_at_once() -> None:
    """As in a crash."""
    with running(python(FOREVER)) as child:
        child.kill()

        assert child.returncode == -9


def test_a_program_runs_in_the_given_directory_and_environment(tmp_path: Path) -> None:
    """Both are passed on unchanged."""
    program = "import os; print(os.getcwd(), os.environ['WORD'])"

    with running(python(program), cwd=tmp_path, env=plain_environment(WORD="hi")) as child:
        child.wait(within=10)

    assert child.output.split() == [str(tmp_path), "hi"]


def test_a_plain_environment_keeps_only_the_paths_of_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No settings, proxies or secrets."""
    monkeypatch.setenv("SECRET", "x")

    assert set(plain_environment()) <= {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}
    assert plain_environment()["PATH"] == os.environ["PATH"]


def test_free_ports_differ_and_can_be_opened() -> None:
    """Two programs of a test never get the same port."""
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == 50
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_in_use_is_not_free() -> None:
    """The next candidate is skipped if a program listens on it."""
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken = server.getsockname()[1]

        assert taken not in {free_port() for _ in range(12_000)}


def test_a_refusing_port_refuses_connections() -> None:
    """No program listens on it, and none can."""
    with refusing_port() as port:
        assert not port_answers(port)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))


def test_a_missing_program_skips_the_test_outside_ci() -> None:
    """A developer without nginx can run the other tests."""
    with pytest.raises(pytest.skip.Exception, match="missing: nginx"):
        missing("nginx", in_ci=False)


def test_a_missing_program_fails_the_test_in_ci() -> None:
    """In CI, no test is skipped."""
    with pytest.raises(pytest.fail.Exception, match="missing: nginx; in CI no test is skipped"):
        missing("nginx", in_ci=True)
