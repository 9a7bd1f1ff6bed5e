"""Receivers of either protocol, with and without TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import grpc

from otel_telemetry.testing import OTLPReceiver

if TYPE_CHECKING:
    from tests.support.certificates import Certificates


def over_tls(certificates: Certificates, protocol: str) -> OTLPReceiver:
    """Return a receiver with TLS, for ``http`` or ``grpc``."""
    if protocol == "grpc":
        pair = certificates.server_key.read_bytes(), certificates.server.read_bytes()
        credentials = grpc.ssl_server_credentials([pair])
        return OTLPReceiver(http=False, grpc=True, grpc_credentials=credentials)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return OTLPReceiver(ssl_context=context)


def place(receiver: OTLPReceiver) -> tuple[str, str]:
    """Return the endpoint and the protocol of a receiver, as settings."""
    if receiver._serves_grpc:
        return receiver.grpc_endpoint, "grpc"
    return receiver.http_endpoint, "http/protobuf"
