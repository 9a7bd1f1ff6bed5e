"""Validators: the values that they accept, and the messages for others."""

from __future__ import annotations

import math
import traceback
from collections import UserDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.config import validators
from otel_telemetry.config.validators import Validator
from otel_telemetry.errors import ConfigurationError


class TestText:
    """`NON_EMPTY_STR`."""

    def test_a_str_does_not_change(self) -> None:
        """It is kept as it is."""
        assert validators.NON_EMPTY_STR.validate("name", "acme-cms") == "acme-cms"

    @pytest.mark.parametrize("value", ["", "  ", None, 5, b"acme"])
    def test_an_empty_str_and_other_types_raise(self, value: object) -> None:
        """With the name of the setting."""
        with pytest.raises(ConfigurationError, match="name must be a str that is not empty"):
            validators.NON_EMPTY_STR.validate("name", value)


class TestFlag:
    """`BOOL`."""

    @pytest.mark.parametrize("value", [True, False])
    def test_a_bool_does_not_change(self, value: bool) -> None:  # noqa: FBT001 - what is tested
        """It is kept as it is."""
        assert validators.BOOL.validate("strict", value) is value

    @pytest.mark.parametrize("value", [1, 0, "true", None])
    def test_a_number_or_a_word_in_code_raises_with_its_type(self, value: object) -> None:
        """Only True and False are valid in code."""
        with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
            validators.BOOL.validate("strict", value)

    @pytest.mark.parametrize("word", ["1", "true", "TRUE", "yes", "On", " on "])
    def test_a_variable_has_several_words_for_true(self, word: str) -> None:
        """In upper and lower case."""
        assert validators.BOOL.parse_variable("OTEL_TELEMETRY_STRICT", word) is True

    @pytest.mark.parametrize("word", ["0", "false", "False", "no", "off"])
    def test_a_variable_has_several_words_for_false(self, word: str) -> None:
        """In upper and lower case."""
        assert validators.BOOL.parse_variable("OTEL_TELEMETRY_STRICT", word) is False

    def test_another_word_in_a_variable_raises(self) -> None:
        """With the name of the variable."""
        with pytest.raises(ConfigurationError, match="OTEL_TELEMETRY_STRICT must be True or False"):
            validators.BOOL.parse_variable("OTEL_TELEMETRY_STRICT", "perhaps")


class TestNumbers:
    """`NON_NEGATIVE_SECONDS`, `POSITIVE_SECONDS` and `POSITIVE_INT`."""

    @pytest.mark.parametrize("value", [0, 0.0, 1, 2.5, 1_000_000])
    def test_non_negative_seconds_range_from_zero_to_a_million(self, value: float) -> None:
        """The bounds are valid."""
        assert validators.NON_NEGATIVE_SECONDS.validate("shutdown_timeout", value) == value

    @pytest.mark.parametrize("value", [0.001, 1, 1_000_000])
    def test_positive_seconds_range_from_above_zero_to_a_million(self, value: float) -> None:
        """The upper bound is valid."""
        assert validators.POSITIVE_SECONDS.validate("timeout", value) == value

    @pytest.mark.parametrize(
        "validator", [validators.NON_NEGATIVE_SECONDS, validators.POSITIVE_SECONDS]
    )
    @pytest.mark.parametrize("value", [-1, math.inf, -math.inf, math.nan, 1_000_001, 10**400])
    def test_negative_infinite_and_very_long_times_are_out_of_range(
        self, validator: Validator, value: float
    ) -> None:
        """They raise at construction, and not later in a thread."""
        with pytest.raises(ConfigurationError, match=r"timeout must be .* \(out of range\)"):
            validator.validate("timeout", value)

    def test_positive_seconds_exclude_zero(self) -> None:
        """Zero raises."""
        with pytest.raises(ConfigurationError, match="greater than 0"):
            validators.POSITIVE_SECONDS.validate("timeout", 0)

    @pytest.mark.parametrize("value", ["1", None, True, 1j])
    def test_seconds_of_another_type_raise_with_the_type(self, value: object) -> None:
        """A str of digits and a bool are not numbers."""
        with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
            validators.POSITIVE_SECONDS.validate("timeout", value)

    @pytest.mark.parametrize("value", [1, 2**70])
    def test_a_positive_int_has_no_upper_bound(self, value: int) -> None:
        """It may exceed 64 bits."""
        assert validators.POSITIVE_INT.validate("max_batch_events", value) == value

    @pytest.mark.parametrize("value", [0, -1])
    def test_an_int_below_one_is_out_of_range(self, value: int) -> None:
        """Zero and negative numbers raise."""
        with pytest.raises(ConfigurationError, match="1 or more \\(out of range\\)"):
            validators.POSITIVE_INT.validate("max_batch_events", value)

    @pytest.mark.parametrize("value", [1.0, "1", True, None])
    def test_an_int_of_another_type_raises_with_the_type(self, value: object) -> None:
        """A float is not an int, even if it is whole."""
        with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
            validators.POSITIVE_INT.validate("max_batch_events", value)

    def test_a_variable_is_parsed_as_a_number(self) -> None:
        """As a float or an int, as the setting requires."""
        assert validators.NON_NEGATIVE_SECONDS.parse_variable("X", "2.5") == 2.5
        assert validators.POSITIVE_INT.parse_variable("X", " 64 ") == 64

    @pytest.mark.parametrize("text", ["ten", "1e999", "nan", "-1"])
    def test_the_same_range_applies_to_a_variable(self, text: str) -> None:
        """So does the description in the message."""
        with pytest.raises(ConfigurationError, match="X must be a number of seconds"):
            validators.POSITIVE_SECONDS.parse_variable("X", text)


class TestHooks:
    """`HOOKS`."""

    def test_a_single_callable_becomes_a_tuple(self) -> None:
        """It needs no list around it."""
        assert validators.HOOKS.validate("before_send", print) == (print,)

    def test_an_iterable_of_callables_becomes_a_tuple_in_the_same_order(self) -> None:
        """Also an iterator."""
        assert validators.HOOKS.validate("before_send", iter([print, len])) == (print, len)

    @pytest.mark.parametrize(
        ("wrong", "detail"), [([print, "len"], "not callable"), (None, "not NoneType")]
    )
    def test_a_hook_that_is_not_callable_raises(self, wrong: object, detail: str) -> None:
        """Otherwise it would fail for every event."""
        with pytest.raises(ConfigurationError, match=detail):
            validators.HOOKS.validate("before_send", wrong)

    def test_an_async_function_or_a_generator_raises(self) -> None:
        """It would return before its body runs, and every event would be dropped."""

        async def late(event: object) -> object:
            return event

        def lazy(event: object) -> Iterator[object]:
            yield event

        class Late:
            async def __call__(self, event: object) -> object:
                return event

            async def method(self, event: object) -> object:
                return event

        for wrong in (late, lazy, Late(), Late().method):
            with pytest.raises(ConfigurationError, match="async or a generator"):
                validators.HOOKS.validate("before_send", [print, wrong])


class TestChoice:
    """`one_of`."""

    def test_each_of_the_words_is_valid(self) -> None:
        """In code and in the environment."""
        validator = validators.one_of("gzip", "none")

        assert validator.validate("compression", "none") == "none"
        assert validator.parse_variable("X", " gzip ") == "gzip"

    @pytest.mark.parametrize("wrong", ["deflate", "GZIP", 1, None])
    def test_another_value_raises_with_all_the_words(self, wrong: object) -> None:
        """They are the whole message."""
        with pytest.raises(ConfigurationError, match=r'^compression must be "gzip" or "none"$'):
            validators.one_of("gzip", "none").validate("compression", wrong)


class TestOptional:
    """`optional`."""

    def test_none_is_valid(self) -> None:
        """It is kept as it is."""
        assert (
            validators.optional(validators.POSITIVE_INT).validate("attribute_count_limit", None)
            is None
        )

    def test_values_other_than_none_are_checked(self) -> None:
        """The message says that None is valid too."""
        with pytest.raises(ConfigurationError, match="1 or more or None"):
            validators.optional(validators.POSITIVE_INT).validate("attribute_count_limit", 0)


class TestSpool:
    """`SPOOL`."""

    @pytest.mark.parametrize("value", [True, False, "/var/spool/acme"])
    def test_true_false_and_an_absolute_path_are_valid(self, value: object) -> None:
        """They are kept as they are."""
        assert validators.SPOOL.validate("spool", value) == value

    def test_a_path_becomes_a_str(self, tmp_path: Path) -> None:
        """It names the same directory."""
        assert validators.SPOOL.validate("spool", tmp_path) == str(tmp_path)

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [("spool", "not absolute"), (b"/spool", "not absolute"), (1, "not int")],
    )
    def test_a_relative_path_and_other_types_raise(self, wrong: object, detail: str) -> None:
        """A later process that delivers the events may run in another directory."""
        with pytest.raises(ConfigurationError, match=detail):
            validators.SPOOL.validate("spool", wrong)

    @pytest.mark.parametrize(
        ("text", "value"), [("off", False), ("1", True), ("/var/spool/acme", "/var/spool/acme")]
    )
    def test_a_variable_is_a_word_for_true_or_false_or_a_path(
        self, text: str, value: object
    ) -> None:
        """All three can be set in the environment."""
        assert validators.SPOOL.parse_variable("OTEL_TELEMETRY_SPOOL", text) == value


_SECRET = "s3cr3t"


class TestURL:
    """`BASE_URL` and `FULL_URL`."""

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://collector.example", "https://collector.example"),
            ("https://collector.example/", "https://collector.example"),
            ("http://127.0.0.1:4318/otlp/", "http://127.0.0.1:4318/otlp"),
            ("HTTPS://Collector.Example", "https://Collector.Example"),
            ("https://[::1]:4318", "https://[::1]:4318"),
        ],
    )
    def test_a_base_url_has_a_lowercase_scheme_and_no_slash_at_the_end(
        self, url: str, expected: str
    ) -> None:
        """The rest does not change."""
        assert validators.BASE_URL.validate("endpoint", url) == expected

    def test_a_full_url_keeps_its_last_slash(self) -> None:
        """For a server, the path without it is another path."""
        url = "https://collector.example/custom/"

        assert validators.FULL_URL.validate("logs_endpoint", url) == url

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [
            ("collector:4318", "does not start with"),
            ("ftp://collector", "does not start with"),
            ("https:/collector", "does not start with"),
            ("", "does not start with"),
            ("https://", "has no host"),
            ("https://:4318", "has no host"),
            ("https://collector:port", "host or port is invalid"),
            ("https://collector:99999", "host or port is invalid"),
            ("https://[::1", "host or port is invalid"),
            (f"https://me:{_SECRET}@collector", "put them into headers"),
            ("https://me@collector", "put them into headers"),
            (f"https://collector?key={_SECRET}", "a query or a fragment"),
            ("https://collector#top", "a query or a fragment"),
            (" https://collector", "spaces or control characters"),
            ("https://coll\nector", "spaces or control characters"),
        ],
    )
    def test_an_invalid_url_raises_with_the_reason(self, wrong: str, detail: str) -> None:
        """The message does not contain the URL."""
        with pytest.raises(ConfigurationError, match=detail) as raised:
            validators.BASE_URL.validate("endpoint", wrong)
        assert _SECRET not in str(raised.value)

    def test_a_url_of_another_type_raises_with_the_type(self) -> None:
        """Bytes are not a URL."""
        with pytest.raises(ConfigurationError, match="not bytes"):
            validators.BASE_URL.validate("endpoint", b"https://collector")

    @given(st.text())
    def test_any_text_is_a_url_or_a_configuration_error(self, text: str) -> None:
        """No other exception is raised."""
        with suppress(ConfigurationError):
            assert validators.BASE_URL.validate("endpoint", text)


class TestHeaders:
    """`HEADERS` and `GRPC_HEADERS`."""

    def test_names_of_headers_become_lowercase(self) -> None:
        """HTTP/2 and gRPC require it."""
        headers = validators.HEADERS.validate("headers", UserDict({"X-API-Key": "k", "b": ""}))

        assert headers == {"x-api-key": "k", "b": ""}

    def test_headers_are_copied(self) -> None:
        """A later change of the caller's mapping has no effect."""
        original = {"x-api-key": "k"}

        headers = validators.HEADERS.validate("headers", original)
        original.clear()

        assert headers == {"x-api-key": "k"}

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [
            ([("a", "b")], "not list"),
            ({"a": 1}, "not a str"),
            ({1: "a"}, "not a str"),
            ({"": _SECRET}, "not a valid HTTP header name"),
            ({"a b": _SECRET}, "not a valid HTTP header name"),
            ({"a:": _SECRET}, "not a valid HTTP header name"),
            ({"ä": _SECRET}, "not a valid HTTP header name"),
            ({"a": f"{_SECRET}\r\nhost: evil"}, "not allowed in a header"),
            ({"a": f"{_SECRET}ä"}, "not allowed in a header"),
        ],
    )
    def test_headers_that_http_cannot_send_raise(self, wrong: object, detail: str) -> None:
        """No line can be smuggled in, and the message does not contain a value."""
        with pytest.raises(ConfigurationError, match=detail) as raised:
            validators.HEADERS.validate("headers", wrong)
        assert _SECRET not in str(raised.value)

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [
            ({"a!b": _SECRET}, "other characters than letters"),
            ({"a'": _SECRET}, "other characters than letters"),
            ({"trace-bin": _SECRET}, "for bytes"),
            ({"a b": _SECRET}, "not a valid HTTP header name"),
        ],
    )
    def test_headers_that_grpc_cannot_send_raise(self, wrong: object, detail: str) -> None:
        """Otherwise each call would fail, and gRPC would print it to stderr."""
        with pytest.raises(ConfigurationError, match=detail) as raised:
            validators.GRPC_HEADERS.validate("headers", wrong)
        assert _SECRET not in str(raised.value)

    def test_names_of_grpc_headers_become_lowercase(self) -> None:
        """As with HTTP."""
        headers = {"X-Api_Key.2": "a"}

        assert validators.GRPC_HEADERS.validate("headers", headers) == {"x-api_key.2": "a"}

    def test_a_variable_holds_pairs_separated_by_commas(self) -> None:
        """They are percent-decoded, and empty ones are ignored."""
        text = "api-key=a%2Cb, Authorization=Basic%20Zm9v== ,,empty="

        headers = validators.HEADERS.parse_variable("OTEL_TELEMETRY_HEADERS", text)

        assert headers == {"api-key": "a,b", "authorization": "Basic Zm9v==", "empty": ""}

    def test_a_pair_without_an_equals_sign_raises(self) -> None:
        """Neither the message nor the traceback contains it."""
        with pytest.raises(ConfigurationError, match="a pair has no '='") as raised:
            validators.HEADERS.parse_variable("OTEL_TELEMETRY_HEADERS", _SECRET)
        assert _SECRET not in "".join(traceback.format_exception(raised.value))


class TestFile:
    """`FILE`."""

    def test_a_path_of_any_type_becomes_a_str(self, tmp_path: Path) -> None:
        """A str, a Path and bytes can name the same file."""
        path = tmp_path / "authority.pem"
        path.touch()

        for spelling in (path, str(path), str(path).encode()):
            assert validators.FILE.validate("certificate_file", spelling) == str(path)

    def test_a_missing_file_raises(self, tmp_path: Path) -> None:
        """At construction, and not at the first request."""
        with pytest.raises(ConfigurationError, match=r"certificate_file .* cannot be read"):
            validators.FILE.validate("certificate_file", tmp_path / "missing.pem")

    @pytest.mark.parametrize("wrong", [".", "a\0b"])
    def test_a_directory_and_an_impossible_name_raise(self, wrong: str) -> None:
        """Neither is a file that can be read."""
        with pytest.raises(ConfigurationError, match="cannot be read"):
            validators.FILE.validate("certificate_file", wrong)

    def test_a_file_of_another_type_raises_with_the_type(self) -> None:
        """An int is not a path."""
        with pytest.raises(ConfigurationError, match="not int"):
            validators.FILE.validate("certificate_file", 3)
