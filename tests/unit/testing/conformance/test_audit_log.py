"""The parts of the audit hook, in this process."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry.testing.conformance.audit_hook.sitecustomize import (
    AuditLog,
    responsible_stack,
    side_effect_of,
)
from tests.support.audited import OURS

Entries = Callable[[], list[tuple[int, str, str, list[str]]]]


@pytest.fixture
def audit_log(tmp_path: Path) -> AuditLog:
    """An empty audit log."""
    (tmp_path / "audit_log").touch()
    return AuditLog(str(tmp_path / "audit_log"))


@pytest.fixture
def entries(tmp_path: Path) -> Entries:
    """Return a function that reads the entries."""
    return lambda: [
        ast.literal_eval(line) for line in (tmp_path / "audit_log").read_text().splitlines()
    ]


def _in(module: str, code: str, **names: object) -> None:
    exec(compile(code, f"{module}.py", "exec"), {"__name__": module, **names})


@pytest.mark.parametrize(
    ("event", "arguments", "effect"),
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
def test_an_audit_event_is_a_side_effect_or_none(
    event: str, arguments: tuple[object, ...], effect: tuple[str, str] | None
) -> None:
    """Reads are none, and neither is the bytecode of Python."""
    assert side_effect_of(event, arguments) == effect


def test_the_innermost_of_library_and_program_is_responsible() -> None:
    """For the standard library and intermediaries, their caller is responsible."""
    stacks: list[list[str]] = []
    code = "stacks.append(responsible_stack(sys._getframe()))"
    names = {"stacks": stacks, "responsible_stack": responsible_stack, "sys": sys}

    for module in (OURS, "acme", "json.decoder", "urllib3.util"):
        _in(module, code, **names)
        within = f"run({module!r}, {code!r}, **names)"
        _in(OURS, within, run=_in, names=names)

    assert [bool(stack) for stack in stacks] == [True, True, False, False, *[False] * 4]


def test_the_standard_library_is_responsible_for_its_imports() -> None:
    """Also if the library calls it."""
    stacks: list[bool] = []
    code = "stacks.append(bool(responsible_stack(sys._getframe(), importing=True)))"
    names = {"stacks": stacks, "responsible_stack": responsible_stack, "sys": sys}

    for module in (OURS, "copy", "importlib"):
        inner = f"exec(compile({code!r}, 'x', 'exec'), {{'__name__': {module!r}, **names}})"
        exec(compile(inner, "y", "exec"), {"__name__": OURS, "names": names})

    assert stacks == [True, False, True]


def test_a_side_effect_is_recorded_once_with_its_stack(
    audit_log: AuditLog, entries: Entries
) -> None:
    """Other events, and those of the program, are not recorded."""
    for event, arguments in (("os.mkdir", ("x",)), ("os.mkdir", ("x",)), ("exec", ())):
        _in(
            OURS,
            "record(event, arguments)",
            record=audit_log.record_event,
            event=event,
            arguments=arguments,
        )
        _in(
            "acme",
            "record(event, arguments)",
            record=audit_log.record_event,
            event=event,
            arguments=arguments,
        )

    ((process, kind, description, stack),) = entries()
    assert (process, kind, description) == (os.getpid(), "file", "os.mkdir 'x'")
    assert stack[0] == f"{OURS}.py:1 in <module>"


def test_a_long_line_loses_the_outer_end_of_its_stack(
    audit_log: AuditLog, entries: Entries
) -> None:
    """A line must fit into one write."""
    names = {"record": audit_log.record_event, "name": "\U0001f600" * 300}
    source = "def deep(n):\n    record('os.mkdir', (name,)) if n == 0 else deep(n - 1)\ndeep(30)\n"
    exec(compile(source, "x" * 300, "exec"), {"__name__": OURS, **names})

    ((_, kind, _, stack),) = entries()
    assert kind == "file"
    assert 0 < len(stack) < 20


def test_a_long_message_is_cut(audit_log: AuditLog, entries: Entries) -> None:
    """A line must fit into one write."""
    audit_log.add_message("fault", "\U0001f600" * 1000)

    ((_, kind, description, _),) = entries()
    assert (kind, len(description)) == ("fault", 300)


def test_an_error_in_the_audit_hook_does_not_reach_the_program(tmp_path: Path) -> None:
    """An exception of an audit hook would be raised by the call of the program."""
    audit_log = AuditLog(str(tmp_path / "gone"))

    _in(OURS, "record('os.mkdir', ('x',))", record=audit_log.record_event)


def test_events_of_the_audit_hook_itself_are_not_recorded(
    audit_log: AuditLog, entries: Entries
) -> None:
    """It opens its file within the call of the program."""

    class Path:
        """A path whose formatting is itself audited."""

        def __repr__(self) -> str:
            _in(OURS, "record('os.mkdir', ('inner',))", record=audit_log.record_event)
            return "outer"

    _in(OURS, "record('open', (path, 'w', 0))", record=audit_log.record_event, path=Path())

    assert [description for _, _, description, _ in entries()] == ["open for writing outer"]


def test_the_audit_log_writes_despite_the_full_disk_fault(
    audit_log: AuditLog, entries: Entries
) -> None:
    """The limit holds again after the write."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        audit_log.add_message("fault", "x")
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert limit == 0
    assert [description for _, _, description, _ in entries()] == ["x"]


def test_frames_of_the_audit_hook_are_not_in_the_stack() -> None:
    """They occur where the hook itself raises an audit event."""
    stacks: list[list[str]] = []

    class Probe(str):
        """A value that records the stack of its formatting."""

        __slots__ = ()

        def __repr__(self) -> str:
            stacks.append(responsible_stack(sys._getframe(1)))
            return "probe"

    _in(OURS, "side_effect_of('os.mkdir', (probe,))", side_effect_of=side_effect_of, probe=Probe())

    (stack,) = stacks
    assert stack[0] == f"{OURS}.py:1 in <module>"
