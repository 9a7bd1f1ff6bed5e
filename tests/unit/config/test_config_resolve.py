"""Where the value of a setting comes from, and what must never meet."""

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
        """What is said closest to the application holds."""
        assert _resolve(given, environ).timeout == timeout

    def test_limits_follow_the_same_order(self) -> None:
        """The attribute limits of OTel give way to ours, and ours to code."""
        environ = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "30"}

        assert _resolve({}, environ).attribute_count_limit == 30
        environ["OTEL_TELEMETRY_ATTRIBUTE_COUNT_LIMIT"] = "20"
        assert _resolve({}, environ).attribute_count_limit == 20
        assert _resolve({"attribute_count_limit": 10}, environ).attribute_count_limit == 10

    @pytest.mark.parametrize("name", ["endpoint", "logs_endpoint"])
    def test_an_endpoint_of_none_leaves_it_to_the_environment(self, name: str) -> None:
        """None is the default, and the default is what the environment says."""
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
        """The environment cannot answer one spelling of the endpoint with the other."""
        environ = {
            "OTEL_TELEMETRY_ENDPOINT": "http://env.example",
            "OTEL_TELEMETRY_LOGS_ENDPOINT": "http://env.example/logs",
        }

        assert _resolve(given, environ).url == url

    def test_a_delivery_alone_passes_over_the_variables_of_the_rest(self) -> None:
        """A variable that only the whole service knows is no mistake."""
        environ = {"OTEL_TELEMETRY_STRICT": "1", "OTEL_TELEMETRY_TIMEOUT": "2"}

        assert resolve(DeliveryConfig, {}, environ).timeout == 2


class TestMistakes:
    """The message names what is wrong, and the fix."""

    def test_an_unknown_argument_names_the_nearest(self) -> None:
        """A typing error is answered with what was probably meant."""
        with pytest.raises(
            ConfigurationError, match="unknown setting 'endpont'; did you mean 'endpoint'"
        ):
            _resolve({"endpont": "https://a.example"}, {})

    def test_an_argument_like_no_other_names_them_all(self) -> None:
        """Where nothing is near, the message lists what there is."""
        with pytest.raises(
            ConfigurationError, match=r"there are attribute_count_limit, .*, version"
        ):
            _resolve({"qqq": 1}, {})

    def test_an_unknown_variable_names_the_nearest(self) -> None:
        """The environment gets the same help, with whole variable names."""
        with pytest.raises(ConfigurationError, match="did you mean 'OTEL_TELEMETRY_TIMEOUT'"):
            _resolve({}, {"OTEL_TELEMETRY_TIMEOT": "1"})

    def test_a_setting_of_the_service_is_unknown_to_a_delivery(self) -> None:
        """What delivery cannot do is not taken in silence."""
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
        """A value in the wrong place may be a secret, and messages end up in logs."""
        with pytest.raises(ConfigurationError) as refused:
            _resolve(given, environ)

        assert _SECRET not in "".join(traceback.format_exception(refused.value))


class TestIsolation:
    """With an endpoint of our own, the host's OpenTelemetry is none of our business."""

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
    def test_an_endpoint_in_code_shuts_the_hosts_variables_out(
        self, given: Mapping[str, object]
    ) -> None:
        """The config is the one that an empty environment would give."""
        assert _resolve(given, _FOREIGN) == _resolve(given, {})

    def test_an_endpoint_of_our_own_variables_shuts_them_out(self) -> None:
        """OTEL_TELEMETRY_ENDPOINT is an endpoint as good as one in code."""
        own = {"OTEL_TELEMETRY_ENDPOINT": "https://ours.example"}

        assert _resolve({}, {**_FOREIGN, **own}) == _resolve({}, own)

    def test_without_an_endpoint_they_all_apply(self) -> None:
        """An instrumented application's events go where its other signals go."""
        environ = {name: _FOREIGN[name] for name in _FOREIGN if "CERT" not in name}
        del environ["OTEL_EXPORTER_OTLP_CLIENT_KEY"]

        config = _resolve({}, environ)

        assert config.url == "http://theirs.example:4318/logs"
        assert config.headers == {"api-key": _SECRET}
        assert (config.timeout, config.compression, config.protocol) == (77, "none", "grpc")
        assert config.inherit_otel_env

    def test_inheritance_can_be_asked_for_beside_an_endpoint(self) -> None:
        """Then all applies but where to."""
        environ = {name: _FOREIGN[name] for name in _FOREIGN if name.endswith(("POINT", "HEADERS"))}

        config = _resolve({"endpoint": "https://a.example", "inherit_otel_env": True}, environ)

        assert config.url == "https://a.example/v1/logs"
        assert config.headers == {"api-key": _SECRET}

    def test_inheritance_can_be_refused_without_an_endpoint(self) -> None:
        """Then the default endpoint applies."""
        assert _resolve({"inherit_otel_env": False}, _FOREIGN).url.startswith("http://localhost")

    def test_limits_hold_in_isolation_too(self) -> None:
        """They can only make less leave."""
        environ = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "3"}

        assert _resolve({"endpoint": "https://a.example"}, environ).attribute_count_limit == 3


class TestOwnersEndpoint:
    """<APP>_TELEMETRY_ENDPOINT: the owner of the machine points us at a collector of theirs."""

    _ENVIRON: Mapping[str, str] = {"ACME_CMS_TELEMETRY_ENDPOINT": "http://home.example:4318"}

    @pytest.mark.parametrize("name", ["endpoint", "logs_endpoint"])
    def test_it_beats_an_endpoint_in_code(self, name: str) -> None:
        """The one exception from the order: the machine is theirs."""
        config = _resolve({name: "https://maintainer.example/x"}, self._ENVIRON)

        assert config.url == "http://home.example:4318/v1/logs"

    def test_what_code_gave_for_the_other_endpoint_stays_behind(self, tmp_path: Path) -> None:
        """Headers and certificates may be the maintainer's keys."""
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

    def test_headers_of_the_environment_follow(self) -> None:
        """They are the owner's own, even where code has headers too."""
        environ = {**self._ENVIRON, "OTEL_TELEMETRY_HEADERS": "authorization=owner"}

        config = _resolve({"headers": {"authorization": "maintainer"}}, environ)

        assert config.headers == {"authorization": "owner"}

    def test_the_hosts_variables_stay_out(self) -> None:
        """An endpoint is an endpoint: nothing else is inherited with it."""
        assert _resolve({}, {**_FOREIGN, **self._ENVIRON}) == _resolve({}, self._ENVIRON)


class TestPlainText:
    """Nothing goes over a network unencrypted by mistake."""

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
    def test_it_is_refused_to_another_machine(self, name: str, url: str) -> None:
        """The message names the setting and both ways out."""
        with pytest.raises(ConfigurationError, match=f"{name} .* use https://, or set insecure"):
            _resolve({name: url}, {})

    @pytest.mark.parametrize(
        "url",
        ["http://localhost:4318", "http://127.0.0.1:4318", "http://127.8.8.8", "http://[::1]:4318"],
    )
    def test_it_may_stay_on_the_machine(self, url: str) -> None:
        """Loopback is no network."""
        assert _resolve({"endpoint": url}, {}).endpoint == url

    @pytest.mark.parametrize(
        ("given", "environ"),
        [({"insecure": True}, {}), ({}, {"OTEL_TELEMETRY_INSECURE": "1"})],
        ids=["code", "environment"],
    )
    def test_insecure_permits_it(
        self, given: Mapping[str, object], environ: Mapping[str, str]
    ) -> None:
        """Whoever says so has a network of their own."""
        url = "http://collector.example"

        assert _resolve({"endpoint": url, **given}, environ).endpoint == url

    def test_the_environment_answers_for_its_own_endpoints(self) -> None:
        """Who sets a variable knows the network."""
        environ = {"OTEL_TELEMETRY_ENDPOINT": "http://collector.example"}

        assert _resolve({}, environ).endpoint == "http://collector.example"
