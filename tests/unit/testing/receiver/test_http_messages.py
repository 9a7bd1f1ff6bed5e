"""HTTP/1.1, off and onto the wire."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from otel_telemetry.testing import Answer
from otel_telemetry.testing.receiver.http_messages import (
    Head,
    MalformedError,
    RefusedError,
    decompress,
    read_body,
    read_head,
    response,
)

PROTOBUF = "application/x-protobuf"


def head_of(data: bytes) -> Head:
    """Read a head that must be there."""
    head = read_head(io.BytesIO(data))
    assert head is not None
    return head


def parsed(data: bytes) -> tuple[str, dict[str, str], bytes]:
    """Take a response apart."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


def test_a_head_is_read_up_to_the_body() -> None:
    """Names of headers are lower-case, and what is said twice is joined."""
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


def test_a_closed_connection_is_no_head() -> None:
    """A client may leave between two requests."""
    assert read_head(io.BytesIO(b"")) is None


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", True, id="HTTP/1.1"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", False, id="HTTP/1.0"),
        pytest.param(b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", False, id="close"),
    ],
)
def test_the_client_says_whether_the_connection_stays(data: bytes, *, keep_alive: bool) -> None:
    """It does by default in HTTP/1.1, and not before."""
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
def test_what_is_not_http_is_malformed(data: bytes) -> None:
    """There is no head to be made of it."""
    with pytest.raises(MalformedError):
        read_head(io.BytesIO(data))


def test_a_body_has_the_length_the_client_says() -> None:
    """What follows belongs to the next request."""
    stream = io.BytesIO(b"bodynext")

    assert read_body(stream, {"content-length": "4"}) == b"body"
    assert stream.read() == b"next"


def test_a_body_may_come_in_chunks() -> None:
    """With extensions and trailers, which mean nothing here."""
    stream = io.BytesIO(b"4;x=y\r\nbody\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nnext")

    assert read_body(stream, {"transfer-encoding": "chunked"}) == b"body0123456789"
    assert stream.read() == b"next"


def test_a_body_without_a_length_is_empty() -> None:
    """As HTTP has it for requests."""
    assert read_body(io.BytesIO(b"next"), {}) == b""


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"content-length": "many"}, id="no number"),
        pytest.param({"content-length": "-1"}, id="negative"),
        pytest.param({"transfer-encoding": "chunked"}, id="chunk"),
    ],
)
def test_a_body_of_no_known_length_is_malformed(headers: dict[str, str]) -> None:
    """The rest of the connection cannot be understood then."""
    with pytest.raises(MalformedError):
        read_body(io.BytesIO(b"body"), headers)


def test_a_body_cut_off_is_an_end_of_file() -> None:
    """The client has gone: there is nobody to answer."""
    with pytest.raises(EOFError):
        read_body(io.BytesIO(b"bo"), {"content-length": "4"})


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("", b"data", id="none"),
        pytest.param("identity", b"data", id="identity"),
        pytest.param(" GZIP", gzip.compress(b"data"), id="gzip"),
        pytest.param("deflate", zlib.compress(b"data"), id="deflate"),
    ],
)
def test_a_body_is_decompressed(encoding: str, body: bytes) -> None:
    """All encodings that OTLP senders use are understood."""
    assert decompress(body, encoding, 1000) == b"data"


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        pytest.param("gzip", b"data", 400, id="not gzip"),
        pytest.param("gzip", gzip.compress(b"data")[:-1], 400, id="cut off"),
        pytest.param("deflate", b"data", 400, id="not deflate"),
        pytest.param("br", b"data", 415, id="unknown"),
        pytest.param("", b"x" * 101, 413, id="too large"),
        pytest.param("gzip", gzip.compress(b"x" * 101), 413, id="too large unpacked"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused(encoding: str, body: bytes, status: int) -> None:
    """The status says why."""
    with pytest.raises(RefusedError) as caught:
        decompress(body, encoding, 100)

    assert caught.value.status == status


def test_a_response_says_what_its_body_is() -> None:
    """An empty success is an empty protobuf message."""
    status, headers, body = parsed(response(Answer(), PROTOBUF, keep_alive=True))

    assert status == "HTTP/1.1 200 OK"
    assert headers == {"Content-Type": PROTOBUF, "Content-Length": "0"}
    assert body == b""


def test_a_response_of_an_unknown_status_has_no_phrase() -> None:
    """Proxies invent statuses, and clients must live with it."""
    status, _, _ = parsed(response(Answer(status=599), PROTOBUF, keep_alive=True))

    assert status == "HTTP/1.1 599 "


def test_a_response_without_content_has_no_body() -> None:
    """A 204 ends with its headers, even where the answer has a body."""
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
def test_a_response_says_when_to_try_again(retry_after: float | str, header: str) -> None:
    """In seconds, or in the words given."""
    answer = Answer.unavailable(retry_after)

    _, headers, _ = parsed(response(answer, PROTOBUF, keep_alive=True))

    assert headers["Retry-After"] == header


def test_the_headers_of_an_answer_beat_those_of_the_receiver() -> None:
    """Also in another case, so that none is sent twice."""
    answer = Answer(headers={"content-length": "99", "X-Key": "v"}, body=b"short")

    _, headers, body = parsed(response(answer, PROTOBUF, keep_alive=False))

    assert headers == {
        "Content-Type": PROTOBUF,
        "content-length": "99",
        "Connection": "close",
        "X-Key": "v",
    }
    assert body == b"short"


def test_a_request_of_no_known_type_is_answered_as_text() -> None:
    """There is no OTLP to answer in."""
    answer = Answer(status=415, message="unknown content type")

    _, headers, body = parsed(response(answer, "text/html", keep_alive=True))

    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body == b"unknown content type"
