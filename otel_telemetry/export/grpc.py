"""OTLP over gRPC, on grpcio: one channel; requests and responses are bytes."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from otel_telemetry._internal.version import VERSION
from otel_telemetry.config import environment
from otel_telemetry.config.config import DeliveryConfig
from otel_telemetry.export.result import ExportResult, from_grpc, from_success, no_response

# By default gRPC prints each failed handshake to stderr. It reads this variable at import.
with environment.PresetVariable("GRPC_VERBOSITY", "ERROR"):
    import grpc

_METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_OPTIONS = (
    # The worker decides when to retry. A channel with a backoff of its own would fail requests
    # without a connection to the backend.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_send_message_length", -1),
)
_STATUS_DETAILS = "grpc-status-details-bin"

# Channels of the parent process. A forked child must neither use nor destroy them: both touch
# threads that the child does not have.
_parent_channels: list[grpc.Channel] = []


class GRPCTransport:
    """Sends requests to one server. `send` by one thread at a time; `abort` by any.

    Args:
        config: The server, the metadata and the time-out of a request.
    """

    def __init__(self, config: DeliveryConfig) -> None:
        parts = urlsplit(config.url)
        is_tls = parts.scheme == "https"
        self._server = f"{_host(parts.hostname or '')}:{parts.port or (443 if is_tls else 80)}"
        self._credentials = _credentials(config) if is_tls else None
        self._proxy = _proxy_options(config.url)
        self._metadata = tuple(config.headers.items())
        self._timeout = config.timeout
        self._compression = (
            grpc.Compression.Gzip
            if config.compression == "gzip"
            else grpc.Compression.NoCompression
        )
        # Made now, and connected later: gRPC imports the rest of itself with the first channel, and
        # a fork meanwhile would leave the child with half-imported modules.
        self._channel: grpc.Channel | None = self._connect()
        self._aborted = False

    def after_fork(self) -> None:
        """Start without a channel; the channel of the parent process stays untouched."""
        if self._channel is not None:
            _parent_channels.append(self._channel)
        self._channel = None

    def send(self, request: bytes) -> ExportResult:
        """Send an ExportLogsServiceRequest and return its result; never raises."""
        try:
            if self._channel is None:
                self._channel = self._connect()
            # Checked after `abort` can see the channel, so that one of the two closes it.
            if self._aborted:
                self._channel.close()
            export = self._channel.unary_unary(_METHOD, _identity, _identity)
            # Not `future`, which needs a new thread: at interpreter shutdown there is none, and the
            # channel would never finish its close.
            answer = export(
                request,
                timeout=self._timeout,
                metadata=self._metadata,
                compression=self._compression,
            )
            return from_success(answer)
        except grpc.RpcError as error:
            return _failed(error)
        except Exception as error:
            return no_response(type(error).__name__)

    def abort(self) -> None:
        """Abort the request in flight and every later one; close the channel."""
        self._aborted = True
        channel = self._channel
        if channel is not None:
            channel.close()

    def _connect(self) -> grpc.Channel:
        agent = ("grpc.primary_user_agent", f"otel-telemetry/{VERSION}")
        options = (*_OPTIONS, *self._proxy, agent)
        if self._credentials is None:
            return grpc.insecure_channel(self._server, options)
        return grpc.secure_channel(self._server, self._credentials, options)


def _proxy_options(url: str) -> tuple[tuple[str, object], ...]:
    """Apply the proxy variables of HTTP: gRPC by itself reads only lower-case ones."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if urllib.request.proxy_bypass(parts.netloc):
        return (("grpc.enable_http_proxy", 0),)
    if not proxy:
        return ()
    return (("grpc.http_proxy", proxy if "://" in proxy else f"http://{proxy}"),)


def _identity(message: bytes) -> bytes:
    return message


def _failed(error: grpc.RpcError) -> ExportResult:
    # A failed call raises itself, with its status; the types do not say so.
    call = cast("grpc.Call", error)
    details = dict(call.trailing_metadata() or ()).get(_STATUS_DETAILS)
    return from_grpc(
        call.code().name,
        call.details() or "",
        details if isinstance(details, bytes) else None,
    )


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _credentials(config: DeliveryConfig) -> grpc.ChannelCredentials:
    def content(path: str | None) -> bytes | None:
        return None if path is None else Path(path).read_bytes()

    return grpc.ssl_channel_credentials(
        root_certificates=content(config.certificate_file or _authorities()),
        private_key=content(config.client_key_file),
        certificate_chain=content(config.client_certificate_file),
    )


def _authorities() -> str | None:
    """Return the file of the system's authorities; None for gRPC's own list.

    By itself gRPC ignores the system's authorities. Behind the proxy of a company, connections
    would fail that work over HTTP.
    """
    if "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" in environment.current():
        return None
    return ssl.get_default_verify_paths().cafile
