"""Runs the connection checks of `doctor`; ports that never respond."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_telemetry import TelemetryConfig
from otel_telemetry.cli.probe import Prober, check_connection
from tests.support.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_telemetry.cli.probe import CheckResult


def checks(endpoint: str, prober: Prober | None = None, **settings: object) -> list[CheckResult]:
    """Run the checks on the way to a backend."""
    config = TelemetryConfig(name="acme", endpoint=endpoint, **settings)  # type: ignore[arg-type]  # it checks them
    return list(check_connection(config, prober or Prober(10)))


def levels(results: list[CheckResult]) -> list[tuple[str, str]]:
    """Return the name and the level of each check."""
    return [(check.name, check.level) for check in results]


@contextmanager
def silent(*, accepts: bool = True) -> Iterator[int]:
    """Listen on a port, and never respond."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen(8 if accepts else 0)
        yield server.getsockname()[1]
