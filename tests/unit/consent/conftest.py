"""A home directory, consent managers of its user, and a terminal."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.consent.consent import ConsentManager
from tests.support.trust import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.trust import Ends


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory, which holds the policy files as well."""
    return tmp_path


@pytest.fixture
def make(home: Path) -> Callable[..., ConsentManager]:
    """Make consent managers of one user."""

    def make_one(environ: Mapping[str, str] | None = None, **settings: object) -> ConsentManager:
        config = TelemetryConfig(name="acme-cms", **settings)  # type: ignore[arg-type]  # it checks them
        own = {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "etc"), **(environ or {})}
        return ConsentManager(config, own, lambda: NOW)

    return make_one


@pytest.fixture
def terminal() -> Iterator[Ends]:
    """The two streams of a terminal, and the descriptor of the user's side."""
    controller, terminal = pty.openpty()
    with (
        open(terminal, encoding="utf-8", closefd=False) as stdin,
        open(terminal, "w", encoding="utf-8", closefd=False) as stderr,
    ):
        yield stdin, stderr, controller
    os.close(terminal)
    os.close(controller)
