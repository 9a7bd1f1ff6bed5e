"""The scenarios: what the user has said, and what their machine is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_telemetry.testing.conformance.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario.

    Attributes:
        name: Its name.
        machine: Makes the machine what it is, also for the run that this one is compared with.
        user: Says what the user says, and sets up the backend.
        is_silent: Whether nobody says anything, so that the application's own default decides.
    """

    name: str
    machine: Callable[[Sandbox], None]
    user: Callable[[Sandbox], None]
    is_silent: bool = False


def _any(_: Sandbox) -> None:
    """Change nothing."""


def _denied_by(variable: str, word: str) -> Callable[[Sandbox], None]:
    """Deny by a variable of the environment, against somebody else's permission."""

    def say(stage: Sandbox) -> None:
        stage.switch("on")
        stage.environ[variable] = word

    return say


def _switched_to(word: str) -> Callable[[Sandbox], None]:
    return lambda stage: stage.switch(word)


def _chosen(data: bytes | None) -> Callable[[Sandbox], None]:
    def say(stage: Sandbox) -> None:
        stage.switch("on")
        stage.choose(data)

    return say


def _in_ci(stage: Sandbox) -> None:
    stage.environ["CI"] = "true"


def _status(line: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join(
        (b"HTTP/1.1 " + line, *fields, b"Content-Length: 0", b"Connection: close", b"", b"")
    )


MACHINES: Mapping[str, Callable[[Sandbox], None]] = {
    "read_only_home": lambda stage: stage.write_protect(),
    "no_home": lambda stage: stage.take_home_away(),
    "full_disk": lambda stage: stage.fill_disk(),
}

_DENIALS: Mapping[str, Callable[[Sandbox], None]] = {
    "do_not_track": _denied_by("DO_NOT_TRACK", "1"),
    "own_switch_off": _switched_to("off"),
    "common_switch_off": _denied_by("OTEL_TELEMETRY", "off"),
    "unknown_word": _switched_to("perhaps"),
    "sdk_disabled": _denied_by("OTEL_SDK_DISABLED", "true"),
    "choice_off": _chosen(None),
    "choice_damaged": _chosen(b'{"mode": "o'),
}

_BACKENDS: Mapping[str, Callable[[Sandbox], None]] = {
    "backend_refuses_connections": lambda stage: stage.refuse(),
    "backend_is_silent": lambda stage: stage.swallow(),
    "backend_is_unavailable": lambda stage: stage.answer(
        _status(b"503 Service Unavailable", b"Retry-After: 3600")
    ),
    "backend_forbids": lambda stage: stage.answer(_status(b"403 Forbidden")),
    "backend_talks_nonsense": lambda stage: stage.answer(b"\x00\xff what?\r\n\r\n"),
    "tls_is_broken": lambda stage: stage.answer(b"\x15\x03\x01\x00\x02\x02\x28", "https"),
}


def _off(name: str, user: Callable[[Sandbox], None], *, is_silent: bool = False) -> Scenario:
    machine = MACHINES.get(name, _any)
    return Scenario(name=name, machine=machine, user=user, is_silent=is_silent)


def _on(name: str, more: Callable[[Sandbox], None] = _any) -> Scenario:
    def say(stage: Sandbox) -> None:
        stage.switch("on")
        stage.refuse()
        more(stage)

    return Scenario(name=name, machine=MACHINES.get(name, _any), user=say)


_OFF = (
    *(_off(name, user) for name, user in _DENIALS.items()),
    _off("nobody_said", _any, is_silent=True),
    _off("ci", _in_ci, is_silent=True),
    *(_off(name, _any, is_silent=True) for name in MACHINES),
)
_HARMLESS = (
    *(_on(name, backend) for name, backend in _BACKENDS.items()),
    *map(_on, MACHINES),
    _on("fork", lambda stage: stage.fork()),
)

OFF: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _OFF}
HARMLESS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _HARMLESS}
CONTROL = _on("control")


def deny(stage: Sandbox) -> None:
    """Say no in every way: what a run with telemetry is compared with."""
    stage.switch("off")
    stage.environ["DO_NOT_TRACK"] = "1"
