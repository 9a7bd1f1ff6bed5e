"""One setting at a time: URLs, headers and files, where a secret may stand."""

from __future__ import annotations

import traceback
from collections import UserDict
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.config import validators
from otel_telemetry.errors import ConfigurationError

_SECRET = "s3cr3t"


class TestURL:
    """Where to."""

    @pytest.mark.parametrize(
        ("given_url", "kept"),
        [
            ("https://collector.example", "https://collector.example"),
            ("https://collector.example/", "https://collector.example"),
            ("http://127.0.0.1:4318/otlp/", "http://127.0.0.1:4318/otlp"),
            ("HTTPS://Collector.Example", "https://Collector.Example"),
            ("https://[::1]:4318", "https://[::1]:4318"),
        ],
    )
    def test_a_base_url_is_kept_in_one_form(self, given_url: str, kept: str) -> None:
        """The scheme is in small letters, and no slash stands at the end."""
        assert validators.URL.checked("endpoint", given_url) == kept

    def test_a_full_url_keeps_its_last_slash(self) -> None:
        """To a server, a path with a slash at its end is another path."""
        url = "https://collector.example/custom/"

        assert validators.FULL_URL.checked("logs_endpoint", url) == url

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [
            ("collector:4318", "begins with neither"),
            ("ftp://collector", "begins with neither"),
            ("https:/collector", "begins with neither"),
            ("", "begins with neither"),
            ("https://", "names no host"),
            ("https://:4318", "names no host"),
            ("https://collector:port", "host or its port is wrong"),
            ("https://collector:99999", "host or its port is wrong"),
            ("https://[::1", "host or its port is wrong"),
            (f"https://me:{_SECRET}@collector", "put them into headers"),
            ("https://me@collector", "put them into headers"),
            (f"https://collector?key={_SECRET}", "a query or a fragment"),
            ("https://collector#top", "a query or a fragment"),
            (" https://collector", "blanks or control characters"),
            ("https://coll\nector", "blanks or control characters"),
        ],
    )
    def test_a_url_that_would_not_work_is_refused(self, wrong: str, detail: str) -> None:
        """The message says what is wrong with the URL, and does not repeat it."""
        with pytest.raises(ConfigurationError, match=detail) as refused:
            validators.URL.checked("endpoint", wrong)
        assert _SECRET not in str(refused.value)

    def test_what_is_no_str_is_refused(self) -> None:
        """A URL is a str; the message names the type that came instead."""
        with pytest.raises(ConfigurationError, match="not bytes"):
            validators.URL.checked("endpoint", b"https://collector")

    @given(st.text())
    def test_no_text_whatever_raises_anything_else(self, text: str) -> None:
        """A text is a URL or a ConfigurationError, never another exception."""
        with suppress(ConfigurationError):
            assert validators.URL.checked("endpoint", text)


class TestHeaders:
    """What goes with every request."""

    def test_names_are_kept_in_small_letters(self) -> None:
        """HTTP/2 and gRPC know small letters only."""
        headers = validators.HEADERS.checked("headers", UserDict({"X-API-Key": "k", "b": ""}))

        assert headers == {"x-api-key": "k", "b": ""}

    def test_they_are_a_copy(self) -> None:
        """What the caller does to the mapping afterwards changes nothing."""
        mine = {"x-api-key": "k"}

        kept = validators.HEADERS.checked("headers", mine)
        mine.clear()

        assert kept == {"x-api-key": "k"}

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [
            ([("a", "b")], "not list"),
            ({"a": 1}, "no str"),
            ({1: "a"}, "no str"),
            ({"": _SECRET}, "no HTTP header name"),
            ({"a b": _SECRET}, "no HTTP header name"),
            ({"a:": _SECRET}, "no HTTP header name"),
            ({"ä": _SECRET}, "no HTTP header name"),
            ({"a": f"{_SECRET}\r\nhost: evil"}, "no header may"),
            ({"a": f"{_SECRET}ä"}, "no header may"),
        ],
    )
    def test_what_no_request_can_carry_is_refused(self, wrong: object, detail: str) -> None:
        """No smuggled line, no illegal name; and no value in the message."""
        with pytest.raises(ConfigurationError, match=detail) as refused:
            validators.HEADERS.checked("headers", wrong)
        assert _SECRET not in str(refused.value)

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [
            ({"a!b": _SECRET}, "none of gRPC's"),
            ({"a'": _SECRET}, "none of gRPC's"),
            ({"trace-bin": _SECRET}, "for bytes"),
            ({"a b": _SECRET}, "no HTTP header name"),
        ],
    )
    def test_what_no_call_can_carry_is_refused(self, wrong: object, detail: str) -> None:
        """With gRPC every call with it would fail, and be told of on stderr."""
        with pytest.raises(ConfigurationError, match=detail) as refused:
            validators.METADATA.checked("headers", wrong)
        assert _SECRET not in str(refused.value)

    def test_what_a_call_can_carry_is_kept(self) -> None:
        """As with HTTP, in small letters."""
        headers = {"X-Api_Key.2": "a"}

        assert validators.METADATA.checked("headers", headers) == {"x-api_key.2": "a"}

    def test_the_environment_spells_them_as_pairs(self) -> None:
        """Pairs are separated by commas, percent-decoded, and an empty one is nothing."""
        text = "api-key=a%2Cb, Authorization=Basic%20Zm9v== ,,empty="

        headers = validators.HEADERS.parsed("OTEL_TELEMETRY_HEADERS", text)

        assert headers == {"api-key": "a,b", "authorization": "Basic Zm9v==", "empty": ""}

    def test_a_pair_without_a_value_is_refused(self) -> None:
        """The message tells of the pair, not what is in it."""
        with pytest.raises(ConfigurationError, match="a pair has no '='") as refused:
            validators.HEADERS.parsed("OTEL_TELEMETRY_HEADERS", _SECRET)
        assert _SECRET not in "".join(traceback.format_exception(refused.value))


class TestFile:
    """The path of a file that can be read."""

    def test_any_path_becomes_a_str(self, tmp_path: Path) -> None:
        """A str, a Path and bytes name the same file."""
        path = tmp_path / "authority.pem"
        path.touch()

        for spelling in (path, str(path), str(path).encode()):
            assert validators.FILE.checked("certificate_file", spelling) == str(path)

    def test_what_is_not_there_is_refused(self, tmp_path: Path) -> None:
        """A file that is missing shows at construction, not at the first request."""
        with pytest.raises(ConfigurationError, match=r"certificate_file .* cannot be read"):
            validators.FILE.checked("certificate_file", tmp_path / "missing.pem")

    @pytest.mark.parametrize("wrong", [".", "a\0b"])
    def test_what_is_no_file_is_refused(self, wrong: str) -> None:
        """A directory, and a name that no file can have, is no file."""
        with pytest.raises(ConfigurationError, match="cannot be read"):
            validators.FILE.checked("certificate_file", wrong)

    def test_what_is_no_path_is_refused(self) -> None:
        """The content of a certificate is not its path."""
        with pytest.raises(ConfigurationError, match="not int"):
            validators.FILE.checked("certificate_file", 3)
