"""What the catalogue and the redaction hooks add to `send`."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import itertools
import statistics
import time
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from benchmarks import workload
from benchmarks.values import Budget, Case, Column, Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.context import Context

BURST = 500
BURSTS = 40
_REDACTION = "otel_telemetry.hooks.redaction"


class _Kind(Enum):
    COLLECTION = "collectionType"
    SINGLE = "singleType"


def _catalog() -> tuple[Any, type[Any]]:
    """Declare the workload's events; return the catalogue, and the declaration of its first."""
    # The registry of cases must not load what it describes.
    from otel_telemetry.catalog import Catalog, event  # noqa: PLC0415

    class Common:
        """What the workload says of users and groups."""

    class Entry:
        """Something happened to an entry."""

    user, group = {"bucket": "user"}, {"bucket": "group"}
    text = {"max_length": 64, "example": "x"}
    _declare(
        Common,
        {
            "account": (str, {**user, **text, "data_class": "pseudonym"}),
            "plan": (Literal["free", "enterprise"], user),
            "seats": (int, {**user, "example": 5, "buckets": (1, 5, 20)}),
            "beta": (bool, user),
            "os": (Literal["linux", "darwin", "windows"], {**user, "name": "os.type"}),
            "project": (str, {**group, **text, "data_class": "pseudonym"}),
            "database": (Literal["postgres", "mysql"], group),
            "locales": (int, {**group, "example": 5}),
            "plugins": (int, {**group, "example": 5}),
        },
    )
    _declare(
        Entry,
        {
            workload.MARK: (_Kind, {}),
            "model": (str, text),
            "locale": (str, text),
            "draft": (bool, {}),
            "fields": (int, {"example": 5, "buckets": (1, 5, 20)}),
            "seconds": (float, {"example": 0.5, "buckets": (0.1, 1, 10)}),
        },
    )
    content = {key: value for key, value in vars(Entry).items() if key != "__dict__"}
    events: list[type[Any]] = [
        event(name, since="1")(type(name, (), dict(content))) for name in workload.NAMES
    ]
    return Catalog(*events, version=1, common=Common), events[0]


def _declare(declaring: type, declared: Mapping[str, tuple[object, Mapping[str, object]]]) -> None:
    from otel_telemetry.catalog import field  # noqa: PLC0415 - as above

    declaring.__annotations__ = {name: annotation for name, (annotation, _) in declared.items()}
    for name, (_, options) in declared.items():
        given: dict[str, Any] = {"data_class": "feature", "since": "1", **options}
        setattr(declaring, name, field(f"The {name}.", **given))


def _hooks() -> tuple[object, ...]:
    """Return the shipped hooks that look at every value."""
    if importlib.util.find_spec(_REDACTION) is None:
        return ()
    redaction = importlib.import_module(_REDACTION)
    return (
        redaction.redact(
            redaction.redact_secrets,
            redaction.redact_emails,
            redaction.hide_home,
            redaction.truncate(200),
        ),
    )


def _ways(context: Context) -> tuple[dict[str, Callable[[workload.Event], object]], list[Any]]:
    from otel_telemetry import Telemetry  # noqa: PLC0415 - as above

    catalog, first = _catalog()
    hooks = _hooks()
    settings: dict[str, dict[str, Any]] = {
        "plain": {},
        "catalog": {"catalog": catalog},
        "hooks": {"before_send": hooks},
        "both": {"catalog": catalog, "before_send": hooks},
    }
    ways: dict[str, Callable[[workload.Event], object]] = {}
    made = []
    for name, given in settings.items():
        telemetry = Telemetry(
            "bench", version="1", enabled=True, endpoint=context.endpoint, spool=False, **given
        )
        telemetry.bootstrap()
        made.append(telemetry)

        def send(event: workload.Event, send: Callable[..., object] = telemetry.send) -> None:
            send(
                event.name,
                event_properties=event.event_properties,
                user_properties=event.user_properties,
                group_properties=event.group_properties,
            )

        ways[name] = send
    typed = made[1].send

    def send_typed(event: workload.Event) -> None:
        typed(
            first(**event.event_properties),
            user_properties=event.user_properties,
            group_properties=event.group_properties,
        )

    return {**ways, "typed": send_typed}, made


def _measure(context: Context) -> Measurement:
    ways, made = _ways(context)
    source = workload.endless(workload.events(1_000))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    gc.freeze()
    for attempt in range(2 + context.scaled(BURSTS)):
        for name, send in ways.items():
            events = list(itertools.islice(source, BURST))
            # The calling thread's own time: what the worker's takes meanwhile is another case.
            start = time.thread_time_ns()
            for event in events:
                send(event)
            spent = (time.thread_time_ns() - start) / BURST / 1_000
            for telemetry in made:
                telemetry.flush(10)
            if attempt > 1:  # the first fill the caches
                taken[name].append(spent)
    flawed = [telemetry.stats.corrected for telemetry in made if telemetry.stats.corrected]
    for telemetry in made:
        telemetry.destroy()
    if flawed:
        raise RuntimeError(f"the workload is not what was declared: {flawed}")
    middle = {name: statistics.median(bursts) for name, bursts in taken.items()}
    added = {f"+{name}": middle[name] - middle["plain"] for name in ("catalog", "hooks", "both")}
    return Measurement(figures={**middle, **added})


CASE = Case(
    name="declared",
    title="Declared events",
    about=(
        "Processor time of the calling thread in `send`, without a catalogue and with one that "
        "declares all 15 properties, by the plain form and by instances made for the call; and "
        "with the shipped hooks that take secrets, addresses and homes out and cut long texts, "
        "where there are any."
    ),
    systems=("ours",),
    columns=(
        Column(key="plain", title="neither", unit="us", ratio=False),
        Column(key="catalog", title="catalogue", unit="us", ratio=False),
        Column(key="typed", title="catalogue, typed", unit="us", ratio=False),
        Column(key="hooks", title="hooks", unit="us", ratio=False),
        Column(key="both", title="both", unit="us", ratio=False),
        Column(key="+catalog", title="+ catalogue", unit="us", ratio=False),
        Column(key="+hooks", title="+ hooks", unit="us", ratio=False),
        Column(key="+both", title="+ both", unit="us", ratio=False),
    ),
    measure=_measure,
    budgets=(Budget(column="+both", limit=4),),
)
