"""Segments: written records are read back, and a damaged record costs only itself."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_telemetry.spool.segment import (
    MAGIC,
    SegmentContent,
    SegmentWriter,
    decode_segment,
    record_frame,
    resource_frame,
    scope_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKER: Final = b"\xf5\x7e"
_PARTS = st.binary(max_size=60) | st.sampled_from([b"", _MARKER, _MARKER * 9, MAGIC])
_RECORDS = st.lists(
    st.tuples(st.sampled_from([b"r1", b"r2", b""]), st.sampled_from([b"s1", b"s2"]), _PARTS),
    min_size=1,
    max_size=8,
)

Records = list[tuple[bytes, bytes, bytes]]


def written(records: Records) -> tuple[bytes, list[int]]:
    """Write a segment; return it, and where it ended after each record."""
    frames, ends = [MAGIC], []
    resources: dict[bytes, int] = {}
    scopes: dict[bytes, int] = {}
    for resource, scope, record in records:
        if resource not in resources:
            resources[resource] = len(resources)
            frames.append(resource_frame(resources[resource], resource))
        if scope not in scopes:
            scopes[scope] = len(scopes)
            frames.append(scope_frame(scopes[scope], scope))
        frames.append(record_frame(resources[resource], scopes[scope], record))
        ends.append(len(b"".join(frames)))
    return b"".join(frames), ends


def boundaries(data: bytes) -> list[int]:
    """Return where the frames of a sound segment end, the magic first."""
    ends = [len(MAGIC)]
    while ends[-1] < len(data):
        length = int.from_bytes(data[ends[-1] + 2 : ends[-1] + 6], "little")
        ends.append(ends[-1] + 10 + length)
    return ends


@given(_RECORDS)
def test_written_records_are_read_back(records: Records) -> None:
    """The order, the resources and the scopes are the same."""
    data, _ = written(records)

    assert decode_segment(data) == SegmentContent(records=tuple(records), corrupt=0, is_torn=False)


@given(_RECORDS)
def test_segment_cut_at_any_byte_returns_its_complete_records(records: Records) -> None:
    """A process may die at any byte of a write. Earlier records stay readable."""
    data, ends = written(records)
    frames = boundaries(data)

    for cut in range(len(data) + 1):
        content = decode_segment(data[:cut])

        assert content is not None
        assert content.records == tuple(records[: sum(end <= cut for end in ends)])
        assert content.corrupt == 0
        assert content.is_torn == (cut not in {0, *frames})


@given(_RECORDS, st.data())
@example([(b"r", b"s", b"a"), (b"r", b"s", _MARKER * 40), (b"r", b"s", b"b")], None)
def test_flipped_byte_loses_only_its_own_frame(
    records: Records, data: st.DataObject | None
) -> None:
    """The other records are read, no record is invented, and the damage is counted."""
    sound, _ = written(records)
    frames = boundaries(sound)
    places = range(len(MAGIC), len(sound))
    for at in places if data is None else [data.draw(st.sampled_from(places))]:
        flip = 0xFF if data is None else data.draw(st.integers(1, 255))
        damaged = bytearray(sound)
        damaged[at] ^= flip
        hit = max(end for end in frames if end <= at)
        kind = sound[hit + 10]

        content = decode_segment(bytes(damaged))

        assert content is not None
        lost = len(records) - len(content.records)
        is_subsequence(content.records, records)
        assert (lost == 1) if kind == 3 else (lost >= 1)
        # A length that reaches beyond the end looks like a write that was not finished.
        assert content.corrupt >= 1 or (content.is_torn and lost)


def is_subsequence(part: Iterable[object], whole: Iterable[object]) -> None:
    """Assert that *part* is *whole* with some left out."""
    rest = iter(whole)
    assert all(item in rest for item in part)


def test_record_with_a_damaged_resource_is_corrupt() -> None:
    """Both are counted, and records of other resources are read."""
    data = bytearray(
        written([(b"bad", b"s", b"1"), (b"good", b"s", b"2"), (b"bad", b"s", b"3")])[0]
    )
    data[data.index(b"bad")] ^= 1

    assert decode_segment(bytes(data)) == SegmentContent(
        records=((b"good", b"s", b"2"),), corrupt=3, is_torn=False
    )


def test_torn_frame_before_other_frames_is_corrupt() -> None:
    """A length that is too large is not the end of the file."""
    first = record_frame(0, 0, b"1")
    damaged = bytearray(first)
    damaged[5] = 0x7F
    head = MAGIC + resource_frame(0, b"r") + scope_frame(0, b"s")

    content = decode_segment(head + bytes(damaged) + record_frame(0, 0, b"2"))

    assert content == SegmentContent(records=((b"r", b"s", b"2"),), corrupt=1, is_torn=False)


def test_bytes_between_frames_count_as_one_corruption() -> None:
    """Their number does not matter."""
    head = MAGIC + resource_frame(0, b"r") + scope_frame(0, b"s")

    content = decode_segment(head + b"\0" * 4096 + record_frame(0, 0, b"1"))

    assert content == SegmentContent(records=((b"r", b"s", b"1"),), corrupt=1, is_torn=False)


@pytest.mark.parametrize(
    "data",
    [b"x", b"PK\x03\x04" * 10, MAGIC[:-1] + b"\x02", MAGIC[:-1] + b"\x02" + b"\0" * 99],
    ids=["one byte", "another format", "a newer version, empty", "a newer version"],
)
def test_foreign_file_is_no_segment(data: bytes) -> None:
    """It may belong to another program or to a newer version."""
    assert decode_segment(data) is None


@given(st.binary())
def test_no_bytes_raise_or_invent_records(data: bytes) -> None:
    """The reader accepts any input."""
    content = decode_segment(MAGIC + data)

    assert content is not None
    assert content.records == ()


def test_frames_of_unknown_type_are_skipped() -> None:
    """A later release may add types to this version."""
    unknown = framed(b"\x09abcd") + framed(b"\x03abcd")
    whole = written([(b"r", b"s", b"1")])[0]

    content = decode_segment(MAGIC + unknown + whole[len(MAGIC) :] + unknown)

    assert content == SegmentContent(records=((b"r", b"s", b"1"),), corrupt=0, is_torn=False)


def framed(content: bytes) -> bytes:
    """Return a sound frame with any content."""
    return struct.pack("<2sII", _MARKER, len(content), zlib.crc32(content)) + content


def test_hostile_record_is_read_in_linear_time() -> None:
    """A torn record full of markers is searched without copies."""
    head = MAGIC + resource_frame(0, b"r") + scope_frame(0, b"s")
    torn = record_frame(0, 0, _MARKER * 500_000)[:-1]

    content = decode_segment(head + torn)

    assert content == SegmentContent(records=(), corrupt=0, is_torn=True)


def open_segment(path: Path, complaints: list[OSError]) -> SegmentWriter:
    """Open a writer on a new file that begins with the magic."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, MAGIC)
    return SegmentWriter(str(path), descriptor, is_complete=True, on_error=complaints.append)


@given(_RECORDS)
def test_writer_writes_each_resource_and_scope_once(records: Records) -> None:
    """A thousand events of one user take a thousand records and one resource."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "segment"
        writer = open_segment(path, [])
        for record in records:
            writer.append(*record)
        writer.close()

        assert path.read_bytes() == written(records)[0]
        assert writer.is_complete


def test_writer_reports_a_full_disk_once() -> None:
    """It writes nothing more: a later record would follow a gap."""
    complaints: list[OSError] = []
    writer = SegmentWriter(
        "/dev/full", os.open("/dev/full", os.O_WRONLY), is_complete=True, on_error=complaints.append
    )

    writer.append(b"r", b"s", b"1")
    writer.append(b"r", b"s", b"2")
    writer.close()

    assert not writer.is_complete
    assert [error.strerror for error in complaints] == ["No space left on device"]


def test_second_close_of_a_writer_closes_no_other_file(tmp_path: Path) -> None:
    """The system may have reused the descriptor number."""
    writer = open_segment(tmp_path / "segment", [])
    writer.close()
    descriptor = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)

    writer.close()

    os.fstat(descriptor)
    os.close(descriptor)
