"""What holds for the whole machine, said by its packagers and administrators.

A JSON file beside the machine's other configuration, ``{"telemetry": "off"}`` or ``"on"``, with a
``"reason"`` if they like: so an image or a package can settle it without a patch.
"""

from __future__ import annotations

from otel_telemetry.files.private import Unreadable, read_object
from otel_telemetry.frozen import dataclass

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable


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
