"""What of the machine's environment a test must not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.environment import foreign, own_directories


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_SDK_DISABLED",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_TELEMETRY",
        "OTEL_TELEMETRY_ENDPOINT",
        "ACME_CMS_TELEMETRY",
        "ACME_CMS_TELEMETRY_ENDPOINT",
        "DO_NOT_TRACK",
        "HTTPS_PROXY",
        "https_proxy",
        "no_proxy",
        "CI",
        "GITHUB_ACTIONS",
        "ROTEL_EXPORTER",
    ],
)
def test_a_name_that_decides_for_us_is_foreign(name: str) -> None:
    """Settings, consent, proxies of both cases and CI markers are picked out."""
    assert foreign([name]) == [name]


@pytest.mark.parametrize("name", ["PATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_CONFIG", "CITY"])
def test_any_other_name_stays(name: str) -> None:
    """What programs need to run, and what coverage needs to follow them, is left alone."""
    assert foreign([name]) == []


def test_every_user_directory_lies_below_the_home() -> None:
    """No test reads or writes the files of the person who runs it."""
    home = Path("/somewhere/else")

    assert all(Path(path).is_relative_to(home) for path in own_directories(home).values())
