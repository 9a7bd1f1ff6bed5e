"""Every setting: its default, what it may be, and what it never shows."""

from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.errors import ConfigurationError
from tests.support.declared import CATALOG, EntryCreated

_SECRET = "s3cr3t"

_WRONG: dict[str, tuple[object, ...]] = {
    "endpoint": ("collector:4318", 4318, ""),
    "logs_endpoint": ("/v1/logs", 4318),
    "insecure": ("no", 1),
    "protocol": ("http/json", "GRPC", None),
    "headers": ("a=b", {"a": 1}, None),
    "timeout": (0, -1, "10", float("inf"), None),
    "compression": ("deflate", None),
    "certificate_file": ("/missing.pem", 5),
    "client_certificate_file": ("/missing.pem", 5),
    "client_key_file": ("/missing.pem", 5),
    "inherit_otel_env": (None, "yes"),
    "flush_interval": (0, -1, "1", None),
    "max_batch_events": (0, 1.5, "512", True),
    "max_batch_bytes": (0, 1.5, "1 MiB"),
    "max_pending_bytes": (0, 1.5, None),
    "spool": ("a/relative/path", 5, None),
    "spool_max_bytes": (0, 1.5, None),
    "spool_max_age": (0, -1, "1", float("inf")),
    "shutdown_timeout": (-1, "1", float("nan")),
    "attribute_count_limit": (0, "128"),
    "attribute_length_limit": (0, 1.5),
    "name": ("", " ", None, 5),
    "version": ("", 5.1),
    "enabled": ("on", 1),
    "resource_attributes": ("a=b", [("a", "b")], None),
    "properties_on": ("scope", None),
    "event_name_in_body": ("yes", None),
    "delivery": ("foreground", None, True),
    "detached_interval": (-1, "1", None, float("nan")),
    "before_send": ("hook", [None], 5),
    "catalog": ("catalog", EntryCreated),
    "strict": ("yes", None),
    "consent_version": (0, True, "1", None),
    "notice": ("", "1\n2\n3\n4\n5\n6\n7", 5),
    "logger_provider": ("provider", NoOpLoggerProvider()),
    "meter_provider": ("provider", object()),
}


def _names_of(config: type[DeliveryConfig]) -> tuple[str, ...]:
    """Return the names of the settings, in their order."""
    return tuple(field.name for field in fields(config))


def _config(**settings: object) -> TelemetryConfig:
    # Any, for most of these are wrong on purpose.
    given: dict[str, Any] = {"name": "acme-cms", **settings}
    return TelemetryConfig(**given)


def test_the_defaults_are_those_of_the_table() -> None:
    """Nobody's events change their way because a default did, unnoticed."""
    config = _config()

    assert {item.name: getattr(config, item.name) for item in fields(config)} == {
        "endpoint": None,
        "logs_endpoint": None,
        "insecure": False,
        "protocol": "http/protobuf",
        "headers": {},
        "timeout": 10,
        "compression": "gzip",
        "certificate_file": None,
        "client_certificate_file": None,
        "client_key_file": None,
        "inherit_otel_env": False,
        "flush_interval": 1,
        "max_batch_events": 512,
        "max_batch_bytes": 1024**2,
        "max_pending_bytes": 16 * 1024**2,
        "spool": True,
        "spool_max_bytes": 16 * 1024**2,
        "spool_max_age": 14 * 24 * 3600,
        "shutdown_timeout": 1,
        "attribute_count_limit": 128,
        "attribute_length_limit": None,
        "name": "acme-cms",
        "version": None,
        "enabled": None,
        "resource_attributes": {},
        "properties_on": "resource_and_scope",
        "event_name_in_body": True,
        "delivery": "background",
        "detached_interval": 3600,
        "before_send": (),
        "catalog": None,
        "strict": False,
        "consent_version": 1,
        "notice": None,
        "logger_provider": None,
        "meter_provider": None,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in _WRONG.items() for value in values],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_value_is_refused_under_the_name_of_its_setting(name: str, value: object) -> None:
    """Each setting is checked at construction, and the message begins with its name."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        _config(**{name: value})


def test_every_setting_has_been_given_wrong_values() -> None:
    """A new setting cannot go unchecked."""
    assert set(_WRONG) == set(_names_of(TelemetryConfig)) == set(TelemetryConfig.kinds)


def test_the_settings_of_delivery_come_first() -> None:
    """The two classes have one table: the settings of delivery, then the others."""
    delivery, all_of_them = _names_of(DeliveryConfig), _names_of(TelemetryConfig)

    assert all_of_them[: len(delivery)] == delivery
    assert set(delivery) == set(DeliveryConfig.kinds)


def test_a_configuration_error_is_a_value_error() -> None:
    """Who knows nothing of us catches it all the same."""
    with pytest.raises(ValueError, match="timeout"):
        _config(timeout=0)


def test_none_lifts_an_attribute_limit() -> None:
    """No limit is a limit one can choose."""
    config = _config(attribute_count_limit=None, attribute_length_limit=None)

    assert (config.attribute_count_limit, config.attribute_length_limit) == (None, None)


def test_headers_that_grpc_cannot_carry_are_refused_with_grpc() -> None:
    """Else each of its calls would fail, and every event be lost."""
    headers = {"a!b": "c"}

    assert DeliveryConfig(headers=headers).headers == headers
    with pytest.raises(ConfigurationError, match="headers must be a mapping of gRPC's"):
        DeliveryConfig(headers=headers, protocol="grpc")


@pytest.mark.parametrize("given", ["client_certificate_file", "client_key_file"])
def test_a_client_certificate_and_its_key_belong_together(given: str, tmp_path: Path) -> None:
    """Half of the pair would fail at every handshake."""
    pem = tmp_path / "client.pem"
    pem.touch()

    with pytest.raises(ConfigurationError, match="belong together: give both or neither"):
        _config(**{given: pem})
    both = _config(client_certificate_file=pem, client_key_file=pem)

    assert both.client_certificate_file == both.client_key_file == str(pem)


def test_a_config_cannot_be_changed() -> None:
    """What the courier reads in its thread is what was checked."""
    config = _config()

    with pytest.raises(FrozenInstanceError):
        config.timeout = 5  # type: ignore[misc]  # what is tested


def test_mappings_are_copies() -> None:
    """What the caller does to its mappings afterwards changes nothing."""
    headers, attributes = {"x-api-key": "k"}, {"deployment": "home"}

    config = _config(headers=headers, resource_attributes=attributes)
    headers.clear()
    attributes.clear()

    assert config.headers == {"x-api-key": "k"}
    assert config.resource_attributes == {"deployment": "home"}


def test_no_secret_is_in_the_repr() -> None:
    """A config may be logged."""
    config = _config(headers={"authorization": f"Bearer {_SECRET}"})

    assert _SECRET not in repr(config)
    assert "authorization" not in repr(config)


def test_one_hook_is_a_row_of_hooks() -> None:
    """A hook by itself needs no list around it."""
    hooks: tuple[object, ...] = _config(before_send=repr).before_send

    assert hooks == (repr,)


class TestCatalog:
    """The declared events."""

    def test_a_catalogue_is_taken(self) -> None:
        """As it is."""
        assert _config(catalog=CATALOG).catalog is CATALOG

    def test_nothing_can_be_one_before_its_module_is_imported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program without a catalogue does not load what makes one."""
        monkeypatch.delitem(sys.modules, "otel_telemetry.catalog")

        with pytest.raises(ConfigurationError, match="catalog must be a Catalog"):
            _config(catalog=object())
        assert "otel_telemetry.catalog" not in sys.modules


class TestLoggerProvider:
    """The application's own provider."""

    def test_one_of_the_sdk_is_taken(self) -> None:
        """An SDK LoggerProvider is what it is for, and stays out of the repr."""
        provider = LoggerProvider(shutdown_on_exit=False)

        config = _config(logger_provider=provider)

        assert config.logger_provider is provider
        assert "logger_provider" not in repr(config)

    def test_nothing_can_be_one_before_the_sdk_is_imported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The SDK is not imported to find out that a value is none of its objects."""
        monkeypatch.delitem(sys.modules, "opentelemetry.sdk._logs")

        with pytest.raises(ConfigurationError, match="LoggerProvider of opentelemetry"):
            _config(logger_provider=object())
        assert "opentelemetry.sdk._logs" not in sys.modules


class TestURL:
    """Where requests go."""

    @pytest.mark.parametrize(
        ("settings", "url"),
        [
            ({}, "http://localhost:4318/v1/logs"),
            ({"endpoint": "https://a.example"}, "https://a.example/v1/logs"),
            ({"endpoint": "https://a.example/otlp/"}, "https://a.example/otlp/v1/logs"),
            ({"endpoint": "https://a.example/v1/logs"}, "https://a.example/v1/logs"),
            ({"endpoint": "https://a.example/v1/logs/"}, "https://a.example/v1/logs"),
            ({"logs_endpoint": "https://a.example/custom/"}, "https://a.example/custom/"),
            (
                {"endpoint": "https://a.example", "logs_endpoint": "https://b.example/x"},
                "https://b.example/x",
            ),
        ],
    )
    def test_over_http_a_base_is_completed_and_a_full_url_taken_as_it_is(
        self, settings: dict[str, object], url: str
    ) -> None:
        """The path is added to a base that lacks it; the logs endpoint is nobody's base."""
        assert _config(**settings).url == url

    @pytest.mark.parametrize(
        ("settings", "url"),
        [
            ({}, "http://localhost:4317"),
            ({"endpoint": "https://a.example:4317"}, "https://a.example:4317"),
            ({"logs_endpoint": "https://b.example:4317"}, "https://b.example:4317"),
        ],
    )
    def test_over_grpc_there_is_no_path(self, settings: dict[str, object], url: str) -> None:
        """The method names the path."""
        assert _config(protocol="grpc", **settings).url == url
