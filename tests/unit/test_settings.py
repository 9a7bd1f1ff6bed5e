"""One setting at a time: texts, flags, numbers, words and hooks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_telemetry.config import validators
from otel_telemetry.config.validators import Kind
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
        self, kind: Kind, value: float
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
