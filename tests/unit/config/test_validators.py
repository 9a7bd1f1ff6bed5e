"""One setting at a time: texts, flags, numbers, words and hooks."""

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
    """A text that must say something."""

    def test_a_str_stays_as_it_is(self) -> None:
        """A text is taken as it was given."""
        assert validators.TEXT.checked("name", "acme-cms") == "acme-cms"

    @pytest.mark.parametrize("value", ["", "  ", None, 5, b"acme"])
    def test_anything_else_is_refused(self, value: object) -> None:
        """An empty text, and what is no text, is refused with the name of the setting."""
        with pytest.raises(ConfigurationError, match="name must be a str that is not empty"):
            validators.TEXT.checked("name", value)


class TestFlag:
    """Yes or no."""

    @pytest.mark.parametrize("value", [True, False])
    def test_a_bool_stays_as_it_is(self, value: bool) -> None:  # noqa: FBT001 - what is tested
        """In code a flag is a bool."""
        assert validators.FLAG.checked("strict", value) is value

    @pytest.mark.parametrize("value", [1, 0, "true", None])
    def test_what_only_looks_like_a_bool_is_refused(self, value: object) -> None:
        """A word or a number in code is a mistake; the message names its type."""
        with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
            validators.FLAG.checked("strict", value)

    @pytest.mark.parametrize("word", ["1", "true", "TRUE", "yes", "On", " on "])
    def test_the_environment_turns_it_on_in_many_words(self, word: str) -> None:
        """A variable says yes in any of the usual words, in any case."""
        assert validators.FLAG.parsed("OTEL_TELEMETRY_STRICT", word) is True

    @pytest.mark.parametrize("word", ["0", "false", "False", "no", "off"])
    def test_the_environment_turns_it_off_in_many_words(self, word: str) -> None:
        """A variable says no in any of the usual words, in any case."""
        assert validators.FLAG.parsed("OTEL_TELEMETRY_STRICT", word) is False

    def test_another_word_of_the_environment_is_refused(self) -> None:
        """A word that is neither yes nor no is refused with the name of the variable."""
        with pytest.raises(ConfigurationError, match="OTEL_TELEMETRY_STRICT must be True or False"):
            validators.FLAG.parsed("OTEL_TELEMETRY_STRICT", "perhaps")


class TestNumbers:
    """Times and counts."""

    @pytest.mark.parametrize("value", [0, 0.0, 1, 2.5, 1_000_000])
    def test_seconds_run_from_zero_to_a_million(self, value: float) -> None:
        """A time that may be nothing takes both its bounds."""
        assert validators.SECONDS.checked("shutdown_timeout", value) == value

    @pytest.mark.parametrize("value", [0.001, 1, 1_000_000])
    def test_a_duration_is_more_than_nothing(self, value: float) -> None:
        """A duration takes whatever is positive, up to a million."""
        assert validators.DURATION.checked("timeout", value) == value

    @pytest.mark.parametrize("kind", [validators.SECONDS, validators.DURATION])
    @pytest.mark.parametrize("value", [-1, math.inf, -math.inf, math.nan, 1_000_001, 10**400])
    def test_a_time_that_nothing_can_wait_for_is_out_of_range(
        self, kind: Validator, value: float
    ) -> None:
        """Negative, endless and absurd times are refused where they are given, not in a thread."""
        with pytest.raises(ConfigurationError, match=r"timeout must be .* \(out of range\)"):
            kind.checked("timeout", value)

    def test_a_duration_of_nothing_is_out_of_range(self) -> None:
        """Zero is no duration."""
        with pytest.raises(ConfigurationError, match="greater than 0"):
            validators.DURATION.checked("timeout", 0)

    @pytest.mark.parametrize("value", ["1", None, True, 1j])
    def test_what_is_no_number_is_refused(self, value: object) -> None:
        """A number in quotes is not one, and neither is a bool."""
        with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
            validators.DURATION.checked("timeout", value)

    @pytest.mark.parametrize("value", [1, 2**70])
    def test_a_whole_number_has_no_upper_bound(self, value: int) -> None:
        """A count may be as large as one likes."""
        assert validators.WHOLE.checked("max_batch_events", value) == value

    @pytest.mark.parametrize("value", [0, -1])
    def test_a_whole_number_below_one_is_out_of_range(self, value: int) -> None:
        """A count of nothing makes no sense."""
        with pytest.raises(ConfigurationError, match="1 or more \\(out of range\\)"):
            validators.WHOLE.checked("max_batch_events", value)

    @pytest.mark.parametrize("value", [1.0, "1", True, None])
    def test_what_is_not_whole_is_refused(self, value: object) -> None:
        """A float, even a whole one, is not taken for a count."""
        with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
            validators.WHOLE.checked("max_batch_events", value)

    def test_the_environment_spells_numbers_in_digits(self) -> None:
        """A variable's digits become the number, of the kind that the setting has."""
        assert validators.SECONDS.parsed("X", "2.5") == 2.5
        assert validators.WHOLE.parsed("X", " 64 ") == 64

    @pytest.mark.parametrize("text", ["ten", "1e999", "nan", "-1"])
    def test_the_environment_is_held_to_the_same_range(self, text: str) -> None:
        """What cannot be a time is refused whoever says it."""
        with pytest.raises(ConfigurationError, match="X must be a number of seconds"):
            validators.DURATION.parsed("X", text)


class TestHooks:
    """Callables, one or many."""

    def test_one_hook_needs_no_list(self) -> None:
        """A callable by itself is a row of one."""
        assert validators.HOOKS.checked("before_send", print) == (print,)

    def test_a_row_of_hooks_keeps_its_order(self) -> None:
        """Any iterable of callables will do."""
        assert validators.HOOKS.checked("before_send", iter([print, len])) == (print, len)

    @pytest.mark.parametrize(
        ("wrong", "detail"), [([print, "len"], "not callable"), (None, "not NoneType")]
    )
    def test_what_cannot_be_called_is_refused(self, wrong: object, detail: str) -> None:
        """A hook that would fail at every event is refused at construction."""
        with pytest.raises(ConfigurationError, match=detail):
            validators.HOOKS.checked("before_send", wrong)

    def test_what_returns_before_it_has_looked_is_refused(self) -> None:
        """Nobody would await it, and every event would be dropped."""

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
            with pytest.raises(ConfigurationError, match="async, or a generator"):
                validators.HOOKS.checked("before_send", [print, wrong])

    def test_the_environment_cannot_set_them(self) -> None:
        """The message says where they belong."""
        with pytest.raises(ConfigurationError, match=r"X cannot be set .* in code"):
            validators.HOOKS.parsed("X", "print")


class TestChoice:
    """One of a few words."""

    def test_one_of_the_words_is_taken(self) -> None:
        """A word from the list stays as it is, in code and in the environment."""
        kind = validators.choice("gzip", "none")

        assert kind.checked("compression", "none") == "none"
        assert kind.parsed("X", " gzip ") == "gzip"

    @pytest.mark.parametrize("wrong", ["deflate", "GZIP", 1, None])
    def test_any_other_word_is_refused_with_the_list(self, wrong: object) -> None:
        """The message names all the words there are."""
        with pytest.raises(ConfigurationError, match='compression must be "gzip" or "none"'):
            validators.choice("gzip", "none").checked("compression", wrong)


class TestOptional:
    """A kind, or None."""

    def test_none_is_taken(self) -> None:
        """None is a value of an optional setting."""
        assert validators.optional(validators.WHOLE).checked("attribute_count_limit", None) is None

    def test_anything_else_is_held_to_the_kind(self) -> None:
        """An optional setting is no laxer than its kind, and says that None will do."""
        with pytest.raises(ConfigurationError, match="1 or more or None"):
            validators.optional(validators.WHOLE).checked("attribute_count_limit", 0)


class TestSpool:
    """Where events are kept until they are delivered."""

    @pytest.mark.parametrize("value", [True, False, "/var/spool/acme"])
    def test_yes_no_and_a_directory_are_taken(self, value: object) -> None:
        """True and False mean the user's state directory, and memory."""
        assert validators.SPOOL.checked("spool", value) == value

    def test_a_path_becomes_a_str(self, tmp_path: Path) -> None:
        """A Path names the same directory."""
        assert validators.SPOOL.checked("spool", tmp_path) == str(tmp_path)

    @pytest.mark.parametrize(
        ("wrong", "detail"),
        [("spool", "not absolute"), (b"/spool", "not absolute"), (1, "not int")],
    )
    def test_what_depends_on_the_working_directory_is_refused(
        self, wrong: object, detail: str
    ) -> None:
        """The next process, which delivers what this one leaves, may run elsewhere."""
        with pytest.raises(ConfigurationError, match=detail):
            validators.SPOOL.checked("spool", wrong)

    @pytest.mark.parametrize(
        ("text", "value"), [("off", False), ("1", True), ("/var/spool/acme", "/var/spool/acme")]
    )
    def test_the_environment_spells_all_three(self, text: str, value: object) -> None:
        """A word for yes or no, or else a path."""
        assert validators.SPOOL.parsed("OTEL_TELEMETRY_SPOOL", text) == value


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
