"""What the environment says, as settings."""

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
from otel_telemetry.config.environment import Preset
from otel_telemetry.errors import ConfigurationError


def _own(environ: Mapping[str, str]) -> dict[str, object]:
    return environment.own_settings(environ, TelemetryConfig.kinds, lambda name, _known: f" {name}")


class TestAppNames:
    """The variables of one application."""

    @pytest.mark.parametrize(
        ("app", "prefix"),
        [
            ("acme-cms", "ACME_CMS"),
            (" Acme CMS ", "ACME_CMS"),
            ("acme.cms/2", "ACME_CMS_2"),
            ("café", "CAF_"),
        ],
    )
    def test_a_name_becomes_a_variable(self, app: str, prefix: str) -> None:
        """What no variable may hold becomes an underscore, and all is in capitals."""
        assert environment.app_prefix(app) == prefix

    def test_the_owner_of_the_machine_names_an_endpoint(self) -> None:
        """Each application has an endpoint variable of its own."""
        environ = {"ACME_CMS_TELEMETRY_ENDPOINT": " http://collector.home:4318/ "}

        assert environment.app_endpoint(environ, "acme-cms") == "http://collector.home:4318"
        assert environment.app_endpoint(environ, "other") is None

    def test_an_empty_variable_says_nothing(self) -> None:
        """Set to nothing is as good as not set."""
        assert environment.app_endpoint({"ACME_TELEMETRY_ENDPOINT": " "}, "acme") is None

    def test_a_wrong_endpoint_names_its_variable(self) -> None:
        """The owner reads in the message which variable to mend."""
        with pytest.raises(ConfigurationError, match="ACME_TELEMETRY_ENDPOINT must be a base URL"):
            environment.app_endpoint({"ACME_TELEMETRY_ENDPOINT": "home:4318"}, "acme")

    def test_an_application_named_otel_has_no_endpoint_of_its_own(self) -> None:
        """Its variable would be the one of every application."""
        environ = {"OTEL_TELEMETRY_ENDPOINT": "http://collector.home:4318"}

        assert environment.app_endpoint(environ, "otel") is None


class TestOwnVariables:
    """OTEL_TELEMETRY_<FIELD>."""

    def test_every_field_but_those_for_code_alone_can_be_set(self, tmp_path: Path) -> None:
        """OTEL_TELEMETRY_<FIELD> sets a field, in the spelling of its kind."""
        pem = tmp_path / "a.pem"
        pem.touch()
        spelled: dict[str, tuple[str, object]] = {
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

        found = _own(
            {f"OTEL_TELEMETRY_{name.upper()}": text for name, (text, _) in spelled.items()}
        )

        assert found == {name: value for name, (_, value) in spelled.items()}
        for_code_alone = {
            "enabled",
            "consent_version",
            "notice",
            "before_send",
            "catalog",
            "logger_provider",
            "meter_provider",
        }
        assert set(spelled) | for_code_alone == set(TelemetryConfig.kinds)

    def test_an_empty_variable_says_nothing(self) -> None:
        """Set to nothing is as good as not set, even under a name that we do not know."""
        assert _own({"OTEL_TELEMETRY_TIMEOUT": " ", "OTEL_TELEMETRY_NONSENSE": ""}) == {}

    def test_other_variables_are_not_looked_at(self) -> None:
        """What does not begin like ours is somebody else's."""
        assert _own({"OTEL_TELEMETRY": "on", "OTEL_TRACES_SAMPLER": "always_on"}) == {}

    def test_enabled_is_refused_with_the_variable_to_use(self) -> None:
        """Whether telemetry is on has rules of its own."""
        with pytest.raises(ConfigurationError, match="no setting; use OTEL_TELEMETRY=on"):
            _own({"OTEL_TELEMETRY_ENABLED": "true"})

    def test_an_unknown_variable_is_refused(self) -> None:
        """A typing error must not pass for a setting."""
        with pytest.raises(ConfigurationError, match="unknown variable OTEL_TELEMETRY_TIMEOT"):
            _own({"OTEL_TELEMETRY_TIMEOT": "1"})

    @pytest.mark.parametrize("name", ["BEFORE_SEND", "LOGGER_PROVIDER"])
    def test_what_is_for_code_alone_is_refused(self, name: str) -> None:
        """The message says that it belongs in code."""
        with pytest.raises(ConfigurationError, match=f"OTEL_TELEMETRY_{name} cannot be set here"):
            _own({f"OTEL_TELEMETRY_{name}": "print"})


class TestOtelVariables:
    """They mean what they mean to the stock Python exporters."""

    def test_nothing_said_is_nothing_set(self) -> None:
        """Without a variable, every default stays."""
        assert environment.otel_settings({"OTEL_EXPORTER_OTLP_TIMEOUT": " "}) == {}

    def test_all_of_them_are_read(self, tmp_path: Path) -> None:
        """Time-outs in seconds, headers percent-decoded, files by their paths."""
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

        assert environment.otel_settings(environ) == {
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
    def test_the_variable_for_logs_comes_before_the_one_for_all(
        self, suffix: str, common: str, own: str, setting: str, value: object
    ) -> None:
        """The signal's own variable takes the place of the common one; they are not joined."""
        environ = {
            f"OTEL_EXPORTER_OTLP_{suffix}": common,
            f"OTEL_EXPORTER_OTLP_LOGS_{suffix}": own,
        }

        assert environment.otel_settings(environ)[setting] == value

    @pytest.mark.parametrize("protocol", ["", "grpc"])
    def test_a_header_that_grpc_cannot_carry_is_passed_over_with_grpc(self, protocol: str) -> None:
        """It may be for another exporter; ours goes without."""
        environ = {"OTEL_EXPORTER_OTLP_HEADERS": "a!b=c"}
        headers = {} if protocol else {"headers": {"a!b": "c"}}

        assert environment.otel_settings(environ, protocol) == headers

    def test_the_url_for_logs_is_taken_as_it_is(self) -> None:
        """Nothing is added to the signal's own URL, and nothing taken off."""
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://logs:4318/custom/",
        }

        assert environment.otel_settings(environ) == {"logs_endpoint": "http://logs:4318/custom/"}

    def test_deflate_is_taken_for_gzip(self) -> None:
        """The stock exporter's third word asks for compression; which, is all one."""
        environ = {"OTEL_EXPORTER_OTLP_COMPRESSION": "Deflate"}

        assert environment.otel_settings(environ) == {"compression": "gzip"}

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
    def test_a_wrong_one_is_passed_over_and_said(
        self, suffix: str, wrong: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is the application's set-up: it must not stop the application, nor be shown."""
        variable = f"OTEL_EXPORTER_OTLP_{suffix}"

        assert environment.otel_settings({variable: wrong}) == {}
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
    def test_a_grpc_target_without_a_scheme_is_secure_unless_said_otherwise(
        self, insecure: Mapping[str, str], url: str
    ) -> None:
        """A bare host and port means TLS, and INSECURE=true plain text."""
        environ = {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
            **insecure,
        }

        assert environment.otel_settings(environ)["endpoint"] == url

    def test_a_protocol_that_is_settled_decides_how_a_url_is_read(self) -> None:
        """Code that asks for gRPC gets the meaning that gRPC gives to the endpoint."""
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}

        found = environment.otel_settings(environ, "grpc")

        assert found == {"endpoint": "https://collector:4317"}


class TestLimits:
    """How much of a bucket is kept."""

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
    def test_those_for_log_records_come_first(
        self, environ: Mapping[str, str], limits: Mapping[str, int]
    ) -> None:
        """Both forms are read, the narrower one before the other."""
        assert environment.limit_settings(environ) == limits

    @pytest.mark.parametrize("text", ["abc", "-1", "1.5", "٣", "", "9" * 5000])
    def test_a_wrong_one_is_passed_over(self, text: str) -> None:
        """It may be another application's, and must not stop this one."""
        assert environment.limit_settings({"OTEL_ATTRIBUTE_COUNT_LIMIT": text}) == {}


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


def test_it_is_set_in_the_block_and_gone_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the import fails."""
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)

    with pytest.raises(ImportError, match="ERROR"), Preset("GRPC_VERBOSITY", "ERROR"):
        raise ImportError(os.environ["GRPC_VERBOSITY"])

    assert "GRPC_VERBOSITY" not in os.environ


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be looking for a fault."""
    monkeypatch.setenv("GRPC_VERBOSITY", "DEBUG")

    with Preset("GRPC_VERBOSITY", "ERROR"):
        assert os.environ["GRPC_VERBOSITY"] == "DEBUG"

    assert os.environ["GRPC_VERBOSITY"] == "DEBUG"


def test_a_block_that_takes_it_away_itself_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may tidy up the environment."""
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)

    with Preset("GRPC_VERBOSITY", "ERROR"):
        del os.environ["GRPC_VERBOSITY"]

    assert "GRPC_VERBOSITY" not in os.environ
