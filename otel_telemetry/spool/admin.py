"""Inspects and deletes the spooled events of an application, of all its processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config.config import DeliveryConfig
from otel_telemetry.spool import destination, layout
from otel_telemetry.spool import spool as spool_module
from otel_telemetry.spool.destination import is_apart, spool_directory
from otel_telemetry.spool.segment import SegmentContent
from otel_telemetry.spool.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledSegment:
    """A segment on disk.

    Attributes:
        path: The file.
        size: Its bytes.
        at: When the last event was written, in seconds since the epoch.
        content: Its events; None if it has another format version or is unreadable.
    """

    path: str
    size: int
    at: float
    content: SegmentContent | None


def directories(config: DeliveryConfig, app: str) -> list[str]:
    """Return the directory of every destination that *app* has had.

    With a `DeliveryConfig` that names the path, only that of the present destination: the others
    may belong to another application.
    """
    own = spool_directory(config, app)
    if own is None:
        return []
    return sorted({own, *(spool_module.other_destinations(own) if is_apart(config) else ())})


def segments(config: DeliveryConfig, app: str) -> list[str]:
    """Return the paths of all segments of *app*, those of living processes too."""
    return [
        path
        for directory in directories(config, app)
        for owned in layout.segments_by_owner(directory).values()
        for path in owned
    ]


def read_segments(config: DeliveryConfig, app: str) -> Iterator[SpooledSegment]:
    """Read all segments of *app*, by destination, oldest first; nothing is locked or changed."""
    for path in segments(config, app):
        spool = Spool(os.path.dirname(path), max_age=config.spool_max_age)
        with contextlib.suppress(OSError):  # delivered meanwhile
            status = os.lstat(path)
            content = None
            with contextlib.suppress(
                OSError
            ):  # no free descriptors: the segment is listed all the same
                content = spool.read_segment(path)
            yield SpooledSegment(
                path=path, size=status.st_size, at=status.st_mtime, content=content
            )


def purge(config: DeliveryConfig, app: str) -> int:
    """Delete all segments of *app*, those of living processes too; return their number.

    Also deletes the state of the backoff and the manifests of the uploader.
    """
    removed = 0
    for directory in directories(config, app):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(directory, layout.BACKOFF_STATE))
        with contextlib.suppress(OSError):
            destination.delete_manifest(directory)
    for path in segments(config, app):
        with contextlib.suppress(OSError):
            os.unlink(path)
            removed += 1
    return removed


def erase(config: DeliveryConfig, app: str) -> None:
    """Delete all segments of *app*, and every other file and directory of its spool.

    A living process that turns telemetry on again creates what it needs.
    """
    spool_directories = directories(config, app)
    purge(config, app)
    for directory in spool_directories:
        for path in [
            *layout.lock_files(directory),
            *(f"{directory}/{name}" for name in (layout.UPLOADER_LOCK, layout.PROBE_LOCK)),
        ]:
            with contextlib.suppress(OSError):
                os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(directory)  # unless it holds foreign files
    if spool_directories and is_apart(config):
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(spool_directories[0]))
