"""An event as hooks see it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest

from otel_telemetry.events import Event, FrozenProperties, made_event


class TestFrozenProperties:
    """A dict for all that only reads."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda bucket: bucket.update(a=2),
            lambda bucket: bucket.setdefault("b", 2),
            lambda bucket: bucket.pop("a"),
            lambda bucket: bucket.popitem(),
            lambda bucket: bucket.clear(),
            lambda bucket: bucket.__setitem__("a", 2),
            lambda bucket: bucket.__delitem__("a"),
            lambda bucket: bucket.__ior__({"a": 2}),
        ],
    )
    def test_it_refuses_every_change(self, change: Callable[[FrozenProperties], object]) -> None:
        """And says what to do instead."""
        bucket = FrozenProperties({"a": 1})

        with pytest.raises(FrozenInstanceError, match="return a changed copy"):
            change(bucket)

        assert bucket == {"a": 1}

    def test_it_is_read_as_a_dict_is(self) -> None:
        """What is made of it is a dict that can be changed."""
        bucket = FrozenProperties({"a": 1})

        assert json.dumps(bucket) == '{"a": 1}'
        for made in (bucket | {"b": 2}, {**bucket, "b": 2}, dict(bucket, b=2)):
            assert type(made) is dict
            assert made == {"a": 1, "b": 2}
        assert type(bucket.copy()) is dict

    @pytest.mark.parametrize(
        "duplicate",
        [copy.copy, copy.deepcopy, lambda bucket: pickle.loads(pickle.dumps(bucket))],
    )
    def test_its_copies_are_as_frozen(
        self, duplicate: Callable[[FrozenProperties], FrozenProperties]
    ) -> None:
        """An event can be copied, and sent to another process."""
        bucket = FrozenProperties({"a": [1]})
        made = duplicate(bucket)

        assert type(made) is FrozenProperties
        assert made == bucket


def test_an_event_made_fast_is_an_event() -> None:
    """In nothing another than one made by its class."""
    made = made_event("x", 1, {"a": 1}, {"b": 2}, {"c": 3})
    event = Event(
        name="x",
        timestamp=1,
        event_properties={"a": 1},
        user_properties={"b": 2},
        group_properties={"c": 3},
    )

    assert type(made) is Event
    assert made == event == replace(made)
    assert repr(made) == repr(event)
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == event
    with pytest.raises(FrozenInstanceError):
        made.name = "y"  # type: ignore[misc]  # on purpose
