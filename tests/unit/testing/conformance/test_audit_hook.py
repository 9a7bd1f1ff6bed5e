"""What the watcher sees, and whom it blames: real programs, real system calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance.audit_hook import sitecustomize
from tests.support.watched import OURS, kinds, run_as, watch

# Everything that off must not do, each in another way.
_ACTS = {
    "open": ("file", "open('x', 'w')"),
    "append": ("file", "open('x', 'ab')"),
    "update": ("file", "import os; open('x', 'w').close(); open('x', 'r+')"),
    "os.open": ("file", "import os; os.open('x', os.O_WRONLY | os.O_CREAT)"),
    "pathlib": ("file", "import pathlib; pathlib.Path('x').write_text('')"),
    "tempfile": ("file", "import tempfile; tempfile.TemporaryFile()"),
    "logging": ("file", "import logging; logging.FileHandler('x')"),
    "sqlite": ("file", "import sqlite3; sqlite3.connect('x')"),
    "mkdir": ("file", "import os; os.mkdir('x')"),
    "rename": ("file", "import os; os.rename('seed', 'y')"),
    "remove": ("file", "import os; os.remove('seed')"),
    "chmod": ("file", "import os; os.chmod('seed', 0o600)"),
    "symlink": ("file", "import os; os.symlink('seed', 'y')"),
    "truncate": ("file", "import os; os.truncate('seed', 0)"),
    "socket": ("socket", "import socket; socket.socket()"),
    "look-up": ("socket", "import socket; socket.getaddrinfo('localhost', 1)"),
    "hostname": ("socket", "import socket; socket.gethostname()"),
    "thread": ("thread", "import threading; threading.Thread(target=int).start()"),
    "bare thread": ("thread", "import _thread; _thread.start_new_thread(int, ())"),
    "timer": ("thread", "import threading; threading.Timer(0, int).start()"),
    "subprocess": ("process", "import subprocess; subprocess.run(['true'])"),
    "system": ("process", "import os; os.system('true')"),
    "fork": ("process", "import os; os.fork() or os._exit(0); os.wait()"),
    "spawn": ("process", "import os; os.posix_spawn('/bin/true', ['true'], {}); os.wait()"),
    "import": ("import", "import opentelemetry.trace"),
    "import by name": ("import", "import importlib; importlib.import_module('urllib3')"),
    "missing import": (
        "import",
        "import contextlib\nwith contextlib.suppress(ImportError): import nobody_has_this",
    ),
}


@pytest.mark.parametrize("act", _ACTS)
def test_every_kind_of_act_is_seen_and_blamed(tmp_path: Path, act: str) -> None:
    """With what was done, and a stack that begins where it was done."""
    kind, code = _ACTS[act]
    (tmp_path / "seed").touch()

    run = watch(run_as(code), cwd=tmp_path)

    assert kind in kinds(run)
    stack = next(found.stack for found in run.acts if found.kind == kind)
    assert any(f"{OURS}.py" in line for line in stack)
    assert "importlib" not in "".join(stack).replace("importlib/__init__", "")


@pytest.mark.parametrize("act", _ACTS)
def test_the_program_itself_may_do_all_of_it(tmp_path: Path, act: str) -> None:
    """And so may any other library."""
    _, code = _ACTS[act]
    (tmp_path / "seed").touch()

    assert kinds(watch(run_as(code, "acme.files"), cwd=tmp_path)) == set()


def test_what_goes_through_a_library_is_done_by_who_calls_it(tmp_path: Path) -> None:
    """A socket of urllib3 is ours if we asked for it, and the program's if the program did."""
    carried = f"{run_as('import socket; socket.socket()', 'urllib3.connection')}"

    assert kinds(watch(run_as(carried), cwd=tmp_path)) == {"socket"}
    assert kinds(watch(run_as(carried, "acme.web"), cwd=tmp_path)) == set()


def test_what_the_program_does_in_a_call_from_us_is_its_own(tmp_path: Path) -> None:
    """Such as in a property of the application that the library reads."""
    callback = run_as("open('x', 'w')", "acme.app")

    assert kinds(watch(run_as(callback), cwd=tmp_path)) == set()


def test_a_thread_and_the_end_of_the_program_are_watched_too(tmp_path: Path) -> None:
    """Wherever in the program it happens."""
    later = "import threading, atexit\nthreading.Thread(target=late).start()\natexit.register(end)"
    code = f"def late(): open('a', 'w')\ndef end(): open('b', 'w')\n{later}"

    run = watch(run_as(code), cwd=tmp_path)

    files = {act.what for act in run.acts if act.kind == "file"}
    assert files == {"open for writing 'a'", "open for writing 'b'"}


def test_a_program_that_is_run_as_a_module_of_ours_is_ours(tmp_path: Path) -> None:
    """`python -m otel_telemetry…` is called __main__."""
    spec = "type('Spec', (), {'name': 'otel_telemetry.detached.uploader'})"
    code = f"exec(\"open('x', 'w')\", {{'__name__': '__main__', '__spec__': {spec}}})"

    assert kinds(watch(code, cwd=tmp_path)) == {"file"}


def test_a_copy_within_another_package_is_ours(tmp_path: Path) -> None:
    """Some programs bring their libraries along."""
    run = watch(run_as("open('x', 'w')", "acme._vendor.otel_telemetry._internal.log"), cwd=tmp_path)

    assert kinds(run) == {"file"}


@pytest.mark.parametrize(
    "code",
    [
        "open(__import__('os').devnull).read()",
        "import os; os.listdir('.'); os.stat('.'); os.path.exists('x')",
        "import json, decimal, email.message",
        "import copy, pickle, tarfile",  # which try to import what most machines do not have
        "import otel_telemetry.telemetry",
        "import os; os.makedirs('__pycache__'); open('__pycache__/a.pyc.1', 'wb')",
        # As Python itself does it:
        "import os; os.mkdir('__pycache__'); open(os.open('__pycache__/a', os.O_CREAT | 1), 'wb')",
    ],
)
def test_reading_and_pythons_own_modules_are_no_acts(tmp_path: Path, code: str) -> None:
    """Somebody's choice has to be read, and Python keeps what it has compiled."""
    assert kinds(watch(run_as(code), cwd=tmp_path)) == set()


def test_the_programs_that_it_starts_are_watched(tmp_path: Path) -> None:
    """If they are Python."""
    inner = run_as("open('x', 'w')")
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"

    run = watch(code, cwd=tmp_path)

    assert kinds(run) == {"file"}
    assert len(run.noted("watching")) == 2


def test_a_forked_child_is_watched(tmp_path: Path) -> None:
    """It has the same hooks."""
    code = "import os\nif os.fork():\n    os.wait()\nelse:\n" + "\n".join(
        f"    {line}" for line in run_as("open('x', 'w')").splitlines()
    )

    assert kinds(watch(code, cwd=tmp_path)) == {"file"}


def test_the_same_act_is_noted_once(tmp_path: Path) -> None:
    """A report of a thousand lines is read by nobody."""
    run = watch(run_as("for _ in range(1000): open('x', 'w').close()"), cwd=tmp_path)

    assert len(run.acts) == 1


def test_thousands_of_acts_are_not_all_noted(tmp_path: Path) -> None:
    """Nor are long names: a line is written at once, so that processes do not mix them up."""
    code = "import os\nfor n in range(500): os.mkdir(str(n) + chr(0x1F600) * 60)"

    run = watch(run_as(code), cwd=tmp_path)

    assert 100 < len(run.acts) <= 200
    assert all(len(act.what) <= 300 for act in run.acts)


def test_a_program_that_closes_every_descriptor_is_still_watched(tmp_path: Path) -> None:
    """As a daemon does; and nothing is written into a file that it then opens."""
    code = "import os\nos.closerange(3, 100)\nkeep = open('theirs', 'w')\n" + run_as(
        "open('x', 'w')"
    )

    assert kinds(watch(code, cwd=tmp_path)) == {"file"}
    assert (tmp_path / "theirs").read_bytes() == b""


def test_the_programs_own_sitecustomize_has_its_turn(tmp_path: Path) -> None:
    """And finds its path, and everything else, as without the watcher."""
    (tmp_path / "sitecustomize.py").write_text("import sys; print('mine', sys.path[0])")
    code = "import sys, sitecustomize; print(sitecustomize.__file__, 'watcher' in str(sys.path))"

    run = watch(code, environ={"PYTHONPATH": str(tmp_path)})

    assert run.is_watched
    first, second = run.stdout.decode().splitlines()
    assert first.startswith("mine")
    assert second == f"{tmp_path / 'sitecustomize.py'} False"


def test_a_sitecustomize_that_is_broken_is_as_broken_as_without(tmp_path: Path) -> None:
    """The interpreter says so, and goes on."""
    (tmp_path / "sitecustomize.py").write_text("1 / 0")

    run = watch("print('on')", environ={"PYTHONPATH": str(tmp_path)})

    assert (run.is_watched, run.stdout) == (True, b"on\n")
    assert b"ZeroDivisionError" in run.stderr


@pytest.mark.parametrize("option", ["-I", "-S", "-E"])
def test_a_program_that_cannot_be_watched_is_told_apart(option: str) -> None:
    """From one in which nothing happened."""
    run = watch("print('on')", option)

    assert (run.is_watched, run.acts, run.stdout) == (False, (), b"on\n")


def test_what_it_imports_is_next_to_nothing() -> None:
    """A watcher that imports changes what is watched."""
    code = "import sys; print(sorted(sys.modules))"
    watched = set(eval(watch(code).stdout))
    plain = set(eval(subprocess.check_output([sys.executable, "-c", code])))

    assert watched - plain <= {"__future__", "sitecustomize"}


def test_a_journal_that_is_gone_is_no_concern_of_the_program(tmp_path: Path) -> None:
    """Whoever started it has lost interest; it goes on."""
    journal = sitecustomize.Journal(str(tmp_path / "gone"))

    journal.note("watching")

    assert list(tmp_path.iterdir()) == []


def test_without_a_journal_nothing_is_installed() -> None:
    """A stray PYTHONPATH does no harm."""
    path = str(Path(sitecustomize.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", "import sitecustomize; print('JOURNAL' in dir(sitecustomize))"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == (b"True\n", b"")
