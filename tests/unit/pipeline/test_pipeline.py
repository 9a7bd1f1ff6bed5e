"""The way of an event once telemetry is on: checks, hooks, mapping, and the right sink."""

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
    """What is given is what comes out."""

    def test_an_event_comes_out_in_its_three_places(self) -> None:
        """With its name, and the time that it was given."""
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
    def test_a_payload_is_joined_with_the_buckets_beside_it(self, payload: object) -> None:
        """Those beside it win."""
        setup = AppPipeline()
        setup.send("e", {"b": 2}, None, {"g": 1}, payload=payload)

        assert setup.buckets == ({"a": 1, "b": 2}, {"u": 1}, {"g": 1})

    def test_a_bucket_that_nobody_knows_is_counted(self) -> None:
        """The others go."""
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
    def test_what_cannot_go_raises(self, name: object, payload: object, moment: int | None) -> None:
        """Each time; whoever called decides what becomes of it."""
        setup = AppPipeline()
        for _ in range(2):
            with pytest.raises(InvalidEventError):
                setup.send(name, payload=payload, moment=moment)

        assert setup.records == ()

    def test_names_are_made_valid_text(self) -> None:
        """However many there are."""
        setup = AppPipeline()
        for name in ("a\ud800", *(f"name {number}" for number in range(1100)), "a\ud800"):
            setup.send(name)

        assert setup.record.log_record.event_name == "a\ufffd"
        assert len({record.log_record.event_name for record in setup.records}) == 1101

    @pytest.mark.parametrize("before_send", [(), (lambda event: event,)])
    def test_what_is_mended_is_counted(self, before_send: tuple[BeforeSend, ...]) -> None:
        """Once, whether hooks see the event or not; and is told to whoever receives it."""
        setup = AppPipeline(before_send=before_send)
        setup.send("e", BAD, BAD, BAD)

        assert setup.buckets == ({"a": 1}, {"a": 1}, {"a": 1})
        assert setup.counters.snapshot().corrected == {"cut": 3, "reserved_key": 3}
        assert setup.record.dropped_attributes == 2

    @pytest.mark.parametrize("before_send", [(), (lambda event: event,)])
    @pytest.mark.parametrize("bad", [{"": 1}, {"service.name": "x"}])
    def test_what_would_be_mended_is_refused_if_strict(
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

    def test_a_full_bucket_goes_whole(self) -> None:
        """The limits of the application's SDK come on top of none: ours have been kept."""
        setup = AppPipeline()
        setup.send("e", {f"key {number}": number for number in range(130)})

        assert len(setup.buckets[0]) == 128  # type: ignore[arg-type]  # a mapping
        assert setup.record.dropped_attributes == 2

    def test_the_settings_reach_the_records(self) -> None:
        """Limits, the place of the buckets, and the body."""
        setup = AppPipeline(
            attribute_count_limit=2,
            attribute_length_limit=3,
            properties_on="record",
            event_name_in_body=False,
        )
        setup.send("e", {"a": "abcd", "b": 1, "c": 2}, {"plan": "free"}, {"g": 1})

        assert setup.buckets == ({"a": "abc", "b": 1, "user.plan": "fre", "group.g": 1}, {}, {})
        assert setup.record.log_record.body is None

    def test_a_new_process_begins_anew(self) -> None:
        """With counts and unique ids of its own."""
        setup = AppPipeline()
        setup.send()
        setup.pipeline.after_fork()
        setup.send()
        first, second = (record.log_record.attributes or {} for record in setup.records)

        assert str(first[UID])[:16] != str(second[UID])[:16]
        assert setup.counters.snapshot().accepted == 1


class TestSinks:
    """Where events go."""

    def test_they_go_to_the_backend(self, make_pipeline: Callable[..., AnyPipeline]) -> None:
        """With the base resource, and values that the fast path leaves for the encoder."""
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

    def test_they_go_to_the_applications_provider(self) -> None:
        """If it is given."""
        assert isinstance(AppPipeline().pipeline.sink, AppProviderSink)

    def test_they_go_to_stderr_if_they_are_only_to_be_seen(
        self, make_pipeline: Callable[..., AnyPipeline], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And nowhere else, whatever else is set."""
        pipeline = make_pipeline(log_only=True, logger_provider=LoggerProvider())
        receipt = pipeline.send("e", None, None, None, None)

        assert isinstance(pipeline.sink, LogSink)
        assert receipt.outcome is Outcome.DISABLED
        assert '"event": "e"' in capsys.readouterr().err


class TestBaseResource:
    """What every event says of the software."""

    @pytest.fixture(autouse=True)
    def _resource_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the host say things of itself."""
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment=prod,os.type=x,team=host")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "host")

    def test_the_hosts_environment_does_not_reach_it(self) -> None:
        """Unless it is to be inherited."""
        config = TelemetryConfig(name="acme", resource_attributes={"team": "cms", "when": {1}})

        assert base_resource(config).attributes == {
            **base_attributes("acme", None),
            "team": "cms",
            "when": [1],
        }

    def test_the_hosts_environment_is_inherited_if_wanted(self) -> None:
        """What code says beats it, and what the library says of itself beats both."""
        config = TelemetryConfig(
            name="acme", inherit_otel_env=True, resource_attributes={"team": "cms", "os.type": "y"}
        )
        attributes = base_resource(config).attributes

        assert attributes.items() >= base_attributes("acme", None).items()
        assert attributes.items() >= {"deployment": "prod", "team": "cms"}.items()
