"""What lies in a spool directory. Pure standard library; nothing here raises."""

from __future__ import annotations

import contextlib
import os
import re

from otel_telemetry._internal import private_directory

SEGMENT_SUFFIX = ".seg"
OWNER_LOCK_SUFFIX = ".lock"
"""Of the file that a process keeps locked for as long as its segments are its own."""
MANIFEST = "destination.json"
"""Where the events of this directory go: the settings for the process that uploads them."""
UPLOADER_LOCK = "uploader.lock"
"""Locked by the uploader while it runs; its modification time is when the last one was started."""
BACKOFF_NOTE = "backoff"
"""The backoff that all processes of this directory share."""
PROBE_LOCK = "probe.lock"
"""Locked by the process that probes the backend in a long outage."""
DESTINATION = re.compile(r"[0-9a-f]{16}")
"""The name of a destination's directory."""

_OURS = re.compile(r"([0-9a-f]{16,}-[0-9]+-[0-9a-f]{8})(?:-[0-9]{8,}\.seg|\.lock)")


def listed(path: str) -> dict[str, list[str]]:
    """Return who left locks or segments in the directory *path*, and their segments.

    Oldest first; nobody else's files, and nothing of a directory that is not ours.
    """
    found: dict[str, list[str]] = {}
    try:
        private_directory.check(path)
        names = sorted(os.listdir(path))
    except OSError:
        return {}
    for name in names:
        ours = _OURS.fullmatch(name)
        if ours is not None:
            segments = found.setdefault(ours[1], [])
            if name.endswith(SEGMENT_SUFFIX):
                segments.append(os.path.join(path, name))
    return found


def locks(path: str) -> list[str]:
    """Return the locks of all who have left or will leave segments in the directory *path*."""
    return [os.path.join(path, f"{owner}.lock") for owner in listed(path)]


def size(path: str) -> int:
    """Return the bytes of all segments in the directory *path*, whoever owns them."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.name.endswith(SEGMENT_SUFFIX):
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total
