"""The two checks: off is off, and on is harmless."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from otel_telemetry.config import environment
from otel_telemetry.testing.conformance.report import Finding, Report
from otel_telemetry.testing.conformance.runs import Program
from otel_telemetry.testing.conformance.sandbox import NotHereError, Sandbox
from otel_telemetry.testing.conformance.scenarios import CONTROL, HARMLESS, MACHINES, OFF, deny

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from otel_telemetry.testing.conformance.runs import Run
    from otel_telemetry.testing.conformance.scenarios import Scenario

OFF_SCENARIOS: tuple[str, ...] = tuple(OFF)
"""The scenarios of `check_off`: nothing may be touched."""

HARMLESS_SCENARIOS: tuple[str, ...] = tuple(HARMLESS)
"""The scenarios of `check_harmless`: telemetry is on, and the program must not notice."""

_MOST_LINES = 20  # of a difference
_SEND = "Give a command that sends an event, and the name that the program gives to Telemetry."
_FIXES = {
    "act": "Telemetry is off here, so this is a defect of the library: report it with this stack.",
    "default": (
        "If the program says enabled=True, telemetry is on without the user's word: leave it to "
        "them, or say on_by_default=True here."
    ),
    "output": (
        "Print and return nothing that depends on telemetry. If the output varies by itself, "
        "give normalise=."
    ),
    "watch": "Give a command that runs Python, and not with -I, -S or -E.",
    "nothing": f"Then this run shows nothing. {_SEND} If its code says enabled=False, it never is.",
    "time": "Lower shutdown_timeout, or use the spool: what is on disk is not waited for.",
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
    """Run a program in every way to have telemetry off, and report what it touched all the same.

    Off means that this library, in the program and in the Python programs that it starts, writes no
    file, opens no socket, starts no thread and no process, and imports nothing but itself and
    Python's own modules; and that output and exit status are those of any other run. What the
    program does itself is not looked at. One more run, with telemetry on, shows that the command
    sends anything at all; its backend is one that refuses connections.

    Args:
        command: What to run: a Python program, by its interpreter or as a console script, that
            sends an event and ends.
        app: The name that it gives to `Telemetry`.
        scenarios: Which of `OFF_SCENARIOS`.
        on_by_default: Whether its code says ``enabled=True``. Where nobody says anything, it is
            then on, and the user says no in all scenarios.
        environ: The environment; None for this process's. What it says of telemetry and CI is
            replaced, and so are the user's directories, HOME and the like, by empty ones.
        cwd: The directory to run it in; None for this one.
        stdin: What it reads.
        timeout: Seconds until a run is killed, which is a finding.
        normalise: Takes from an output what varies by itself, such as the time.

    Returns:
        The report. `Report.assert_clean` raises if anything was found.

    Raises:
        ValueError: A scenario is unknown.
    """
    check = _Check(_program(command, cwd, stdin, timeout), app, environ, normalise)
    check.run(CONTROL, check.is_on)
    for scenario in _chosen(scenarios, OFF):
        is_denied = on_by_default and scenario.is_silent
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
    """Run a program with telemetry on and everything in its way, and report what was noticed.

    Its output and exit status have to be those of a run with telemetry off, byte for byte, and it
    has to end nearly as soon. Its events go to backends on this machine that answer badly or not at
    all, never to the real one.

    Args:
        command: What to run, as for `check_off`.
        app: The name that it gives to `Telemetry`.
        scenarios: Which of `HARMLESS_SCENARIOS`.
        within: Seconds that a run may take beyond one with telemetry off: the import of
            OpenTelemetry, and the setting `shutdown_timeout`.
        environ: As for `check_off`.
        cwd: As for `check_off`.
        stdin: As for `check_off`.
        timeout: As for `check_off`.
        normalise: As for `check_off`.

    Returns:
        The report.

    Raises:
        ValueError: A scenario is unknown.
    """
    check = _Check(_program(command, cwd, stdin, timeout), app, environ, normalise)
    for scenario in _chosen(scenarios, HARMLESS):
        check.run(scenario, lambda it, run: check.is_harmless(it, run, within))
    return check.report()


class _Check:
    """Runs scenarios, and collects what is found in them."""

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
        self._held: list[str] = []
        self._findings: list[Finding] = []
        self._not_run: dict[str, str] = {}
        self._without: dict[Callable[[Sandbox], None], Run] = {}

    def report(self) -> Report:
        """Return what was found."""
        return Report(
            held=tuple(self._held), findings=tuple(self._findings), not_run=dict(self._not_run)
        )

    def run(
        self,
        scenario: Scenario,
        judge: Callable[[Scenario, Run], Iterator[Finding]],
        also: Callable[[Sandbox], None] | None = None,
    ) -> None:
        """Run a scenario, and have its run judged."""
        try:
            run = self._run(scenario.machine, scenario.user, also)
        except NotHereError as error:
            self._not_run[scenario.name] = str(error)
            return
        found = list(judge(scenario, run))
        self._findings += found
        if not found:
            self._held.append(scenario.name)

    def is_on(self, scenario: Scenario, run: Run) -> Iterator[Finding]:
        """Find out whether telemetry was on at all: what cannot fail, proves nothing."""
        if not run.is_watched:
            yield _finding(scenario, "the program could not be watched", "watch")
        elif not run.acts:
            yield _finding(scenario, "with telemetry on, nothing was done either", "nothing")

    def is_off(self, scenario: Scenario, run: Run) -> Iterator[Finding]:
        """Find what was touched, or what differs from any other run."""
        if not run.is_watched:
            yield _finding(scenario, "the program could not be watched", "watch")
        for act in run.acts:
            fix = _FIXES["default" if scenario.is_silent else "act"]
            yield Finding(
                scenario=scenario.name, what=f"{act.kind}: {act.what}", where=act.stack, fix=fix
            )
        yield from self._differences(scenario, run)

    def is_harmless(self, scenario: Scenario, run: Run, within: float) -> Iterator[Finding]:
        """Find what the program noticed, in a run in which there was something to notice."""
        # Where there is no place for them, what records for another process does nothing at all.
        if not (run.is_watched and scenario.name in MACHINES and self._is_on_elsewhere()):
            yield from self.is_on(scenario, run)
        yield from self._differences(scenario, run)
        late = run.seconds - self._reference(scenario).seconds
        if late > within:
            yield _finding(
                scenario, f"it ended {late:.1f} s later, not within {within:g} s", "time"
            )
        for fault in run.noted("fault"):
            yield _finding(scenario, fault, "fork")
        if scenario.name == "fork" and not run.noted("forked"):
            yield _finding(scenario, "it was never forked", "nothing")

    def _is_on_elsewhere(self) -> bool:
        return bool(self._run(CONTROL.machine, CONTROL.user).acts)

    def _differences(self, scenario: Scenario, run: Run) -> Iterator[Finding]:
        without = self._reference(scenario)
        if run.status != without.status:
            status, other = map(_status, (run.status, without.status))
            yield _finding(scenario, f"it {status}; with telemetry off, it {other}", "output")
        elif run.status is None:
            yield _finding(scenario, f"it {_status(run.status)}", "output")
        for name in ("stdout", "stderr"):
            here, there = (self._normalise(getattr(each, name)) for each in (run, without))
            if here != there:
                yield _finding(scenario, f"{name} differs{_difference(there, here)}", "output")

    def _reference(self, scenario: Scenario) -> Run:
        if scenario.machine not in self._without:
            self._without[scenario.machine] = self._run(scenario.machine, deny, None)
        return self._without[scenario.machine]

    def _run(self, *preparations: Callable[[Sandbox], None] | None) -> Run:
        with Sandbox(self._app, self._environ) as stage:
            for prepare in filter(None, preparations):
                prepare(stage)
            return self._program.run(stage.environ, stage.faults)


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


def _chosen(names: Iterable[str], known: Mapping[str, Scenario]) -> list[Scenario]:
    chosen = list(names)
    for name in chosen:
        if name not in known:
            raise ValueError(f"unknown scenario {name!r}; there are {', '.join(known)}")
    return [known[name] for name in chosen]


def _finding(scenario: Scenario, what: str, fix: str) -> Finding:
    return Finding(scenario=scenario.name, what=what, fix=_FIXES[fix])


def _status(status: int | None) -> str:
    return "did not end in time" if status is None else f"exits with status {status}"


def _difference(before: bytes, after: bytes) -> str:
    old, new = (each.decode(errors="backslashreplace").splitlines() for each in (before, after))
    found = difflib.unified_diff(old, new, "telemetry off", "this run", lineterm="", n=1)
    return "".join(f"\n      {line}" for line in list(found)[:_MOST_LINES])
