"""`Catalog`: the declarations of all events that a program may send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otel_telemetry.catalog.declarations import EventDeclaration, declaration_of
from otel_telemetry.catalog.fields import Property, read_properties
from otel_telemetry.catalog.validation import EventValidator
from otel_telemetry.errors import ConfigurationError


class Catalog:
    """The declarations of all events that a program may send. Immutable and thread-safe.

    An event that is not in the catalogue is dropped, and so is a property that its event does not
    declare. The attributes that the library itself adds, and those of
    `TelemetryConfig.resource_attributes`, need no declaration.

    Args:
        *events: Classes decorated with `event`.
        version: The version of the catalogue, 1 or more. When a release sends more than the one
            before, raise it, and raise the setting `consent_version` so that users are asked again.
        common: A class whose properties every event may have. Declare it as an event, without the
            decorator. User and group properties usually belong here.

    Raises:
        ConfigurationError: The declarations contradict each other; the message names the fix.
    """

    __slots__ = ("_validators", "common", "events", "version")

    events: tuple[EventDeclaration, ...]
    """The declared events, sorted by name."""
    common: tuple[Property, ...]
    """The properties that every event may have."""
    version: int
    """The version of the catalogue."""

    def __init__(
        self, *events: type[object], version: int, common: type[object] | None = None
    ) -> None:
        if type(version) is not int or version < 1:
            raise ConfigurationError("the version of a Catalog must be an int of 1 or more")
        if not events:
            raise ConfigurationError("a Catalog needs at least one event: declare it with @event")
        self.version = version
        self.common = () if common is None else read_properties(common, None)
        declared = [declaration_of(item) for item in events]
        self.events = tuple(sorted(declared, key=lambda item: item.name))
        _check_names(self.events)
        _check_common(self.events, self.common)
        _check_types(self)
        shared = EventValidator(self.common, closed=True)
        self._validators = {
            item.name: EventValidator(item.properties, closed=True, common=shared)
            for item in self.events
        }

    def __repr__(self) -> str:
        return f"<Catalog, version {self.version}: {len(self.events)} events>"

    def validator_of(self, name: str) -> EventValidator | None:
        """Return the validator of the event *name*; None if the event is not declared."""
        return self._validators.get(name)

    def properties(self) -> Iterator[Property]:
        """Yield every declared property, the common ones first."""
        yield from self.common
        for item in self.events:
            yield from item.properties


def _check_names(events: Iterable[EventDeclaration]) -> None:
    seen: set[str] = set()
    for item in events:
        if item.name in seen:
            raise ConfigurationError(f"two events have the name {item.name!r}: rename one")
        seen.add(item.name)


def _check_common(events: Iterable[EventDeclaration], common: Iterable[Property]) -> None:
    taken = {(item.bucket, item.name) for item in common}
    for declaration in events:
        for item in declaration.properties:
            if (item.bucket, item.name) in taken:
                raise ConfigurationError(
                    f"{declaration.name} declares {item.name!r}, which is a common property: "
                    "remove it from one of the two"
                )


def _check_types(catalog: Catalog) -> None:
    """Check that a name has the same type in every event: backends store it in one column."""
    types: dict[str, type] = {}
    for item in catalog.properties():
        if types.setdefault(item.name, item.value_type.type) is not item.value_type.type:
            raise ConfigurationError(
                f"two properties have the name {item.name!r}, one of type "
                f"{types[item.name].__name__} and one of type {item.value_type.type.__name__}: "
                "change one name or type"
            )
