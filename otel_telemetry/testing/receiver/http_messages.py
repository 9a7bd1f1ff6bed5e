"""HTTP/1.1 requests off a stream, and answers as bytes; no sockets here."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Final

from otel_telemetry.testing.receiver.responses import JSON, PROTOBUF, http_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_telemetry.testing.receiver.answers import Answer

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_MAX_LINE = 65_536
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class MalformedError(Exception):
    """What came in is not HTTP."""


class RefusedError(Exception):
    """The request is HTTP, but cannot be taken; carries the status to say so with."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first part of a request: everything before its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    keep_alive: bool

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for leave to send the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


def read_head(stream: IO[bytes]) -> Head | None:
    """Read up to the body; None if the client has closed the connection instead.

    Raises:
        MalformedError: This is not HTTP.
    """
    line = _line(stream)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise MalformedError("bad request line")
    headers: dict[str, str] = {}
    while (line := _line(stream)).strip():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise MalformedError("bad header line")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    connection = headers.get("connection", "").lower()
    return Head(
        method=words[0],
        path=words[1],
        headers=headers,
        keep_alive=words[2] != "HTTP/1.0" and "close" not in connection,
    )


def read_body(stream: IO[bytes], headers: Mapping[str, str]) -> bytes:
    """Read the body as it is on the wire, but for the framing of chunks.

    Raises:
        MalformedError: Its length cannot be made out.
        EOFError: The client closed the connection before the end.
    """
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(_chunks(stream))
        return _exactly(stream, int(headers.get("content-length", "0")))
    except ValueError as error:
        raise MalformedError("bad body length") from error


def _chunks(stream: IO[bytes]) -> list[bytes]:
    """Read the chunks, and the trailers after the last one."""
    chunks: list[bytes] = []
    while size := int(_line(stream).partition(b";")[0], 16):
        chunks.append(_exactly(stream, size))
        _line(stream)
    while _line(stream).strip():
        pass
    return chunks


def _line(stream: IO[bytes]) -> bytes:
    """Read one line, which must not be endless."""
    line = stream.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise MalformedError("line too long")
    return line


def _exactly(stream: IO[bytes], size: int) -> bytes:
    """Read so many bytes."""
    if size < 0:
        raise ValueError("negative length")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Undo the content encoding, and hold the body to the limit before and after.

    Raises:
        RefusedError: Too large, damaged, or an encoding unknown here.
    """
    if len(body) > max_bytes:
        raise RefusedError(413, "request too large")
    try:
        match encoding.strip().lower():
            case "" | "identity":
                data = body
            case "gzip":
                data = gzip.decompress(body)
            case "deflate":
                data = zlib.decompress(body)
            case _:
                raise RefusedError(415, "unknown content encoding")
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedError(400, f"damaged {encoding} body") from error
    if len(data) > max_bytes:
        raise RefusedError(413, "request too large")
    return data


def response(answer: Answer, content_type: str, *, keep_alive: bool) -> bytes:
    """Write the whole response, in the content type of the request."""
    status = answer.status
    kind = content_type if content_type in {JSON, PROTOBUF} else "text/plain; charset=utf-8"
    body = http_body(answer, kind) if answer.body is None else answer.body
    headers: dict[str, tuple[str, str]] = {}

    def put(name: str, value: str) -> None:
        headers[name.lower()] = (name, value)

    if status in _NO_BODY:
        body = b""
    else:
        put("Content-Type", kind)
        put("Content-Length", str(len(body)))
    if answer.retry_after is not None:
        put("Retry-After", _seconds(answer.retry_after))
    if not keep_alive:
        put("Connection", "close")
    for name, value in answer.headers.items():
        put(name, value)
    known = {member.value for member in HTTPStatus}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in known else ''}"]
    lines += [f"{name}: {value}" for name, value in headers.values()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _seconds(retry_after: float | str) -> str:
    """Write a Retry-After, without the `.0` that no client expects."""
    if isinstance(retry_after, float) and retry_after.is_integer():
        return str(int(retry_after))
    return str(retry_after)
