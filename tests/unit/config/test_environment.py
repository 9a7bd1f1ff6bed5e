"""Settings from environment variables."""

from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import OTELResourceDetector

from otel_telemetry.config import environment
from otel_telemetry.config.config import TelemetryConfig
from otel_telemetry.config.environment import PresetVariable
from otel_telemetry.config.validators import settings_of
from otel_telemetry.errors import ConfigurationError


def _own(environ: Mapping[str, str]) -> dict[str, object]:
    return environment.read_telemetry_variables(environ, settings_of(TelemetryConfig))


class TestAppNames:
    """The variables of one application, which begin with its name."""

    @pytest.mark.parametrize(
        ("app", "prefix"),
        [
            ("acme-cms", "ACME_CMS"),
            (" Acme CMS ", "ACME_CMS"),
            ("acme.cms/2", "ACME_CMS_2"),
            ("café", "CAF_"),
        ],
    )
    def test_the_prefix_is_the_name_in_capitals(self, app: str, prefix: str) -> None:
        """A character that no variable may contain becomes an underscore."""
        assert environment.variable_prefix(app) == prefix

    def test_each_application_has_an_endpoint_variable(self) -> None:
        """The variable of one application has no effect on another."""
        environ = {"ACME_CMS_TELEMETRY_ENDPOINT": " http://collector.home:4318/ "}

        assert environment.read_app_endpoint(environ, "acme-cms") == "http://collector.home:4318"
        assert environment.read_app_endpoint(environ, "other") is None

    def test_an_empty_endpoint_variable_is_as_good_as_none(self) -> None:
        """So is one of spaces."""
        assert environment.read_app_endpoint({"ACME_TELEMETRY_ENDPOINT": " "}, "acme") is None

    def test_a_wrong_endpoint_raises_with_the_name_of_the_variable(self) -> None:
        """The user reads in the message which variable to change."""
        with pytest.raises(ConfigurationError, match="ACME_TELEMETRY_ENDPOINT must be a base URL"):
            environment.read_app_endpoint({"ACME_TELEMETRY_ENDPOINT": "home:4318"}, "acme")

    def test_an_application_named_otel_has_no_endpoint_variable(self) -> None:
        """It would be the variable of every application."""
        environ = {"OTEL_TELEMETRY_ENDPOINT": "http://collector.home:4318"}

        assert environment.read_app_endpoint(environ, "otel") is None


class TestOwnVariables:
    """OTEL_TELEMETRY_<SETTING>."""

    def test_each_variable_sets_its_setting(self, tmp_path: Path) -> None:
        """Every setting that the environment may set is in this table, with its text and value."""
        pem = tmp_path / "a.pem"
        pem.touch()
        expected: dict[str, tuple[str, object]] = {
            "name": ("acme", "acme"),
            "version": ("5.1.0", "5.1.0"),
            "endpoint": ("https://a.example/", "https://a.example"),
            "logs_endpoint": ("https://a.example/x/", "https://a.example/x/"),
            "insecure": ("yes", True),
            "protocol": ("grpc", "grpc"),
            "headers": ("A=b", {"a": "b"}),
            "timeout": ("2.5", 2.5),
            "compression": ("none", "none"),
            "certificate_file": (str(pem), str(pem)),
            "client_certificate_file": (str(pem), str(pem)),
            "client_key_file": (str(pem), str(pem)),
            "inherit_otel_env": ("0", False),
            "flush_interval": ("0.5", 0.5),
            "max_batch_events": ("64", 64),
            "max_batch_bytes": ("65536", 65536),
            "max_pending_bytes": ("1048576", 1048576),
            "spool": ("/var/spool/acme", "/var/spool/acme"),
            "spool_max_bytes": ("65536", 65536),
            "spool_max_age": ("3600", 3600),
            "shutdown_timeout": ("0", 0),
            "attribute_count_limit": ("16", 16),
            "attribute_length_limit": ("256", 256),
            "resource_attributes": ("a=b,c=d%20e", {"a": "b", "c": "d e"}),
            "properties_on": ("record", "record"),
            "event_name_in_body": ("off", False),
            "delivery": ("detached", "detached"),
            "detached_interval": ("60", 60),
            "strict": ("1", True),
        }

        values = _own(
            {f"OTEL_TELEMETRY_{name.upper()}": text for name, (text, _) in expected.items()}
        )

        assert values == {name: value for name, (_, value) in expected.items()}
        assert set(expected) == {
            name for name, setting in settings_of(TelemetryConfig).items() if setting.in_environment
        }

    def test_an_empty_variable_is_ignored(self) -> None:
        """Even if its name is unknown."""
        assert _own({"OTEL_TELEMETRY_TIMEOUT": " ", "OTEL_TELEMETRY_NONSENSE": ""}) == {}

    def test_variables_with_another_prefix_are_ignored(self) -> None:
        """They belong to other programs."""
        assert _own({"OTEL_TELEMETRY": "on", "OTEL_TRACES_SAMPLER": "always_on"}) == {}

    def test_a_variable_for_enabled_raises_with_the_variable_to_use(self) -> None:
        """Whether telemetry is on follows rules of its own."""
        with pytest.raises(ConfigurationError, match="not supported: use OTEL_TELEMETRY=on or"):
            _own({"OTEL_TELEMETRY_ENABLED": "true"})

    def test_an_unknown_variable_raises_with_the_nearest_known_one(self) -> None:
        """A typing error is not ignored."""
        with pytest.raises(ConfigurationError, match="did you mean 'OTEL_TELEMETRY_TIMEOUT'"):
            _own({"OTEL_TELEMETRY_TIMEOT": "1"})

    @pytest.mark.parametrize("name", ["before_send", "logger_provider", "notice"])
    def test_a_variable_for_a_setting_of_code_raises(self, name: str) -> None:
        """The message says to set it in code."""
        variable = f"OTEL_TELEMETRY_{name.upper()}"
        message = f"{variable} is not supported: set {name} in code"

        with pytest.raises(ConfigurationError, match=message):
            _own({variable: "print"})


class TestOtelVariables:
    """OTEL_EXPORTER_OTLP_*, with the meaning that the stock Python exporters give them."""

    def test_without_a_variable_there_are_no_settings(self) -> None:
        """An empty variable is as good as none."""
        assert environment.read_otlp_variables({"OTEL_EXPORTER_OTLP_TIMEOUT": " "}) == {}

    def test_all_of_them_are_read(self, tmp_path: Path) -> None:
        """Timeouts are in seconds, headers percent-encoded, and files are paths."""
        pem = tmp_path / "a.pem"
        pem.touch()
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2.5",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": str(pem),
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(pem),
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(pem),
        }

        assert environment.read_otlp_variables(environ) == {
            "endpoint": "http://collector:4318",
            "headers": {"api-key": "a b"},
            "timeout": 2.5,
            "compression": "none",
            "protocol": "http/protobuf",
            "certificate_file": str(pem),
            "client_certificate_file": str(pem),
            "client_key_file": str(pem),
        }

    @pytest.mark.parametrize(
        ("suffix", "common", "own", "setting", "value"),
        [
            ("HEADERS", "a=1", "b=2", "headers", {"b": "2"}),
            ("TIMEOUT", "1", "2", "timeout", 2),
            ("COMPRESSION", "gzip", "none", "compression", "none"),
            ("PROTOCOL", "http/protobuf", "grpc", "protocol", "grpc"),
        ],
    )
    def test_the_variable_for_logs_wins_over_the_one_for_all_signals(
        self, suffix: str, common: str, own: str, setting: str, value: object
    ) -> None:
        """The two are not merged."""
        environ = {
            f"OTEL_EXPORTER_OTLP_{suffix}": common,
            f"OTEL_EXPORTER_OTLP_LOGS_{suffix}": own,
        }

        assert environment.read_otlp_variables(environ)[setting] == value

    @pytest.mark.parametrize("protocol", ["", "grpc"])
    def test_headers_that_grpc_cannot_send_are_ignored_with_grpc(self, protocol: str) -> None:
        """They may be for another exporter."""
        environ = {"OTEL_EXPORTER_OTLP_HEADERS": "a!b=c"}
        headers = {} if protocol else {"headers": {"a!b": "c"}}

        assert environment.read_otlp_variables(environ, protocol) == headers

    def test_the_endpoint_for_logs_does_not_change(self) -> None:
        """Its path is kept, with the last slash."""
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://logs:4318/custom/",
        }

        assert environment.read_otlp_variables(environ) == {
            "logs_endpoint": "http://logs:4318/custom/"
        }

    def test_deflate_means_gzip(self) -> None:
        """The stock HTTP exporter knows both."""
        environ = {"OTEL_EXPORTER_OTLP_COMPRESSION": "Deflate"}

        assert environment.read_otlp_variables(environ) == {"compression": "gzip"}

    @pytest.mark.parametrize(
        ("suffix", "wrong"),
        [
            ("COMPRESSION", "zstd"),
            ("PROTOCOL", "http/json"),
            ("TIMEOUT", "soon"),
            ("HEADERS", "secret"),
            ("CERTIFICATE", "/nowhere"),
            ("ENDPOINT", "collector:4318"),
            ("LOGS_ENDPOINT", "collector:4318"),
        ],
    )
    def test_a_wrong_variable_is_ignored_and_logged(
        self, suffix: str, wrong: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It does not stop the application, and the log does not contain its value."""
        variable = f"OTEL_EXPORTER_OTLP_{suffix}"

        assert environment.read_otlp_variables({variable: wrong}) == {}
        assert variable in caplog.text
        assert "secret" not in caplog.text

    @pytest.mark.parametrize(
        ("insecure", "url"),
        [
            ({}, "https://collector:4317"),
            ({"OTEL_EXPORTER_OTLP_INSECURE": "false"}, "https://collector:4317"),
            ({"OTEL_EXPORTER_OTLP_INSECURE": "True"}, "http://collector:4317"),
            (
                {
                    "OTEL_EXPORTER_OTLP_INSECURE": "true",
                    "OTEL_EXPORTER_OTLP_LOGS_INSECURE": "false",
                },
                "https://collector:4317",
            ),
        ],
    )
    def test_a_grpc_target_without_a_scheme_uses_tls_unless_insecure_is_true(
        self, insecure: Mapping[str, str], url: str
    ) -> None:
        """INSECURE=true means plain text."""
        environ = {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
            **insecure,
        }

        assert environment.read_otlp_variables(environ)["endpoint"] == url

    def test_a_protocol_that_code_sets_decides_the_meaning_of_the_endpoint(self) -> None:
        """With gRPC, an endpoint needs no scheme."""
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}

        values = environment.read_otlp_variables(environ, "grpc")

        assert values == {"endpoint": "https://collector:4317"}


class TestLimits:
    """The attribute limits of OpenTelemetry."""

    @pytest.mark.parametrize(
        ("environ", "limits"),
        [
            ({}, {}),
            ({"OTEL_ATTRIBUTE_COUNT_LIMIT": "7"}, {"attribute_count_limit": 7}),
            ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": " 9 "}, {"attribute_length_limit": 9}),
            (
                {"OTEL_ATTRIBUTE_COUNT_LIMIT": "7", "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "5"},
                {"attribute_count_limit": 5},
            ),
            (
                {"OTEL_ATTRIBUTE_COUNT_LIMIT": "7", "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "many"},
                {"attribute_count_limit": 7},
            ),
        ],
    )
    def test_limits_for_log_records_win_over_limits_for_all_signals(
        self, environ: Mapping[str, str], limits: Mapping[str, int]
    ) -> None:
        """Unless the limit for log records is wrong."""
        assert environment.read_attribute_limits(environ) == limits

    @pytest.mark.parametrize("text", ["abc", "-1", "1.5", "٣", "", "9" * 5000])
    def test_a_wrong_limit_is_ignored(self, text: str) -> None:
        """It may be meant for another application, and does not stop this one."""
        assert environment.read_attribute_limits({"OTEL_ATTRIBUTE_COUNT_LIMIT": text}) == {}


def test_current_returns_a_copy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of the environment does not change it."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "on")

    environ = environment.current()
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "off")

    assert environ["ACME_CMS_TELEMETRY"] == "on"


class Vanishing(UserDict[str, str]):
    """An environment from which another thread deletes a variable while it is read."""

    def __iter__(self) -> Iterator[str]:
        """Yield one name that no longer exists."""
        yield from ("STAYS", "GONE")


@pytest.mark.parametrize("read", [environment.current, environment.uploader_environment])
def test_a_variable_that_another_thread_deletes_meanwhile_is_left_out(
    read: Callable[[], Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the environment does not raise."""
    monkeypatch.setattr("os.environ", Vanishing({"STAYS": "1"}))

    variables = read()
    monkeypatch.undo()

    assert variables == {"STAYS": "1"}


def test_the_uploader_gets_no_variables_of_other_exporters(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may contain keys. It gets proxies, certificates and refusals."""
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
    variables = environment.uploader_environment()

    assert variables.items() >= passed.items()
    assert not variables.keys() & others.keys()


@given(
    st.lists(
        st.text(alphabet="ab =%20é\t", max_size=6) | st.sampled_from(["a=b", "k=a=b", "a%20b=c%2C"])
    )
)
def test_resource_attributes_are_read_as_the_sdk_reads_them(pairs: list[str]) -> None:
    """For any text."""
    text = ",".join(pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_RESOURCE_ATTRIBUTES", text)
        patch.delenv("OTEL_SERVICE_NAME", raising=False)
        expected = OTELResourceDetector().detect().attributes

    attributes = environment.read_resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": text})

    assert {key: value for key, value in attributes.items() if key} == dict(expected)


def test_without_the_variable_there_are_no_resource_attributes() -> None:
    """An empty variable is as good as none."""
    assert environment.read_resource_attributes({}) == {}
    assert environment.read_resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": ""}) == {}


def test_a_preset_variable_exists_only_in_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the block raises."""
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)

    with pytest.raises(ImportError, match="ERROR"), PresetVariable("GRPC_VERBOSITY", "ERROR"):
        raise ImportError(os.environ["GRPC_VERBOSITY"])

    assert "GRPC_VERBOSITY" not in os.environ


def test_a_preset_does_not_change_a_variable_that_the_user_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user may be debugging."""
    monkeypatch.setenv("GRPC_VERBOSITY", "DEBUG")

    with PresetVariable("GRPC_VERBOSITY", "ERROR"):
        assert os.environ["GRPC_VERBOSITY"] == "DEBUG"

    assert os.environ["GRPC_VERBOSITY"] == "DEBUG"


def test_a_block_may_delete_the_preset_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """So may another thread."""
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)

    with PresetVariable("GRPC_VERBOSITY", "ERROR"):
        del os.environ["GRPC_VERBOSITY"]

    assert "GRPC_VERBOSITY" not in os.environ
