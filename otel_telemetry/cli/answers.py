"""What a backend's answer to an empty request means to whoever set it up."""

from __future__ import annotations

from otel_telemetry.cli.check import Check, ok, problem, warning
from otel_telemetry.delivery.outcome import Kind

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.delivery.outcome import Answer

_KEY = "The key in headers is missing or wrong."
_PATH = (
    "Nothing there takes OTLP logs: set the base URL in endpoint, or the full one in logs_endpoint."
)
_KINDS = "It does not take OTLP as it was sent: look at protocol, endpoint and compression."
_LATER = "Events are kept and tried again; if it stays so, look at the backend."
_PORT = "Is it the port of this protocol? OTLP/HTTP mostly has 4318, gRPC 4317."

_ADVICE = {
    "HTTP status 400": _KINDS,
    "HTTP status 401": _KEY,
    "HTTP status 403": _KEY,
    "HTTP status 404": _PATH,
    "HTTP status 405": _PATH,
    "HTTP status 406": _KINDS,
    "HTTP status 407": "The proxy wants credentials: put them into its URL in the environment.",
    "HTTP status 415": _KINDS,
    "gRPC status UNAUTHENTICATED": _KEY,
    "gRPC status PERMISSION_DENIED": _KEY,
    "gRPC status UNIMPLEMENTED": "It is a gRPC server, but takes no OTLP logs.",
    "gRPC status UNAVAILABLE": _PORT,
}
_REDIRECT = "HTTP status 3"


def meaning(answer: Answer, protocol: str) -> Check:
    """Return what the *answer* to a request without events says of the backend."""
    if answer.kind is Kind.DELIVERED:
        return ok("answer", f"the backend takes OTLP {protocol}")
    reason = answer.reason
    if reason.startswith(_REDIRECT):
        return problem("answer", reason, "Set the URL that it redirects to: none is followed.")
    if reason in _ADVICE:
        return problem("answer", reason, _ADVICE[reason])
    if reason.startswith(("HTTP status", "gRPC status")):
        if answer.kind is Kind.RETRY:
            return warning("answer", reason, _LATER)
        return problem("answer", reason, "Look at the backend's log.")
    return problem("answer", f"no answer: {reason}", _PORT)
