"""What a test asserts of events, and what it reads when it fails."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry import Stats
from otel_telemetry.testing import Captured, CapturedEvent
from otel_telemetry.testing.captured import same

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _captured(*events: tuple[str, Mapping[str, object]]) -> Captured:
    captured = Captured()
    for name, properties in events:
        captured.add(
            CapturedEvent(
                name=name,
                timestamp=1,
                event_properties=dict(properties),  # type: ignore[arg-type]  # legal in these tests
                user_properties={"plan": "free"},
                group_properties={},
                resource={"service.name": "acme", "plan": "free"},
            )
        )
    return captured


def test_it_is_a_sequence_in_the_order_of_sending() -> None:
    """With names at a glance."""
    events = _captured(("a", {}), ("b", {}), ("a", {"n": 1}))

    assert events.names == ("a", "b", "a")
    assert len(events) == 3
    assert events[1].name == "b"
    assert [event.name for event in events[1:]] == ["b", "a"]
    assert [event.event_properties for event in events.named("a")] == [{}, {"n": 1}]
    assert repr(events) == "<Captured: a, b, a>"


def test_clear_forgets_the_events() -> None:
    """For a test in two acts."""
    events = _captured(("a", {}))

    events.clear()

    assert list(events) == []
    assert repr(events) == "<Captured: nothing>"
    events.assert_not_sent()


def test_only_is_the_one_event() -> None:
    """Of all, or of a name."""
    assert _captured(("a", {})).only().name == "a"
    assert _captured(("a", {}), ("b", {})).only("b").name == "b"


@pytest.mark.parametrize("name", [None, "a"])
@pytest.mark.parametrize("count", [0, 2])
def test_only_says_what_there_was_instead(name: str | None, count: int) -> None:
    """None, or more than one."""
    events = _captured(*[("a", {"n": number}) for number in range(count)])

    with pytest.raises(AssertionError, match=f"{count} were sent") as caught:
        events.only(name)

    assert str(caught.value).count("{'n': ") == count


def test_assert_sent_compares_a_part_of_each_bucket() -> None:
    """What is not asked for may be anything."""
    events = _captured(("a", {"n": 1}), ("a", {"n": 2, "m": 3}))

    found = events.assert_sent("a", event_properties={"n": 2}, user_properties={"plan": "free"})

    assert found is events[1]
    assert events.assert_sent("a") is events[0]
    assert events.assert_sent("a", times=2) is events[0]
    events.assert_sent("a", group_properties={}, times=2)


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"event_properties": {"n": 2}}, "event_properties: 'n' is 1, wanted 2"),
        ({"event_properties": {"n": True}}, "event_properties: 'n' is 1, wanted True"),
        ({"event_properties": {"n": 1.0}}, "event_properties: 'n' is 1, wanted 1.0"),
        ({"event_properties": {"m": 1}}, "event_properties: 'm' is missing, wanted 1"),
        ({"user_properties": {"plan": "x"}}, "user_properties: 'plan' is 'free', wanted 'x'"),
        ({"group_properties": {"db": "x"}}, "group_properties: 'db' is missing, wanted 'x'"),
    ],
    ids=str,
)
def test_a_failure_shows_the_difference(wanted: Mapping[str, object], line: str) -> None:
    """Beside every event of that name; the others are listed as they are."""
    events = _captured(("a", {"n": 1}), ("b", {"k": "v"}))

    with pytest.raises(AssertionError) as caught:
        events.assert_sent("a", **wanted)  # type: ignore[arg-type]  # a table

    lines = [text.strip() for text in str(caught.value).splitlines()]
    assert line in lines
    assert lines[0].endswith("; none was sent")
    assert {"1. a", "2. b", "event_properties: {'k': 'v'}"} <= set(lines)


def test_a_failure_says_why_events_did_not_come() -> None:
    """An event that a hook dropped is no event that nobody sent."""
    events = Captured()
    for _ in range(2):
        events.count_by(lambda: Stats(dropped={"before_send": 1}, corrected={"cut": 3}))

    with pytest.raises(AssertionError) as caught:
        events.assert_sent("a")

    assert str(caught.value) == (
        "wanted 'a'; none was sent\n"
        "sent: nothing\n"
        "dropped: {'before_send': 2}\n"
        "corrected: {'cut': 6}"
    )


def test_too_many_are_a_failure_where_the_number_is_said() -> None:
    """Sent twice is a defect of many a program."""
    events = _captured(("a", {}), ("a", {}))

    with pytest.raises(AssertionError, match="wanted 'a', 1 times; 2 was sent"):
        events.assert_sent("a", times=1)


@pytest.mark.parametrize("times", [0, -1])
def test_none_is_another_assertion(times: int) -> None:
    """A number that can never be met is a mistake in the test."""
    with pytest.raises(ValueError, match="assert_not_sent"):
        _captured().assert_sent("a", times=times)


def test_assert_not_sent() -> None:
    """Of a name, or at all."""
    events = _captured(("a", {}))

    events.assert_not_sent("b")
    with pytest.raises(AssertionError, match="wanted no 'a'"):
        events.assert_not_sent("a")
    with pytest.raises(AssertionError, match="wanted no event"):
        events.assert_not_sent()


@given(_VALUES)
def test_every_value_is_the_same_as_itself(value: object) -> None:
    """At every depth."""
    assert same(value, value)
    assert same([value], (value,))
    assert same({"k": value}, {"k": value})


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": [v]}])
@pytest.mark.parametrize(
    ("one", "other"), [(True, 1), (1, 1.0), (0.0, False), ("1", 1), (None, False), ([], {})]
)
def test_values_of_two_types_are_two_values(wrap: object, one: object, other: object) -> None:
    """On the wire they are, and so is their meaning to a store."""
    assert callable(wrap)
    assert not same(wrap(one), wrap(other))
    assert not same(wrap(other), wrap(one))


def test_a_matcher_decides_by_itself() -> None:
    """Such as that of a test framework for numbers that are nearly alike."""
    assert same(pytest.approx(1.0), 1.0000001)
    assert not same(pytest.approx(1.0), 2.0)
