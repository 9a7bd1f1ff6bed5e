"""A pipeline checks, filters and maps events, and sends them to the configured sink."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.errors import InvalidEventError
from otel_telemetry.events import TelemetryPayload
from otel_telemetry.export.consent_gate import ConsentGate
from otel_telemetry.mapping.base_resource import base_attributes
from otel_telemetry.otlp.encoder import UID
from otel_telemetry.pipeline.pipeline import create_pipeline
from otel_telemetry.pipeline.sdk_sinks import AppProviderSink, BackendSink, LogSink, base_resource
from otel_telemetry.receipt import Outcome
from otel_telemetry.stats import Counters
from otel_telemetry.testing import OTLPReceiver
from tests.support.pipelines import AppPipeline

if TYPE_CHECKING:
    from otel_telemetry.events import BeforeSend
    from otel_telemetry.pipeline.pipeline import AnyPipeline

BAD: Mapping[str, object] = {"": 1, "service.name": "x", "a": 1}


@pytest.fixture
def make_pipeline() -> Iterator[Callable[..., AnyPipeline]]:
    """Make pipelines, and shut their sinks down after the test."""
    made: list[AnyPipeline] = []

    def make(*, log_only: bool = False, **settings: object) -> AnyPipeline:
        settings = {"name": "acme", "spool": False, "shutdown_timeout": 0, **settings}
        config = TelemetryConfig(**settings)  # type: ignore[arg-type]  # it checks them
        made.append(create_pipeline(config, Counters(), None if log_only else ConsentGate()))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.sink.shutdown(0)


class TestEvents:
    """Events from `send` to the sink."""

    def test_each_bucket_has_its_place_on_the_record(self) -> None:
        """With the name and the time of the event."""
        setup = AppPipeline()
        receipt = setup.send("didCreateEntry", {"m": 1}, {"plan": "free"}, {"db": "x"}, moment=5)

        assert receipt.outcome is Outcome.DELIVERED
        assert setup.record.log_record.event_name == "didCreateEntry"
        assert setup.record.log_record.timestamp == 5
        assert setup.buckets == ({"m": 1}, {"plan": "free"}, {"db": "x"})

    @pytest.mark.parametrize(
        "payload",
        [
            TelemetryPayload(event_properties={"a": 1, "b": 1}, user_properties={"u": 1}),
            {"event_properties": {"a": 1, "b": 1}, "userProperties": {"u": 1}},
        ],
    )
    def test_a_payload_is_merged_with_the_bucket_arguments(self, payload: object) -> None:
        """The arguments win."""
        setup = AppPipeline()
        setup.send("e", {"b": 2}, None, {"g": 1}, payload=payload)

        assert setup.buckets == ({"a": 1, "b": 2}, {"u": 1}, {"g": 1})

    def test_an_unknown_bucket_is_counted(self) -> None:
        """The other buckets are sent."""
        setup = AppPipeline()
        setup.send(payload={"event_properties": {"a": 1}, "properties": {"b": 1}})

        assert setup.buckets == ({"a": 1}, {}, {})
        assert setup.counters.snapshot().corrected == {"unknown_bucket": 1}

    @pytest.mark.parametrize(
        ("name", "payload", "moment"),
        [
            pytest.param("", None, None, id="no name"),
            pytest.param("x" * 257, None, None, id="a long name"),
            pytest.param(5, None, None, id="a name that is no text"),
            pytest.param([], None, None, id="a name that cannot be hashed"),
            pytest.param("e", [], None, id="a payload that is no mapping"),
            pytest.param("e", None, -1, id="a moment before time"),
            pytest.param("e", None, datetime.datetime(2024, 1, 1), id="a naive moment"),  # noqa: DTZ001
        ],
    )
    def test_a_wrong_name_payload_or_time_raises(
        self, name: object, payload: object, moment: int | None
    ) -> None:
        """Each time; the caller of the pipeline handles the error."""
        setup = AppPipeline()
        for _ in range(2):
            with pytest.raises(InvalidEventError):
                setup.send(name, payload=payload, moment=moment)

        assert setup.records == ()

    def test_names_become_valid_unicode(self) -> None:
        """Also beyond the names that are remembered."""
        setup = AppPipeline()
        for name in ("a\ud800", *(f"name {number}" for number in range(1100)), "a\ud800"):
            setup.send(name)

        assert setup.record.log_record.event_name == "a\ufffd"
        assert len({record.log_record.event_name for record in setup.records}) == 1101

    @pytest.mark.parametrize("before_send", [(), (lambda event: event,)])
    def test_corrections_are_counted_once(self, before_send: tuple[BeforeSend, ...]) -> None:
        """With hooks and without; the record has the dropped count."""
        setup = AppPipeline(before_send=before_send)
        setup.send("e", BAD, BAD, BAD)

        assert setup.buckets == ({"a": 1}, {"a": 1}, {"a": 1})
        assert setup.counters.snapshot().corrected == {"cut": 3, "reserved_key": 3}
        assert setup.record.dropped_attributes == 2

    @pytest.mark.parametrize("before_send", [(), (lambda event: event,)])
    @pytest.mark.parametrize("bad", [{"": 1}, {"service.name": "x"}])
    def test_strict_raises_instead_of_a_correction(
        self, before_send: tuple[BeforeSend, ...], bad: Mapping[str, object]
    ) -> None:
        """In any bucket, with hooks and without."""
        setup = AppPipeline(strict=True, before_send=before_send)
        for buckets in ((bad, None, None), (None, bad, None), (None, None, bad)):
            with pytest.raises(InvalidEventError, match="not legal"):
                setup.send("e", *buckets)
        with pytest.raises(InvalidEventError, match="unknown_bucket"):
            setup.send(payload={"properties": {}})

        assert setup.records == ()

    def test_a_bucket_at_the_limit_is_sent_whole(self) -> None:
        """The default limits of the application's SDK drop nothing more."""
        setup = AppPipeline()
        setup.send("e", {f"key {number}": number for number in range(130)})

        assert len(setup.buckets[0]) == 128  # type: ignore[arg-type]  # a mapping
        assert setup.record.dropped_attributes == 2

    def test_the_settings_shape_the_records(self) -> None:
        """Limits, the place of the properties, and the body."""
        setup = AppPipeline(
            attribute_count_limit=2,
            attribute_length_limit=3,
            properties_on="record",
            event_name_in_body=False,
        )
        setup.send("e", {"a": "abcd", "b": 1, "c": 2}, {"plan": "free"}, {"g": 1})

        assert setup.buckets == ({"a": "abc", "b": 1, "user.plan": "fre", "group.g": 1}, {}, {})
        assert setup.record.log_record.body is None

    def test_a_forked_child_has_its_own_counts_and_ids(self) -> None:
        """Counts start at zero, and the unique ids differ."""
        setup = AppPipeline()
        setup.send()
        setup.pipeline.after_fork()
        setup.send()
        first, second = (record.log_record.attributes or {} for record in setup.records)

        assert str(first[UID])[:16] != str(second[UID])[:16]
        assert setup.counters.snapshot().accepted == 1


class TestSinks:
    """The sink that the settings select."""

    def test_events_go_to_the_backend(self, make_pipeline: Callable[..., AnyPipeline]) -> None:
        """With the base resource, and with values that the fast path does not encode."""
        with OTLPReceiver() as receiver:
            pipeline = make_pipeline(endpoint=receiver.http_endpoint, version="1")
            pipeline.send("e", {"a": 2**64}, {"u": 1}, None, None)
            receipt = pipeline.send("e", {"a": 2**64}, {"u": 1}, None, None)

            assert isinstance(pipeline.sink, BackendSink)
            assert pipeline.sink.flush(10)
            assert receipt.outcome is Outcome.DELIVERED
            assert len(receiver.events) == 2
            for event in receiver.events:
                assert event.attributes["a"] == str(2**64)
                assert event.resource == {**base_attributes("acme", "1"), "u": 1}

    def test_events_go_to_the_applications_provider_if_configured(self) -> None:
        """The setting `logger_provider`."""
        assert isinstance(AppPipeline().pipeline.sink, AppProviderSink)

    def test_without_a_consent_gate_events_are_printed(
        self, make_pipeline: Callable[..., AnyPipeline], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """They are not sent, whichever other settings there are."""
        pipeline = make_pipeline(log_only=True, logger_provider=LoggerProvider())
        receipt = pipeline.send("e", None, None, None, None)

        assert isinstance(pipeline.sink, LogSink)
        assert receipt.outcome is Outcome.DISABLED
        assert '"event": "e"' in capsys.readouterr().err


class TestBaseResource:
    """The attributes that every resource has."""

    @pytest.fixture(autouse=True)
    def _resource_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set the variables of OpenTelemetry that describe a resource."""
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment=prod,os.type=x,team=host")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "host")

    def test_the_environment_is_ignored_by_default(self) -> None:
        """Only settings and base attributes are there."""
        config = TelemetryConfig(name="acme", resource_attributes={"team": "cms", "when": {1}})

        assert base_resource(config).attributes == {
            **base_attributes("acme", None),
            "team": "cms",
            "when": [1],
        }

    def test_inherit_otel_env_adds_the_environments_attributes(self) -> None:
        """Settings win over the environment, and base attributes over both."""
        config = TelemetryConfig(
            name="acme", inherit_otel_env=True, resource_attributes={"team": "cms", "os.type": "y"}
        )
        attributes = base_resource(config).attributes

        assert attributes.items() >= base_attributes("acme", None).items()
        assert attributes.items() >= {"deployment": "prod", "team": "cms"}.items()
