"""`resolve`: the order of the sources of a setting, and the sources that are never mixed."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_telemetry.config.config import DeliveryConfig, TelemetryConfig, resolve
from otel_telemetry.errors import ConfigurationError

_SECRET = "s3cr3t"
_FOREIGN = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://theirs.example:4318",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://theirs.example:4318/logs",
    "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={_SECRET}",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS": f"api-key={_SECRET}",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "77",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "/theirs.pem",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/theirs.pem",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/theirs.pem",
    "OTEL_RESOURCE_ATTRIBUTES": "team=theirs",
    "OTEL_SERVICE_NAME": "theirs",
}


def _resolve(given: Mapping[str, object], environ: Mapping[str, str]) -> TelemetryConfig:
    return resolve(TelemetryConfig, {"name": "acme-cms", **given}, environ, app="acme-cms")


class TestPrecedence:
    """Argument before OTEL_TELEMETRY_* before OTEL_* before the default."""

    @pytest.mark.parametrize(
        ("given", "environ", "timeout"),
        [
            ({}, {}, 10),
            ({}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "3"}, 3),
            ({}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "3", "OTEL_TELEMETRY_TIMEOUT": "2"}, 2),
            (
                {"timeout": 1},
                {"OTEL_EXPORTER_OTLP_TIMEOUT": "3", "OTEL_TELEMETRY_TIMEOUT": "2"},
                1,
            ),
        ],
        ids=["default", "otel", "own", "argument"],
    )
    def test_the_nearest_source_wins(
        self, given: Mapping[str, object], environ: Mapping[str, str], timeout: float
    ) -> None:
        """The source that is closest to the application wins."""
        assert _resolve(given, environ).timeout == timeout

    def test_limits_follow_the_same_order(self) -> None:
        """OTEL_ATTRIBUTE_* is overridden by OTEL_TELEMETRY_*, and that by code."""
        environ = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "30"}

        assert _resolve({}, environ).attribute_count_limit == 30
        environ["OTEL_TELEMETRY_ATTRIBUTE_COUNT_LIMIT"] = "20"
        assert _resolve({}, environ).attribute_count_limit == 20
        assert _resolve({"attribute_count_limit": 10}, environ).attribute_count_limit == 10

    @pytest.mark.parametrize("name", ["endpoint", "logs_endpoint"])
    def test_with_an_endpoint_of_none_the_environment_applies(self, name: str) -> None:
        """None is the default, and the default comes from the environment."""
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
        own = {"OTEL_TELEMETRY_ENDPOINT": "http://own:4318"}

        assert _resolve({name: None}, otel).url == "http://collector:4318/v1/logs"
        assert _resolve({name: None}, {**otel, **own}).url == "http://own:4318/v1/logs"

    @pytest.mark.parametrize(
        ("given", "url"),
        [
            ({"endpoint": "https://code.example"}, "https://code.example/v1/logs"),
            ({"logs_endpoint": "https://code.example/x"}, "https://code.example/x"),
        ],
    )
    def test_an_endpoint_in_code_beats_both_variables(
        self, given: Mapping[str, object], url: str
    ) -> None:
        """An endpoint in code is not overridden by a variable for the other kind of endpoint."""
        environ = {
            "OTEL_TELEMETRY_ENDPOINT": "http://env.example",
            "OTEL_TELEMETRY_LOGS_ENDPOINT": "http://env.example/logs",
        }

        assert _resolve(given, environ).url == url

    def test_a_delivery_config_ignores_variables_of_the_other_settings(self) -> None:
        """A variable for a setting of `TelemetryConfig` is not unknown."""
        environ = {"OTEL_TELEMETRY_STRICT": "1", "OTEL_TELEMETRY_TIMEOUT": "2"}

        assert resolve(DeliveryConfig, {}, environ).timeout == 2


class TestMistakes:
    """Messages name the mistake and the fix."""

    def test_an_unknown_setting_raises_with_the_nearest_known_one(self) -> None:
        """The message corrects a typing error."""
        with pytest.raises(
            ConfigurationError, match="unknown setting 'endpont'; did you mean 'endpoint'"
        ):
            _resolve({"endpont": "https://a.example"}, {})

    def test_an_unknown_setting_like_no_other_raises_with_all_known_ones(self) -> None:
        """The message lists them."""
        with pytest.raises(
            ConfigurationError, match=r"use one of attribute_count_limit, .*, version"
        ):
            _resolve({"qqq": 1}, {})

    def test_an_unknown_variable_raises_with_the_nearest_known_one(self) -> None:
        """With its full name."""
        with pytest.raises(ConfigurationError, match="did you mean 'OTEL_TELEMETRY_TIMEOUT'"):
            _resolve({}, {"OTEL_TELEMETRY_TIMEOT": "1"})

    def test_a_delivery_config_does_not_know_the_other_settings(self) -> None:
        """In code, a setting without effect is a mistake."""
        with pytest.raises(ConfigurationError, match="unknown setting 'strict'"):
            resolve(DeliveryConfig, {"strict": True}, {})

    @pytest.mark.parametrize(
        ("given", "environ"),
        [
            ({"headers": f"Bearer {_SECRET}"}, {}),
            ({"headers": {"a": f"{_SECRET}\n"}}, {}),
            ({"endpoint": f"https://me:{_SECRET}@a.example"}, {}),
            ({"endpoint": f"http://me:{_SECRET}@a.example"}, {}),
            ({"endpoint": f"https://a.example?key={_SECRET}"}, {}),
            ({"timeout": _SECRET}, {}),
            ({"protocol": _SECRET}, {}),
            ({"certificate_file": _SECRET}, {}),
            ({}, {"OTEL_TELEMETRY_HEADERS": _SECRET}),
            ({}, {"OTEL_TELEMETRY_TIMEOUT": _SECRET}),
            ({}, {"OTEL_TELEMETRY_STRICT": _SECRET}),
            ({}, {"OTEL_TELEMETRY_NONSENSE": _SECRET}),
            ({}, {"ACME_CMS_TELEMETRY_ENDPOINT": f"https://me:{_SECRET}@a.example"}),
        ],
    )
    def test_no_message_and_no_traceback_repeats_a_value(
        self, given: Mapping[str, object], environ: Mapping[str, str]
    ) -> None:
        """It may be a secret, and messages may be logged."""
        with pytest.raises(ConfigurationError) as raised:
            _resolve(given, environ)

        assert _SECRET not in "".join(traceback.format_exception(raised.value))


class TestIsolation:
    """With an endpoint of its own, telemetry ignores the application's OTEL_* variables."""

    @pytest.mark.parametrize(
        "given",
        [
            {"endpoint": "https://ours.example"},
            {"logs_endpoint": "https://ours.example/logs"},
            {"endpoint": "https://ours.example", "headers": {"x-tool": "1"}},
            {"endpoint": "https://ours.example", "headers": {}},
        ],
        ids=["endpoint", "logs_endpoint", "headers", "no headers"],
    )
    def test_with_an_endpoint_in_code_otlp_variables_have_no_effect(
        self, given: Mapping[str, object]
    ) -> None:
        """The configuration is the same as with an empty environment."""
        assert _resolve(given, _FOREIGN) == _resolve(given, {})

    def test_with_otel_telemetry_endpoint_otlp_variables_have_no_effect(self) -> None:
        """It counts like an endpoint in code."""
        own = {"OTEL_TELEMETRY_ENDPOINT": "https://ours.example"}

        assert _resolve({}, {**_FOREIGN, **own}) == _resolve({}, own)

    def test_without_an_endpoint_all_otlp_variables_apply(self) -> None:
        """The events of an instrumented application go where its other signals go."""
        environ = {name: _FOREIGN[name] for name in _FOREIGN if "CERT" not in name}
        del environ["OTEL_EXPORTER_OTLP_CLIENT_KEY"]

        config = _resolve({}, environ)

        assert config.url == "http://theirs.example:4318/logs"
        assert config.headers == {"api-key": _SECRET}
        assert (config.timeout, config.compression, config.protocol) == (77, "none", "grpc")
        assert config.inherit_otel_env

    def test_inherit_otel_env_with_an_endpoint_applies_the_other_otlp_variables(self) -> None:
        """Headers, for example, but no endpoint."""
        environ = {name: _FOREIGN[name] for name in _FOREIGN if name.endswith(("POINT", "HEADERS"))}

        config = _resolve({"endpoint": "https://a.example", "inherit_otel_env": True}, environ)

        assert config.url == "https://a.example/v1/logs"
        assert config.headers == {"api-key": _SECRET}

    def test_without_inherit_otel_env_the_default_endpoint_applies(self) -> None:
        """OTEL_EXPORTER_OTLP_ENDPOINT has no effect."""
        assert _resolve({"inherit_otel_env": False}, _FOREIGN).url.startswith("http://localhost")

    def test_with_an_endpoint_otel_attribute_limits_still_apply(self) -> None:
        """They only reduce what is sent."""
        environ = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "3"}

        assert _resolve({"endpoint": "https://a.example"}, environ).attribute_count_limit == 3


class TestOwnersEndpoint:
    """<APP>_TELEMETRY_ENDPOINT: the user of the machine names a collector of their own."""

    _ENVIRON: Mapping[str, str] = {"ACME_CMS_TELEMETRY_ENDPOINT": "http://home.example:4318"}

    @pytest.mark.parametrize("name", ["endpoint", "logs_endpoint"])
    def test_it_wins_over_an_endpoint_in_code(self, name: str) -> None:
        """This is the one exception from the order."""
        config = _resolve({name: "https://maintainer.example/x"}, self._ENVIRON)

        assert config.url == "http://home.example:4318/v1/logs"

    def test_it_gets_no_headers_and_certificates_from_code(self, tmp_path: Path) -> None:
        """They may be keys of the maintainer."""
        pem = tmp_path / "maintainer.pem"
        pem.touch()
        given = {
            "endpoint": "https://maintainer.example",
            "headers": {"authorization": _SECRET},
            "certificate_file": pem,
            "client_certificate_file": pem,
            "client_key_file": pem,
        }

        assert _resolve(given, self._ENVIRON) == _resolve({}, self._ENVIRON)

    def test_it_gets_the_headers_of_the_environment(self) -> None:
        """They belong to the same user, and win over headers in code."""
        environ = {**self._ENVIRON, "OTEL_TELEMETRY_HEADERS": "authorization=owner"}

        config = _resolve({"headers": {"authorization": "maintainer"}}, environ)

        assert config.headers == {"authorization": "owner"}

    def test_with_it_otlp_variables_have_no_effect(self) -> None:
        """As with every other endpoint."""
        assert _resolve({}, {**_FOREIGN, **self._ENVIRON}) == _resolve({}, self._ENVIRON)


class TestPlainText:
    """Events do not go over a network unencrypted by mistake."""

    @pytest.mark.parametrize("name", ["endpoint", "logs_endpoint"])
    @pytest.mark.parametrize(
        "url",
        [
            "http://collector.example",
            "HTTP://collector.example",
            "http://10.0.0.1:4318",
            "http://127.0.0.1.example.com",
            "http://127.example",
            "http://localhost.example",
            "http://[2001:db8::1]",
        ],
    )
    def test_plain_text_to_another_machine_raises(self, name: str, url: str) -> None:
        """The message names the setting and two fixes."""
        with pytest.raises(ConfigurationError, match=f"{name} .* use https://, or set insecure"):
            _resolve({name: url}, {})

    @pytest.mark.parametrize(
        "url",
        ["http://localhost:4318", "http://127.0.0.1:4318", "http://127.8.8.8", "http://[::1]:4318"],
    )
    def test_plain_text_to_loopback_is_allowed(self, url: str) -> None:
        """It does not leave the machine."""
        assert _resolve({"endpoint": url}, {}).endpoint == url

    @pytest.mark.parametrize(
        ("given", "environ"),
        [({"insecure": True}, {}), ({}, {"OTEL_TELEMETRY_INSECURE": "1"})],
        ids=["code", "environment"],
    )
    def test_insecure_allows_plain_text(
        self, given: Mapping[str, object], environ: Mapping[str, str]
    ) -> None:
        """In code or in the environment."""
        url = "http://collector.example"

        assert _resolve({"endpoint": url, **given}, environ).endpoint == url

    def test_an_endpoint_of_the_environment_may_be_plain_text(self) -> None:
        """The user who sets the variable knows the network."""
        environ = {"OTEL_TELEMETRY_ENDPOINT": "http://collector.example"}

        assert _resolve({}, environ).endpoint == "http://collector.example"
