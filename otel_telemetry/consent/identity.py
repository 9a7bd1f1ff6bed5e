"""The identity of an installation: random ids, made after a permission, deleted after a refusal.

Nothing here is derived from hardware, host, user or path. The file lies in the state directory, not
in the configuration directory: a copied configuration must not give two machines one identity.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from otel_telemetry._internal import atomic_file, private_directory
from otel_telemetry._internal.atomic_file import Unreadable, read_object
from otel_telemetry._internal.frozen import dataclass

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FILE = "identity.json"
_ROTATION = 90 * 24 * 3600.0  # seconds
_CLOCK_ERROR = 24 * 3600.0
CI_INSTALLATION = "ci"
"""The installation id of every run in continuous integration: each machine there is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The random ids of an installation, replaced every 90 days.

    Attributes:
        installation_id: 128 random bits in hexadecimal: `app.installation.id` on the wire.
        salt: 256 random bits for `pseudonym`; never sent.
        made_at: Seconds since the epoch.
    """

    installation_id: str
    salt: bytes
    made_at: float

    def pseudonym(self, kind: str, value: str) -> str:
        """Return a pseudonym for *value*: 128 bits in hexadecimal, until the identity is replaced.

        It is an HMAC-SHA256 with the salt: without the salt, candidates cannot be tried out, as
        they can for a plain hash of an e-mail address. The same value of another *kind* has another
        pseudonym.
        """
        import hmac  # noqa: PLC0415 - takes milliseconds, and few programs use it

        message = f"{len(kind)}:{kind}{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.salt, message, "sha256").hexdigest()[:32]


def load_identity(state: str | None, now: Callable[[], float] = time.time) -> Identity:
    """Return the identity saved in the directory *state*; make and save one if none is valid.

    An identity that cannot be saved lives as long as this process. Raises nothing.

    Args:
        state: The directory; None makes a new identity and saves nothing.
        now: Wall clock, in seconds since the epoch.
    """
    moment = now()
    new = Identity(installation_id=os.urandom(16).hex(), salt=os.urandom(32), made_at=int(moment))
    if state is None:
        return new
    path = os.path.join(state, _FILE)
    known = read_identity(state)
    # An identity from the future, by a wrong clock, would never be replaced.
    if known is not None and -_CLOCK_ERROR < moment - known.made_at < _ROTATION:
        return known
    with contextlib.suppress(OSError):
        private_directory.secure(state)
        if known is None and not os.path.lexists(path):
            # Of two processes that start at once, one creates the file.
            return (
                new if atomic_file.create_file(path, _encoded(new)) else read_identity(state) or new
            )
        atomic_file.write_file(path, _encoded(new))
    return new


def read_identity(state: str) -> Identity | None:
    """Return the identity saved in the directory *state*; None if there is no valid one."""
    content = read_object(os.path.join(state, _FILE))
    return None if content is None or isinstance(content, Unreadable) else _decoded(content)


def delete_identity(state: str) -> bool:
    """Delete the identity saved in the directory *state*; True if there was one."""
    is_deleted = True
    try:
        os.unlink(os.path.join(state, _FILE))
    except OSError:
        is_deleted = False
    with contextlib.suppress(OSError):
        os.rmdir(state)  # fails if the directory holds other files
    return is_deleted


def _encoded(identity: Identity) -> bytes:
    content = {
        "installation_id": identity.installation_id,
        "salt": identity.salt.hex(),
        "made_at": identity.made_at,
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def _decoded(content: Mapping[str, object]) -> Identity | None:
    installation_id, salt = content.get("installation_id"), content.get("salt")
    made_at = content.get("made_at")
    if not isinstance(installation_id, str) or not isinstance(salt, str):
        return None
    if not isinstance(made_at, (int, float)):
        return None
    try:
        ids = bytes.fromhex(installation_id), bytes.fromhex(salt)
    except ValueError:
        return None
    if (len(ids[0]), len(ids[1])) != (16, 32):
        return None
    return Identity(installation_id=installation_id, salt=ids[1], made_at=made_at)
