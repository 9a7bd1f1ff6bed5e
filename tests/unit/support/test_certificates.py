"""The certificate authority for tests."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.certificates import Certificates, make_certificates


def read(pem: Path) -> x509.Certificate:
    """Read the first certificate of a file."""
    return x509.load_pem_x509_certificate(pem.read_bytes())


def test_each_certificate_has_its_key(certificates: Certificates) -> None:
    """OpenSSL accepts only pairs that match."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    context.load_cert_chain(certificates.server, certificates.server_key)
    context.load_cert_chain(certificates.client, certificates.client_key)


def test_both_are_issued_by_the_authority(certificates: Certificates) -> None:
    """A client that trusts the authority trusts both."""
    authority = read(certificates.authority)

    read(certificates.server).verify_directly_issued_by(authority)
    read(certificates.client).verify_directly_issued_by(authority)


def test_the_server_certificate_is_for_the_loopback_address_and_name(
    certificates: Certificates,
) -> None:
    """For 127.0.0.1 and localhost."""
    names = read(certificates.server).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert {str(name.value) for name in names.value} == {"127.0.0.1", "localhost"}


def test_two_authorities_are_independent(certificates: Certificates, tmp_path: Path) -> None:
    """The first authority did not issue the certificates of the second."""
    stranger = make_certificates(tmp_path)

    with pytest.raises(ValueError, match="does not match certificate issuer"):
        read(stranger.client).verify_directly_issued_by(read(certificates.authority))
