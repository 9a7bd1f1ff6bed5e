"""What waits in an application's spool, whoever left it; for those who look at it or delete it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config.config import DeliveryConfig
from otel_telemetry.spool import destination, layout
from otel_telemetry.spool import spool as neighbours
from otel_telemetry.spool.destination import is_apart, spool_directory
from otel_telemetry.spool.segment import Content
from otel_telemetry.spool.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledSegment:
    """A segment that waits.

    Attributes:
        path: The file.
        size: Its bytes.
        at: When the last event went into it, in seconds since the epoch.
        content: What it holds; None if it is of another version of the format, or cannot be read.
    """

    path: str
    size: int
    at: float
    content: Content | None


def directories(config: DeliveryConfig, app: str) -> list[str]:
    """Return the directory of every destination that *app* has had.

    With a `DeliveryConfig` that names the path, only that of the destination it has now: the others
    may be another application's.
    """
    own = spool_directory(config, app)
    if own is None:
        return []
    return sorted({own, *(neighbours.other_destinations(own) if is_apart(config) else ())})


def segments(config: DeliveryConfig, app: str) -> list[str]:
    """Return the paths of all segments of *app*, those of living processes too."""
    return [
        path
        for directory in directories(config, app)
        for owned in layout.listed(directory).values()
        for path in owned
    ]


def read_segments(config: DeliveryConfig, app: str) -> Iterator[SpooledSegment]:
    """Read all segments of *app*, by destination, oldest first; nothing is locked or changed."""
    for path in segments(config, app):
        spool = Spool(os.path.dirname(path), max_age=config.spool_max_age)
        with contextlib.suppress(OSError):  # delivered meanwhile
            status = os.lstat(path)
            content = None
            with contextlib.suppress(OSError):  # no more descriptors: it is there all the same
                content = spool.read(path)
            yield SpooledSegment(
                path=path, size=status.st_size, at=status.st_mtime, content=content
            )


def purge(config: DeliveryConfig, app: str) -> int:
    """Delete all segments of *app*, those of living processes too; return how many went.

    With them goes what is noted of their backends, and what was written down for whoever would
    deliver to them.
    """
    removed = 0
    for directory in directories(config, app):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(directory, layout.BACKOFF_NOTE))
        with contextlib.suppress(OSError):
            destination.delete_manifest(directory)
    for path in segments(config, app):
        with contextlib.suppress(OSError):
            os.unlink(path)
            removed += 1
    return removed


def erase(config: DeliveryConfig, app: str) -> None:
    """Delete all segments of *app*, and every trace that it ever had any.

    A process that lives and has telemetry on again makes anew what it needs.
    """
    found = directories(config, app)
    purge(config, app)
    for directory in found:
        for path in [
            *layout.locks(directory),
            *(f"{directory}/{name}" for name in (layout.UPLOADER_LOCK, layout.PROBE_LOCK)),
        ]:
            with contextlib.suppress(OSError):
                os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(directory)  # unless there is anybody else's file
    if found and is_apart(config):
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(found[0]))
