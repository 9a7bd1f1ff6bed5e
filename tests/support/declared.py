"""Declared events with properties of every type in every bucket."""

from __future__ import annotations

import enum
from typing import Literal

from otel_telemetry.catalog import Catalog, event, field, version


class Kind(enum.Enum):
    """An Enum of str values."""

    COLLECTION = "collectionType"
    SINGLE = "singleType"


class Plan(str, enum.Enum):
    """An Enum that is a subclass of str."""

    FREE = "free"
    TEAM = "team"


class Status(enum.IntEnum):
    """An Enum of int values."""

    NONE = 0
    DONE = 1
    FAILED = 3


class Common:
    """Common properties."""

    plan: Plan = field("What is paid for.", data_class="configuration", bucket="user", since="4.0")
    python: str = version(
        "Python's version.",
        example="3.12.1",
        bucket="user",
        name="python.version",
        since="4.0",
    )
    database: Literal["postgres", "mysql"] = field(
        "Where entries are kept.", data_class="environment", bucket="group", since="5.1"
    )


@event("didCreateEntry", since="5.0")
class EntryCreated:
    """An entry was created.

    In some
    way.
    """

    kind: Kind = field("What kind of content it is.", data_class="feature")
    slug: str = field("Its type.", data_class="feature", max_length=12, example="article")
    locales: int = field(
        "How many locales it has.", data_class="feature", buckets=(1, 2, 5, 20), example=3
    )
    seconds: float | None = field(
        "How long it took.",
        data_class="performance",
        buckets=(0.1, 1, 10),
        example=0.5,
        since="5.2",
        default=None,
    )
    draft: bool = field("Whether it is a draft.", data_class="feature", default=False)
    status: Status | None = field("How it ended.", data_class="error", default=None)
    fields: int | None = field(
        "How many fields it has.", data_class="feature", example=7, default=None
    )
    score: float | None = field(
        "How well it reads.", data_class="performance", example=0.25, default=None
    )


@event("app started", since="1.0", deprecated="Sent as `didStart` instead.")
class Started:
    """The application started."""


@event("didDeleteEntry", since="5.0")
class EntryDeleted:
    """An entry was deleted."""

    kind: Literal["collectionType", "other"] = field(
        "What kind of content it was.", data_class="feature"
    )
    entries: str = field(
        "A made-up name for all of them.",
        data_class="pseudonym",
        max_length=40,
        example="a1b2c3",
        bucket="group",
        name="entries.id",
    )
    slug: str = field("Its type.", data_class="feature", max_length=40, example="a `b` | c")


CATALOG = Catalog(EntryDeleted, EntryCreated, Started, version=3, common=Common)
