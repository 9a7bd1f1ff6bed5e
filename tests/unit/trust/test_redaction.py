"""The hooks: what they do to a whole event."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from otel_telemetry.errors import ConfigurationError
from otel_telemetry.events import Event
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
from tests.support.events import make_event

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
def test_an_event_with_nothing_to_change_is_the_same_object(hook: Redaction) -> None:
    """At its first sight, and when its texts are known; whatever mapping holds it."""
    again = make_event(
        MappingProxyType(dict(_SMALL.event_properties)), _SMALL.user_properties, name=_SMALL.name
    )

    for event in (_SMALL, _SMALL, again, again):
        assert hook(event) is event


def test_truncate_cuts_values_and_says_so() -> None:
    """At every level, to that many characters; names and keys stay whole."""
    event = make_event({"k" * 9: "a" * 9, "deep": ["äöüßx", "äöüß"], "b": b"123456"}, name="n" * 9)

    left = truncate(4)(event)

    assert left == make_event(
        {"k" * 9: "aaa…", "deep": ["äöü…", "äöüß"], "b": b"1234"}, name="n" * 9
    )
    assert truncate(1)(event).event_properties["k" * 9] == "…"


@pytest.mark.parametrize("characters", [0, -1, 1.5, "4", True, None])
def test_truncate_needs_a_number(characters: Any) -> None:
    """A wrong setting is an error where it is made."""
    with pytest.raises(ConfigurationError, match="truncate"):
        truncate(characters)


def test_several_hooks_in_one_do_what_they_do_in_their_best_order() -> None:
    """However they are given: secrets first, a cut last."""
    text = "https://ann:bob@example.com/home?q=1 ann@example.com /home/ann " + "x" * 30

    one = redact(truncate(70), hide_home, redact_emails, strip_url_queries, redact_secrets)
    nested = redact(truncate(99), redact(truncate(70), hide_home), redact_emails, redact_secrets)
    urls = redact(nested, strip_url_queries, redact_emails)

    expected = f"https://example.com/home {_EMAIL} ~ {'x' * 30}"
    assert one(make_event({"a": text})).event_properties == {"a": expected[:69] + "…"}
    assert urls(make_event({"a": text})).event_properties == {"a": expected[:69] + "…"}


def test_a_function_of_ones_own_is_a_rule() -> None:
    """It sees what the shipped ones leave, in names, keys and values."""

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
def test_what_is_no_rule_is_refused_at_construction(rules: tuple[Any, ...]) -> None:
    """Later, it would cost every event."""
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
def test_only_what_is_allowed_leaves(
    hook: Callable[[Event], Event],
    event: dict[str, int],
    user: dict[str, int],
    group: dict[str, int],
) -> None:
    """In every bucket or in one, by name or by what names begin with."""
    given = make_event({"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "http.route": 3, "http": 3})

    assert hook(given) == make_event(event, user, group)


def test_an_event_of_which_all_is_allowed_is_the_same_object() -> None:
    """There is nothing to change."""
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
def test_what_is_no_key_is_refused_at_construction(
    keys: tuple[Any, ...], buckets: dict[str, Any]
) -> None:
    """A str for several is the likely mistake, and would allow nothing of what is meant."""
    with pytest.raises(ConfigurationError, match="allow_only"):
        allow_only(*keys, **buckets)
