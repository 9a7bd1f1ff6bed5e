"""The definition of every setting: its default, its valid values, and what follows from it."""

from __future__ import annotations

import re
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry import DeliverySettings, TelemetrySettings
from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig
from otel_telemetry.config.validators import settings_of
from otel_telemetry.errors import ConfigurationError
from tests.support.declared import CATALOG, EntryCreated
from tests.support.settings_table import meanings_of, settings_table

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
    """Return the names of the fields, in their order."""
    return tuple(field.name for field in fields(config))


def _config(**settings: object) -> TelemetryConfig:
    arguments: dict[str, Any] = {"name": "acme-cms", **settings}  # many are wrong on purpose
    return TelemetryConfig(**arguments)


def test_a_default_changes_only_together_with_this_table() -> None:
    """No application's events are handled differently by accident."""
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
def test_a_wrong_value_raises_with_the_name_of_its_setting(name: str, value: object) -> None:
    """Each setting is checked at construction."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        _config(**{name: value})


class TestDefinitions:
    """A setting is defined on its field; nothing that follows from it may be forgotten."""

    def test_every_setting_is_tested_with_wrong_values(self) -> None:
        """So every setting has a check that rejects something."""
        assert set(_WRONG) == set(settings_of(TelemetryConfig))

    @pytest.mark.parametrize("config", [DeliveryConfig, TelemetryConfig])
    def test_every_field_is_a_setting_with_a_validator(self, config: type[DeliveryConfig]) -> None:
        """A field without one would not be checked."""
        settings = settings_of(config)

        assert tuple(settings) == _names_of(config)
        assert all(setting.validator.expected for setting in settings.values())

    @pytest.mark.parametrize("config", [DeliveryConfig, TelemetryConfig])
    def test_the_docstring_explains_every_setting_that_its_class_defines(
        self, config: type[DeliveryConfig]
    ) -> None:
        """In their order, and nothing that is not a setting."""
        own = [name for name in _names_of(config) if name in vars(config)["__annotations__"]]

        assert list(meanings_of(config)) == own
        assert all(meaning.endswith(".") for meaning in meanings_of(config).values())

    def test_every_setting_has_a_row_in_the_table_of_the_documentation(self) -> None:
        """With its meaning; a test of the pages holds the page to this table."""
        table = settings_table()

        for name in settings_of(TelemetryConfig):
            assert re.search(rf"^\| `{name}` \| .* \| \S.*\. \|$", table, re.MULTILINE), name

    @pytest.mark.parametrize(
        ("arguments", "config"),
        [(DeliverySettings, DeliveryConfig), (TelemetrySettings, TelemetryConfig)],
        ids=["delivery", "telemetry"],
    )
    def test_the_typed_keyword_arguments_have_the_names_and_types_of_the_settings(
        self, arguments: type[object], config: type[DeliveryConfig]
    ) -> None:
        """Except where an argument may be of more types than the configuration keeps."""
        wider = {
            "spool": "bool | str | os.PathLike[str]",
            "before_send": "BeforeSend | Sequence[BeforeSend]",
        }
        types = {field.name: wider.get(field.name, field.type) for field in fields(config)}

        assert {
            name: annotation.__forward_arg__
            for name, annotation in arguments.__annotations__.items()
        } == types

    def test_a_setting_without_a_variable_of_its_own_is_for_code_or_names_the_variables(
        self,
    ) -> None:
        """`variables` belongs to settings that OTEL_TELEMETRY_<SETTING> does not set."""
        for name, setting in settings_of(TelemetryConfig).items():
            assert not (setting.in_environment and setting.variables), name

    def test_the_settings_of_delivery_come_first(self) -> None:
        """Both classes keep them in the same order."""
        delivery = _names_of(DeliveryConfig)

        assert _names_of(TelemetryConfig)[: len(delivery)] == delivery


def test_a_configuration_error_is_a_value_error() -> None:
    """Code that does not know this library can catch it too."""
    with pytest.raises(ValueError, match="timeout"):
        _config(timeout=0)


def test_an_attribute_limit_of_none_is_no_limit() -> None:
    """None is a valid value of both limits."""
    config = _config(attribute_count_limit=None, attribute_length_limit=None)

    assert (config.attribute_count_limit, config.attribute_length_limit) == (None, None)


def test_headers_that_grpc_cannot_send_are_rejected_with_grpc() -> None:
    """Otherwise each call would fail, and every event would be lost."""
    headers = {"a!b": "c"}

    assert DeliveryConfig(headers=headers).headers == headers
    with pytest.raises(ConfigurationError, match="headers must be a mapping of gRPC"):
        DeliveryConfig(headers=headers, protocol="grpc")


@pytest.mark.parametrize("name", ["client_certificate_file", "client_key_file"])
def test_a_client_certificate_without_its_key_is_rejected(name: str, tmp_path: Path) -> None:
    """One without the other would fail at every TLS handshake."""
    pem = tmp_path / "client.pem"
    pem.touch()

    with pytest.raises(ConfigurationError, match="belong together: set both or neither"):
        _config(**{name: pem})
    both = _config(client_certificate_file=pem, client_key_file=pem)

    assert both.client_certificate_file == both.client_key_file == str(pem)


def test_a_config_cannot_be_changed() -> None:
    """The export worker reads in its thread the values that were checked."""
    config = _config()

    with pytest.raises(FrozenInstanceError):
        config.timeout = 5  # type: ignore[misc]  # what is tested


def test_mappings_are_copied() -> None:
    """A later change of the caller's mapping has no effect."""
    headers, attributes = {"x-api-key": "k"}, {"deployment": "home"}

    config = _config(headers=headers, resource_attributes=attributes)
    headers.clear()
    attributes.clear()

    assert config.headers == {"x-api-key": "k"}
    assert config.resource_attributes == {"deployment": "home"}


def test_the_repr_contains_no_headers() -> None:
    """An application may log its configuration."""
    config = _config(headers={"authorization": f"Bearer {_SECRET}"})

    assert _SECRET not in repr(config)
    assert "authorization" not in repr(config)


def test_a_single_hook_becomes_a_tuple_of_hooks() -> None:
    """It needs no list around it."""
    hooks: tuple[object, ...] = _config(before_send=repr).before_send

    assert hooks == (repr,)


class TestCatalog:
    """The setting `catalog`."""

    def test_a_catalog_is_valid(self) -> None:
        """It is kept as it is."""
        assert _config(catalog=CATALOG).catalog is CATALOG

    def test_no_object_is_a_catalog_before_the_module_is_imported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program without a catalog does not load the module."""
        monkeypatch.delitem(sys.modules, "otel_telemetry.catalog")

        with pytest.raises(ConfigurationError, match="catalog must be a Catalog"):
            _config(catalog=object())
        assert "otel_telemetry.catalog" not in sys.modules


class TestLoggerProvider:
    """The setting `logger_provider`."""

    def test_a_logger_provider_of_the_sdk_is_valid(self) -> None:
        """It is kept as it is, and is not in the repr."""
        provider = LoggerProvider(shutdown_on_exit=False)

        config = _config(logger_provider=provider)

        assert config.logger_provider is provider
        assert "logger_provider" not in repr(config)

    def test_no_object_is_a_logger_provider_before_the_sdk_is_imported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The check does not import the SDK."""
        monkeypatch.delitem(sys.modules, "opentelemetry.sdk._logs")

        with pytest.raises(ConfigurationError, match="LoggerProvider of opentelemetry"):
            _config(logger_provider=object())
        assert "opentelemetry.sdk._logs" not in sys.modules


class TestURL:
    """The URL of requests."""

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
    def test_with_http_a_base_url_gets_the_path_and_a_full_url_does_not_change(
        self, settings: dict[str, object], url: str
    ) -> None:
        """The path is not appended twice, and never to the logs endpoint."""
        assert _config(**settings).url == url

    @pytest.mark.parametrize(
        ("settings", "url"),
        [
            ({}, "http://localhost:4317"),
            ({"endpoint": "https://a.example:4317"}, "https://a.example:4317"),
            ({"logs_endpoint": "https://b.example:4317"}, "https://b.example:4317"),
        ],
    )
    def test_with_grpc_the_url_has_no_path(self, settings: dict[str, object], url: str) -> None:
        """The path of a call comes from its method."""
        assert _config(protocol="grpc", **settings).url == url
