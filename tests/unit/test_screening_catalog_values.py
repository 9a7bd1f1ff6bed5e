"""Whatever is sent, what leaves is declared."""

from __future__ import annotations

import datetime
import enum
import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry import Event, InvalidEventError
from otel_telemetry.catalog.documents import json_schema
from tests.support.declared import CATALOG, Kind, Plan, Status
from tests.support.pipelines import AppPipeline

_SCHEMA = jsonschema.Draft202012Validator(json.loads(json_schema(CATALOG)))
_BUCKETS = ("event_properties", "user_properties", "group_properties")


def _same(event: Event) -> Event:
    return event


class _Other(enum.Enum):
    SINGLE = "singleType"
    ONE = 1


class _Raising:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 25)
    | st.floats()
    | st.text()
    | st.text(st.characters(codec=None), max_size=14)
    | st.binary(max_size=4)
    | st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|rc|-beta\.)[0-9])?(\+[a-z]*)?\n?")
    | st.sampled_from([*Kind, *Plan, *Status, *_Other, "singleType", "free", "mysql", "other"])
    | st.sampled_from([2**70, math.nan, -0.0, datetime.date(2024, 1, 1)])
    | st.builds(object)
    | st.builds(_Raising)
)
_VALUES = (
    _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(), _SCALARS, max_size=2)
)
_NAMES = st.sampled_from([item.name for item in CATALOG.properties()])
_PROPERTIES = st.none() | st.dictionaries(
    _NAMES | st.text(max_size=3) | st.sampled_from(["service.name", b"kind", Kind.SINGLE, 5]),
    _VALUES,
    max_size=6,
)


@given(
    st.sampled_from([item.name for item in CATALOG.events]), _PROPERTIES, _PROPERTIES, _PROPERTIES
)
def test_whatever_is_given_what_leaves_fits_the_declaration(
    name: str, event: Any, user: Any, group: Any
) -> None:
    """By the schema's own validator; hooks make no difference, and nothing raises."""
    left = []
    for hooks in ((), (_same,)):
        setup = AppPipeline(catalog=CATALOG, before_send=hooks)
        setup.send(name, event, user, group)
        corrected = setup.counters.snapshot().corrected
        left.append((setup.buckets, corrected, setup.record.dropped_attributes))
        _SCHEMA.validate(
            {
                "event": setup.record.log_record.event_name,
                **{key: dict(bucket) for key, bucket in zip(_BUCKETS, setup.buckets, strict=True)},  # type: ignore[call-overload]
            }
        )

    assert repr(left[0]) == repr(left[1])  # where True, 1 and 1.0 are three values
    strict = AppPipeline(catalog=CATALOG, strict=True)
    if left[0][1]:
        with pytest.raises(InvalidEventError):
            strict.send(name, event, user, group)
    else:
        strict.send(name, event, user, group)
        assert repr(strict.buckets) == repr(left[0][0])
