"""Sessions: stretches of one user's activity, known to the application and to nobody else."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

sessions: ContextVar[Mapping[str, str]] = ContextVar(
    "otel_telemetry_sessions", default=MappingProxyType({})
)
"""By application: what one calls a session is none of another's business."""


@contextmanager
def session(app: str, session_id: str | None) -> Iterator[str]:
    """Have the events of *app* in the block, and what it starts with its context, share an id.

    Args:
        app: The application's name.
        session_id: The id; None for a new one of 128 random bits.
    """
    own = session_id or os.urandom(16).hex()
    token = sessions.set({**sessions.get(), app: own})
    try:
        yield own
    finally:
        sessions.reset(token)
