"""The two checks: no side effects with telemetry off, and no harm with telemetry on."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from otel_telemetry.config import environment
from otel_telemetry.testing.conformance.report import Finding, Report
from otel_telemetry.testing.conformance.runs import Program
from otel_telemetry.testing.conformance.sandbox import Sandbox, UnsupportedError
from otel_telemetry.testing.conformance.scenarios import CONTROL, HARMLESS, MACHINES, OFF, deny

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from otel_telemetry.testing.conformance.runs import Run
    from otel_telemetry.testing.conformance.scenarios import Scenario

OFF_SCENARIOS: tuple[str, ...] = tuple(OFF)
"""The scenarios of `check_off`: telemetry is off, and may have no side effect."""

HARMLESS_SCENARIOS: tuple[str, ...] = tuple(HARMLESS)
"""The scenarios of `check_harmless`: telemetry is on, and must not change the program."""

_MAX_LINES = 20  # of a difference
_SEND = "Pass a command that sends an event, and the name that the program gives to Telemetry."
_NO_AUDIT_HOOK = "the audit hook could not be installed in the program"
_FIXES = {
    "side_effect": (
        "Telemetry is off, so this is a defect of the library: report it with this stack."
    ),
    "default": (
        "If the program passes enabled=True, telemetry is on without the user's consent: leave the "
        "decision to the user, or pass on_by_default=True to this check."
    ),
    "output": (
        "Print and return nothing that depends on telemetry. If the output varies by itself, "
        "pass normalise= to this check."
    ),
    "audit_hook": "Pass a command that runs Python, and not with -I, -S or -E.",
    "nothing": f"This run proves nothing. {_SEND} A program with enabled=False never sends.",
    "time": "Lower shutdown_timeout, or use the spool: the exit does not wait for spooled events.",
    "fork": "This is a defect of the library: report it.",
}


def check_off(
    command: Sequence[str | os.PathLike[str]],
    *,
    app: str,
    scenarios: Iterable[str] = OFF_SCENARIOS,
    on_by_default: bool = False,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdin: bytes = b"",
    timeout: float = 60,
    normalise: Callable[[bytes], bytes] = bytes,
) -> Report:
    """Run a program with telemetry off, in each possible way, and report its side effects.

    Off means that this library, in the program and in the Python programs that it starts, writes no
    file, opens no socket, starts no thread and no process, and imports only itself and the standard
    library; and that output and exit status are the same as in any other run. The side effects of
    the program itself do not count. One more run, with telemetry on, proves that the command sends
    an event; its backend refuses connections.

    Args:
        command: The command of a Python program, by its interpreter or as a console script, that
            sends an event and ends.
        app: The name that the program gives to `Telemetry`.
        scenarios: Names from `OFF_SCENARIOS`. Default: all.
        on_by_default: Whether the code of the program passes ``enabled=True``. Without a decision
            of the user telemetry is then on, so in each scenario the user turns it off. Default
            False.
        environ: The environment. Its variables about telemetry and CI are removed, and the user's
            directories, such as HOME, are replaced by empty ones. Default None: that of this
            process.
        cwd: The working directory. Default None: the current one.
        stdin: The standard input. Default empty.
        timeout: Seconds until a run is killed, which is a finding. Default 60.
        normalise: Removes from an output the parts that vary by themselves, such as the time.

    Returns:
        The report. `Report.assert_clean` raises if it has findings.

    Raises:
        ValueError: A scenario is unknown.
        OSError: The command cannot be started.
    """
    check = _Check(_program(command, cwd, stdin, timeout), app, environ, normalise)
    check.run(CONTROL, check.is_on)
    for scenario in _select(scenarios, OFF):
        is_denied = on_by_default and scenario.by_default
        check.run(scenario, check.is_off, also=deny if is_denied else None)
    return check.report()


def check_harmless(
    command: Sequence[str | os.PathLike[str]],
    *,
    app: str,
    scenarios: Iterable[str] = HARMLESS_SCENARIOS,
    within: float = 3,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdin: bytes = b"",
    timeout: float = 60,
    normalise: Callable[[bytes], bytes] = bytes,
) -> Report:
    """Run a program with telemetry on and a fault in each run, and report what changes.

    Output and exit status must be the same as in a run with telemetry off, byte for byte, and the
    run must not take much longer. The events go to failing backends on this machine, never to the
    real one.

    Args:
        command: As for `check_off`.
        app: The name that the program gives to `Telemetry`.
        scenarios: Names from `HARMLESS_SCENARIOS`. Default: all.
        within: Seconds that a run may take longer than one with telemetry off, for the import of
            OpenTelemetry and the setting `shutdown_timeout`. Default 3.
        environ: As for `check_off`.
        cwd: As for `check_off`.
        stdin: As for `check_off`.
        timeout: As for `check_off`.
        normalise: As for `check_off`.

    Returns:
        The report. `Report.assert_clean` raises if it has findings.

    Raises:
        ValueError: A scenario is unknown.
        OSError: The command cannot be started.
    """
    check = _Check(_program(command, cwd, stdin, timeout), app, environ, normalise)
    for scenario in _select(scenarios, HARMLESS):
        check.run(scenario, lambda it, run: check.is_harmless(it, run, within))
    return check.report()


class _Check:
    """Runs scenarios, and collects the findings."""

    def __init__(
        self,
        program: Program,
        app: str,
        environ: Mapping[str, str] | None,
        normalise: Callable[[bytes], bytes],
    ) -> None:
        self._program = program
        self._app = app
        self._environ = environment.current() if environ is None else environ
        self._normalise = normalise
        self._passed: list[str] = []
        self._findings: list[Finding] = []
        self._skipped: dict[str, str] = {}
        self._references: dict[Callable[[Sandbox], None], Run] = {}

    def report(self) -> Report:
        """Return the report."""
        return Report(
            passed=tuple(self._passed), findings=tuple(self._findings), skipped=dict(self._skipped)
        )

    def run(
        self,
        scenario: Scenario,
        judge: Callable[[Scenario, Run], Iterator[Finding]],
        also: Callable[[Sandbox], None] | None = None,
    ) -> None:
        """Run a scenario, and add its findings."""
        try:
            run = self._run(scenario.machine, scenario.user, also)
        except UnsupportedError as error:
            self._skipped[scenario.name] = str(error)
            return
        findings = list(judge(scenario, run))
        self._findings += findings
        if not findings:
            self._passed.append(scenario.name)

    def is_on(self, scenario: Scenario, run: Run) -> Iterator[Finding]:
        """Check that telemetry was on: otherwise the run proves nothing."""
        if not run.has_audit_hook:
            yield _finding(scenario, _NO_AUDIT_HOOK, "audit_hook")
        elif not run.side_effects:
            yield _finding(scenario, "with telemetry on, the library did nothing either", "nothing")

    def is_off(self, scenario: Scenario, run: Run) -> Iterator[Finding]:
        """Find side effects, and differences from another run."""
        if not run.has_audit_hook:
            yield _finding(scenario, _NO_AUDIT_HOOK, "audit_hook")
        fix = _FIXES["default" if scenario.by_default else "side_effect"]
        for effect in run.side_effects:
            yield Finding(
                scenario=scenario.name,
                problem=f"{effect.kind}: {effect.description}",
                stack=effect.stack,
                fix=fix,
            )
        yield from self._differences(scenario, run)

    def is_harmless(self, scenario: Scenario, run: Run, within: float) -> Iterator[Finding]:
        """Find what telemetry changes in the program, if telemetry was on."""
        # With detached delivery and no place for a spool, telemetry is on and has no side effect.
        if not (run.has_audit_hook and scenario.name in MACHINES and self._is_on_by_control()):
            yield from self.is_on(scenario, run)
        yield from self._differences(scenario, run)
        late = run.seconds - self._reference(scenario).seconds
        if late > within:
            yield _finding(
                scenario,
                f"the program ended {late:.1f} s later, over the limit of {within:g} s",
                "time",
            )
        for fault in run.messages("fault"):
            yield _finding(scenario, fault, "fork")
        if scenario.name == "fork" and not run.messages("forked"):
            yield _finding(
                scenario, "the program was not forked, because it sent no event", "nothing"
            )

    def _is_on_by_control(self) -> bool:
        return bool(self._run(CONTROL.machine, CONTROL.user).side_effects)

    def _differences(self, scenario: Scenario, run: Run) -> Iterator[Finding]:
        without = self._reference(scenario)
        if run.status != without.status:
            status, other = map(_status, (run.status, without.status))
            yield _finding(
                scenario, f"the program {status}; with telemetry off, it {other}", "output"
            )
        elif run.status is None:
            yield _finding(scenario, f"the program {_status(run.status)}", "output")
        for name in ("stdout", "stderr"):
            here, there = (self._normalise(getattr(each, name)) for each in (run, without))
            if here != there:
                yield _finding(scenario, f"{name} differs{_difference(there, here)}", "output")

    def _reference(self, scenario: Scenario) -> Run:
        if scenario.machine not in self._references:
            self._references[scenario.machine] = self._run(scenario.machine, deny, None)
        return self._references[scenario.machine]

    def _run(self, *preparations: Callable[[Sandbox], None] | None) -> Run:
        with Sandbox(self._app, self._environ) as sandbox:
            for prepare in filter(None, preparations):
                prepare(sandbox)
            return self._program.run(sandbox.environ, sandbox.faults)


def _program(
    command: Sequence[str | os.PathLike[str]],
    cwd: str | os.PathLike[str] | None,
    stdin: bytes,
    timeout: float,
) -> Program:
    return Program(
        command=tuple(map(str, command)),
        cwd=None if cwd is None else str(cwd),
        stdin=stdin,
        timeout=timeout,
    )


def _select(names: Iterable[str], known: Mapping[str, Scenario]) -> list[Scenario]:
    selected = list(names)
    for name in selected:
        if name not in known:
            raise ValueError(f"unknown scenario {name!r}; known are {', '.join(known)}")
    return [known[name] for name in selected]


def _finding(scenario: Scenario, problem: str, fix: str) -> Finding:
    return Finding(scenario=scenario.name, problem=problem, fix=_FIXES[fix])


def _status(status: int | None) -> str:
    return "did not end in time" if status is None else f"exits with status {status}"


def _difference(before: bytes, after: bytes) -> str:
    old, new = (each.decode(errors="backslashreplace").splitlines() for each in (before, after))
    diff = difflib.unified_diff(old, new, "telemetry off", "this run", lineterm="", n=1)
    return "".join(f"\n      {line}" for line in list(diff)[:_MAX_LINES])
