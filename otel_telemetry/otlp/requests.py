"""Builds the requests that export encoded records, and reads the responses.

A request nests records in scopes, and these in resources. Records are grouped by the encoded bytes
of both in one pass, so the cost is linear in the number of records.
"""

from __future__ import annotations

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.otlp.wire import field, read_fields

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable

EncodedRecord = tuple[bytes, bytes, bytes]
"""A resource field, a scope field and a log record field, as `encoder` returns them."""

MAX_REQUEST_BYTES = 4 * 1024 * 1024 - 4096
"""The largest request that gRPC servers accept by default, less room for its framing."""

_RESOURCE_LOGS = b"\x0a"
_SCOPE_LOGS = b"\x12"


def export_request(records: Iterable[EncodedRecord]) -> bytes:
    """Return an ExportLogsServiceRequest; records keep their order within a scope."""
    resources: dict[bytes, dict[bytes, list[bytes]]] = {}
    for resource, scope, record in records:
        scopes = resources.get(resource)
        if scopes is None:
            scopes = resources[resource] = {}
        parts = scopes.get(scope)
        if parts is None:
            scopes[scope] = [scope, record]
        else:
            parts.append(record)
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
class PartialSuccess:
    """The partial success of an ExportLogsServiceResponse.

    Attributes:
        rejected_count: Log records that the backend rejected.
        message: The backend's explanation; a warning if it rejected none.
    """

    rejected_count: int = 0
    message: str = ""


def parse_response(data: bytes) -> PartialSuccess:
    """Return the partial success in the body of a response whose status is success.

    Any other body means full success: some backends respond with empty bodies, JSON or HTML.
    """
    try:
        return _partial_success(data)
    except ValueError:
        return PartialSuccess()


def _partial_success(data: bytes) -> PartialSuccess:
    """Read ExportLogsServiceResponse.partial_success (field 1)."""
    rejected_count, message = 0, ""
    for number, value in read_fields(data):
        if number == 1 and isinstance(value, bytes):
            for inner, content in read_fields(value):
                if inner == 1 and isinstance(content, int):
                    rejected_count = content
                elif inner == 2 and isinstance(content, bytes):
                    message = content.decode("utf-8", "replace")
    return PartialSuccess(rejected_count=rejected_count, message=message)
