"""How the settings shape the events that are sent, and which are corrected or refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

import pytest
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry import ConfigurationError, InvalidEventError, Outcome, Telemetry
from otel_telemetry.testing import OTLPReceiver, ReceivedEvent, ReceivedRequest

Make = Callable[..., Telemetry]


def _sent_one(telemetry: Telemetry, receiver: OTLPReceiver) -> ReceivedEvent:
    assert telemetry.flush(10)
    (event,) = receiver.events
    return event


def test_properties_on_record_puts_every_bucket_on_the_record(
    make: Make, receiver: OTLPReceiver
) -> None:
    """With prefixes, and not on resource and scope."""
    telemetry = make(properties_on="record")

    telemetry.send(
        "x", event_properties={"a": 1}, user_properties={"a": 2}, group_properties={"a": 3}
    )

    event = _sent_one(telemetry, receiver)
    assert {"a": 1, "user.a": 2, "group.a": 3}.items() <= event.attributes.items()
    assert event.scope_attributes == {}
    assert "a" not in event.resource


def test_the_body_is_empty_without_event_name_in_body(make: Make, receiver: OTLPReceiver) -> None:
    """The name is in its own field."""
    telemetry = make(event_name_in_body=False)

    telemetry.send("x")

    event = _sent_one(telemetry, receiver)
    assert (event.name, event.body) == ("x", None)


def test_grpc_sends_the_same_event(make: Make) -> None:
    """One setting changes the protocol."""
    with OTLPReceiver(http=False, grpc=True) as receiver:
        telemetry = make(protocol="grpc", endpoint=receiver.grpc_endpoint)

        telemetry.send("x", event_properties={"a": True})

        event = _sent_one(telemetry, receiver)
        assert (event.name, event.attributes["a"]) == ("x", True)
        telemetry.destroy()


def test_settings_from_the_environment_hold(
    make: Make, receiver: OTLPReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_TELEMETRY_<FIELD>, as it was when the instance was made."""
    monkeypatch.setenv("OTEL_TELEMETRY_EVENT_NAME_IN_BODY", "off")
    monkeypatch.setenv("OTEL_TELEMETRY_RESOURCE_ATTRIBUTES", "deployment=home")
    telemetry = make()
    monkeypatch.setenv("OTEL_TELEMETRY_RESOURCE_ATTRIBUTES", "deployment=elsewhere")

    telemetry.send("x")

    event = _sent_one(telemetry, receiver)
    assert event.body is None
    assert event.resource["deployment"] == "home"


@pytest.mark.parametrize("prefix", ["OTEL_ATTRIBUTE", "OTEL_LOGRECORD_ATTRIBUTE"])
def test_limits_of_the_environment_hold_in_every_bucket(
    make: Make, receiver: OTLPReceiver, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """Truncated and dropped values are counted in the request and in the stats."""
    monkeypatch.setenv(f"{prefix}_COUNT_LIMIT", "2")
    monkeypatch.setenv(f"{prefix}_VALUE_LENGTH_LIMIT", "3")
    telemetry = make()
    bucket = {"a": "long text", "b": [b"long bytes"], "c": 1}

    telemetry.send("x", event_properties=bucket, user_properties=bucket, group_properties=bucket)

    event = _sent_one(telemetry, receiver)
    kept = {"a": "lon", "b": [b"lon"]}
    assert event.attributes == {**kept, "log.record.uid": event.uid}
    assert event.scope_attributes == kept
    assert kept.items() <= event.resource.items()
    assert "c" not in event.resource
    assert event.dropped_attributes_count == event.scope_dropped_attributes_count == 3
    assert event.resource_dropped_attributes_count == 3
    assert telemetry.stats.corrected == {"cut": 9}


class TestCorrections:
    """The event is sent, and the correction is counted."""

    @pytest.mark.parametrize(
        ("given", "kind"),
        [
            ({"payload": {"properties": {"a": 1}, "event": 1}}, {"unknown_bucket": 2}),
            ({"user_properties": {"service.name": "other"}}, {"reserved_key": 1}),
            ({"event_properties": {"telemetry.x": 1}}, {"reserved_key": 1}),
            ({"group_properties": {"a": [[], {}, object]}}, {}),
            ({"event_properties": {"": 1}}, {"cut": 1}),
            ({"event_properties": 5}, {"cut": 1}),
        ],
        ids=str,
    )
    def test_corrections_are_counted_by_kind(
        self, make: Make, receiver: OTLPReceiver, given: dict[str, object], kind: dict[str, int]
    ) -> None:
        """Unknown buckets, reserved keys, and illegal values."""
        telemetry = make()

        telemetry.send("x", **given)  # type: ignore[arg-type]  # what is tested

        event = _sent_one(telemetry, receiver)
        assert event.resource["service.name"] == "acme-cms"
        assert telemetry.stats.corrected == kind
        assert (telemetry.stats.accepted, telemetry.stats.delivered) == (1, 1)

    @pytest.mark.parametrize(
        "given",
        [
            {"payload": {"properties": {}}},
            {"user_properties": {"service.name": "other"}},
            {"event_properties": {"": 1}},
        ],
        ids=str,
    )
    def test_strict_raises_instead_of_a_correction(
        self, make: Make, given: dict[str, object]
    ) -> None:
        """Nothing is sent or corrected, and the event is counted as invalid."""
        telemetry = make(strict=True)

        with pytest.raises(InvalidEventError, match="not legal as it is"):
            telemetry.send("x", **given)  # type: ignore[arg-type]  # what is tested

        assert telemetry.stats.dropped == {"invalid": 1}
        assert telemetry.stats.corrected == {}
        assert telemetry.stats.pending == 0


class TestRefused:
    """A wrong event is dropped."""

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("", {}),
            ("x" * 257, {}),
            (None, {}),
            (5, {}),
            (["x"], {}),
            ({}, {}),
            ("x", {"payload": "text"}),
            ("x", {"payload": [("event_properties", {})]}),
            ("x", {"timestamp": datetime.datetime(2024, 1, 1)}),  # noqa: DTZ001 - what is tested
            ("x", {"timestamp": 0}),
            ("x", {"timestamp": 2**63}),
            ("x", {"timestamp": 1.5}),
            ("x", {"timestamp": "now"}),
        ],
        ids=lambda value: str(value)[:30],
    )
    @pytest.mark.parametrize("strict", [False, True])
    def test_a_wrong_event_is_dropped_and_counted(
        self,
        make: Make,
        name: object,
        given: dict[str, object],
        strict: bool,  # noqa: FBT001 - a table
    ) -> None:
        """As invalid; with `strict` the call raises, without it the receipt has the reason."""
        telemetry = make(strict=strict)

        if strict:
            with pytest.raises(InvalidEventError):
                telemetry.send(name, **given)  # type: ignore[arg-type]  # what is tested
        else:
            receipt = telemetry.send(name, **given)  # type: ignore[arg-type]  # what is tested
            assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "invalid")

        stats = telemetry.stats
        assert (stats.accepted, stats.dropped, stats.pending) == (1, {"invalid": 1}, 0)

    def test_the_log_has_the_reason_without_a_value(
        self, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Once, with the message of the error."""
        telemetry = make()

        for _ in range(3):
            telemetry.send("x", timestamp="s3cr3t")  # type: ignore[arg-type]  # what is tested

        # Another test may have logged the same within the minute.
        assert caplog.text.count("a timestamp must be") <= 1
        assert "s3cr3t" not in caplog.text


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
