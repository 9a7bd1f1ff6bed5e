"""Where an application's telemetry keeps its files: the places of platformdirs.

On Linux and its like they are worked out here, by the XDG Base Directory Specification: whoever has
telemetry off should not pay 5 ms at every start to learn so. A test holds them equal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_CHOICE = "telemetry.json"
_IS_XDG = sys.platform not in {"win32", "darwin"}


def consent_file(app: str, environ: Mapping[str, str], *, xdg: bool = _IS_XDG) -> str | None:
    """Return where the user's choice is kept; None if there is no such place.

    In the configuration: it may travel with a user's other settings, which an identity must not.
    """
    directory = _xdg("XDG_CONFIG_HOME", ".config", environ) if xdg else _other("user_config_dir")
    return None if directory is None else os.path.join(directory, folder(app), _CHOICE)


def state_directory(app: str, environ: Mapping[str, str], *, xdg: bool = _IS_XDG) -> str | None:
    """Return the directory of identity and spool; None if there is no such place."""
    directory = _xdg("XDG_STATE_HOME", ".local/state", environ) if xdg else _other("user_state_dir")
    return None if directory is None else os.path.join(directory, folder(app), "telemetry")


def spool(setting: bool | str, app: str, state: str | None) -> str | None:  # noqa: FBT001 - as it is
    """Return the directory of all that waits of *app*; None for memory only.

    Args:
        setting: The setting `spool`. A path may be shared by several applications.
        app: The application's name.
        state: Its `state_directory`.
    """
    if isinstance(setting, str):
        return os.path.join(setting, folder(app))
    return os.path.join(state, "spool") if setting and state is not None else None


def policy_files(app: str, environ: Mapping[str, str], *, xdg: bool = _IS_XDG) -> tuple[str, ...]:
    """Return where packagers and administrators may say what holds for the whole machine.

    Every user can set XDG_CONFIG_DIRS, so it only adds to where the machine's own policy lies.
    """
    if xdg:
        said = filter(os.path.isabs, environ.get("XDG_CONFIG_DIRS", "").split(":"))
        directories = dict.fromkeys(["/etc", "/etc/xdg", *said])
    else:
        directories = dict.fromkeys([_other("site_config_dir")])
    return tuple(os.path.join(each, folder(app), _CHOICE) for each in directories)


def _xdg(variable: str, default: str, environ: Mapping[str, str]) -> str | None:
    said = environ.get(variable, "").strip()
    if os.path.isabs(said):
        return said
    home = environ.get("HOME") or home_of_record(os.getuid())
    return os.path.join(home, default) if os.path.isabs(home) else None


def _other(kind: str) -> str:
    import platformdirs  # noqa: PLC0415 - only where it is needed

    found: str = getattr(platformdirs, kind)(appauthor=False)
    return found


def home_of_record(uid: int) -> str:
    """Return the home directory of a user as the system knows it; an empty str if it does not."""
    import pwd  # noqa: PLC0415 - only where HOME is not set

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:  # a user without a name, as in many containers
        return ""


def folder(app: str) -> str:
    """Return a name for one folder, whatever the application is called."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in app.strip())
    return safe.lstrip(".") or "_"
