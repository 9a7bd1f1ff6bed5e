"""The public names of `otel_telemetry.hooks`, which are imported at their first use."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from otel_telemetry import hooks


def test_every_public_name_is_that_of_its_module() -> None:
    """Each name is imported from the module that defines it."""
    assert sorted(hooks._HOMES) == sorted(hooks.__all__)
    for name, home in hooks._HOMES.items():
        assert getattr(hooks, name) is getattr(import_module(f"otel_telemetry.{home}"), name)


def test_dir_lists_the_public_names() -> None:
    """Completion shows them before they are imported."""
    assert dir(hooks) == sorted(hooks.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in any module."""
    with pytest.raises(AttributeError, match="no attribute 'at_most'"):
        hooks.at_most  # type: ignore[attr-defined]  # noqa: B018 - the test


def test_sampling_imports_no_patterns() -> None:
    """A program that only samples does not pay for redaction."""
    program = (
        "import sys\n"
        "from otel_telemetry.hooks import sample\n"
        "print(sorted(name for name in sys.modules if name.startswith('otel_telemetry.hooks')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "['otel_telemetry.hooks', 'otel_telemetry.hooks.sampling']"
