"""Short hashes, for names that must not reveal the text that they stand for."""

from __future__ import annotations

from importlib import import_module

from otel_telemetry._internal import fork

_MODULES = ("_blake2", "hashlib")


def digest(text: str, size: int = 8, modules: tuple[str, ...] = _MODULES) -> str:
    """Return the BLAKE2b hash of *text* in hexadecimal.

    It comes from the C module that `hashlib` uses, if there is one: `hashlib` itself also loads
    OpenSSL, which takes 3 ms.

    Args:
        text: The text.
        size: Bytes of the hash, which has twice as many digits.
        modules: The modules that may have BLAKE2b, in order of preference.
    """
    try:
        with fork.import_lock:
            module = import_module(modules[0])
    except ImportError:
        return digest(text, size, modules[1:])
    hexadecimal: str = module.blake2b(text.encode(), digest_size=size).hexdigest()
    return hexadecimal
