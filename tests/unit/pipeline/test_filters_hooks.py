"""The `before_send` hooks change and drop events."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import time

import pytest

from otel_telemetry.events import BeforeSend, Event, TelemetryPayload
from otel_telemetry.receipt import Outcome
from otel_telemetry.types import AttributeValue
from tests.support.pipelines import AppPipeline

_BUCKETS = ("event_properties", "user_properties", "group_properties")


class _Seen(list[Event]):
    """A hook that returns each event unchanged, and keeps it."""

    def __call__(self, event: Event) -> Event:
        self.append(event)
        return event


def test_a_hook_sees_the_event_as_it_would_be_sent() -> None:
    """Its values are legal, and its time is set."""
    seen = _Seen()
    before = time.time_ns()
    setup = AppPipeline(before_send=seen)
    setup.send("e", {"a": (1, 2), "": 1}, {"u": datetime.date(2024, 1, 1)})
    setup.send("e", moment=5)

    assert seen[0].event_properties == {"a": [1, 2]}
    assert seen[0].user_properties == {"u": "2024-01-01"}
    assert seen[0].group_properties == {}
    assert before <= seen[0].timestamp <= time.time_ns()
    assert [event.timestamp for event in seen][1:] == [5]
    assert setup.records[0].log_record.timestamp == seen[0].timestamp


def test_a_hook_may_change_everything() -> None:
    """The returned event is made legal at the end, and the next hook sees it."""

    def change(event: Event) -> Event:
        return dataclasses.replace(
            event,
            name="n\ud800",
            timestamp=7,
            event_properties={
                **event.event_properties,
                "when": datetime.date(2024, 1, 1),  # type: ignore[dict-item]  # a hook's mistake
                "service.name": "x",
            },
            user_properties={"plan": "hidden"},
        )

    seen = _Seen()
    setup = AppPipeline(before_send=[change, seen])
    setup.send("e", {"a": 1}, {"plan": "free"}, {"g": 1})

    assert [event.name for event in seen] == ["n\ufffd"]
    assert setup.record.log_record.event_name == "n\ufffd"
    assert setup.record.log_record.timestamp == 7
    assert setup.buckets == (
        {"a": 1, "when": "2024-01-01"},
        {"plan": "hidden"},
        {"g": 1},
    )
    assert setup.counters.snapshot().corrected == {"reserved_key": 1}


def test_a_hook_cannot_change_the_callers_properties() -> None:
    """It gets a copy, and later changes of that copy have no effect."""
    kept = _Seen()
    setup = AppPipeline(before_send=kept)
    given: dict[str, object] = {"a": [1]}
    setup.send("e", given, given, given)
    for bucket in (
        kept[0].event_properties,
        kept[0].user_properties,
        kept[0].group_properties,
    ):
        assert isinstance(bucket["a"], list)
        bucket["a"].append(2)
    setup.send("e", given, given, given)

    assert given == {"a": [1]}
    for record in setup.records:
        assert record.log_record.attributes is not None
        assert list(record.log_record.attributes["a"]) == [1]  # type: ignore[arg-type]
        assert record.resource.attributes["a"] == [1]
        assert record.instrumentation_scope is not None
        assert record.instrumentation_scope.attributes == {"a": [1]}


def test_nested_values_that_a_hook_changes_are_made_legal() -> None:
    """Lists and maps are copies, which the hook may change in place."""

    def work_in_place(event: Event) -> Event:
        for bucket in (event.event_properties, event.user_properties, event.group_properties):
            assert isinstance(bucket["a"], list)
            bucket["a"][:] = ["hidden", 2**70]
        return event

    setup = AppPipeline(before_send=work_in_place)
    for _ in range(2):
        setup.send("e", {"a": [1]}, {"a": [1]}, {"a": [1]})

        assert setup.buckets == (
            {"a": ("hidden", str(2**70))},
            {"a": ["hidden", str(2**70)]},
            {"a": ["hidden", str(2**70)]},
        )


def test_a_hook_may_change_one_bucket() -> None:
    """The other buckets are sent unchanged."""
    whole: dict[str, object] = {"a": 1, "b": "x"}

    for bucket in _BUCKETS:

        def change(event: Event, bucket: str = bucket) -> Event:
            changed: dict[str, AttributeValue] = {"a": True, "c": 2}
            return dataclasses.replace(event, **{bucket: changed})  # type: ignore[arg-type]

        setup = AppPipeline(before_send=change)
        for _ in range(2):
            setup.send("e", whole, whole, whole)
            found = dict(zip(_BUCKETS, setup.buckets, strict=True))

            assert found.pop(bucket) == {"a": True, "c": 2}
            assert list(found.values()) == [whole, whole]


def test_a_hook_that_returns_none_drops_the_event() -> None:
    """The event is counted, and no further hook runs."""
    setup = AppPipeline(before_send=[lambda _event: None, lambda _event: pytest.fail("called")])
    receipt = setup.send()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "before_send")
    assert setup.counters.snapshot().dropped == {"before_send": 1}
    assert setup.records == ()


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(lambda _event: 1 / 0, id="raises"),
        pytest.param(lambda _event: {"name": "e"}, id="returns no event"),
        pytest.param(lambda _event: TelemetryPayload(), id="returns another value"),
        pytest.param(lambda event: dataclasses.replace(event, timestamp=True), id="no int"),
        pytest.param(lambda event: dataclasses.replace(event, name=""), id="empty name"),
        pytest.param(lambda event: dataclasses.replace(event, name=5), id="no name"),
        pytest.param(lambda event: dataclasses.replace(event, timestamp=-1), id="no time"),
        pytest.param(lambda event: dataclasses.replace(event, timestamp="5"), id="no number"),
        pytest.param(lambda event: dataclasses.replace(event, event_properties=None), id="none"),
        pytest.param(
            lambda event: dataclasses.replace(event, user_properties=[("a", 1)]), id="list"
        ),
        pytest.param(lambda event: dataclasses.replace(event, group_properties="a"), id="text"),
    ],
)
def test_a_hook_that_raises_or_returns_an_illegal_event_drops_the_event(hook: BeforeSend) -> None:
    """The event is counted, and neither its old nor its new state is sent."""
    setup = AppPipeline(before_send=hook)
    receipt = setup.send()

    assert (receipt.outcome, receipt.reason) == (Outcome.DROPPED, "before_send_failed")
    assert setup.counters.snapshot().dropped == {"before_send_failed": 1}
    assert setup.records == ()


class _Key(str, enum.Enum):
    A = "a"


def test_a_hook_sees_legal_values_under_known_names() -> None:
    """A known name does not skip the check of its value."""
    seen = _Seen()
    setup = AppPipeline(before_send=seen)
    for value in ("x", "\ud800", 2**70, b"x", (1,), _Key.A, float("inf")):
        setup.send("e", {"a": value}, {"a": value}, {"a": value})
    setup.send("e", {_Key.A: 1})

    legal = ["x", "\ufffd", str(2**70), b"x", [1], "a", float("inf"), 1]
    assert [event.event_properties for event in seen] == [{"a": value} for value in legal]
    assert [event.user_properties for event in seen[:-1]] == [{"a": value} for value in legal[:-1]]
    assert type(seen[5].event_properties["a"]) is type(next(iter(seen[7].event_properties))) is str
    assert setup.counters.snapshot().corrected == {}


def test_a_hook_may_replace_a_value_by_an_equal_one_of_another_type() -> None:
    """True is not 1, and the caller's value does not change."""

    def change(event: Event) -> Event:
        buckets = {name: {"flag": int(getattr(event, name)["flag"])} for name in _BUCKETS}
        return dataclasses.replace(event, **buckets)  # type: ignore[arg-type]  # the three

    setup = AppPipeline(before_send=change)
    given = {"flag": True}
    for _ in range(2):
        setup.send("e", given, given, given)

    assert repr(setup.buckets) == repr(({"flag": 1}, {"flag": 1}, {"flag": 1}))
    assert repr(given) == repr({"flag": True})
