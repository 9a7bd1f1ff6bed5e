"""Hashes of a few bytes, for names that must not tell what they stand for."""

from __future__ import annotations

from importlib import import_module

from otel_telemetry._internal import fork

_MODULES = ("_blake2", "hashlib")


def digest(text: str, size: int = 8, modules: tuple[str, ...] = _MODULES) -> str:
    """Return a hash of *text* that nobody can find two texts for, in hexadecimal.

    By the module that `hashlib` has it from, where there is one: `hashlib` itself also loads
    OpenSSL, and that costs a command-line tool 3 ms.

    Args:
        text: What is hashed.
        size: Bytes of the hash.
        modules: Where to find BLAKE2, the best place first.
    """
    try:
        with fork.importing:
            module = import_module(modules[0])
    except ImportError:
        return digest(text, size, modules[1:])
    found: str = module.blake2b(text.encode(), digest_size=size).hexdigest()
    return found
