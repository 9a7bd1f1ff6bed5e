"""Hooks for `before_send`: redaction, sampling and limits, and the description of exceptions.

The hooks are a safety net, not a proof: a catalogue, or `allow_only`, names what may leave.
"""

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
