"""Property tests: no secret, address, path or URL leaves, anywhere in any event."""

from __future__ import annotations

import base64
import json
import re
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.events import Event
from otel_telemetry.hooks._patterns import (
    without_emails,
    without_homes,
    without_secrets,
    without_url_queries,
)
from otel_telemetry.hooks.redaction import (
    hide_home,
    redact,
    redact_emails,
    redact_secrets,
    strip_url_queries,
    truncate,
)
from otel_telemetry.types import AttributeValue
from tests.support.events import make_event, texts_of

_ALNUM = "".join(sorted({*string.ascii_letters, *string.digits} - {"z"}))
_everything = redact(redact_secrets, redact_emails, hide_home, strip_url_queries)

# No characters of addresses, paths, URLs or assignments.
_plain_text = st.text(st.sampled_from("abcdeXYZ 0159.,!äß字"), max_size=12)
# The text around private text shares no character with it.
_words = st.text(st.sampled_from("zäß字 "), max_size=12)
_blanks = st.sampled_from([" ", "\n", '"', "(", "<", " «"])


def _of(alphabet: str, low: int, high: int) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(alphabet), min_size=low, max_size=high)


def _jwt(claims: dict[str, str]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join(part.rstrip("=") for part in (*encoded, encoded[1][::-1]))


_names = _of(_ALNUM, 3, 12)
# Pairs: the part that must not leave, and a text that contains it.
_plain = st.one_of(
    _of(string.ascii_uppercase + string.digits, 16, 16).map(lambda key: f"AKIA{key}"),
    _of(_ALNUM, 36, 36).map(lambda key: f"ghp_{key}"),
    _of(_ALNUM, 20, 40).map(lambda key: f"xoxb-{key}"),
    _of(_ALNUM, 24, 40).map(lambda key: f"sk_live_{key}"),
    _of(_ALNUM + "-_", 35, 35).map(lambda key: f"AIzaS{key}"),
    st.dictionaries(_names, _names, min_size=1, max_size=4).map(_jwt),
).map(lambda secret: (secret, secret))
_keyed = st.tuples(
    st.sampled_from(
        ["password=", '"api_key": "', "TOKEN: ", "--secret ", "Authorization: Bearer "]
    ),
    _of(_ALNUM + "!$%/.-_", 8, 30).filter(lambda value: value[0] not in "-/"),
).map(lambda pair: (pair[1], pair[0] + pair[1]))
_userinfo = st.tuples(_names, _of(_ALNUM + "!$@:%._-", 6, 20)).map(
    lambda pair: (pair[1], f"https://{pair[0]}:{pair[1]}@db.example/x")
)
_secrets = _plain | _keyed | _userinfo
# Separators are not part of the addresses that the rule finds.
_emails = (
    st.emails().filter(lambda email: not set("/=?&") & set(email)).map(lambda email: (email, email))
)
_paths = st.tuples(
    st.sampled_from(
        ["/home/", "/Users/", "C:\\Users\\", "c:/users/", "file:///home/", "/mnt/c/Users/"]
    ),
    _of(_ALNUM + "._-", 4, 16).filter(lambda name: name.strip(".")),
    st.sampled_from(["", "/x", "\\x y"]),
).map(lambda parts: (parts[1], "".join(parts)))
_queries = st.tuples(
    st.sampled_from(["https://a.example/p", "www.example.com/p", "/search", "postgres://db/x"]),
    st.sampled_from("?#"),
    _of(_ALNUM + "-._~!$&'()*+,;=:@/?%", 6, 30),
).map(lambda parts: (parts[2], "".join(parts)))


@st.composite
def _events_with(draw: st.DrawFn, found: st.SearchStrategy[tuple[str, str]]) -> tuple[str, Event]:
    """Draw an event with private text in it, and the part that must not leave."""
    private, text = draw(found)
    text = draw(_words) + draw(_blanks) + text + draw(st.sampled_from(["", " ", "\n"])) + " "
    text += draw(_words)
    forms: list[AttributeValue] = [text, text.encode(), {text: 1}]
    value = draw(st.sampled_from(forms))
    for _ in range(draw(st.integers(0, 5))):
        value = [draw(_words), value] if draw(st.booleans()) else {draw(_words): value}
    buckets: list[dict[str, AttributeValue]] = [{"k": value}, {}, {}]
    one, two, three = draw(st.permutations(buckets))
    return private, make_event(one, two, three, name=text if draw(st.booleans()) else "e")


def _leaks(private: str, event: Event) -> bool:
    return any(private in text for text in texts_of(event))


@given(_events_with(_secrets))
def test_no_secret_leaves(drawn: tuple[str, Event]) -> None:
    """In any position; a second pass changes nothing."""
    private, event = drawn
    assert _leaks(private, event)

    left = redact_secrets(event)

    assert not _leaks(private, left)
    assert redact_secrets(left) is left
    assert not _leaks(private, _everything(event))


@given(_events_with(_emails))
def test_no_address_leaves(drawn: tuple[str, Event]) -> None:
    """Nor its local part, unless that is a common word."""
    private, event = drawn
    local = private.rpartition("@")[0]

    left = redact_emails(event)

    assert not _leaks(private, left)
    assert len(local) < 6 or not _leaks(local, left)
    assert redact_emails(left) is left


@given(_events_with(_paths))
def test_no_user_name_leaves_in_a_home_directory(drawn: tuple[str, Event]) -> None:
    """For the paths of every system."""
    private, event = drawn

    left = hide_home(event)

    assert not _leaks(private, left)
    assert hide_home(left) is left


@given(_events_with(_queries))
def test_no_query_leaves(drawn: tuple[str, Event]) -> None:
    """With any characters that a URL may have."""
    private, event = drawn

    left = strip_url_queries(event)

    assert not _leaks(private, left)
    assert strip_url_queries(left) is left


@given(
    st.recursive(
        _plain_text | st.integers() | st.booleans() | st.floats(allow_nan=False) | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_plain_text, inner, max_size=3),
    ),
    _plain_text,
)
def test_plain_events_are_the_same_object(value: AttributeValue, name: str) -> None:
    """Not only equal."""
    event = make_event({"value": value}, {"plan": "free"}, name=name)

    assert _everything(event) is event


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    """No rule raises."""
    event = make_event({"value": text, text: text}, name=text)

    assert isinstance(_everything(event), Event)
    for rule in (without_emails, without_url_queries, without_homes("/srv/x"), without_secrets):
        assert isinstance(rule(text), str)


_HOSTILE = [
    *("a", "a.", "@", "a@", "a@a.", "%40a", "a%40a.", '"@', "字@字。", "a@[1:", "x" * 63 + "."),
    *("eyJ", "ghp_", "sk-1", "SG.aaaaaaaaaaaaaaaa", "-----BEGIN PRIVATE KEY-----", "-----END "),
    *("--token", "token=", 'token="', "token='\\", 'token=\\"', "tokens:", "Cookie:\n", "--a"),
    *("bearer ", "basic YQ ", "://", "://a@", "://a:", "aB1", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6/"),
    *(
        "/",
        "/home/",
        "/var",
        "\\/home",
        "C:\\Users\\a ",
        "\\\\a\\Users",
        "~a",
        "file://",
        "/media/a",
    ),
    *("?", "/?", "www.", "\t ", "Aa", "é"),
]


def _is_linear(rule: Callable[[str], str], unit: str, tail: str) -> bool:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit)) + tail
        tries = []
        for _ in range(2):
            start = time.process_time()
            rule(text)
            tries.append(time.process_time() - start)
        return min(tries)

    return seconds(20_000) < 9 * seconds(5_000) + 0.005


@pytest.mark.parametrize(
    "rule",
    [without_secrets, without_emails, without_url_queries, without_homes("/srv/x")],
    ids=["secrets", "emails", "urls", "homes"],
)
def test_time_is_linear_in_the_length_of_the_text(rule: Callable[[str], str]) -> None:
    """For texts that provoke backtracking: four times the text takes much less than 16 times."""
    for unit in _HOSTILE:
        for tail in ("", "@", "\x00"):
            assert _is_linear(rule, unit, tail), unit


def test_the_measurement_detects_a_quadratic_pattern() -> None:
    """Otherwise the test above would prove nothing."""
    assert not _is_linear(lambda text: re.sub(r"\w+@", "", text), "a", "")


def test_a_million_hostile_characters_take_seconds() -> None:
    """With all rules and truncation; a quadratic rule would take hours."""
    hook = redact(_everything, truncate(100))

    left = hook(make_event({"text": "://a@" * 200_000})).event_properties["text"]

    assert isinstance(left, str)
    assert len(left) == 100
