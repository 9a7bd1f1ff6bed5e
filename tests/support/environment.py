"""The environment variables of the machine that tests must not see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

_SETTINGS = ("OTEL_*", "*_TELEMETRY*", "DO_NOT_TRACK", "ROTEL_*")
_PROXIES = ("*_PROXY",)
_CI_MARKERS = (
    "APPVEYOR",
    "BITBUCKET_*",
    "BITRISE_IO",
    "BUDDY_WORKSPACE_ID",
    "BUILDKITE",
    "BUILD_ID",
    "BUILD_NUMBER",
    "CI",
    "CI_NAME",
    "CIRCLECI",
    "CIRRUS_CI",
    "CODEBUILD_BUILD_ARN",
    "CONTINUOUS_INTEGRATION",
    "DRONE",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "GO_PIPELINE_LABEL",
    "HUDSON_URL",
    "JENKINS_URL",
    "NETLIFY",
    "NOW_BUILDER",
    "RENDER",
    "RUN_ID",
    "SEMAPHORE",
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
    "TASK_ID",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
    "VERCEL",
)
_FOREIGN = (*_SETTINGS, *_PROXIES, *_CI_MARKERS)


def foreign(names: Iterable[str]) -> list[str]:
    """Return the variables among *names* that could change the result of a test."""
    return [
        name for name in names if any(fnmatchcase(name.upper(), pattern) for pattern in _FOREIGN)
    ]


def own_directories(home: Path) -> Mapping[str, str]:
    """Return variables that place every user and XDG directory below *home*."""
    return {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "XDG_RUNTIME_DIR": str(home / ".run"),
        "XDG_CONFIG_DIRS": str(home / "etc" / "xdg"),
        "XDG_DATA_DIRS": str(home / "usr" / "share"),
    }
