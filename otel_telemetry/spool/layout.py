"""Every file name of a spool directory. Pure standard library; nothing here raises."""

from __future__ import annotations

import contextlib
import os
import re
import time

from otel_telemetry._internal import private_directory

SEGMENT_SUFFIX = ".seg"
OWNER_LOCK_SUFFIX = ".lock"
"""The file that a process keeps locked while it owns its segments."""
MANIFEST = "destination.json"
"""The settings with which the uploader delivers the events of the directory."""
UPLOADER_LOCK = "uploader.lock"
"""Locked by the uploader while it runs; its modification time is when the last one was started."""
BACKOFF_STATE = "backoff"
"""The state of the backoff that all processes of the directory share."""
PROBE_LOCK = "probe.lock"
"""Locked by the process that probes the backend in a long outage."""
DESTINATION = re.compile(r"[0-9a-f]{16}")
"""The name of a destination's directory."""

_OWNED = re.compile(r"([0-9a-f]{16,}-[0-9]+-[0-9a-f]{8})(?:-[0-9]{8,}\.seg|\.lock)")


def owner_name() -> str:
    """Return a new name for a process that writes segments; it sorts by the time of its making."""
    return f"{time.time_ns():016x}-{os.getpid()}-{os.urandom(4).hex()}"


def segment_name(owner: str, number: int) -> str:
    """Return the file name of the segment *number* of an owner."""
    return f"{owner}-{number:08d}{SEGMENT_SUFFIX}"


def segments_by_owner(path: str) -> dict[str, list[str]]:
    """Return the owners of locks and segments in the directory *path*, with their segments.

    Oldest first. Foreign files are ignored, and so is a directory that is not private.
    """
    owners: dict[str, list[str]] = {}
    try:
        private_directory.check(path)
        names = sorted(os.listdir(path))
    except OSError:
        return {}
    for name in names:
        match = _OWNED.fullmatch(name)
        if match is not None:
            segments = owners.setdefault(match[1], [])
            if name.endswith(SEGMENT_SUFFIX):
                segments.append(os.path.join(path, name))
    return owners


def lock_files(path: str) -> list[str]:
    """Return the lock file of every owner in the directory *path*, with or without segments."""
    return [os.path.join(path, f"{owner}{OWNER_LOCK_SUFFIX}") for owner in segments_by_owner(path)]


def total_size(path: str) -> int:
    """Return the bytes of all segments in the directory *path*, of all owners."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.name.endswith(SEGMENT_SUFFIX):
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total
