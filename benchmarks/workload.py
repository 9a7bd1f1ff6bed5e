"""The events every system sends: the same names, properties, users and groups."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Properties: TypeAlias = dict[str, "str | bool | int | float"]

NAMES = ("didCreateEntry", "didUpdateEntry", "didPublishEntry", "willDeleteEntry")
# This key is in every event once and nowhere else: the sink counts events by it.
MARK = "contentTypeKind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, with the three buckets of a payload and the two ids that peers ask for."""

    name: str
    user_id: str
    group_id: str
    event_properties: Properties
    user_properties: Properties
    group_properties: Properties


def make_event(index: int, *, user: int, group: int) -> Event:
    """Build an event with 6 event, 5 user and 4 group properties.

    Every event has dicts of its own, as it would in a program, so nobody gains from seeing the same
    object twice.
    """
    user_id = f"user-{user:04d}"
    group_id = f"project-{group:04d}"
    return Event(
        name=NAMES[index % len(NAMES)],
        user_id=user_id,
        group_id=group_id,
        event_properties={
            MARK: "collectionType",
            "model": f"api::article-{index % 37}.article",
            "locale": "en",
            "draft": index % 2 == 0,
            "fields": index % 23,
            "seconds": index / 7,
        },
        user_properties={
            "account": user_id,
            "plan": "free" if user % 3 else "enterprise",
            "seats": user % 50,
            "beta": user % 5 == 0,
            "os.type": "linux",
        },
        group_properties={
            "project": group_id,
            "database": "postgres" if group % 2 else "mysql",
            "locales": group % 9,
            "plugins": 4 + group % 3,
        },
    )


def events(count: int, *, users: int = 100, groups: int = 10) -> list[Event]:
    """Make `count` events, users and groups mixed the same way in every run."""
    dice = random.Random(20_000)
    return [
        make_event(index, user=dice.randrange(users), group=dice.randrange(groups))
        for index in range(count)
    ]


def events_over_groups(count: int, *, groups: int) -> list[Event]:
    """Make `count` events of one user, going round `groups` distinct sets of group properties."""
    return [make_event(index, user=0, group=index % groups) for index in range(count)]


def endless(ring: list[Event]) -> Iterator[Event]:
    """Go round the events for ever.

    A ring that fits the processor's cache stands in for a program that has only just built its
    properties; tens of thousands of dicts built beforehand would charge everybody for main memory.
    """
    while True:
        yield from ring
