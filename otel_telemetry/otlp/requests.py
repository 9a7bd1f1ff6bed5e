"""Batches of encoded records → ExportLogsServiceRequest bytes, and what answers say.

A request nests records in scopes in resources. Grouping is by encoded content, in one pass: its
cost is linear in the records, however many distinct resources and scopes they have.
"""

from __future__ import annotations

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.otlp.wire import field, read_fields

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Iterable

EncodedRecord = tuple[bytes, bytes, bytes]
"""A resource field, a scope field and a log record field, as `encoder` makes them."""

MAX_REQUEST_BYTES = 4 * 1024 * 1024 - 4096
"""What gRPC servers take at most by default, less room for the request's own framing."""

_RESOURCE_LOGS = b"\x0a"
_SCOPE_LOGS = b"\x12"


def export_request(records: Iterable[EncodedRecord]) -> bytes:
    """Return an ExportLogsServiceRequest; records keep their order within a scope."""
    resources: dict[bytes, dict[bytes, list[bytes]]] = {}
    for resource, scope, record in records:
        scopes = resources.get(resource)
        if scopes is None:
            scopes = resources[resource] = {}
        found = scopes.get(scope)
        if found is None:
            scopes[scope] = [scope, record]
        else:
            found.append(record)
    return b"".join(
        [
            field(
                _RESOURCE_LOGS,
                resource
                + b"".join([field(_SCOPE_LOGS, b"".join(parts)) for parts in scopes.values()]),
            )
            for resource, scopes in resources.items()
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAnswer:
    """What an ExportLogsServiceResponse says.

    Attributes:
        rejected: Log records that the backend did not take.
        message: Its own words; with nothing rejected, a warning.
    """

    rejected: int = 0
    message: str = ""


def parse_answer(data: bytes) -> ExportAnswer:
    """Return what the body of a successful answer says.

    A body that is no such message means full success: the status has said so, and backends answer
    with empty bodies, JSON and pages of their own.
    """
    try:
        return _partial_success(data)
    except ValueError:
        return ExportAnswer()


def _partial_success(data: bytes) -> ExportAnswer:
    """Read ExportLogsServiceResponse.partial_success (field 1)."""
    rejected, message = 0, ""
    for number, value in read_fields(data):
        if number == 1 and isinstance(value, bytes):
            for inner, content in read_fields(value):
                if inner == 1 and isinstance(content, int):
                    rejected = content
                elif inner == 2 and isinstance(content, bytes):
                    message = content.decode("utf-8", "replace")
    return ExportAnswer(rejected=rejected, message=message)
