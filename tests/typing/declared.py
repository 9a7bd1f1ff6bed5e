"""Declared events for type checkers. Checked, never run."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Literal

from typing_extensions import assert_type

from otel_telemetry import Telemetry, TelemetryConfig
from otel_telemetry.catalog import Catalog, TypedEvent, event, field, version
from otel_telemetry.catalog.documents import check, json_schema, markdown, semconv_yaml


class Kind(enum.Enum):
    """A closed list."""

    SINGLE = "single"


class Common:
    """Common properties."""

    plan: Literal["free", "team"] = field(
        "What is paid for.", data_class="configuration", bucket="user", since="1.0"
    )


@event("didCreateEntry", since="5.0", deprecated="Sent no more.")
class EntryCreated:
    """An entry was created."""

    kind: Kind = field("What it is.", data_class="feature", example=Kind.SINGLE)
    locales: int = field("How many.", data_class="feature", buckets=(1, 5), example=3)
    python: str = version("Of Python.", example="3.12.1", name="python.version")
    slug: str | None = field(
        "Its type.", data_class="feature", max_length=32, example="article", default=None
    )


def declare() -> None:
    """The attributes have types."""
    made = EntryCreated(kind=Kind.SINGLE, locales=3, python="3.12.1")
    assert_type(made, EntryCreated)
    assert_type(made.kind, Kind)
    assert_type(made.slug, str | None)
    EntryCreated(kind=Kind.SINGLE, locales=3, python="3.12.1", slug="article")
    EntryCreated(kind=Kind.SINGLE, locales=3)  # type: ignore[call-arg]  # python is missing
    EntryCreated(kind="single", locales=3, python="3")  # type: ignore[arg-type]  # no member
    EntryCreated(kind=Kind.SINGLE, locals=3, python="3")  # type: ignore[call-arg]  # misspelt
    EntryCreated(Kind.SINGLE, 3, "3.12.1")  # type: ignore[call-arg]  # by keyword only
    made.locales = 5  # type: ignore[misc]  # frozen


def declare_wrongly() -> None:
    """A type checker finds most invalid declarations."""
    field("It.", data_class="secret")  # type: ignore[call-overload]  # no such class
    field("It.")  # type: ignore[call-overload]  # no class
    field(data_class="feature")  # type: ignore[call-overload]  # no meaning
    field("It.", data_class="feature", bucket="team")  # type: ignore[call-overload]  # no bucket
    field("It.", data_class="feature", buckets="1")  # type: ignore[call-overload]  # no numbers
    version("Of it.")  # type: ignore[call-overload]  # no example
    _: int = field("It.", data_class="feature", default="x")  # type: ignore[assignment]
    event("didCreateEntry")  # type: ignore[call-arg]  # no since
    Catalog(EntryCreated)  # type: ignore[call-arg]  # no version
    Catalog("didCreateEntry", version=1)  # type: ignore[arg-type]  # no class
    Telemetry("acme-cms", catalog=EntryCreated)  # type: ignore[arg-type]  # no catalogue


def use(telemetry: Telemetry, config: TelemetryConfig) -> None:
    """A catalogue and its events."""
    catalog = Catalog(EntryCreated, version=1, common=Common)
    assert_type(config.catalog, Catalog | None)
    assert_type(check(catalog, Path("TELEMETRY.md")), list[str])
    assert_type(markdown(catalog), str)
    assert_type(json_schema(catalog), str)
    assert_type(semconv_yaml(catalog), str)
    Telemetry("acme-cms", catalog=catalog)
    typed: TypedEvent = EntryCreated(kind=Kind.SINGLE, locales=3, python="3.12.1")
    telemetry.send(typed)
    telemetry.send(typed, {"user_properties": {"plan": "free"}}, timestamp=5)
    telemetry.send(Common())  # type: ignore[arg-type]  # not an event
    telemetry.send(Kind.SINGLE)  # type: ignore[arg-type]  # not an event
