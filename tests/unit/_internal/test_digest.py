"""Short hashes."""

from __future__ import annotations

import hashlib

import pytest

from otel_telemetry._internal.digest import digest


@pytest.mark.parametrize("modules", [("_blake2",), ("no_such", "hashlib")])
@pytest.mark.parametrize("size", [7, 8])
def test_the_digest_is_blake2b_from_either_module(modules: tuple[str, ...], size: int) -> None:
    """Not every Python has the module that loads quickly."""
    expected = hashlib.blake2b("ü".encode(), digest_size=size).hexdigest()

    assert digest("ü", size, modules) == expected
