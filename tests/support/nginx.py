"""A real nginx in front of a receiver, with the answers that proxies give in the wild."""

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

# One process, no daemon, no user change: the same for root and for everybody else.
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
    """What nginx does with a request: its directives, as text."""

    location: str
    shared: str = ""
    http2: bool = False


def proxy(upstream: str) -> Front:
    """Pass every request on to the http URL `upstream`."""
    return Front(location=_pass_on(upstream))


def grpc_proxy(upstream: str) -> Front:
    """Pass every gRPC call on to `upstream`, a plain-text `host:port` or its URL."""
    target = upstream.rpartition("//")[2].rstrip("/")
    return Front(location=f"grpc_pass grpc://{target};", http2=True)


def too_large(upstream: str, *, limit: int) -> Front:
    """Answer 413 to a body of more than `limit` bytes, and pass the others on."""
    return Front(location=f"client_max_body_size {limit}; {_pass_on(upstream)}")


def redirect(to: str, *, status: int = 308) -> Front:
    """Send every request elsewhere: to the same path below the URL `to`."""
    return Front(location=f"return {status} {to.rstrip('/')}$request_uri;")


def bad_gateway() -> Front:
    """Answer 502 to all: the upstream is dead."""
    # A socket that nobody made is dead for sure, where a port might come to life.
    return Front(location="proxy_pass http://unix:/nowhere.sock;")


def rate_limited(upstream: str, *, per_minute: int, retry_after: str = "") -> Front:
    """Answer 429 to what comes faster than `per_minute`, with `Retry-After` if given."""
    return Front(
        shared=(
            f"limit_req_zone $server_port zone=all:1m rate={per_minute}r/m;"
            f'map $status $retry_after {{ 429 "{retry_after}"; default ""; }}'
        ),
        location=(
            "limit_req zone=all; limit_req_status 429;"
            f"add_header Retry-After $retry_after always; {_pass_on(upstream)}"
        ),
    )


class Nginx:
    """One nginx with one front: plain without `certificates`, TLS with them.

    With `verify_client` a client has to show a certificate of the same authority.
    """

    def __init__(
        self,
        front: Front,
        *,
        certificates: Certificates | None = None,
        verify_client: bool = False,
    ) -> None:
        """Start nothing yet: the `with` block does, and skips or fails where nginx is missing."""
        self._front = front
        self._certificates = certificates
        self._verify_client = verify_client
        self._port = free_port()
        self._running = ExitStack()
        self._child: Child | None = None
        self._access_log: Path | None = None

    @property
    def url(self) -> str:
        """Where it listens; http or https as its certificates have it."""
        return f"{'https' if self._certificates else 'http'}://{self.target}"

    @property
    def target(self) -> str:
        """The same as `host:port`, which is what a gRPC channel takes."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def statuses(self) -> list[int]:
        """The HTTP statuses it gave so far, while it runs; a line may follow its answer late."""
        log = self._access_log
        return [int(line) for line in log.read_text().splitlines()] if log else []

    @property
    def output(self) -> str:
        """Its error log so far."""
        return self._child.output if self._child else ""

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        program = _find_program()
        if program is None:
            missing("nginx (Debian: nginx-light)")
        with ExitStack() as starting:
            directory = Path(starting.enter_context(tempfile.TemporaryDirectory()))
            configuration = directory / "nginx.conf"
            configuration.write_text(self._configure(directory))
            self._child = starting.enter_context(
                running(
                    # The compiled-in log is opened before ours is known, and may not be writable.
                    (program, "-p", directory, "-e", "stderr", "-c", configuration),
                    ports=(self._port,),
                    env=plain_environment(),
                )
            )
            self._access_log = directory / "access.log"
            self._running = starting.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop it."""
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


def _pass_on(upstream: str) -> str:
    return f"proxy_pass {upstream.rstrip('/')};"


def _find_program() -> str | None:
    """Distributions install it where only root's PATH leads."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("nginx", path=path)
