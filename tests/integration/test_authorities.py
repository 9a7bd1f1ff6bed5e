"""Trusted authorities come from code or from the machine, not from other libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.backends import over_tls, place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_telemetry import Telemetry
    from tests.support.certificates import Certificates


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize(
    "name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OTEL_EXPORTER_OTLP_CERTIFICATE"]
)
def test_certificate_bundles_of_other_libraries_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
    certificates: Certificates,
    make_telemetry: Callable[..., Telemetry],
    name: str,
    protocol: str,
) -> None:
    """A bundle for another library adds no trusted authority."""
    monkeypatch.setenv(name, str(certificates.authority))
    with over_tls(certificates, protocol) as receiver:
        telemetry = make_telemetry(receiver)
        telemetry.send("didStart")

        assert not telemetry.flush(0.3)
        assert receiver.requests == ()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificate_file_from_code_overrides_a_broken_bundle_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    certificates: Certificates,
    tmp_path: Path,
    make_telemetry: Callable[..., Telemetry],
    name: str,
    protocol: str,
) -> None:
    """A bundle from code wins over the environment."""
    (tmp_path / "broken.pem").write_text("no certificate")
    monkeypatch.setenv(name, str(tmp_path / "broken.pem"))
    with over_tls(certificates, protocol) as receiver:
        telemetry = make_telemetry(receiver, certificate_file=str(certificates.authority))
        telemetry.send("didStart")

        assert telemetry.flush(10)


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("http", "SSL_CERT_FILE"),
        ("grpc", "SSL_CERT_FILE"),
        ("grpc", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
    ],
)
def test_certificate_variables_replace_the_system_authorities(
    certificates: Certificates, protocol: str, name: str
) -> None:
    """A company with a TLS proxy sets them. They hold for gRPC and HTTP."""
    program = """
import sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme", enabled=True, endpoint=sys.argv[1], protocol=sys.argv[2], spool=False)
telemetry.send("didStart")
sys.exit(not telemetry.flush(10))
"""
    named = {"SSL_CERT_FILE", "SSL_CERT_DIR", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"}
    environ = {key: value for key, value in os.environ.items() if key not in named}
    with over_tls(certificates, protocol) as receiver:
        # In a process of its own: gRPC reads its variable once.
        done = subprocess.run(
            [sys.executable, "-c", program, *place(receiver)],
            env={**environ, name: str(certificates.authority)},
            capture_output=True,
            check=False,
        )

        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert len(receiver.events) == 1


def test_failed_tls_handshake_is_not_printed(certificates: Certificates) -> None:
    """By default gRPC prints it on stderr each time."""
    program = """
import os, sys
from otel_telemetry import Telemetry
telemetry = Telemetry("acme", enabled=True, endpoint=sys.argv[1], protocol=sys.argv[2], spool=False)
telemetry.send("didStart")
print(telemetry.flush(0.3), os.environ.get("GRPC_VERBOSITY"))
"""
    with over_tls(certificates, "grpc") as receiver:
        done = subprocess.run(
            [sys.executable, "-c", program, *place(receiver)], capture_output=True, check=True
        )

    assert (done.stdout, done.stderr) == (b"False None\n", b"")
