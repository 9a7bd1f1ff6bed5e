"""Redaction of a whole event: every text is redacted, and the rest stays."""

from __future__ import annotations

import copy
import enum
import inspect
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest

from otel_telemetry.errors import ConfigurationError
from otel_telemetry.events import Event, FrozenProperties
from otel_telemetry.hooks.redaction import (
    Redaction,
    allow_only,
    hide_home,
    redact,
    redact_emails,
    redact_secrets,
    strip_url_queries,
    truncate,
)
from otel_telemetry.types import AttributeValue
from tests.support.events import make_event

_SECRET, _EMAIL = "[redacted:secret]", "[redacted:email]"


@pytest.mark.parametrize("bucket", ["event_properties", "user_properties", "group_properties"])
def test_texts_are_redacted_in_every_bucket_at_every_level(bucket: str) -> None:
    """Keys and values, in maps and lists, str and bytes; other values stay."""
    value: dict[str, AttributeValue] = {
        "plain": "x",
        "deep": [{"a": ["to bob@example.com"]}, 1],
        "bob@example.com": {"bob@example.com": True},
        "bytes": "für bob@example.com".encode(),
        "odd bytes": b"\xff bob@example.com",
    }
    event = replace(make_event(), **{bucket: value})  # type: ignore[arg-type]  # a bucket's name
    before = copy.deepcopy(event)

    left = redact_emails(event)

    assert left is not event
    assert event == before
    assert getattr(left, bucket) == {
        "plain": "x",
        "deep": [{"a": [f"to {_EMAIL}"]}, 1],
        _EMAIL: {_EMAIL: True},
        "bytes": f"für {_EMAIL}".encode(),
        "odd bytes": b"\xff " + _EMAIL.encode(),
    }
    for other in {"event_properties", "user_properties", "group_properties"} - {bucket}:
        assert getattr(left, other) is getattr(event, other)


def test_the_event_name_is_redacted() -> None:
    """It is cut where the marker makes it too long for a name."""
    assert redact_emails(make_event(name="mail to bob@example.com")).name == f"mail to {_EMAIL}"
    assert redact_emails(make_event(name="a@b.co " * 36)).name == (f"{_EMAIL} " * 36)[:256]


def test_event_names_and_keys_are_cached_separately() -> None:
    """The text "password" is harmless as an event name, and sensitive as a key."""
    event = make_event({"password": "hunter2"}, name="password")

    for _ in range(2):
        left = redact_secrets(event)
        assert left.name == "password"
        assert left.event_properties == {"password": _SECRET}


def test_keys_that_become_equal_stay_separate() -> None:
    """No property is lost, and the cost grows with the number of keys."""
    event = make_event({f"user{number}@example.com": number for number in range(3000)})

    left = redact_emails(event).event_properties

    assert sorted(left.values()) == list(range(3000))  # type: ignore[type-var]  # all are int
    assert all(key.startswith(_EMAIL) for key in left)
    collided = redact_emails(make_event({"a@b.co": 1, _EMAIL: 2, f"{_EMAIL} 1": 3}))
    assert list(collided.event_properties.values()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("hunter2", _SECRET),
        (1234, _SECRET),
        (12.5, _SECRET),
        (b"hunter2", _SECRET),
        (["hunter2"], _SECRET),
        ({"new": "hunter2"}, _SECRET),
        ("", ""),
        (True, True),
        (None, None),
    ],
    ids=repr,
)
def test_the_value_of_a_sensitive_key_is_replaced(
    value: AttributeValue, left: AttributeValue
) -> None:
    """Of any type, but whether it is set stays visible."""
    event = make_event({"login": {"password": value}})

    once = redact_secrets(event)

    assert once.event_properties == {"login": {"password": left}}
    assert redact_secrets(once) is once


def test_a_sensitive_key_is_redacted_too() -> None:
    """The key may contain a secret."""
    event = make_event({"token ghp_abcdefghijklmnopqrst": "x"})

    assert redact_secrets(event).event_properties == {f"token {_SECRET}": _SECRET}


def test_the_value_of_a_sensitive_option_is_replaced_in_a_list() -> None:
    """The argument after `--password` is its value."""
    command: AttributeValue = [
        "acme",
        "--db-password",
        "hunter2",
        "-v",
        "--token=x",
        "7",
        "--token",
    ]
    event = make_event({"argv": command})

    assert redact_secrets(event).event_properties == {
        "argv": ["acme", "--db-password", _SECRET, "-v", f"--token={_SECRET}", "7", "--token"]
    }


def test_an_illegal_value_of_an_earlier_hook_is_redacted_as_it_would_leave() -> None:
    """It becomes text after the hooks: a path, an enum, a subclass of str, a dataclass, a key."""

    class Mail(enum.Enum):
        BOB = "bob@example.com"

    class Text(str):
        __slots__ = ()

    @dataclass
    class Login:
        password: str

    illegal: Any = {
        "path": pathlib.PurePosixPath("/home/bob/x"),
        "enum": Mail.BOB,
        "text": Text("bob@example.com"),
        "login": Login("hunter2"),
        "tuple": ("bob@example.com",),
        Mail.BOB: 1,
    }

    left = redact(redact_secrets, redact_emails, hide_home)(make_event(illegal))

    assert left.event_properties == {
        "path": "~/x",
        "enum": _EMAIL,
        "text": _EMAIL,
        "login": {"password": _SECRET},
        "tuple": [_EMAIL],
        _EMAIL: 1,
    }


def test_a_key_that_is_not_a_str_is_redacted_as_it_would_leave() -> None:
    """At every level."""
    illegal: Any = {b"bob@example.com": 1, "deep": {5: "bob@example.com", None: 2}}

    assert redact_emails(make_event(illegal)).event_properties == {
        _EMAIL: 1,
        "deep": {"5": _EMAIL, "None": 2},
    }


def test_the_caches_are_bounded() -> None:
    """For any number of different texts and keys."""
    hook = redact(redact_secrets)
    for number in range(10_000):
        event = make_event({f"key {number}": f"value {number}"}, name=f"name {number}")
        assert hook(event) is event
    long = make_event({"k" * 65: "v" * 65}, name="n" * 65)
    assert hook(long) is long

    for known in (hook._unchanged_texts, hook._unchanged_keys, hook._unchanged_names):
        assert 0 < len(known) <= 4096
        assert max(map(len, known)) <= 64


def test_a_recurring_bucket_is_cached_only_if_nothing_changes() -> None:
    """A bucket with a secret is redacted each time."""
    clean, dirty = FrozenProperties(plan="free"), FrozenProperties(contact="bob@example.com")
    event = replace(make_event(), user_properties=clean, group_properties=dirty)
    hook = redact(redact_emails)

    for _ in range(3):
        left = hook(event)

        assert left.user_properties is clean
        assert left.group_properties == {"contact": _EMAIL}


@pytest.mark.parametrize(
    "bucket",
    [
        pytest.param({"a": ["x"], "b": 1}, id="a dict"),
        pytest.param(FrozenProperties(a=["x"], b=1), id="a list in what is frozen"),
        pytest.param(FrozenProperties(a={"0": "x"}, b=1), id="a dict in what is frozen"),
    ],
)
def test_a_mutable_bucket_is_redacted_each_time(bucket: dict[str, Any]) -> None:
    """Another hook may have changed it in place."""
    event = replace(make_event(), user_properties=bucket)
    hook = redact(redact_emails)

    for _ in range(2):
        assert hook(event) is event
    inner = bucket["a"]
    inner["0" if isinstance(inner, dict) else 0] = "bob@example.com"

    assert _EMAIL in str(hook(event).user_properties)


def test_more_buckets_than_the_cache_holds_are_redacted() -> None:
    """No bucket is mistaken for another with the same id."""
    hook = redact(redact_emails)
    for number in range(5000):
        bucket = FrozenProperties(a=number)
        event = replace(make_event(), user_properties=bucket)
        assert hook(event) is event
    for number in range(100):
        bucket = FrozenProperties(a=f"{number} bob@example.com")
        left = hook(replace(make_event(), user_properties=bucket))
        assert left.user_properties == {"a": f"{number} {_EMAIL}"}

    assert len(hook._unchanged_buckets) <= 4096


@pytest.mark.parametrize("kind", [dict, list])
def test_a_circular_value_raises_before_the_stack_ends(kind: type) -> None:
    """At the end of the stack, finalizers of the application would fail."""
    text = "x" * 65  # too long to be remembered
    circle: Any = kind([("text", text)]) if kind is dict else kind([text])
    if isinstance(circle, dict):
        circle["a"] = circle
    else:
        circle.append(circle)
    event = replace(make_event(), event_properties={"a": circle})
    deepest = 0

    def deepen(text: str) -> str:
        nonlocal deepest
        deepest = max(deepest, len(inspect.stack(0)))
        return text

    with pytest.raises(RecursionError):
        redact(deepen)(event)

    assert deepest < len(inspect.stack(0)) + 400


def test_a_deep_value_is_redacted_at_every_level() -> None:
    """Deeper than any value that leaves."""
    value: Any = "bob@example.com"
    for _ in range(49):
        value = [{"a": value}]

    left = redact_emails(replace(make_event(), event_properties={"a": value}))

    assert _EMAIL in str(left.event_properties)


_EMAIL = "[redacted:email]"
_everything = redact(redact_secrets, redact_emails, hide_home, strip_url_queries, truncate(30))
_SMALL = make_event(
    {"model": "article", "fields": 12, "draft": True, "size": 0.5, "slug": None},
    {"plan": "free", "os.type": "linux"},
    {"database": "postgres", "locales": ["de", "fr"], "sizes": {"a": 1}, "hash": b"\x00\xff"},
    name="didCreateEntry",
)


@pytest.mark.parametrize(
    "hook",
    [redact_secrets, redact_emails, hide_home, strip_url_queries, truncate(30), _everything],
    ids=["secrets", "emails", "home", "urls", "truncate", "all"],
)
def test_an_event_without_changes_is_the_same_object(hook: Redaction) -> None:
    """With cold and warm caches, for every mapping type."""
    again = make_event(
        MappingProxyType(dict(_SMALL.event_properties)), _SMALL.user_properties, name=_SMALL.name
    )

    for event in (_SMALL, _SMALL, again, again):
        assert hook(event) is event


def test_truncate_shortens_values_with_an_ellipsis() -> None:
    """At every level; names and keys stay."""
    event = make_event({"k" * 9: "a" * 9, "deep": ["äöüßx", "äöüß"], "b": b"123456"}, name="n" * 9)

    left = truncate(4)(event)

    assert left == make_event(
        {"k" * 9: "aaa…", "deep": ["äöü…", "äöüß"], "b": b"1234"}, name="n" * 9
    )
    assert truncate(1)(event).event_properties["k" * 9] == "…"


@pytest.mark.parametrize("characters", [0, -1, 1.5, "4", True, None])
def test_truncate_raises_for_an_invalid_number(characters: Any) -> None:
    """At construction."""
    with pytest.raises(ConfigurationError, match="truncate"):
        truncate(characters)


def test_redact_applies_rules_in_a_fixed_order() -> None:
    """Secrets first, truncation last, in any order of arguments."""
    text = "https://ann:bob@example.com/home?q=1 ann@example.com /home/ann " + "x" * 30

    one = redact(truncate(70), hide_home, redact_emails, strip_url_queries, redact_secrets)
    nested = redact(truncate(99), redact(truncate(70), hide_home), redact_emails, redact_secrets)
    urls = redact(nested, strip_url_queries, redact_emails)

    expected = f"https://example.com/home {_EMAIL} ~ {'x' * 30}"
    assert one(make_event({"a": text})).event_properties == {"a": expected[:69] + "…"}
    assert urls(make_event({"a": text})).event_properties == {"a": expected[:69] + "…"}


def test_redact_takes_functions_from_str_to_str() -> None:
    """They see the texts that the shipped rules return: names, keys and values."""

    def without_customers(text: str) -> str:
        return text.replace("Initech", "[redacted:customer]")

    hook = redact(without_customers, redact_emails)

    left = hook(make_event({"Initech": ["bob@initech.com of Initech"]}, name="Initech"))

    marker = "[redacted:customer]"
    assert left == make_event({marker: [f"{_EMAIL} of {marker}"]}, name=marker)


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (allow_only("a"),),
        (redact_secrets, lambda _text: None),
        (redact_secrets, lambda event: event.name),
        ("redact_secrets",),
        (None,),
    ],
    ids=["none", "hook", "returns None", "wants an event", "str", "None"],
)
def test_redact_raises_for_an_invalid_rule(rules: tuple[Any, ...]) -> None:
    """Otherwise every event would be dropped."""
    with pytest.raises(ConfigurationError, match="redact"):
        redact(*rules)


@pytest.mark.parametrize(
    ("hook", "event", "user", "group"),
    [
        (allow_only(), {}, {}, {}),
        (allow_only("a"), {"a": 1}, {"a": 2}, {"a": 3}),
        (allow_only("a", user=["b"]), {"a": 1}, {"a": 2, "b": 2}, {"a": 3}),
        (allow_only(event=["a", "b"]), {"a": 1, "b": 1}, {}, {}),
        (allow_only(group={"http.*"}), {}, {}, {"http.route": 3}),
        (allow_only("http.*", "a"), {"a": 1}, {"a": 2}, {"a": 3, "http.route": 3}),
    ],
)
def test_allow_only_removes_other_properties(
    hook: Callable[[Event], Event],
    event: dict[str, int],
    user: dict[str, int],
    group: dict[str, int],
) -> None:
    """In every bucket or in one, by name or by prefix."""
    given = make_event({"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "http.route": 3, "http": 3})

    assert hook(given) == make_event(event, user, group)


def test_allow_only_returns_the_same_event_if_all_is_allowed() -> None:
    """Nothing changes."""
    hook = allow_only("model", "os.*", event=["x"])
    event = make_event({"model": 1}, {"os.type": "linux", "model": 2})

    assert hook(event) is event


@pytest.mark.parametrize(
    ("keys", "buckets"),
    [
        ((1,), {}),
        (("",), {}),
        ((["a"],), {}),
        ((), {"event": "model"}),
        ((), {"user": [None]}),
        ((), {"group": ["a", ""]}),
    ],
)
def test_allow_only_raises_for_an_invalid_key(
    keys: tuple[Any, ...], buckets: dict[str, Any]
) -> None:
    """A str instead of a list is a likely mistake."""
    with pytest.raises(ConfigurationError, match="allow_only"):
        allow_only(*keys, **buckets)
