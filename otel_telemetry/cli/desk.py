"""What a verb works with, and what it hands back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from otel_telemetry.errors import TelemetryError
from otel_telemetry.frozen import dataclass

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from otel_telemetry.cli.console import Console, Paint
    from otel_telemetry.config import TelemetryConfig
    from otel_telemetry.telemetry import Telemetry
    from otel_telemetry.trust.standing import Standing

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""The exit codes."""


class CommandError(TelemetryError):
    """It cannot be done; the message is for the user.

    Args:
        message: Why.
        code: The exit code.
        notes: What else there is to say, as in `Result`.
    """

    def __init__(self, message: str, code: int = FAILED, notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.notes = notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for, over all verbs.

    Attributes:
        json: JSON instead of text.
        last: How many events to show, the newest; None for all.
        event: The event's name.
        event_properties: Each ``key=value``.
        user_properties: Each ``key=value``.
        group_properties: Each ``key=value``.
        format: Of the catalogue.
        check: The file to compare with.
        catalog: Where the catalogue is, as ``module:NAME``.
        timeout: Seconds at most; None for the verb's own.
        connect: Connect even though telemetry is off.
    """

    json: bool = False
    last: int | None = None
    event: str = ""
    event_properties: tuple[str, ...] = ()
    user_properties: tuple[str, ...] = ()
    group_properties: tuple[str, ...] = ()
    format: str = "markdown"
    check: str | None = None
    catalog: str | None = None
    timeout: float | None = None
    connect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An application's telemetry, as its user sees it.

    Attributes:
        telemetry: The application's.
        standing: Where the application stands with its user.
        environ: The environment.
        console: For what has to be said on the way.
        is_known: Whether the settings are those of the application's code; else they are only what
            the environment says.
        now: Wall clock, in seconds since the epoch.
    """

    telemetry: Telemetry
    standing: Standing
    environ: Mapping[str, str]
    console: Console
    is_known: bool
    now: Callable[[], float]

    @property
    def config(self) -> TelemetryConfig:
        """The settings."""
        return self.telemetry.config


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a verb found out or did.

    Attributes:
        report: The same for programs: a dataclass; or what makes what JSON has.
        text: Makes its lines for people.
        notes: What does not belong to it, for stderr.
        code: The exit code.
    """

    report: DataclassInstance | Callable[[], object]
    text: Callable[[Paint], Iterable[str]]
    notes: tuple[str, ...] = field(default=())
    code: int = DONE

    def as_json(self) -> object:
        """Return the report as JSON has it."""
        if callable(self.report):
            return self.report()
        return dataclasses.asdict(self.report)
