"""A certificate authority for tests, with a server and a client, as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The PEM files of an authority, a server and a client."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(directory: Path) -> Certificates:
    """Write a new authority, a server certificate for 127.0.0.1 and localhost, and a client's.

    Two calls make two independent authorities.
    """
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    client = authority.issue_cert("client@example.org")
    files = Certificates(
        authority=directory / "authority.pem",
        server=directory / "server.pem",
        server_key=directory / "server.key",
        client=directory / "client.pem",
        client_key=directory / "client.key",
    )
    authority.cert_pem.write_to_path(files.authority)
    for certificate, pem, key in (
        (server, files.server, files.server_key),
        (client, files.client, files.client_key),
    ):
        certificate.private_key_pem.write_to_path(key)
        for index, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(pem, append=index > 0)
    return files
