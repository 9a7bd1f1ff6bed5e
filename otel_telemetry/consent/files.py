"""The consent record of a user, and the policy of a machine: two kinds of small JSON files.

The consent record lies in the user's configuration directory, for them to read, copy and delete. A
file that cannot be understood is no permission.
"""

from __future__ import annotations

import json

from otel_telemetry._internal import atomic_file
from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    ConsentMode = Literal["on", "off", "log"]


CONSENT_MODES: tuple[ConsentMode, ...] = ("on", "off", "log")
_LATEST = 2**33  # seconds since the epoch: the year 2242


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """The saved choice of a user.

    Attributes:
        mode: ``"on"``: events are sent. ``"off"``: nothing is recorded. ``"log"``: events are
            printed to stderr, and none is sent.
        version: The setting `consent_version` at the time of the choice.
        at: When the choice was made, in seconds since the epoch. Events recorded before it are not
            sent.
        by: Who chose: ``"user"``, ``"admin"``, or a word of the application.
    """

    mode: ConsentMode
    version: int
    at: float
    by: str


def read_consent_record(path: str) -> ConsentRecord | Unreadable | None:
    """Return the consent record in the file at *path*; None if there is no file."""
    content = atomic_file.read_object(path)
    if content is None or isinstance(content, Unreadable):
        return content
    version, at, by = content.get("consent_version"), content.get("at"), content.get("by")
    mode = next((known for known in CONSENT_MODES if known == content.get("mode")), None)
    if mode is None:
        return Unreadable(path=path, reason='its "mode" is not on, off or log')
    if type(version) is not int or version < 1:
        return Unreadable(path=path, reason='its "consent_version" is not a whole number above 0')
    if not (isinstance(at, (int, float)) and 0 < at < _LATEST):  # False for NaN, too
        return Unreadable(path=path, reason='its "at" is not a time in seconds')
    return ConsentRecord(
        mode=mode, version=version, at=at, by=by if isinstance(by, str) else "user"
    )


def write_consent_record(path: str, record: ConsentRecord) -> None:
    """Replace the file at *path*.

    Raises:
        OSError: The file cannot be written; the old one is still there.
    """
    content = {
        "mode": record.mode,
        "consent_version": record.version,
        "at": int(record.at),
        "by": record.by,
    }
    atomic_file.write_file(path, json.dumps(content, indent=2).encode() + b"\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy of a machine for one application.

    Attributes:
        permits: True turns telemetry on; False turns it off for every user.
        path: The policy file.
        reason: The text that the file gives for it; empty if it gives none.
    """

    permits: bool
    path: str
    reason: str = ""


def read_policy(paths: Iterable[str]) -> Policy | Unreadable | None:
    """Return the policy in the files at *paths*; the first denial wins, then the first permission.

    A file that cannot be understood counts as a denial. None if there is no file.
    """
    permission: Policy | None = None
    for path in paths:
        content = atomic_file.read_object(path)
        if content is None:
            continue
        if isinstance(content, Unreadable):
            return content
        word, reason = content.get("telemetry"), content.get("reason")
        if word not in {"on", "off"}:
            return Unreadable(path=path, reason='its "telemetry" is not on or off')
        policy = Policy(
            permits=word == "on", path=path, reason=reason if isinstance(reason, str) else ""
        )
        if not policy.permits:
            return policy
        permission = permission or policy
    return permission
