"""Real programs beside a test."""

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
    """Spell the command that runs a Python program."""
    return (sys.executable, "-c", program, *arguments)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie: in a container nobody may bury an orphan."""
    state = subprocess.run(("ps", "-o", "state=", "-p", str(pid)), capture_output=True, check=False)
    return state.stdout.strip() not in {b"", b"Z"}


def test_a_server_is_waited_for() -> None:
    """The block is entered only once the port answers, however late the program is."""
    port = free_port()

    with running(python(LATE_SERVER, str(port)), ports=(port,)):
        assert port_answers(port)


def test_a_server_is_gone_after_the_block() -> None:
    """Nobody answers on its port any more, and its exit status is known."""
    port = free_port()

    with running(python(LATE_SERVER, str(port)), ports=(port,)) as child:
        pass

    assert not port_answers(port)
    assert child.returncode is not None


def test_a_program_that_ends_too_soon_is_reported_at_once() -> None:
    """The error carries the exit status and the program's last words."""
    command = python("import sys; sys.exit('no such option')")

    with (
        pytest.raises(ChildError, match=r"ended with 1 before port \d+; .*\nno such option"),
        running(command, ports=(free_port(),), ready_within=30),
    ):
        pytest.fail("entered without an answer")


def test_a_program_that_never_answers_is_given_up() -> None:
    """The wait for its port is bounded, and the program does not outlive it."""
    with (
        pytest.raises(ChildError, match=r"not within 0\.1 s: port \d+"),
        running(python(FOREVER), ports=(free_port(),), ready_within=0.1),
    ):
        pytest.fail("entered without an answer")


def test_both_outputs_are_collected() -> None:
    """Standard output and error are read while it runs, and kept after its end."""
    program = f"import sys; print('out', flush=True); print('err', file=sys.stderr); {FOREVER}"

    with running(python(program)) as child:
        child.wait_for_output("out\nerr\n", within=10)

    assert child.output == "out\nerr\n"


def test_reading_the_output_leaves_it_whole() -> None:
    """The reader and the writer share one file, and do not disturb each other."""
    program = "print(1, flush=True); input_ = __import__('threading').Event().wait(0.1); print(2)"

    with running(python(program)) as child:
        child.wait_for_output("1\n", within=10)
        assert child.wait(within=10) == 0

    assert child.output == "1\n2\n"


def test_waiting_for_words_that_never_come_ends_with_the_program() -> None:
    """Nobody waits for the dead."""
    with (
        running(python("print('hello')")) as child,
        pytest.raises(ChildError, match=r"ended with 0 before 'goodbye'; .*\nhello"),
    ):
        child.wait_for_output("goodbye", within=30)


def test_last_words_are_heard() -> None:
    """What a program says as it ends counts as said."""
    with running(python("print('goodbye')")) as child:
        assert child.wait(within=10) == 0

        child.wait_for_output("goodbye", within=0)


def test_waiting_for_an_end_is_bounded() -> None:
    """A program that runs on is an error."""
    with running(python(FOREVER)) as child, pytest.raises(ChildError, match="still runs"):
        child.wait(within=0.05)


def test_a_program_deaf_to_sigterm_is_killed() -> None:
    """Asked first, then made to."""
    with running(python(DEAF), stop_within=0.1) as child:
        child.wait_for_output("deaf", within=10)

    assert child.returncode == -9


def test_what_it_started_ends_with_it() -> None:
    """A program's own children do not outlive the block."""
    program = (
        "import subprocess, sys;"
        f"other = subprocess.Popen((sys.executable, '-c', {DEAF!r}));"
        f"print(other.pid, flush=True); {FOREVER}"
    )

    with running(python(program)) as child:
        child.wait_for_output("deaf", within=10)
        grandchild = int(child.output.split()[0])

    wait_until(lambda: not is_alive(grandchild), within=5, what="end of the grandchild")


def test_a_crash_can_be_staged() -> None:
    """`kill` ends the program at once and without a word."""
    with running(python(FOREVER)) as child:
        child.kill()

        assert child.returncode == -9


def test_a_program_runs_where_and_with_what_the_test_says(tmp_path: Path) -> None:
    """Folder and environment are handed on as given."""
    program = "import os; print(os.getcwd(), os.environ['WORD'])"

    with running(python(program), cwd=tmp_path, env=plain_environment(WORD="hi")) as child:
        child.wait(within=10)

    assert child.output.split() == [str(tmp_path), "hi"]


def test_a_plain_environment_keeps_nothing_but_the_way_to_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No setting and no secret of the machine reaches a foreign program."""
    monkeypatch.setenv("SECRET", "x")

    assert set(plain_environment()) <= {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}
    assert plain_environment()["PATH"] == os.environ["PATH"]


def test_free_ports_differ_and_can_be_taken() -> None:
    """Two parts of one test never get the same port."""
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == 50
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_in_use_is_not_free() -> None:
    """The next candidate is passed over when somebody listens on it."""
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken = server.getsockname()[1]

        assert taken not in {free_port() for _ in range(12_000)}


def test_a_refusing_port_refuses() -> None:
    """Nobody listens on it, and nobody else can begin to."""
    with refusing_port() as port:
        assert not port_answers(port)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))


def test_a_missing_part_skips_the_test_of_a_developer() -> None:
    """Whoever lacks nginx can still run the rest."""
    with pytest.raises(pytest.skip.Exception, match="missing: nginx"):
        missing("nginx", in_ci=False)


def test_a_missing_part_fails_in_ci() -> None:
    """A test that cannot run there must not pass for one that did."""
    with pytest.raises(pytest.fail.Exception, match="missing: nginx; in CI no test is skipped"):
        missing("nginx", in_ci=True)
