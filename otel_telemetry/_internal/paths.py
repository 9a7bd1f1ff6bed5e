"""The paths of an application's telemetry files, in the directories of platformdirs.

On Linux and similar systems, this module follows the XDG Base Directory Specification itself:
importing platformdirs takes 5 ms, even where telemetry is off. A test compares the results.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_FILE_NAME = "telemetry.json"
_IS_XDG = sys.platform not in {"win32", "darwin"}


def consent_file(app: str, environ: Mapping[str, str], *, xdg: bool = _IS_XDG) -> str | None:
    """Return the path of the consent record; None without a home directory.

    It is in the configuration directory, which users copy to other machines; the identity is not.
    """
    directory = (
        _xdg_directory("XDG_CONFIG_HOME", ".config", environ)
        if xdg
        else _platform_directory("user_config_dir")
    )
    return None if directory is None else os.path.join(directory, folder_name(app), _FILE_NAME)


def state_directory(app: str, environ: Mapping[str, str], *, xdg: bool = _IS_XDG) -> str | None:
    """Return the directory for identity and spool; None without a home directory."""
    directory = (
        _xdg_directory("XDG_STATE_HOME", ".local/state", environ)
        if xdg
        else _platform_directory("user_state_dir")
    )
    return None if directory is None else os.path.join(directory, folder_name(app), "telemetry")


def spool_root(setting: bool | str, app: str, state: str | None) -> str | None:  # noqa: FBT001 - the setting may be a bool
    """Return the directory for all segments of *app*; None for memory only.

    Args:
        setting: The setting `spool_root`; several applications may share a path.
        app: The application's name.
        state: Its `state_directory`.
    """
    if isinstance(setting, str):
        return os.path.join(setting, folder_name(app))
    return os.path.join(state, "spool") if setting and state is not None else None


def policy_files(app: str, environ: Mapping[str, str], *, xdg: bool = _IS_XDG) -> tuple[str, ...]:
    """Return the paths of the policy files, by which administrators decide for the machine.

    Every user can set XDG_CONFIG_DIRS: it adds directories, but cannot hide those of the machine.
    """
    if xdg:
        added = filter(os.path.isabs, environ.get("XDG_CONFIG_DIRS", "").split(":"))
        directories = dict.fromkeys(["/etc", "/etc/xdg", *added])
    else:
        directories = dict.fromkeys([_platform_directory("site_config_dir")])
    return tuple(os.path.join(each, folder_name(app), _FILE_NAME) for each in directories)


def _xdg_directory(variable: str, default: str, environ: Mapping[str, str]) -> str | None:
    directory = environ.get(variable, "").strip()
    if os.path.isabs(directory):
        return directory
    home = environ.get("HOME") or home_of_user(os.getuid())
    return os.path.join(home, default) if os.path.isabs(home) else None


def _platform_directory(kind: str) -> str:
    import platformdirs  # noqa: PLC0415 - only on macOS and Windows

    directory: str = getattr(platformdirs, kind)(appauthor=False)
    return directory


def home_of_user(uid: int) -> str:
    """Return a user's home directory from the user database; an empty str if it has none."""
    import pwd  # noqa: PLC0415 - only where HOME is not set

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:  # a user without a name, as in many containers
        return ""


def folder_name(app: str) -> str:
    """Return a folder name for *app*, without separators and dots at the start."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in app.strip())
    return safe.lstrip(".") or "_"
