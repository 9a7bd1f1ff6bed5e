"""A segment: one batch as a file, written record by record.

Layout: the magic with the format's version, then frames. A frame is a marker, the length and the
CRC-32 of what follows, and then a kind and its content:

* resource, scope: a number, unique of its kind in the file, and the encoded field
* record: the numbers of its resource and of its scope, and the encoded field

The file stays readable if its process dies at any byte: a torn tail is ignored, and a corrupt frame
is skipped up to the next marker. A frame is never rewritten. Pure standard library.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Callable

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.otlp.requests import EncodedRecord

MAGIC = b"otlpseg\x01"
"""The last byte is the version of the format; a reader leaves other versions alone."""

_MARKER = b"\xf5\x7e"
_HEADER = struct.Struct("<2sII")
_RESOURCE, _SCOPE, _RECORD = 1, 2, 3
_NUMBERED = struct.Struct("<BI")
_RECORD_HEAD = struct.Struct("<BII")


def resource_frame(number: int, resource: bytes) -> bytes:
    """Return the frame of a resource."""
    return _frame(_NUMBERED.pack(_RESOURCE, number) + resource)


def scope_frame(number: int, scope: bytes) -> bytes:
    """Return the frame of a scope."""
    return _frame(_NUMBERED.pack(_SCOPE, number) + scope)


def record_frame(resource: int, scope: int, record: bytes) -> bytes:
    """Return the frame of a record of the resource and the scope with these numbers."""
    return _frame(_RECORD_HEAD.pack(_RECORD, resource, scope) + record)


def _frame(content: bytes) -> bytes:
    return _HEADER.pack(_MARKER, len(content), zlib.crc32(content)) + content


class SegmentWriter:
    """The open segment of the open batch. Guarded by the queue's lock.

    Args:
        path: The file.
        descriptor: The file, open at its end; the writer closes it.
        is_complete: Whether the file is complete so far.
        on_error: Called with the first error.

    Attributes:
        path: The file.
        is_complete: Whether every record so far is in the file.
        record_count: How many records are in the file; a disk may fill up.
    """

    __slots__ = (
        "_descriptor",
        "_record_error",
        "_resources",
        "_scopes",
        "is_complete",
        "path",
        "record_count",
    )

    def __init__(
        self, path: str, descriptor: int, *, is_complete: bool, on_error: Callable[[OSError], None]
    ) -> None:
        self.path = path
        self.is_complete = is_complete
        self.record_count = 0
        self._record_error = on_error
        self._descriptor = descriptor
        self._resources: dict[bytes, int] = {}
        self._scopes: dict[bytes, int] = {}

    def append(self, resource: bytes, scope: bytes, record: bytes) -> None:
        """Write a record, with its resource and scope if they are new to the file, in one write."""
        if not self.is_complete:
            return
        frames = b""
        number = self._resources.get(resource)
        if number is None:
            number = self._resources[resource] = len(self._resources)
            frames += resource_frame(number, resource)
        scope_number = self._scopes.get(scope)
        if scope_number is None:
            scope_number = self._scopes[scope] = len(self._scopes)
            frames += scope_frame(scope_number, scope)
        frames += record_frame(number, scope_number, record)
        try:
            self.is_complete = os.write(self._descriptor, frames) == len(frames)
        except OSError as error:
            self.is_complete = False
            self._record_error(error)
        self.record_count += self.is_complete

    def close(self) -> None:
        """Close the file. Idempotent.

        If its path now names another file, its records count as lost.
        """
        # Cleared before the close: the number may soon belong to another file.
        descriptor, self._descriptor = self._descriptor, -1
        with contextlib.suppress(OSError):
            if not _is_at(self.path, descriptor):
                self.is_complete, self.record_count = False, 0
            os.close(descriptor)


def _is_at(path: str, descriptor: int) -> bool:
    """Return whether *path* still is the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentContent:
    """The content of a segment.

    Attributes:
        records: The records, in the order in which they were sent.
        corrupt: Unreadable places, and records whose resource or scope is unreadable.
        is_torn: Whether the last frame is incomplete: its process died while it wrote.
    """

    records: tuple[EncodedRecord, ...]
    corrupt: int
    is_torn: bool


def decode_segment(data: bytes) -> SegmentContent | None:
    """Return the content of a segment's bytes; None for another format or version."""
    if not data.startswith(MAGIC):
        # Empty or a part of the magic: the process died at the start of the file.
        is_torn = data != b""
        is_begun = MAGIC.startswith(data)
        return SegmentContent(records=(), corrupt=0, is_torn=is_torn) if is_begun else None
    numbered: dict[int, dict[int, bytes]] = {_RESOURCE: {}, _SCOPE: {}}
    records: list[EncodedRecord] = []
    corrupt = 0
    at, is_lost, is_torn = len(MAGIC), False, False
    while 0 <= at < len(data):
        content = _content(data, at)
        if content is None:
            if not is_lost:
                is_torn = _reaches_beyond(data, at)
                corrupt += not is_torn
            is_lost = True
            at = data.find(_MARKER, at + 1)
            continue
        # A frame follows: the place was corrupt, not torn.
        corrupt += is_torn
        is_lost = is_torn = False
        at += _HEADER.size + len(content)
        if content[0] == _RECORD and len(content) >= _RECORD_HEAD.size:
            _, resource, scope = _RECORD_HEAD.unpack_from(content)
            try:
                its = numbered[_RESOURCE][resource], numbered[_SCOPE][scope]
            except KeyError:
                corrupt += 1
            else:
                records.append((*its, content[_RECORD_HEAD.size :]))
        elif content[0] in numbered:
            _, number = _NUMBERED.unpack_from(content)
            numbered[content[0]][number] = content[_NUMBERED.size :]
    return SegmentContent(records=tuple(records), corrupt=corrupt, is_torn=is_torn)


def _content(data: bytes, at: int) -> bytes | None:
    """Return the content of the frame at *at*; None if there is no sound one."""
    start = at + _HEADER.size
    if start > len(data):
        return None
    marker, length, checksum = _HEADER.unpack_from(data, at)
    # Checked before a copy: corrupt headers may claim all the rest, again and again.
    if marker != _MARKER or length < _NUMBERED.size or start + length > len(data):
        return None
    content = data[start : start + length]
    return content if zlib.crc32(content) == checksum else None


def _reaches_beyond(data: bytes, at: int) -> bool:
    """Return whether the bytes at *at* may be a frame that ends beyond the data."""
    if at + _HEADER.size > len(data):
        return True
    marker, length, _ = _HEADER.unpack_from(data, at)
    return bool(marker == _MARKER) and at + _HEADER.size + length > len(data)
