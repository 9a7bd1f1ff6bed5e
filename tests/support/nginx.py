"""A real nginx in front of a receiver, with answers that proxies give in production."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import Self

from tests.support.certificates import Certificates
from tests.support.processes import (
    LOOPBACK,
    Child,
    free_port,
    missing,
    plain_environment,
    running,
)

# One process, no daemon and no change of user, so that it runs the same for root and other users.
_CONFIGURATION: Final = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr info;
events {{ worker_connections 512; }}
http {{
    log_format status "$status";
    access_log {directory}/access.log status;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {front.shared}
    server {{
        listen {listen};
        {tls}
        client_max_body_size 0;
        location / {{ {front.location} }}
    }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The directives of nginx for a request, as text."""

    location: str
    shared: str = ""
    http2: bool = False


def proxy(upstream: str) -> Front:
    """Forward each request to the http URL `upstream`."""
    return Front(location=_proxy_pass(upstream))


def grpc_proxy(upstream: str) -> Front:
    """Forward each gRPC call to `upstream`, a `host:port` or a URL without TLS."""
    target = upstream.rpartition("//")[2].rstrip("/")
    return Front(location=f"grpc_pass grpc://{target};", http2=True)


def too_large(upstream: str, *, limit: int) -> Front:
    """Answer 413 to a body of more than `limit` bytes, and forward other requests."""
    return Front(location=f"client_max_body_size {limit}; {_proxy_pass(upstream)}")


def redirect(to: str, *, status: int = 308) -> Front:
    """Redirect each request to the same path below the URL `to`."""
    return Front(location=f"return {status} {to.rstrip('/')}$request_uri;")


def bad_gateway() -> Front:
    """Answer 502 to each request: the upstream does not exist."""
    # A missing socket never answers, while another program could take a port.
    return Front(location="proxy_pass http://unix:/nowhere.sock;")


def rate_limited(upstream: str, *, per_minute: int, retry_after: str = "") -> Front:
    """Answer 429 to requests over `per_minute`, with `Retry-After` unless it is empty."""
    return Front(
        shared=(
            f"limit_req_zone $server_port zone=all:1m rate={per_minute}r/m;"
            f'map $status $retry_after {{ 429 "{retry_after}"; default ""; }}'
        ),
        location=(
            "limit_req zone=all; limit_req_status 429;"
            f"add_header Retry-After $retry_after always; {_proxy_pass(upstream)}"
        ),
    )


class Nginx:
    """One nginx with one front; it uses TLS if it has `certificates`.

    With `verify_client`, a client needs a certificate of the same authority.
    """

    def __init__(
        self,
        front: Front,
        *,
        certificates: Certificates | None = None,
        verify_client: bool = False,
    ) -> None:
        """Create an nginx; the `with` block starts it, and skips the test if nginx is missing."""
        self._front = front
        self._certificates = certificates
        self._verify_client = verify_client
        self._port = free_port()
        self._running = ExitStack()
        self._child: Child | None = None
        self._access_log: Path | None = None

    @property
    def url(self) -> str:
        """The URL of nginx: https if it has certificates, else http."""
        return f"{'https' if self._certificates else 'http'}://{self.target}"

    @property
    def target(self) -> str:
        """The address of nginx as `host:port`, for a gRPC channel."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def statuses(self) -> list[int]:
        """The HTTP statuses so far, while nginx runs; a status may appear after its answer."""
        log = self._access_log
        return [int(line) for line in log.read_text().splitlines()] if log else []

    @property
    def output(self) -> str:
        """The error log so far."""
        return self._child.output if self._child else ""

    def __enter__(self) -> Self:
        """Start nginx, and wait until it answers."""
        program = _find_program()
        if program is None:
            missing("nginx (Debian: nginx-light)")
        with ExitStack() as starting:
            directory = Path(starting.enter_context(tempfile.TemporaryDirectory()))
            configuration = directory / "nginx.conf"
            configuration.write_text(self._configure(directory))
            self._child = starting.enter_context(
                running(
                    # Without -e, nginx first opens its default log, which may not be writable.
                    (program, "-p", directory, "-e", "stderr", "-c", configuration),
                    ports=(self._port,),
                    env=plain_environment(),
                )
            )
            self._access_log = directory / "access.log"
            self._running = starting.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop nginx."""
        self._running.close()
        self._access_log = None

    def _configure(self, directory: Path) -> str:
        listen = [self.target]
        tls = ""
        if files := self._certificates:
            listen.append("ssl")
            tls = f"ssl_certificate {files.server}; ssl_certificate_key {files.server_key};"
            if self._verify_client:
                tls += f"ssl_client_certificate {files.authority}; ssl_verify_client on;"
        if self._front.http2:
            listen.append("http2")
        return _CONFIGURATION.format(
            directory=directory, front=self._front, listen=" ".join(listen), tls=tls
        )


def _proxy_pass(upstream: str) -> str:
    return f"proxy_pass {upstream.rstrip('/')};"


def _find_program() -> str | None:
    """Search also the directories that only root has in PATH."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("nginx", path=path)
