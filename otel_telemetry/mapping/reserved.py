"""The keys that only the library sets. Pure standard library."""

from __future__ import annotations

_RESERVED = frozenset({"service.name", "service.version", "app.installation.id", "log.record.uid"})
_RESERVED_PREFIX = "telemetry."


def is_reserved(key: str) -> bool:
    """Tell whether only the library sets *key*: what says who speaks cannot be overridden."""
    return key in _RESERVED or key.startswith(_RESERVED_PREFIX)
