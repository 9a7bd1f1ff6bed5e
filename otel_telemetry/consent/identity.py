"""Who speaks, without saying who it is: random ids, made after permission and gone with it.

Nothing here is derived from hardware, host, user or path. Kept with the state, never with the
configuration: a copied configuration must not make two machines one.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from otel_telemetry._internal import atomic_file, private_directory
from otel_telemetry._internal.atomic_file import Unreadable, read_object
from otel_telemetry._internal.frozen import dataclass

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FILE = "identity.json"
_ROTATION = 90 * 24 * 3600.0  # seconds
_CLOCK_ERROR = 24 * 3600.0
CI_INSTALLATION = "ci"
"""The installation id of every run in continuous integration: each machine there is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an installation is known by, for 90 days.

    Attributes:
        installation_id: 128 random bits in hexadecimal: `app.installation.id` on the wire.
        salt: 256 random bits for `pseudonym`; they never leave.
        made_at: Seconds since the epoch.
    """

    installation_id: str
    salt: bytes
    made_at: float

    def pseudonym(self, kind: str, value: str) -> str:
        """Return what stands for *value* until the identity is rotated: 128 bits, in hexadecimal.

        An HMAC-SHA256 under the salt: without it nobody can try out candidates, as they can for a
        plain hash of an e-mail address. The same value of another *kind* has another pseudonym.
        """
        import hmac  # noqa: PLC0415 - milliseconds that only those pay who use it

        message = f"{len(kind)}:{kind}{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.salt, message, "sha256").hexdigest()[:32]


def load_identity(state: str | None, now: Callable[[], float] = time.time) -> Identity:
    """Return the identity kept in the directory *state*; make it, or a new one in place of an old.

    Where it cannot be kept, it lives as long as this process. Never raises.

    Args:
        state: The directory; None for none.
        now: Wall clock, in seconds since the epoch.
    """
    moment = now()
    new = Identity(installation_id=os.urandom(16).hex(), salt=os.urandom(32), made_at=int(moment))
    if state is None:
        return new
    path = os.path.join(state, _FILE)
    known = read_identity(state)
    # One from the future is of a clock that was wrong, now or then: it would never grow old.
    if known is not None and -_CLOCK_ERROR < moment - known.made_at < _ROTATION:
        return known
    with contextlib.suppress(OSError):
        private_directory.secure(state)
        if known is None and not os.path.lexists(path):
            # Of two processes that come first, one makes it.
            return new if atomic_file.create(path, _encoded(new)) else read_identity(state) or new
        atomic_file.write_file(path, _encoded(new))
    return new


def read_identity(state: str) -> Identity | None:
    """Return the identity kept in the directory *state*; None if there is none of use."""
    said = read_object(os.path.join(state, _FILE))
    return None if said is None or isinstance(said, Unreadable) else _decoded(said)


def delete_identity(state: str) -> bool:
    """Delete the identity kept in the directory *state*; True if there was one."""
    was_there = True
    try:
        os.unlink(os.path.join(state, _FILE))
    except OSError:
        was_there = False
    with contextlib.suppress(OSError):
        os.rmdir(state)  # unless anything else is kept there
    return was_there


def _encoded(identity: Identity) -> bytes:
    said = {
        "installation_id": identity.installation_id,
        "salt": identity.salt.hex(),
        "made_at": identity.made_at,
    }
    return json.dumps(said, indent=2).encode() + b"\n"


def _decoded(said: Mapping[str, object]) -> Identity | None:
    installation_id, salt = said.get("installation_id"), said.get("salt")
    made_at = said.get("made_at")
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
