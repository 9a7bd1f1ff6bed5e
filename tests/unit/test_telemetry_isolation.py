"""Nothing of the host's OpenTelemetry on our wire, and nothing of ours in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry import ConfigurationError, Telemetry
from otel_telemetry.testing import OTLPReceiver, ReceivedRequest

Make = Callable[..., Telemetry]

_THEIRS: Mapping[str, str] = {
    "OTEL_EXPORTER_OTLP_HEADERS": "their-key=s3cr3t",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "their-key=s3cr3t",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    "OTEL_RESOURCE_ATTRIBUTES": "team=s3cr3t,service.version=s3cr3t",
    "OTEL_SERVICE_NAME": "s3cr3t",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,os,host",
}


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that is set up for the host's own OpenTelemetry."""
    for name, value in _THEIRS.items():
        monkeypatch.setenv(name, value)


def _request(telemetry: Telemetry, receiver: OTLPReceiver) -> ReceivedRequest:
    telemetry.send("x", user_properties={"plan": "free"})
    assert telemetry.flush(10)
    (request,) = receiver.requests
    return request


@pytest.mark.usefixtures("theirs")
def test_with_an_endpoint_in_code_nothing_of_theirs_leaves(
    make: Make, receiver: OTLPReceiver
) -> None:
    """Not their keys, not the names of their teams, not what their detectors find."""
    telemetry = make(version="1", headers={"x-tool": "1"})

    request = _request(telemetry, receiver)

    assert request.headers["x-tool"] == "1"
    assert request.headers["content-encoding"] == "gzip"
    assert "their-key" not in request.headers
    assert b"s3cr3t" not in request.protobuf
    (event,) = request.events
    assert (event.resource["service.name"], event.resource["service.version"]) == ("acme-cms", "1")
    assert not {"team", "host.name", "process.pid", "process.command_line"} & set(event.resource)


def test_nothing_that_tells_of_the_machine_or_its_user_leaves(
    make: Make, receiver: OTLPReceiver
) -> None:
    """The base resource is this, and no more."""
    (event,) = _request(make(), receiver).events

    assert set(event.resource) == {
        "app.installation.id",
        "service.name",
        "telemetry.sdk.name",
        "telemetry.sdk.language",
        "telemetry.sdk.version",
        "telemetry.distro.name",
        "telemetry.distro.version",
        "os.type",
        "os.version",
        "host.arch",
        "process.runtime.name",
        "process.runtime.version",
        "plan",
    }


@pytest.mark.usefixtures("theirs")
def test_without_an_endpoint_we_are_part_of_their_set_up(
    make: Make, receiver: OTLPReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their collector, their headers, their resource; but our name and version."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint)
    telemetry = make(endpoint=None, version="1")

    request = _request(telemetry, receiver)

    assert request.path == "/v1/logs"
    assert request.headers["their-key"] == "s3cr3t"
    assert "content-encoding" not in request.headers
    (event,) = request.events
    assert event.resource["team"] == "s3cr3t"
    assert (event.resource["service.name"], event.resource["service.version"]) == ("acme-cms", "1")


def test_the_url_for_logs_is_used_as_it_is(
    make: Make, receiver: OTLPReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own path, and the slash at its end."""
    url = f"{receiver.http_endpoint}/custom/"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", url)
    telemetry = make(endpoint=None)

    telemetry.send("x")
    telemetry.flush(10)

    assert [request.path for request in receiver.requests] == ["/custom/"]


def test_the_owner_of_the_machine_points_us_elsewhere_without_the_keys(
    make: Make, receiver: OTLPReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events go to the owner's collector; the maintainer's headers do not go with them."""
    with OTLPReceiver() as home:
        monkeypatch.setenv("ACME_CMS_TELEMETRY_ENDPOINT", home.http_endpoint)
        telemetry = make(headers={"authorization": "s3cr3t"})

        request = _request(telemetry, home)
        telemetry.destroy()

    assert "authorization" not in request.headers
    assert receiver.requests == ()


def test_plain_text_to_another_machine_needs_a_word() -> None:
    """At construction, before anything was sent."""
    with pytest.raises(ConfigurationError, match="plain text"):
        Telemetry("acme-cms", endpoint="http://collector.example")
    assert Telemetry("acme-cms", endpoint="http://collector.example", insecure=True).config.insecure


def test_the_globals_of_opentelemetry_stay_as_they_were(make: Make, receiver: OTLPReceiver) -> None:
    """Who instruments the host finds no provider of ours."""
    before = get_logger_provider()

    _request(make(), receiver)

    assert get_logger_provider() is before
    assert not isinstance(get_logger_provider(), LoggerProvider)
