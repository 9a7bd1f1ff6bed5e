"""The scenarios of the checks: the user's decision, the machine and the backend."""

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
        name: The name.
        machine: Sets up the machine, also for the run without telemetry to compare with.
        user: Sets up the user's decision and the backend.
        by_default: Whether the user decides nothing, so that the application's default applies.
    """

    name: str
    machine: Callable[[Sandbox], None]
    user: Callable[[Sandbox], None]
    by_default: bool = False


def _no_change(_: Sandbox) -> None:
    """Change nothing."""


def _deny_by(variable: str, value: str) -> Callable[[Sandbox], None]:
    """Turn telemetry off by a variable, while the application's switch turns it on."""

    def prepare(sandbox: Sandbox) -> None:
        sandbox.set_switch("on")
        sandbox.environ[variable] = value

    return prepare


def _set_switch_to(value: str) -> Callable[[Sandbox], None]:
    return lambda sandbox: sandbox.set_switch(value)


def _write_consent_record(data: bytes | None) -> Callable[[Sandbox], None]:
    def prepare(sandbox: Sandbox) -> None:
        sandbox.set_switch("on")
        sandbox.write_consent_record(data)

    return prepare


def _set_ci(sandbox: Sandbox) -> None:
    sandbox.environ["CI"] = "true"


def _status(line: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join(
        (b"HTTP/1.1 " + line, *fields, b"Content-Length: 0", b"Connection: close", b"", b"")
    )


MACHINES: Mapping[str, Callable[[Sandbox], None]] = {
    "read_only_home": lambda sandbox: sandbox.make_home_read_only(),
    "no_home": lambda sandbox: sandbox.remove_home(),
    "full_disk": lambda sandbox: sandbox.fill_disk(),
}

_DENIALS: Mapping[str, Callable[[Sandbox], None]] = {
    "do_not_track": _deny_by("DO_NOT_TRACK", "1"),
    "own_switch_off": _set_switch_to("off"),
    "common_switch_off": _deny_by("OTEL_TELEMETRY", "off"),
    "unknown_switch_value": _set_switch_to("perhaps"),
    "sdk_disabled": _deny_by("OTEL_SDK_DISABLED", "true"),
    "consent_record_off": _write_consent_record(None),
    "consent_record_damaged": _write_consent_record(b'{"mode": "o'),
}

_BACKENDS: Mapping[str, Callable[[Sandbox], None]] = {
    "backend_refuses_connections": lambda sandbox: sandbox.refuse_connections(),
    "backend_is_silent": lambda sandbox: sandbox.accept_without_answer(),
    "backend_is_unavailable": lambda sandbox: sandbox.answer_always(
        _status(b"503 Service Unavailable", b"Retry-After: 3600")
    ),
    "backend_forbids": lambda sandbox: sandbox.answer_always(_status(b"403 Forbidden")),
    "backend_sends_garbage": lambda sandbox: sandbox.answer_always(b"\x00\xff what?\r\n\r\n"),
    "tls_handshake_fails": lambda sandbox: sandbox.answer_always(
        b"\x15\x03\x01\x00\x02\x02\x28", "https"
    ),
}


def _off(name: str, user: Callable[[Sandbox], None], *, by_default: bool = False) -> Scenario:
    machine = MACHINES.get(name, _no_change)
    return Scenario(name=name, machine=machine, user=user, by_default=by_default)


def _on(name: str, more: Callable[[Sandbox], None] = _no_change) -> Scenario:
    def prepare(sandbox: Sandbox) -> None:
        sandbox.set_switch("on")
        sandbox.refuse_connections()
        more(sandbox)

    return Scenario(name=name, machine=MACHINES.get(name, _no_change), user=prepare)


_OFF = (
    *(_off(name, user) for name, user in _DENIALS.items()),
    _off("no_decision", _no_change, by_default=True),
    _off("ci", _set_ci, by_default=True),
    *(_off(name, _no_change, by_default=True) for name in MACHINES),
)
_HARMLESS = (
    *(_on(name, backend) for name, backend in _BACKENDS.items()),
    *map(_on, MACHINES),
    _on("fork", lambda sandbox: sandbox.fork_after_send()),
)

OFF: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _OFF}
HARMLESS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _HARMLESS}
CONTROL = _on("control")


def deny(sandbox: Sandbox) -> None:
    """Turn telemetry off: the run to compare with."""
    sandbox.set_switch("off")
    sandbox.environ["DO_NOT_TRACK"] = "1"
