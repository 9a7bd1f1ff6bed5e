"""HTTP/1.1 messages: requests read from a stream, and responses as bytes. Uses no sockets."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Final

from otel_telemetry.testing.receiver.answers import JSON, PROTOBUF, http_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_telemetry.testing.receiver.answers import Answer

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_MAX_LINE = 65_536
_PIECE = 65_536  # bytes that one read takes from a body
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class MalformedError(Exception):
    """The bytes are not an HTTP request."""


class RefusedError(Exception):
    """The receiver refuses an HTTP request; carries the status of the response."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The request line and the headers of a request."""

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
        """Whether the client waits for a 100 Continue before it sends the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


def read_head(stream: IO[bytes]) -> Head | None:
    """Read the request line and the headers; None if the client has closed the connection.

    Raises:
        MalformedError: The bytes are not HTTP.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of a request as it was sent, without the framing of chunks.

    Attributes:
        data: The body; of a body over the limit, only its beginning.
        size: The length of the whole body in bytes.
    """

    data: bytes
    size: int


def read_body(stream: IO[bytes], headers: Mapping[str, str], max_bytes: int) -> Body:
    """Read a body to its end, and keep no more of it than one piece over `max_bytes`.

    Reading on lets the client finish its request, so that it sees the answer.

    Raises:
        MalformedError: The length of the body is unknown.
        EOFError: The client closed the connection before the end of the body.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _pieces(stream, headers):
            if size <= max_bytes:
                pieces.append(piece)
            size += len(piece)
    except ValueError as error:
        raise MalformedError("bad body length") from error
    return Body(data=b"".join(pieces), size=size)


def _pieces(stream: IO[bytes], headers: Mapping[str, str]) -> Iterator[bytes]:
    """Read a body, and the trailers after its last chunk."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        yield from _read_exactly(stream, int(headers.get("content-length", "0")))
        return
    while size := int(_line(stream).partition(b";")[0], 16):
        yield from _read_exactly(stream, size)
        _line(stream)
    while _line(stream).strip():
        pass


def _line(stream: IO[bytes]) -> bytes:
    """Read one line of limited length."""
    line = stream.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise MalformedError("line too long")
    return line


def _read_exactly(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Read `size` bytes, piece by piece."""
    if size < 0:
        raise ValueError("negative length")
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece


def decompress(body: Body, encoding: str, max_bytes: int) -> bytes:
    """Decompress a body, and stop at the limit, which holds before and after.

    A small body can decompress to gigabytes: at most `max_bytes` and one piece are ever in memory.

    Raises:
        RefusedError: The body is too large or damaged, or its encoding is unknown.
    """
    if body.size > max_bytes:
        raise RefusedError(413, "request too large")
    try:
        match encoding.strip().lower():
            case "" | "identity":
                data = body.data
            case "gzip":
                data = _gunzip(body.data, max_bytes)
            case "deflate":
                data = _inflate(body.data, max_bytes)
            case _:
                raise RefusedError(415, "unknown content encoding")
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedError(400, f"damaged {encoding} body") from error
    if len(data) > max_bytes:
        raise RefusedError(413, "request too large")
    return data


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    """Decompress gzip, of one or more members, until the result is longer than `max_bytes`."""
    pieces: list[bytes] = []
    size = 0
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while size <= max_bytes and (piece := file.read(_PIECE)):
            pieces.append(piece)
            size += len(piece)
    return b"".join(pieces)


def _inflate(data: bytes, max_bytes: int) -> bytes:
    """Decompress zlib's format until the result is longer than `max_bytes`."""
    decompressor = zlib.decompressobj()
    result = decompressor.decompress(data, max_bytes + 1)
    if len(result) <= max_bytes and not decompressor.eof:
        raise EOFError
    return result


def response(answer: Answer, content_type: str, *, keep_alive: bool) -> bytes:
    """Return the whole response, in the content type of the request."""
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
        put("Retry-After", _format_retry_after(answer.retry_after))
    if not keep_alive:
        put("Connection", "close")
    for name, value in answer.headers.items():
        put(name, value)
    known = {member.value for member in HTTPStatus}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in known else ''}"]
    lines += [f"{name}: {value}" for name, value in headers.values()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _format_retry_after(retry_after: float | str) -> str:
    """Format a Retry-After, without the `.0` that clients do not expect."""
    if isinstance(retry_after, float) and retry_after.is_integer():
        return str(int(retry_after))
    return str(retry_after)
