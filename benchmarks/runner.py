"""Runs a case: rounds of fresh processes, every system once a round, never in the same order."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import sink, systems
from benchmarks.context import Context
from benchmarks.values import Measurement, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.values import Case

ROOT = Path(__file__).parent.parent
# What would change what the systems do; a benchmark has to find the same machine everywhere.
_MEANINGFUL = ("OTEL_", "POSTHOG_", "AMPLITUDE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_SWITCHES = {"DO_NOT_TRACK", "CI", "NO_PROXY"}


def run(case: Case, *, only: Sequence[str], rounds: int | None, quick: bool) -> Result:
    """Measure a case on all its systems, or on those of `only`."""
    result = Result(case=case)
    present: list[str] = []
    for name in case.systems:
        if only and name not in only:
            continue
        absence = systems.find(name).absence()
        if absence is None:
            present.append(name)
        else:
            result.absent[name] = absence
    for index in range(rounds or (1 if quick else case.rounds)):
        turn = index % max(1, len(present))
        names = [name for name in (*present[turn:], *present[:turn]) if name not in result.absent]
        with ThreadPoolExecutor(max(1, len(names)) if case.concurrent else 1) as pool:
            list(pool.map(functools.partial(_add, result, index, quick=quick), names))
    return result


def _add(result: Result, index: int, name: str, *, quick: bool) -> None:
    case = result.case
    print(f"{case.name} {index + 1}: {name}", file=sys.stderr, flush=True)
    try:
        result.runs.setdefault(name, []).append(_measure(case, name, quick=quick))
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        result.absent[name] = f"failed: {error}"


def _measure(case: Case, name: str, *, quick: bool) -> Measurement:
    system = systems.find(name)
    with (
        sink.running(system.mark, system.reply) as (http_port, control_port),
        tempfile.TemporaryDirectory(prefix="benchmark-") as state,
    ):
        context = Context(
            case=case.name,
            system=name,
            http_port=http_port,
            control_port=control_port,
            quick=quick,
            state=state,
        )
        answer, complaints = Path(state, "answer.json"), Path(state, "stderr")
        command = [sys.executable, "-m", "benchmarks.child", context.to_json(), str(answer)]
        with complaints.open("wb") as stderr:
            done = subprocess.run(
                command,
                check=False,
                cwd=ROOT,
                env=_environment(state),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                timeout=case.timeout,
            )
        if done.returncode or not answer.exists():
            last_words = complaints.read_text(encoding="utf-8", errors="replace").strip()
            raise RuntimeError(last_words.rpartition("\n")[2] or f"exit {done.returncode}")
        found = json.loads(answer.read_text(encoding="utf-8"))
    return Measurement(figures=found["figures"], notes=tuple(found["notes"]))


def _environment(home: str) -> dict[str, str]:
    """Keep the machine's own settings, and its user's files, out of it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_MEANINGFUL)
        and name.upper() not in _SWITCHES
        and not name.upper().endswith("_TELEMETRY")
    }
    places = ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    return {**kept, **dict.fromkeys(places, home)}
