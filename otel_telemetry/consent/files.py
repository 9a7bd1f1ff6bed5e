"""What the user chose, and where it is kept.

One small JSON file in the user's configuration, for them to read, to copy and to delete. What
cannot be understood is no permission.
"""

from __future__ import annotations

import json

from otel_telemetry._internal import atomic_file
from otel_telemetry._internal.atomic_file import Unreadable, read_object
from otel_telemetry._internal.frozen import dataclass

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    Mode = Literal["on", "off", "log"]


MODES: tuple[Mode, ...] = ("on", "off", "log")
_LATEST = 2**33  # seconds since the epoch: the year 2242


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """A choice that somebody made.

    Attributes:
        mode: ``"on"``: events may leave. ``"off"``: nothing is recorded. ``"log"``: events are
            printed to stderr, and none leaves.
        version: The consent version that was asked for: what was agreed to.
        at: When, in seconds since the epoch. What was recorded before does not leave.
        by: Who made it: ``"user"``, ``"admin"``, or what the application says.
    """

    mode: Mode
    version: int
    at: float
    by: str


def read_consent_record(path: str) -> ConsentRecord | Unreadable | None:
    """Return the choice kept at *path*; None if there is none."""
    said = atomic_file.read_object(path)
    if said is None or isinstance(said, Unreadable):
        return said
    version, at, by = said.get("consent_version"), said.get("at"), said.get("by")
    mode = next((known for known in MODES if known == said.get("mode")), None)
    if mode is None:
        return Unreadable(path=path, reason="its mode is none of on, off and log")
    if type(version) is not int or version < 1:
        return Unreadable(path=path, reason="its consent_version is no whole number above 0")
    # Compared the long way round, for NaN is neither less nor more.
    if not (isinstance(at, (int, float)) and 0 < at < _LATEST):
        return Unreadable(path=path, reason="its date is wrong")
    return ConsentRecord(
        mode=mode, version=version, at=at, by=by if isinstance(by, str) else "user"
    )


def write_consent_record(path: str, choice: ConsentRecord) -> None:
    """Keep *choice* at *path*; raises OSError, and leaves what was there."""
    said = {
        "mode": choice.mode,
        "consent_version": choice.version,
        "at": int(choice.at),
        "by": choice.by,
    }
    atomic_file.write_file(path, json.dumps(said, indent=2).encode() + b"\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy for one application.

    Attributes:
        permits: Whether telemetry may be on; False turns it off for everybody.
        path: Where it says so.
        reason: Its own words; empty if it has none.
    """

    permits: bool
    path: str
    reason: str = ""


def read_policy(paths: Iterable[str]) -> Policy | Unreadable | None:
    """Return the policy in the files at *paths*, a denial before a permission; None if none."""
    permission: Policy | None = None
    for path in paths:
        said = read_object(path)
        if said is None:
            continue
        if isinstance(said, Unreadable):
            return said
        word, reason = said.get("telemetry"), said.get("reason")
        if word not in {"on", "off"}:
            return Unreadable(path=path, reason='its "telemetry" is neither on nor off')
        policy = Policy(
            permits=word == "on", path=path, reason=reason if isinstance(reason, str) else ""
        )
        if not policy.permits:
            return policy
        permission = permission or policy
    return permission
