"""`Catalog`: every event that may leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otel_telemetry.catalog.declarations import EventDeclaration, declaration_of
from otel_telemetry.catalog.fields import Property, read_properties
from otel_telemetry.catalog.validation import EventValidator
from otel_telemetry.errors import ConfigurationError


class Catalog:
    """Every event that may leave. Immutable, and safe to share between threads.

    An event that is not in it does not leave, nor does a property that its event does not declare.
    The base resource (`TelemetryConfig.resource_attributes` too), and what the library says of each
    event itself, are not of the catalogue.

    Args:
        *events: Classes decorated with `event`.
        version: The catalogue's own version, 1 or more: raise it when more than before may leave,
            and the setting `consent_version` with it, so that users are asked again.
        common: A class whose properties any event may carry. It is declared as an event is, but not
            decorated. Those of users and groups mostly belong here.

    Raises:
        ConfigurationError: The events cannot be one catalogue; the message names the fix.
    """

    __slots__ = ("_checks", "common", "events", "version")

    events: tuple[EventDeclaration, ...]
    """The declared events, by name."""
    common: tuple[Property, ...]
    """The properties that any event may carry."""
    version: int
    """The catalogue's version."""

    def __init__(
        self, *events: type[object], version: int, common: type[object] | None = None
    ) -> None:
        if type(version) is not int or version < 1:
            raise ConfigurationError("a Catalog's version must be a whole number, 1 or more")
        if not events:
            raise ConfigurationError("a Catalog needs an event: declare one with @event")
        self.version = version
        self.common = () if common is None else read_properties(common, None)
        declared = [declaration_of(item) for item in events]
        self.events = tuple(sorted(declared, key=lambda item: item.name))
        _check_names(self.events)
        _check_common(self.events, self.common)
        _check_types(self)
        shared = EventValidator(self.common, closed=True)
        self._checks = {
            item.name: EventValidator(item.properties, closed=True, common=shared)
            for item in self.events
        }

    def __repr__(self) -> str:
        return f"<Catalog, version {self.version}: {len(self.events)} events>"

    def checks_of(self, name: str) -> EventValidator | None:
        """Return the checks of the event called *name*; None if it is not declared."""
        return self._checks.get(name)

    def properties(self) -> Iterator[Property]:
        """Go through every property, the common ones first."""
        yield from self.common
        for item in self.events:
            yield from item.properties


def _check_names(events: Iterable[EventDeclaration]) -> None:
    seen: set[str] = set()
    for item in events:
        if item.name in seen:
            raise ConfigurationError(f"two events are called {item.name!r}: rename one")
        seen.add(item.name)


def _check_common(events: Iterable[EventDeclaration], common: Iterable[Property]) -> None:
    taken = {(item.bucket, item.name) for item in common}
    for declaration in events:
        for item in declaration.properties:
            if (item.bucket, item.name) in taken:
                raise ConfigurationError(
                    f"{declaration.name} declares {item.name!r}, which is common: "
                    "leave it out of one of the two"
                )


def _check_types(catalog: Catalog) -> None:
    """See that each name means one type: backends keep a column for it."""
    types: dict[str, type] = {}
    for item in catalog.properties():
        if types.setdefault(item.name, item.kind.type) is not item.kind.type:
            raise ConfigurationError(
                f"{item.name!r} leaves as {item.kind.type.__name__} here and as "
                f"{types[item.name].__name__} there: give one of them another name or type"
            )
