"""The assertions on captured events, and their failure messages."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry import Stats
from otel_telemetry.testing import Captured, CapturedEvent
from otel_telemetry.testing.captured import is_same_value

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
    """With all names in `names` and in the repr."""
    events = _captured(("a", {}), ("b", {}), ("a", {"n": 1}))

    assert events.names == ("a", "b", "a")
    assert len(events) == 3
    assert events[1].name == "b"
    assert [event.name for event in events[1:]] == ["b", "a"]
    assert [event.event_properties for event in events.named("a")] == [{}, {"n": 1}]
    assert repr(events) == "<Captured: a, b, a>"


def test_clear_removes_the_events() -> None:
    """A test may have two parts."""
    events = _captured(("a", {}))

    events.clear()

    assert list(events) == []
    assert repr(events) == "<Captured: nothing>"
    events.assert_not_sent()


def test_only_returns_the_only_event() -> None:
    """Of all events, or of a name."""
    assert _captured(("a", {})).only().name == "a"
    assert _captured(("a", {}), ("b", {})).only("b").name == "b"


@pytest.mark.parametrize("name", [None, "a"])
@pytest.mark.parametrize("count", [0, 2])
def test_only_fails_with_a_list_of_the_events(name: str | None, count: int) -> None:
    """Where there is none, or more than one."""
    events = _captured(*[("a", {"n": number}) for number in range(count)])

    with pytest.raises(AssertionError, match=f"{count or 'none'} were sent") as caught:
        events.only(name)

    assert str(caught.value).count("{'n': ") == count


def test_assert_sent_compares_the_expected_properties_only() -> None:
    """The event may have others."""
    events = _captured(("a", {"n": 1}), ("a", {"n": 2, "m": 3}))

    first = events.assert_sent("a", event_properties={"n": 2}, user_properties={"plan": "free"})

    assert first is events[1]
    assert events.assert_sent("a") is events[0]
    assert events.assert_sent("a", times=2) is events[0]
    events.assert_sent("a", group_properties={}, times=2)


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ({"event_properties": {"n": 2}}, "event_properties: 'n' is 1, expected 2"),
        ({"event_properties": {"n": True}}, "event_properties: 'n' is 1, expected True"),
        ({"event_properties": {"n": 1.0}}, "event_properties: 'n' is 1, expected 1.0"),
        ({"event_properties": {"m": 1}}, "event_properties: 'm' is missing, expected 1"),
        ({"user_properties": {"plan": "x"}}, "user_properties: 'plan' is 'free', expected 'x'"),
        ({"group_properties": {"db": "x"}}, "group_properties: 'db' is missing, expected 'x'"),
    ],
    ids=str,
)
def test_a_failure_shows_the_difference(expected: Mapping[str, object], line: str) -> None:
    """For every event of that name; the others are listed with their properties."""
    events = _captured(("a", {"n": 1}), ("b", {"k": "v"}))

    with pytest.raises(AssertionError) as caught:
        events.assert_sent("a", **expected)  # type: ignore[arg-type]  # a table

    lines = [text.strip() for text in str(caught.value).splitlines()]
    assert line in lines
    assert lines[0].endswith(", but none were sent")
    assert {"1. a", "2. b", "event_properties: {'k': 'v'}"} <= set(lines)


def test_a_failure_shows_the_dropped_and_the_corrected() -> None:
    """A hook may have dropped the expected event."""
    events = Captured()
    for _ in range(2):
        events.count_by(lambda: Stats(dropped={"before_send": 1}, corrected={"cut": 3}))

    with pytest.raises(AssertionError) as caught:
        events.assert_sent("a")

    assert str(caught.value) == (
        "expected 'a', but none were sent\n"
        "sent: nothing\n"
        "dropped: {'before_send': 2}\n"
        "corrected: {'cut': 6}"
    )


def test_assert_sent_fails_for_another_number_of_events() -> None:
    """Programs that send an event twice are common."""
    events = _captured(("a", {}), ("a", {}), ("b", {}))

    with pytest.raises(AssertionError, match="expected 'a' 1 time, but 2 were sent"):
        events.assert_sent("a", times=1)
    with pytest.raises(AssertionError, match="expected 'b' 2 times, but 1 was sent"):
        events.assert_sent("b", times=2)


@pytest.mark.parametrize("times", [0, -1])
def test_assert_sent_refuses_to_expect_none(times: int) -> None:
    """Such an assertion could never hold."""
    with pytest.raises(ValueError, match="assert_not_sent"):
        _captured().assert_sent("a", times=times)


def test_assert_not_sent_fails_for_a_sent_event() -> None:
    """Of a name, or of any."""
    events = _captured(("a", {}))

    events.assert_not_sent("b")
    with pytest.raises(AssertionError, match="expected no 'a', but 1 was sent"):
        events.assert_not_sent("a")
    with pytest.raises(AssertionError, match="expected no event, but 1 was sent"):
        events.assert_not_sent()


@given(_VALUES)
def test_every_value_equals_itself(value: object) -> None:
    """At every depth."""
    assert is_same_value(value, value)
    assert is_same_value([value], (value,))
    assert is_same_value({"k": value}, {"k": value})


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": [v]}])
@pytest.mark.parametrize(
    ("one", "other"), [(True, 1), (1, 1.0), (0.0, False), ("1", 1), (None, False), ([], {})]
)
def test_values_of_two_types_are_two_values(wrap: object, one: object, other: object) -> None:
    """They are different on the wire, and to a backend."""
    assert callable(wrap)
    assert not is_same_value(wrap(one), wrap(other))
    assert not is_same_value(wrap(other), wrap(one))


def test_a_matcher_compares_by_itself() -> None:
    """For example `pytest.approx`."""
    assert is_same_value(pytest.approx(1.0), 1.0000001)
    assert not is_same_value(pytest.approx(1.0), 2.0)
