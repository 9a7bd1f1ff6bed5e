"""The command line in a test's hands: a verb is asked, and all that it says is kept."""

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
class Ran:
    """What a command did.

    Attributes:
        code: Its exit code.
        out: What it printed.
        err: What it said beside.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """What it printed, as JSON."""
        said: dict[str, object] = json.loads(self.out)
        return said


def ask(
    verb: str,
    source: Telemetry | Callable[[], Telemetry],
    *,
    is_known: bool = True,
    now: float | None = None,
    out: io.StringIO | None = None,
    **options: Any,
) -> Ran:
    """Run a verb with these `Options`, and return all that it said."""
    out, err = out or io.StringIO(), io.StringIO()
    code = run(
        _VERBS[verb],
        source,
        Options(**options),
        is_known=is_known,
        console=Console(out, err, environment.current()),
        now=time.time if now is None else lambda: now,
    )
    return Ran(code=code, out=out.getvalue(), err=err.getvalue())


def leave_events(telemetry: Telemetry, *names: str, **properties: object) -> None:
    """Have *telemetry* end with these events on disk, its backend being away."""
    for name in names:
        telemetry.send(
            name,
            event_properties=properties,
            user_properties={"plan": "free"},
            group_properties={"database": "postgres"},
        )
    telemetry.destroy(0)


def segments() -> list[Path]:
    """Return the segment files of the user whose home this is."""
    return sorted(home().rglob("*.seg"))


def home() -> Path:
    """Return the home of the test."""
    return Path(os.environ["HOME"])
