"""The environment as a whole: as it is now, for a process that delivers, and for the resource."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import OTELResourceDetector

from otel_telemetry.config import environment


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to the environment later does not reach into settings that were made."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "on")

    environ = environment.current()
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "off")

    assert environ["ACME_CMS_TELEMETRY"] == "on"


class Vanishing(UserDict[str, str]):
    """An environment of which another thread deletes a variable while it is read."""

    def __iter__(self) -> Iterator[str]:
        """Yield one name that is no longer there."""
        yield from ("STAYS", "GONE")


@pytest.mark.parametrize("read", [environment.current, environment.for_uploader])
def test_a_variable_that_vanishes_meanwhile_is_not_there(
    read: Callable[[], Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads delete variables when they like, and no host fails in a constructor for it."""
    monkeypatch.setattr("os.environ", Vanishing({"STAYS": "1"}))

    found = read()
    monkeypatch.undo()

    assert found == {"STAYS": "1"}


def test_another_exporter_s_settings_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be the user's own keys; all that says how to reach the network is."""
    passed = {
        "HTTPS_PROXY": "http://proxy:1",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/ca.pem",
        "DO_NOT_TRACK": "0",
        "ACME_TELEMETRY": "on",
        "OTEL_TELEMETRY": "on",
        "OTEL_SDK_DISABLED": "false",
    }
    others = {
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret",
        "OTEL_RESOURCE_ATTRIBUTES": "team=x",
        "OTEL_TELEMETRY_HEADERS": "api-key=secret",
    }
    for name, value in {**passed, **others}.items():
        monkeypatch.setenv(name, value)
    found = environment.for_uploader()

    assert found.items() >= passed.items()
    assert not found.keys() & others.keys()


@given(
    st.lists(
        st.text(alphabet="ab =%20é\t", max_size=6) | st.sampled_from(["a=b", "k=a=b", "a%20b=c%2C"])
    )
)
def test_resource_attributes_are_read_as_the_sdk_reads_them(pairs: list[str]) -> None:
    """Whatever stands there."""
    text = ",".join(pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_RESOURCE_ATTRIBUTES", text)
        patch.delenv("OTEL_SERVICE_NAME", raising=False)
        expected = OTELResourceDetector().detect().attributes

    found = environment.resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": text})

    assert {key: value for key, value in found.items() if key} == dict(expected)


def test_without_the_variable_there_are_none() -> None:
    """Nor with an empty one."""
    assert environment.resource_attributes({}) == {}
    assert environment.resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": ""}) == {}
