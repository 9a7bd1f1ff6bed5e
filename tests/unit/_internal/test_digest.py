"""Hashes for names."""

from __future__ import annotations

import hashlib

import pytest

from otel_telemetry._internal.digest import digest


@pytest.mark.parametrize("modules", [("_blake2",), ("no_such", "hashlib")])
@pytest.mark.parametrize("size", [7, 8])
def test_it_is_blake2b_wherever_that_comes_from(modules: tuple[str, ...], size: int) -> None:
    """Not every Python has the module that is quick to load."""
    expected = hashlib.blake2b("ü".encode(), digest_size=size).hexdigest()

    assert digest("ü", size, modules) == expected
