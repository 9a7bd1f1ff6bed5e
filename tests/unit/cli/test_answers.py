"""What a backend's answer means to whoever set it up."""

from __future__ import annotations

import pytest

from otel_telemetry.cli.probe import meaning
from otel_telemetry.export.result import Answer, Kind


def _refused(reason: str) -> Answer:
    return Answer(kind=Kind.REFUSED, reason=reason)


def _retry(reason: str) -> Answer:
    return Answer(kind=Kind.RETRY, reason=reason)


@pytest.mark.parametrize(
    ("answer", "level", "advice"),
    [
        (_refused("HTTP status 401"), "problem", "key"),
        (_refused("HTTP status 404"), "problem", "logs_endpoint"),
        (_refused("HTTP status 415"), "problem", "protocol"),
        (_refused("HTTP status 308"), "problem", "redirects"),
        (_refused("HTTP status 500"), "problem", "log"),
        (_retry("HTTP status 503"), "warning", "tried again"),
        (_retry("HTTP status 429"), "warning", "tried again"),
        (_refused("gRPC status UNIMPLEMENTED"), "problem", "no OTLP logs"),
        (_refused("gRPC status PERMISSION_DENIED"), "problem", "key"),
        (_retry("gRPC status UNAVAILABLE"), "problem", "4317"),
        (_retry("gRPC status ABORTED"), "warning", "tried again"),
        (_retry("ProtocolError"), "problem", "4317"),
    ],
    ids=lambda value: value.reason if isinstance(value, Answer) else value,
)
def test_each_answer_has_its_remedy(answer: Answer, level: str, advice: str) -> None:
    """What passes by itself is a warning, all else a problem."""
    check = meaning(answer, "grpc")

    assert (check.name, check.level) == ("answer", level)
    assert advice in check.advice
    assert answer.reason in check.found


def test_a_success_is_ok() -> None:
    """And names the protocol."""
    check = meaning(Answer(kind=Kind.DELIVERED), "http/protobuf")

    assert (check.level, check.found) == ("ok", "the backend takes OTLP http/protobuf")
