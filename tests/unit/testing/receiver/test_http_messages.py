"""Reading HTTP/1.1 requests and writing responses."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from otel_telemetry.testing import Answer
from otel_telemetry.testing.receiver.http_messages import (
    Body,
    Head,
    MalformedError,
    RefusedError,
    decompress,
    read_body,
    read_head,
    response,
)
from tests.support.bombs import DEFLATE, GZIP, bomb, traced_peak

PROTOBUF = "application/x-protobuf"


def head_of(data: bytes) -> Head:
    """Read a head, which must exist."""
    head = read_head(io.BytesIO(data))
    assert head is not None
    return head


def body_of(data: bytes) -> Body:
    """Return a body that was read whole."""
    return Body(data=data, size=len(data))


def parse(data: bytes) -> tuple[str, dict[str, str], bytes]:
    """Return the status line, headers and body of a response."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


def test_a_head_is_read_up_to_the_body() -> None:
    """Header names are lower-case, and repeated headers are joined."""
    stream = io.BytesIO(
        b"POST /v1/logs HTTP/1.1\r\nContent-Type: Application/JSON; charset=utf-8\r\n"
        b"X-Key: one\r\nx-key:two\r\n\r\nbody"
    )

    head = read_head(stream)

    assert head == Head(
        method="POST",
        path="/v1/logs",
        headers={"content-type": "Application/JSON; charset=utf-8", "x-key": "one, two"},
        keep_alive=True,
    )
    assert head.content_type == "application/json"
    assert not head.expects_continue
    assert stream.read() == b"body"


def test_the_head_of_a_closed_connection_is_none() -> None:
    """A client may close between two requests."""
    assert read_head(io.BytesIO(b"")) is None


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", True, id="HTTP/1.1"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", False, id="HTTP/1.0"),
        pytest.param(b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", False, id="close"),
    ],
)
def test_keep_alive_follows_the_version_and_the_connection_header(
    data: bytes, *, keep_alive: bool
) -> None:
    """It is the default of HTTP/1.1, and not of HTTP/1.0."""
    assert head_of(data).keep_alive is keep_alive


def test_a_client_may_ask_before_it_sends() -> None:
    """As curl does with a large body."""
    assert head_of(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n").expects_continue


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\r\n", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", id="header"),
        pytest.param(b"GET /" + b"x" * 70_000, id="endless line"),
    ],
)
def test_bytes_that_are_not_http_raise_malformed_error(data: bytes) -> None:
    """TLS and HTTP/2 among them."""
    with pytest.raises(MalformedError):
        read_head(io.BytesIO(data))


def test_a_body_has_the_length_of_its_header() -> None:
    """The bytes after it belong to the next request."""
    stream = io.BytesIO(b"bodynext")

    assert read_body(stream, {"content-length": "4"}, 100) == Body(data=b"body", size=4)
    assert stream.read() == b"next"


def test_a_chunked_body_is_joined() -> None:
    """Extensions and trailers are ignored."""
    stream = io.BytesIO(b"4;x=y\r\nbody\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nnext")

    body = read_body(stream, {"transfer-encoding": "chunked"}, 100)

    assert body == Body(data=b"body0123456789", size=14)
    assert stream.read() == b"next"


def test_a_body_without_a_length_is_empty() -> None:
    """HTTP defines this for requests."""
    assert read_body(io.BytesIO(b"next"), {}, 100) == Body(data=b"", size=0)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"content-length": "many"}, id="no number"),
        pytest.param({"content-length": "-1"}, id="negative"),
        pytest.param({"transfer-encoding": "chunked"}, id="chunk"),
    ],
)
def test_a_body_of_unknown_length_raises_malformed_error(headers: dict[str, str]) -> None:
    """The next request on the connection could not be found."""
    with pytest.raises(MalformedError):
        read_body(io.BytesIO(b"body"), headers, 100)


def test_a_truncated_body_raises_eof_error() -> None:
    """The client has left, so no answer is possible."""
    with pytest.raises(EOFError):
        read_body(io.BytesIO(b"bo"), {"content-length": "4"}, 100)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("", b"data", id="none"),
        pytest.param("identity", b"data", id="identity"),
        pytest.param(" GZIP", gzip.compress(b"data"), id="gzip"),
        pytest.param("deflate", zlib.compress(b"data"), id="deflate"),
        pytest.param("gzip", gzip.compress(b"da") + gzip.compress(b"ta"), id="gzip of two members"),
        pytest.param("deflate", zlib.compress(b"data") + b"rest", id="deflate with a rest"),
    ],
)
def test_a_body_is_decompressed(encoding: str, body: bytes) -> None:
    """Every encoding that OTLP senders use is supported."""
    assert decompress(body_of(body), encoding, 1000) == b"data"


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        pytest.param("gzip", b"data", 400, id="not gzip"),
        pytest.param("gzip", gzip.compress(b"data")[:-1], 400, id="cut off"),
        pytest.param("deflate", b"data", 400, id="not deflate"),
        pytest.param("deflate", zlib.compress(b"data")[:-1], 400, id="deflate cut off"),
        pytest.param("br", b"data", 415, id="unknown"),
        pytest.param("", b"x" * 101, 413, id="too large"),
        pytest.param("gzip", gzip.compress(b"x" * 101), 413, id="gzip too large"),
        pytest.param("deflate", zlib.compress(b"x" * 101), 413, id="deflate too large"),
    ],
)
def test_a_damaged_or_large_body_raises_refused_error(
    encoding: str, body: bytes, status: int
) -> None:
    """The error has the status of the response."""
    with pytest.raises(RefusedError) as caught:
        decompress(body_of(body), encoding, 100)

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("gzip", gzip.compress(b"x" * 100)), ("deflate", zlib.compress(b"x" * 100))],
    ids=["gzip", "deflate"],  # gzip's bytes hold the time
)
def test_a_body_of_exactly_the_limit_is_decompressed(encoding: str, data: bytes) -> None:
    """The limit itself is allowed."""
    assert decompress(body_of(data), encoding, 100) == b"x" * 100


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        pytest.param("gzip", bomb(GZIP), id="gzip"),
        pytest.param("gzip", gzip.compress(bytes(2**24)) * 128, id="gzip of many members"),
        pytest.param("deflate", bomb(DEFLATE), id="deflate"),
    ],
)
def test_a_decompression_bomb_is_refused_at_the_limit(encoding: str, data: bytes) -> None:
    """Two MiB would become two GiB; the limit is three MiB."""
    limit = 3 * 2**20
    body = body_of(data)
    assert body.size < limit

    with traced_peak() as peak, pytest.raises(RefusedError) as caught:
        decompress(body, encoding, limit)

    assert caught.value.status == 413
    assert peak() < 4 * limit


def test_a_body_over_the_limit_is_read_to_its_end_and_not_kept() -> None:
    """The client finishes its request, and sees the answer."""
    limit = 2**20
    stream = io.BytesIO(bytes(64 * limit) + b"next")

    with traced_peak() as peak:
        body = read_body(stream, {"content-length": str(64 * limit)}, limit)

    assert body.size == 64 * limit
    assert limit < len(body.data) < 2 * limit
    assert peak() < 4 * limit
    assert stream.read() == b"next"
    with pytest.raises(RefusedError, match="too large"):
        decompress(body, "", limit)


def test_a_response_has_the_type_and_length_of_its_body() -> None:
    """An empty success is an empty protobuf message."""
    status, headers, body = parse(response(Answer(), PROTOBUF, keep_alive=True))

    assert status == "HTTP/1.1 200 OK"
    assert headers == {"Content-Type": PROTOBUF, "Content-Length": "0"}
    assert body == b""


def test_a_response_of_an_unknown_status_has_no_phrase() -> None:
    """Proxies invent statuses, and clients must handle them."""
    status, _, _ = parse(response(Answer(status=599), PROTOBUF, keep_alive=True))

    assert status == "HTTP/1.1 599 "


def test_a_204_response_has_no_body() -> None:
    """Even if the answer has one."""
    data = response(Answer(status=204, body=b"x"), PROTOBUF, keep_alive=True)

    assert data == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        pytest.param(2, "2", id="int"),
        pytest.param(2.0, "2", id="float"),
        pytest.param(0.5, "0.5", id="fraction"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", id="date"),
    ],
)
def test_a_response_has_the_retry_after_of_its_answer(
    retry_after: float | str, header: str
) -> None:
    """A number is seconds; a string is sent unchanged."""
    answer = Answer.unavailable(retry_after)

    _, headers, _ = parse(response(answer, PROTOBUF, keep_alive=True))

    assert headers["Retry-After"] == header


def test_the_headers_of_an_answer_replace_those_of_the_receiver() -> None:
    """Names are compared without case, so that no header is sent twice."""
    answer = Answer(headers={"content-length": "99", "X-Key": "v"}, body=b"short")

    _, headers, body = parse(response(answer, PROTOBUF, keep_alive=False))

    assert headers == {
        "Content-Type": PROTOBUF,
        "content-length": "99",
        "Connection": "close",
        "X-Key": "v",
    }
    assert body == b"short"


def test_the_response_to_an_unknown_content_type_is_text() -> None:
    """OTLP has no message for it."""
    answer = Answer(status=415, message="unknown content type")

    _, headers, body = parse(response(answer, "text/html", keep_alive=True))

    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body == b"unknown content type"
