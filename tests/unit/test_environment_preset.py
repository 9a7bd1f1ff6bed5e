"""A variable for the import of a library that reads it then."""

from __future__ import annotations

import os

import pytest

from otel_telemetry.config.environment import Preset


def test_it_is_set_in_the_block_and_gone_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the import fails."""
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)

    with pytest.raises(ImportError, match="ERROR"), Preset("GRPC_VERBOSITY", "ERROR"):
        raise ImportError(os.environ["GRPC_VERBOSITY"])

    assert "GRPC_VERBOSITY" not in os.environ


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be looking for a fault."""
    monkeypatch.setenv("GRPC_VERBOSITY", "DEBUG")

    with Preset("GRPC_VERBOSITY", "ERROR"):
        assert os.environ["GRPC_VERBOSITY"] == "DEBUG"

    assert os.environ["GRPC_VERBOSITY"] == "DEBUG"


def test_a_block_that_takes_it_away_itself_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may tidy up the environment."""
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)

    with Preset("GRPC_VERBOSITY", "ERROR"):
        del os.environ["GRPC_VERBOSITY"]

    assert "GRPC_VERBOSITY" not in os.environ
