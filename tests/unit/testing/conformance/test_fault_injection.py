"""The faults that the audit hook injects: a full disk, a missing home directory, a fork."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance.audit_hook import fault_injection
from otel_telemetry.testing.conformance.audit_hook.sitecustomize import AuditLog
from tests.support.audited import kinds, run_as, run_audited

_SENDER = """
import sys, types
class Telemetry:
    def send(self, name): {send}
    def destroy(self): {destroy}
import importlib.machinery
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "otel_telemetry.telemetry":
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module): module.Telemetry = Telemetry
sys.meta_path.insert(1, Finder())
import otel_telemetry.telemetry
telemetry = otel_telemetry.telemetry.Telemetry()
for _ in range(2):
    telemetry.send("x")
print("end")
"""


def _entries(path: Path) -> list[tuple[str, str]]:
    lines = (path / "audit_log").read_text().splitlines()
    return [ast.literal_eval(line)[1:3] for line in lines]


@pytest.fixture
def audit_log(tmp_path: Path) -> AuditLog:
    """An audit log of this process."""
    (tmp_path / "audit_log").touch()
    return AuditLog(str(tmp_path / "audit_log"))


def test_on_a_full_disk_files_can_be_created_but_not_written(tmp_path: Path) -> None:
    """The audit log is still written, and the limit holds after that."""
    code = """
import errno, resource
for name in ("x", "y"):
    try:
        with open(name, "w") as file: file.write("a")
    except OSError as error:
        print(errno.errorcode[error.errno])
print(open("y", "rb").read())
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))  # for coverage measurement
"""

    run = run_audited(run_as(code), faults=["full_disk"], cwd=tmp_path)

    assert kinds(run) == {"file"}
    assert len(run.side_effects) == 2
    assert run.stdout.split() == [b"EFBIG", b"EFBIG", b"b''"]
    assert (tmp_path / "x").stat().st_size == 0


def test_without_a_home_the_user_database_has_none() -> None:
    """As for a user id without a name, in a container."""
    code = "import os; os.environ.pop('HOME', None); print(os.path.expanduser('~'))"

    assert run_audited(code, faults=["no_home"]).stdout == b"~\n"


def test_the_first_event_forks_the_program_once() -> None:
    """The child sends and ends, and leaves the output of the program unchanged."""
    code = _SENDER.format(send="print('sent', flush=True)", destroy="None")

    run = run_audited(code, faults=["fork"])

    assert run.messages("forked") == ("",)
    assert run.messages("fault") == ()
    assert run.stdout.split() == [b"sent", b"sent", b"sent", b"end"]


def test_a_child_that_raises_or_exits_with_a_status_is_a_fault() -> None:
    """The message has the exception or the status."""
    raising = _SENDER.format(send="None", destroy="1 / 0")
    leaving = _SENDER.format(send="None", destroy="import os; os._exit(4)").replace(
        "def destroy(self): import os;", "def destroy(self):\n        import os\n       "
    )

    assert run_audited(raising, faults=["fork"]).messages("fault") == (
        "a forked child raised ZeroDivisionError",
    )
    assert run_audited(leaving, faults=["fork"]).messages("fault") == (
        "a forked child ended with status 1024",
    )


def test_an_undeclared_event_in_strict_mode_is_no_fault(
    audit_log: AuditLog, tmp_path: Path
) -> None:
    """The child goes on."""

    class InvalidEventError(Exception):
        pass

    class Strict:
        ended = False

        def send(self, name: str) -> None:
            raise InvalidEventError(name)

        def destroy(self) -> None:
            self.ended = True

    telemetry = Strict()

    assert fault_injection.run_child(telemetry, audit_log) == 0
    assert telemetry.ended
    assert _entries(tmp_path) == []


def test_an_exception_in_a_child_is_recorded_by_its_type(
    audit_log: AuditLog, tmp_path: Path
) -> None:
    """Its message may contain anything."""

    class Broken:
        def send(self, name: str) -> None:
            raise KeyError(name)

        def destroy(self) -> None:
            raise SystemExit

    assert fault_injection.run_child(Broken(), audit_log) == 0
    assert _entries(tmp_path) == [
        ("fault", "a forked child raised KeyError"),
        ("fault", "a forked child raised SystemExit"),
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_hangs_is_killed_and_recorded(audit_log: AuditLog, tmp_path: Path) -> None:
    """At the timeout."""
    reader, writer = os.pipe()
    pid_reader, pid_writer = os.pipe()

    class Hanging:
        def send(self, _: str) -> None:
            os.write(pid_writer, str(os.getpid()).encode())
            os.read(reader, 1)

        def destroy(self) -> None:
            """Do nothing: the child is killed before."""

    fault_injection.fork_and_wait(Hanging(), audit_log, timeout=0.5)
    child = int(os.read(pid_reader, 16))
    for end in (reader, writer, pid_reader, pid_writer):
        os.close(end)

    assert _entries(tmp_path) == [("fault", "a forked child did not end in time")]
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
