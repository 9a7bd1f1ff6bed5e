"""May anything leave? Every combination of what ten sources may say, and who decides."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

import pytest

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent.decision import Inputs, decide, denied_outright
from otel_telemetry.consent.files import Choice, Policy

_VERSION: Final = 2
_AGREED: Final = Choice(mode="on", version=_VERSION, at=1, by="user")
_UNREADABLE: Final = Unreadable(path="/x", reason="it is no JSON")

# What each source may say. None: nothing.
_ENABLED: Final = (None, True, False)
_SDK_DISABLED: Final = (None, "true", "false")
_DO_NOT_TRACK: Final = (None, "0", "1", "maybe")
_OWN: Final = (None, "", "on", "off", "log", "perhaps")
_COMMON: Final = (None, "on", "off", "log", "perhaps")
_POLICY: Final = {
    "": None,
    "on": Policy(permits=True, path="/p"),
    "off": Policy(permits=False, path="/p", reason="no"),
    "unreadable": _UNREADABLE,
}
_CHOICE: Final = {
    "": None,
    "on": _AGREED,
    "lapsed": replace(_AGREED, version=_VERSION - 1),
    "off": replace(_AGREED, mode="off", version=1),
    "log": replace(_AGREED, mode="log"),
    "unreadable": _UNREADABLE,
}
_CI: Final = (None, "true")
_NOTICE: Final = (False, True)


def _expected(
    enabled: bool | None,  # noqa: FBT001 - a row of the table
    environ: dict[str, str],
    policy: str,
    choice: str,
    *,
    is_notice_due: bool,
) -> tuple[bool, bool, str]:
    """Return whether it is on, whether it prints, and who decided: the design, row by row."""
    words = {name: environ.get(name, "") for name in ("ACME_CMS_TELEMETRY", "OTEL_TELEMETRY")}
    denying = [name for name, word in words.items() if word in {"off", "perhaps"}]
    printing = [name for name, word in words.items() if word == "log"]
    permitting = [name for name, word in words.items() if word == "on"]
    is_said = permitting or policy == "on" or choice == "on"
    denials = [
        (enabled is False, False, "code"),
        (environ.get("OTEL_SDK_DISABLED") == "true", False, "OTEL_SDK_DISABLED"),
        (environ.get("DO_NOT_TRACK") in {"1", "maybe"}, False, "DO_NOT_TRACK"),
        (bool(denying), False, (denying or [""])[0]),
        (bool(printing), True, (printing or [""])[0]),
        (policy in {"off", "unreadable"}, False, "policy"),
        (choice in {"off", "unreadable"}, False, "choice"),
        (choice == "log", True, "choice"),
        (enabled is None and not is_said and environ.get("CI") == "true", False, "ci"),
    ]
    for holds, prints, source in denials:
        if holds:
            return False, prints, source
    permissions = [
        (policy == "on", "policy"),
        (choice == "on", "choice"),
        (bool(permitting), (permitting or [""])[0]),
    ]
    for holds, source in permissions:
        if holds:
            return True, False, source
    if enabled:
        return (False, False, "notice") if is_notice_due else (True, False, "code")
    return False, False, "default"


def test_every_combination_is_decided_as_the_table_says() -> None:
    """All that may be said, together with all else: on or off, printing or not, and by whom."""
    names = ("OTEL_SDK_DISABLED", "DO_NOT_TRACK", "ACME_CMS_TELEMETRY", "OTEL_TELEMETRY", "CI")
    environments = list(itertools.product(_SDK_DISABLED, _DO_NOT_TRACK, _OWN, _COMMON, _CI))
    others = list(itertools.product(_ENABLED, _POLICY, _CHOICE, _NOTICE))

    for words in environments:
        environ = {name: word for name, word in zip(names, words, strict=True) if word is not None}
        for enabled, policy, choice, is_notice_due in others:
            inputs = Inputs(
                app="acme-cms",
                enabled=enabled,
                environ=environ,
                policy=_POLICY[policy],
                choice=_CHOICE[choice],
                consent_version=_VERSION,
                is_notice_due=is_notice_due,
            )
            found = decide(inputs)
            expected = _expected(enabled, environ, policy, choice, is_notice_due=is_notice_due)
            assert (found.enabled, found.log, found.source) == expected, inputs
            assert found.reason.endswith(".")
            if denied_outright(inputs):
                assert decide(replace(inputs, policy=None, choice=None)) == found

    assert (len(environments), len(others)) == (3 * 4 * 6 * 5 * 2, 3 * 4 * 6 * 2)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"policy": _POLICY["off"]}, "A policy for this machine, /p, says off: no."),
        ({"policy": Policy(permits=False, path="/p")}, "A policy for this machine, /p, says off."),
        ({"policy": _POLICY["on"]}, "A policy for this machine, /p, says on."),
        ({"policy": _UNREADABLE}, "The policy in /x cannot be used: it is no JSON."),
        ({"choice": _CHOICE["on"]}, "The user has turned telemetry on."),
        ({"choice": _CHOICE["off"]}, "The user has turned telemetry off."),
        (
            {"choice": replace(_AGREED, mode="log", by="admin")},
            "The admin has chosen log: events are printed to stderr, and none leaves.",
        ),
        ({"choice": _UNREADABLE}, "The choice in /x cannot be used: it is no JSON."),
    ],
)
def test_the_reason_is_a_sentence_for_the_user(said: dict[str, Policy], words: str) -> None:
    """It names the file, so that they know what to change."""
    inputs = Inputs(app="acme", enabled=None, environ={}, consent_version=2)

    assert decide(replace(inputs, **said)).reason == words  # type: ignore[arg-type]  # rows of the table above
