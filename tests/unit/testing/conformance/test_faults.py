"""What the watcher brings about in a program: a full disk, no home, a fork."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance.audit_hook import conformance_faults
from otel_telemetry.testing.conformance.audit_hook.sitecustomize import Journal
from tests.support.watched import kinds, run_as, watch

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


def _noted(path: Path) -> list[tuple[str, str]]:
    lines = (path / "journal").read_text().splitlines()
    return [ast.literal_eval(line)[1:3] for line in lines]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of this process."""
    (tmp_path / "journal").touch()
    return Journal(str(tmp_path / "journal"))


def test_on_a_full_disk_files_can_be_made_but_do_not_grow(tmp_path: Path) -> None:
    """The watcher itself goes on writing, and the limit holds after that as well."""
    code = """
import errno, resource
for name in ("x", "y"):
    try:
        with open(name, "w") as file: file.write("a")
    except OSError as error:
        print(errno.errorcode[error.errno])
print(open("y", "rb").read())
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))  # for whoever measures coverage
"""

    run = watch(run_as(code), faults=["full_disk"], cwd=tmp_path)

    assert kinds(run) == {"file"}
    assert len(run.acts) == 2
    assert run.stdout.split() == [b"EFBIG", b"EFBIG", b"b''"]
    assert (tmp_path / "x").stat().st_size == 0


def test_without_a_home_nobody_knows_one() -> None:
    """As a container's user that has a number and no name."""
    code = "import os; os.environ.pop('HOME', None); print(os.path.expanduser('~'))"

    assert watch(code, faults=["no_home"]).stdout == b"~\n"


def test_the_first_event_forks_once_and_the_program_goes_on() -> None:
    """The child sends and ends as well, and leaves the program's output alone."""
    code = _SENDER.format(send="print('sent', flush=True)", destroy="None")

    run = watch(code, faults=["fork"])

    assert run.noted("forked") == ("",)
    assert run.noted("fault") == ()
    assert run.stdout.split() == [b"sent", b"sent", b"sent", b"end"]


def test_a_child_that_raises_is_a_fault() -> None:
    """As is one that ends in another way than it should."""
    raising = _SENDER.format(send="None", destroy="1 / 0")
    leaving = _SENDER.format(send="None", destroy="import os; os._exit(4)").replace(
        "def destroy(self): import os;", "def destroy(self):\n        import os\n       "
    )

    assert watch(raising, faults=["fork"]).noted("fault") == (
        "a forked child raised ZeroDivisionError",
    )
    assert watch(leaving, faults=["fork"]).noted("fault") == (
        "a forked child ended with status 1024",
    )


def test_an_event_that_is_not_declared_is_no_fault(journal: Journal, tmp_path: Path) -> None:
    """With `strict` it says so, and the child has more to show."""

    class InvalidEventError(Exception):
        pass

    class Strict:
        ended = False

        def send(self, name: str) -> None:
            raise InvalidEventError(name)

        def destroy(self) -> None:
            self.ended = True

    telemetry = Strict()

    assert conformance_faults.live_in_child(telemetry, journal) == 0
    assert telemetry.ended
    assert _noted(tmp_path) == []


def test_what_a_child_raises_is_noted(journal: Journal, tmp_path: Path) -> None:
    """By its kind; its message may hold anything."""

    class Broken:
        def send(self, name: str) -> None:
            raise KeyError(name)

        def destroy(self) -> None:
            raise SystemExit

    assert conformance_faults.live_in_child(Broken(), journal) == 0
    assert _noted(tmp_path) == [
        ("fault", "a forked child raised KeyError"),
        ("fault", "a forked child raised SystemExit"),
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_hangs_is_ended(journal: Journal, tmp_path: Path) -> None:
    """And noted."""
    reader, writer = os.pipe()
    said, says = os.pipe()

    class Hanging:
        def send(self, _: str) -> None:
            os.write(says, str(os.getpid()).encode())
            os.read(reader, 1)

        def destroy(self) -> None:
            """Never reached."""

    conformance_faults._fork_with(Hanging(), journal, patience=0.5)
    child = int(os.read(said, 16))
    for end in (reader, writer, said, says):
        os.close(end)

    assert _noted(tmp_path) == [("fault", "a forked child did not come to its end")]
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
