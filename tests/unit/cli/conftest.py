"""An application whose backend is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_telemetry import Telemetry
from tests.support.processes import refusing_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make() -> Iterator[Callable[..., Telemetry]]:
    """Make instances with telemetry on, whose backend refuses connections."""
    made: list[Telemetry] = []
    with refusing_port() as port:

        def make_one(**changed: object) -> Telemetry:
            given = {"version": "5.1.0", "enabled": True, "flush_interval": 60, **changed}
            if "endpoint" not in given:
                given["endpoint"] = f"http://127.0.0.1:{port}"
            made.append(Telemetry("acme-cms", **given))  # type: ignore[arg-type]  # it checks them
            return made[-1]

        yield make_one
        for telemetry in made:
            telemetry.destroy(0)
