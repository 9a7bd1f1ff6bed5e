"""The watcher's parts by themselves, in this process."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance.audit_hook.sitecustomize import Journal, act_of, blamed
from tests.support.watched import OURS

Noted = Callable[[], list[tuple[int, str, str, list[str]]]]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal that nothing is written to yet."""
    (tmp_path / "journal").touch()
    return Journal(str(tmp_path / "journal"))


@pytest.fixture
def noted(tmp_path: Path) -> Noted:
    """What was written."""
    return lambda: [
        ast.literal_eval(line) for line in (tmp_path / "journal").read_text().splitlines()
    ]


def _in(module: str, code: str, **names: object) -> None:
    exec(compile(code, f"{module}.py", "exec"), {"__name__": module, **names})


@pytest.mark.parametrize(
    ("event", "arguments", "act"),
    [
        ("open", ("x", "w", os.O_WRONLY), ("file", "open for writing 'x'")),
        ("open", ("x", None, os.O_RDWR), ("file", "open for writing 'x'")),
        ("open", (b"x", "a", None), ("file", "open for writing b'x'")),
        ("open", ("x", "r", os.O_RDONLY), None),
        ("open", ("a/__pycache__/x.pyc.1", None, os.O_WRONLY), None),
        ("open", (3, "wb", os.O_WRONLY), None),
        ("os.mkdir", ("x", 0o700, -1), ("file", "os.mkdir 'x' 448 -1")),
        ("os.mkdir", ("a/__pycache__", 0o777, -1), None),
        ("os.listdir", ("x",), None),
        ("socket.connect", (object(), ("h", 1)), ("socket", "socket.connect ('h', 1)")),
        ("subprocess.Popen", ("x", ["x"], None, None), ("process", "subprocess.Popen 'x' ['x']")),
        (
            "_thread.start_new_thread",
            (len, ("secret",), {}),
            ("thread", "_thread.start_new_thread"),
        ),
        ("import", ("grpc.aio", None, None, None, None), ("import", "import grpc")),
        ("import", ("os.path", None, None, None, None), None),
        ("import", ("otel_telemetry.otlp", None, None, None, None), None),
        ("exec", (compile("1", "x", "eval"),), None),
    ],
)
def test_an_audit_event_tells_of_an_act_or_of_none(
    event: str, arguments: tuple[object, ...], act: tuple[str, str] | None
) -> None:
    """Reading is none; nor is what Python does for itself."""
    assert act_of(event, arguments) == act


def test_the_innermost_decides_between_us_and_the_program() -> None:
    """Python's own modules and the libraries we go through take the blame of who called them."""
    found: list[list[str]] = []
    code = "found.append(blamed(sys._getframe()))"
    names = {"found": found, "blamed": blamed, "sys": sys}

    for module in (OURS, "acme", "json.decoder", "urllib3.util"):
        _in(module, code, **names)
        within = f"run({module!r}, {code!r}, **names)"
        _in(OURS, within, run=_in, names=names)

    assert [bool(stack) for stack in found] == [True, True, False, False, *[False] * 4]


def test_an_import_by_pythons_own_modules_is_theirs() -> None:
    """Even if it is we who need them."""
    found: list[bool] = []
    code = "found.append(bool(blamed(sys._getframe(), importing=True)))"
    names = {"found": found, "blamed": blamed, "sys": sys}

    for module in (OURS, "copy", "importlib"):
        inner = f"exec(compile({code!r}, 'x', 'exec'), {{'__name__': {module!r}, **names}})"
        exec(compile(inner, "y", "exec"), {"__name__": OURS, "names": names})

    assert found == [True, False, True]


def test_an_act_is_noted_with_its_stack_once(journal: Journal, noted: Noted) -> None:
    """What is no act, or the program's, is not."""
    for event, arguments in (("os.mkdir", ("x",)), ("os.mkdir", ("x",)), ("exec", ())):
        _in(OURS, "watch(event, arguments)", watch=journal.watch, event=event, arguments=arguments)
        _in(
            "acme", "watch(event, arguments)", watch=journal.watch, event=event, arguments=arguments
        )

    ((process, kind, what, stack),) = noted()
    assert (process, kind, what) == (os.getpid(), "file", "os.mkdir 'x'")
    assert stack[0] == f"{OURS}.py:1 in <module>"


def test_a_line_is_never_longer_than_one_write(journal: Journal, noted: Noted) -> None:
    """The stack gives way, from its outer end."""
    names = {"watch": journal.watch, "name": "\U0001f600" * 300}
    source = "def deep(n):\n    watch('os.mkdir', (name,)) if n == 0 else deep(n - 1)\ndeep(30)\n"
    exec(compile(source, "x" * 300, "exec"), {"__name__": OURS, **names})

    ((_, kind, _, stack),) = noted()
    assert kind == "file"
    assert 0 < len(stack) < 20


def test_what_is_too_long_without_a_stack_is_its_kind(journal: Journal, noted: Noted) -> None:
    """The watcher has no such names itself."""
    journal.note("fault", "\U0001f600" * 1000)

    ((_, kind, what, _),) = noted()
    assert (kind, len(what)) == ("fault", 300)


def test_whatever_happens_in_the_watcher_the_program_goes_on(tmp_path: Path) -> None:
    """What an audit hook raises, the program's own call would raise."""
    journal = Journal(str(tmp_path / "gone"))

    _in(OURS, "watch('os.mkdir', ('x',))", watch=journal.watch)


def test_what_the_watcher_does_is_no_act(journal: Journal, noted: Noted) -> None:
    """Its own file is opened amid the program's call."""

    class Path:
        """A path whose look watches."""

        def __repr__(self) -> str:
            _in(OURS, "watch('os.mkdir', ('inner',))", watch=journal.watch)
            return "outer"

    _in(OURS, "watch('open', (path, 'w', 0))", watch=journal.watch, path=Path())

    assert [what for _, _, what, _ in noted()] == ["open for writing outer"]


def test_a_full_disk_is_not_full_for_the_watcher(journal: Journal, noted: Noted) -> None:
    """And full again after it has written."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        journal.note("fault", "x")
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert limit == 0
    assert [what for _, _, what, _ in noted()] == ["x"]


def test_the_watchers_own_frames_are_not_looked_at() -> None:
    """They come in between where it announces what Python does not."""
    found: list[list[str]] = []

    class Probe(str):
        """A value whose look tells where it is looked at from."""

        __slots__ = ()

        def __repr__(self) -> str:
            found.append(blamed(sys._getframe(1)))
            return "probe"

    _in(OURS, "act_of('os.mkdir', (probe,))", act_of=act_of, probe=Probe())

    (stack,) = found
    assert stack[0] == f"{OURS}.py:1 in <module>"
