"""Runs verbs of the command line in this process, and keeps their output."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.console import Console
from otel_telemetry.cli.context import Options
from otel_telemetry.cli.run import run
from otel_telemetry.config import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry import Telemetry

_VERBS: Final = {verb.name: verb for verb in VERBS}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbRun:
    """The exit code and the output of a verb.

    Attributes:
        code: The exit code.
        out: The text on stdout.
        err: The text on stderr.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """The JSON on stdout."""
        data: dict[str, object] = json.loads(self.out)
        return data


def run_verb(
    verb: str,
    source: Telemetry | Callable[[], Telemetry],
    *,
    is_known: bool = True,
    now: float | None = None,
    out: io.StringIO | None = None,
    **options: Any,
) -> VerbRun:
    """Run a verb with these `Options`, and return its exit code and output."""
    out, err = out or io.StringIO(), io.StringIO()
    code = run(
        _VERBS[verb],
        source,
        Options(**options),
        is_known=is_known,
        console=Console(out, err, environment.current()),
        now=time.time if now is None else lambda: now,
    )
    return VerbRun(code=code, out=out.getvalue(), err=err.getvalue())


def spool_events(telemetry: Telemetry, *names: str, **properties: object) -> None:
    """Send these events to a backend that is down, and end *telemetry*: they stay on disk."""
    for name in names:
        telemetry.send(
            name,
            event_properties=properties,
            user_properties={"plan": "free"},
            group_properties={"database": "postgres"},
        )
    telemetry.destroy(0)


def segments() -> list[Path]:
    """Return the segment files in the home of the test."""
    return sorted(home().rglob("*.seg"))


def home() -> Path:
    """Return the home of the test."""
    return Path(os.environ["HOME"])
