"""``preview``: the request that would be sent for an event, decoded from its bytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

from otel_telemetry.cli import formatting
from otel_telemetry.cli.console import printable
from otel_telemetry.cli.context import FAILED, USAGE, CommandError, Context, Options, Result
from otel_telemetry.cli.formatting import table
from otel_telemetry.consent import identity
from otel_telemetry.consent.decision import is_ci
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.otlp.decoder import decode_request
from otel_telemetry.otlp.json import request_as_json
from otel_telemetry.stats import DropReason

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_telemetry.cli.console import Style
    from otel_telemetry.otlp.decoder import DecodedEvent


_INDENT = 10  # columns


def show_preview(context: Context, options: Options) -> Result:
    """Make the request for an event. Nothing is sent or saved."""
    from otel_telemetry.pipeline.preview import preview  # noqa: PLC0415 - imports OpenTelemetry

    buckets = (
        properties(options.event_properties),
        properties(options.user_properties),
        properties(options.group_properties),
    )
    config, saved_id = context.config, _saved_id(context)
    sender = saved_id or context.consent_manager.identity(save=False).installation_id
    try:
        outcome = preview(config, sender, options.event, *buckets)
    except InvalidEventError as error:
        raise CommandError(str(error), USAGE) from error
    notes = [
        f"note: corrected in the event: {printable(kind)}, {formatting.counted(count, 'time')}"
        for kind, count in sorted(outcome.corrected.items())
    ]
    notes.extend(context.unknown_settings_note())
    decision = context.telemetry.decision
    if outcome.request is None:
        reason = _REASONS.get(outcome.reason, outcome.reason)
        raise CommandError(f"nothing would be sent: {reason}", FAILED, tuple(notes))
    if saved_id is None:
        notes.insert(0, "note: there is no installation id yet; the one shown is an example.")
    if not decision.enabled:
        notes.append(f"note: nothing would be sent now: {decision.reason}")
    elif config.logger_provider is not None:
        notes.append(
            "note: the application's own LoggerProvider sends the event, and may change it."
        )
    request, events = outcome.request, list(decode_request(outcome.request))
    return Result(
        report=lambda: request_as_json(events),
        text=lambda style: _lines(request, events, context, style),
        notes=tuple(notes),
    )


_REASONS: dict[str, str] = {
    DropReason.BEFORE_SEND: "a hook in before_send drops this event. A hook that samples or "
    "limits events may let the next one pass.",
    DropReason.BEFORE_SEND_FAILED: "a hook in before_send fails on this event, so the event is "
    "dropped.",
    DropReason.UNDECLARED: "the application's catalogue does not declare this event.",
}


def properties(pairs: Iterable[str]) -> dict[str, object]:
    """Return the properties of ``key=value`` pairs; each value is JSON, or else a str.

    Raises:
        CommandError: A pair has no ``=``, or no key.
    """
    parsed: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise CommandError(f"{pair!r} is not a property: write KEY=VALUE", USAGE)
        try:
            parsed[key] = json.loads(text)
        except (ValueError, RecursionError):
            parsed[key] = text
    return parsed


def _saved_id(context: Context) -> str | None:
    """Return the installation id that would be sent; None if there is none yet."""
    if is_ci(context.environ):
        return identity.CI_INSTALLATION
    saved = context.consent_manager.saved_identity()
    return None if saved is None else saved.installation_id


def _lines(
    request: bytes, events: list[DecodedEvent], context: Context, style: Style
) -> Iterator[str]:
    config = context.config
    endpoint = context.url or f"not known without the code of {config.name}"
    sizes = formatting.size(len(request))
    if config.compression == "gzip":
        sizes += f", {formatting.size(len(gzip.compress(request, 3)))} compressed"
    yield from style.row("endpoint", printable(endpoint), indent=_INDENT)
    text = f"OTLP {config.protocol}, {sizes}; nothing was sent"
    yield from style.row("request", text, indent=_INDENT)
    yield ""
    yield from table(events, style)
