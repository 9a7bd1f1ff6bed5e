"""Hooks for `before_send`: redaction, sampling, rate limits, and descriptions of exceptions.

Redaction finds what it has patterns for, and cannot prove that nothing personal is left. To send
only declared data, use a `Catalog` or `allow_only`.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.events import BeforeSend
    from otel_telemetry.hooks.exceptions import describe_exception
    from otel_telemetry.hooks.redaction import (
        Redaction,
        allow_only,
        hide_home,
        redact,
        redact_emails,
        redact_secrets,
        strip_url_queries,
        truncate,
    )
    from otel_telemetry.hooks.sampling import PROBABILITY, once_per_day, rate_limit, sample

__all__ = [
    "PROBABILITY",
    "BeforeSend",
    "Redaction",
    "allow_only",
    "describe_exception",
    "hide_home",
    "once_per_day",
    "rate_limit",
    "redact",
    "redact_emails",
    "redact_secrets",
    "sample",
    "strip_url_queries",
    "truncate",
]

_HOMES = {
    "BeforeSend": "events",
    "PROBABILITY": "hooks.sampling",
    "Redaction": "hooks.redaction",
    "allow_only": "hooks.redaction",
    "describe_exception": "hooks.exceptions",
    "hide_home": "hooks.redaction",
    "once_per_day": "hooks.sampling",
    "rate_limit": "hooks.sampling",
    "redact": "hooks.redaction",
    "redact_emails": "hooks.redaction",
    "redact_secrets": "hooks.redaction",
    "sample": "hooks.sampling",
    "strip_url_queries": "hooks.redaction",
    "truncate": "hooks.redaction",
}


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name):
        """Import a hook when it is first used (PEP 562): `sample` needs no patterns of secrets."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"otel_telemetry.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
