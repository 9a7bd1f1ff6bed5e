"""Decompression bombs, and the memory that code under test allocates."""

from __future__ import annotations

import tracemalloc
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GZIP = zlib.MAX_WBITS | 16
DEFLATE = zlib.MAX_WBITS
_BLOCK = 2**24


def bomb(wbits: int, blocks: int = 128) -> bytes:
    """Return a stream of zeros, which decompresses to `blocks` times 16 MiB.

    After a full flush, a block depends on nothing before it, so one block can be repeated. The
    stream has no end: a decompressor that reads all of it reports a truncated body.
    """
    compressor = zlib.compressobj(9, zlib.DEFLATED, wbits)
    zeros = bytes(_BLOCK)
    first = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    return first + block * (blocks - 1)


@contextmanager
def traced_peak() -> Iterator[Callable[[], int]]:
    """Yield a function that returns the most bytes that Python held at once in the block."""
    peak = 0
    tracemalloc.start()
    try:
        yield lambda: peak
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
