"""The audit hook in real programs: which side effects it records, and of which code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance.audit_hook import sitecustomize
from tests.support.audited import OURS, kinds, run_as, run_audited

# Each side effect that telemetry must not have while it is off.
_SIDE_EFFECTS = {
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
        "import contextlib\nwith contextlib.suppress(ImportError): import missing_module",
    ),
}


@pytest.mark.parametrize("name", _SIDE_EFFECTS)
def test_each_side_effect_of_the_library_is_recorded(tmp_path: Path, name: str) -> None:
    """With its kind, and a stack that begins at its cause."""
    kind, code = _SIDE_EFFECTS[name]
    (tmp_path / "seed").touch()

    run = run_audited(run_as(code), cwd=tmp_path)

    assert kind in kinds(run)
    stack = next(effect.stack for effect in run.side_effects if effect.kind == kind)
    assert any(f"{OURS}.py" in line for line in stack)
    assert "importlib" not in "".join(stack).replace("importlib/__init__", "")


@pytest.mark.parametrize("name", _SIDE_EFFECTS)
def test_no_side_effect_of_the_program_is_recorded(tmp_path: Path, name: str) -> None:
    """Nor of another library."""
    _, code = _SIDE_EFFECTS[name]
    (tmp_path / "seed").touch()

    assert kinds(run_audited(run_as(code, "acme.files"), cwd=tmp_path)) == set()


def test_a_side_effect_of_an_intermediary_is_that_of_its_caller(tmp_path: Path) -> None:
    """A socket of urllib3 is recorded if the library opened it, and not if the program did."""
    carried = f"{run_as('import socket; socket.socket()', 'urllib3.connection')}"

    assert kinds(run_audited(run_as(carried), cwd=tmp_path)) == {"socket"}
    assert kinds(run_audited(run_as(carried, "acme.web"), cwd=tmp_path)) == set()


def test_a_side_effect_of_a_callback_is_that_of_the_program(tmp_path: Path) -> None:
    """Such as in a property of the application that the library reads."""
    callback = run_as("open('x', 'w')", "acme.app")

    assert kinds(run_audited(run_as(callback), cwd=tmp_path)) == set()


def test_threads_and_exit_functions_are_audited(tmp_path: Path) -> None:
    """The hook is active until the interpreter ends."""
    later = "import threading, atexit\nthreading.Thread(target=late).start()\natexit.register(end)"
    code = f"def late(): open('a', 'w')\ndef end(): open('b', 'w')\n{later}"

    run = run_audited(run_as(code), cwd=tmp_path)

    files = {effect.description for effect in run.side_effects if effect.kind == "file"}
    assert files == {"open for writing 'a'", "open for writing 'b'"}


def test_a_module_of_the_library_run_as_a_program_is_the_library(tmp_path: Path) -> None:
    """The name of such a module is `__main__`."""
    spec = "type('Spec', (), {'name': 'otel_telemetry.detached.uploader'})"
    code = f"exec(\"open('x', 'w')\", {{'__name__': '__main__', '__spec__': {spec}}})"

    assert kinds(run_audited(code, cwd=tmp_path)) == {"file"}


def test_a_vendored_copy_is_the_library(tmp_path: Path) -> None:
    """Some programs bundle their libraries."""
    run = run_audited(
        run_as("open('x', 'w')", "acme._vendor.otel_telemetry._internal.log"), cwd=tmp_path
    )

    assert kinds(run) == {"file"}


@pytest.mark.parametrize(
    "code",
    [
        "open(__import__('os').devnull).read()",
        "import os; os.listdir('.'); os.stat('.'); os.path.exists('x')",
        "import json, decimal, email.message",
        "import copy, pickle, tarfile",  # they try to import modules that may be missing
        "import otel_telemetry.telemetry",
        "import os; os.makedirs('__pycache__'); open('__pycache__/a.pyc.1', 'wb')",
        # As Python itself writes bytecode:
        "import os; os.mkdir('__pycache__'); open(os.open('__pycache__/a', os.O_CREAT | 1), 'wb')",
    ],
)
def test_reads_and_standard_library_imports_are_no_side_effects(tmp_path: Path, code: str) -> None:
    """Consent must be read, and Python writes its bytecode."""
    assert kinds(run_audited(run_as(code), cwd=tmp_path)) == set()


def test_python_child_processes_are_audited(tmp_path: Path) -> None:
    """They inherit the environment."""
    inner = run_as("open('x', 'w')")
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"

    run = run_audited(code, cwd=tmp_path)

    assert kinds(run) == {"file"}
    assert len(run.messages("installed")) == 2


def test_a_forked_child_is_audited(tmp_path: Path) -> None:
    """It inherits the hook."""
    code = "import os\nif os.fork():\n    os.wait()\nelse:\n" + "\n".join(
        f"    {line}" for line in run_as("open('x', 'w')").splitlines()
    )

    assert kinds(run_audited(code, cwd=tmp_path)) == {"file"}


def test_a_repeated_side_effect_is_recorded_once(tmp_path: Path) -> None:
    """A report stays short."""
    run = run_audited(run_as("for _ in range(1000): open('x', 'w').close()"), cwd=tmp_path)

    assert len(run.side_effects) == 1


def test_the_number_and_length_of_records_are_limited(tmp_path: Path) -> None:
    """A line is written at once, so that the lines of processes do not mix."""
    code = "import os\nfor n in range(500): os.mkdir(str(n) + chr(0x1F600) * 60)"

    run = run_audited(run_as(code), cwd=tmp_path)

    assert 100 < len(run.side_effects) <= 200
    assert all(len(effect.description) <= 300 for effect in run.side_effects)


def test_a_program_that_closes_all_descriptors_is_audited(tmp_path: Path) -> None:
    """As a daemon does; the files that it opens then stay unchanged."""
    code = "import os\nos.closerange(3, 100)\nkeep = open('theirs', 'w')\n" + run_as(
        "open('x', 'w')"
    )

    assert kinds(run_audited(code, cwd=tmp_path)) == {"file"}
    assert (tmp_path / "theirs").read_bytes() == b""


def test_the_sitecustomize_of_the_program_runs(tmp_path: Path) -> None:
    """It finds the same path as without the audit hook."""
    (tmp_path / "sitecustomize.py").write_text("import sys; print('mine', sys.path[0])")
    code = "import sys, sitecustomize; print(sitecustomize.__file__, 'audit_hook' in str(sys.path))"

    run = run_audited(code, environ={"PYTHONPATH": str(tmp_path)})

    assert run.has_audit_hook
    first, second = run.stdout.decode().splitlines()
    assert first.startswith("mine")
    assert second == f"{tmp_path / 'sitecustomize.py'} False"


def test_the_error_of_a_broken_sitecustomize_is_printed(tmp_path: Path) -> None:
    """The interpreter goes on, as without the audit hook."""
    (tmp_path / "sitecustomize.py").write_text("1 / 0")

    run = run_audited("print('on')", environ={"PYTHONPATH": str(tmp_path)})

    assert (run.has_audit_hook, run.stdout) == (True, b"on\n")
    assert b"ZeroDivisionError" in run.stderr


@pytest.mark.parametrize("option", ["-I", "-S", "-E"])
def test_a_run_without_the_audit_hook_is_recognised(option: str) -> None:
    """It differs from a run without side effects."""
    run = run_audited("print('on')", option)

    assert (run.has_audit_hook, run.side_effects, run.stdout) == (False, (), b"on\n")


def test_the_audit_hook_imports_only_itself() -> None:
    """An import would change the program."""
    code = "import sys; print(sorted(sys.modules))"
    audited = set(eval(run_audited(code).stdout))
    plain = set(eval(subprocess.check_output([sys.executable, "-c", code])))

    assert audited - plain <= {"__future__", "sitecustomize"}


def test_a_deleted_audit_log_does_not_stop_the_program(tmp_path: Path) -> None:
    """The check ended before the program."""
    audit_log = sitecustomize.AuditLog(str(tmp_path / "gone"))

    audit_log.add_message("installed")

    assert list(tmp_path.iterdir()) == []


def test_nothing_is_installed_without_an_audit_log() -> None:
    """A leftover PYTHONPATH changes nothing."""
    path = str(Path(sitecustomize.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", "import sitecustomize; print('AUDIT_LOG' in dir(sitecustomize))"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == (b"True\n", b"")
