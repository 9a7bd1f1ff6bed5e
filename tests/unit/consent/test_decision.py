"""May anything leave? One source at a time, word by word."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent import decision
from otel_telemetry.consent.decision import Decision, Inputs, decide, denied_outright, is_ci
from otel_telemetry.consent.files import ConsentRecord, Policy

_DENYING: Final = ("off", "0", "false", "no", "disabled")
_PERMITTING: Final = ("on", "1", "true", "yes", "enabled")
_UNKNOWN: Final = ("perhaps", "2", "-", "onn", "none")


def _decide(environ: Mapping[str, str | None], *, enabled: bool | None = None) -> Decision:
    said = {name: word for name, word in environ.items() if word is not None}
    return decide(Inputs(app="acme-cms", enabled=enabled, environ=said))


@pytest.mark.parametrize(
    "denial",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"DO_NOT_TRACK": "1"},
        *({"ACME_CMS_TELEMETRY": word} for word in (*_DENYING, *_UNKNOWN)),
        *({"OTEL_TELEMETRY": word} for word in (*_DENYING, *_UNKNOWN)),
    ],
    ids=str,
)
def test_any_denial_beats_every_permission(denial: Mapping[str, str]) -> None:
    """Whatever else says yes, one no is enough."""
    permissions = {"ACME_CMS_TELEMETRY": "on", "OTEL_TELEMETRY": "on", "DO_NOT_TRACK": "0"}

    found = _decide({**permissions, **denial}, enabled=True)

    assert not found.enabled
    assert not found.log
    assert found.source in denial


def test_code_that_denies_beats_every_permission() -> None:
    """An application may turn itself off for good."""
    found = _decide({"ACME_CMS_TELEMETRY": "on", "OTEL_TELEMETRY": "on"}, enabled=False)

    assert (found.enabled, found.source) == (False, "code")


@pytest.mark.parametrize("name", ["ACME_CMS_TELEMETRY", "OTEL_TELEMETRY"])
class TestSwitch:
    """The application's own variable, and the one for all."""

    @pytest.mark.parametrize("word", _PERMITTING)
    @pytest.mark.parametrize("spell", [str, str.upper, " {} ".format])
    def test_every_word_for_yes_permits(self, name: str, word: str, spell: type[str]) -> None:
        """In any case, with blanks around it."""
        assert _decide({name: spell(word)}) == Decision(
            enabled=True, source=name, reason=f"{name} is {word}."
        )

    @pytest.mark.parametrize("word", _DENYING)
    @pytest.mark.parametrize("spell", [str, str.upper, " {} ".format])
    def test_every_word_for_no_denies(self, name: str, word: str, spell: type[str]) -> None:
        """In any case, with blanks around it."""
        assert _decide({name: spell(word)}, enabled=True) == Decision(
            enabled=False, source=name, reason=f"{name} is {word}."
        )

    @pytest.mark.parametrize("word", _UNKNOWN)
    def test_a_word_that_is_not_known_means_off(self, name: str, word: str) -> None:
        """The reason says that it was not understood, and does not repeat it."""
        found = _decide({name: word}, enabled=True)

        assert (found.enabled, found.source) == (False, name)
        assert "not known" in found.reason

    @pytest.mark.parametrize("word", ["", "  "])
    def test_an_empty_one_says_nothing(self, name: str, word: str) -> None:
        """Set to nothing is as good as not set."""
        assert _decide({name: word}, enabled=True).source == "code"

    @pytest.mark.parametrize("enabled", [None, True])
    def test_log_prints_and_sends_nothing(self, name: str, enabled: bool | None) -> None:  # noqa: FBT001 - a table
        """It is a way to look, also in CI, and a denial to leave."""
        found = _decide({name: "LOG", "CI": "true"}, enabled=enabled)

        assert (found.enabled, found.log, found.source) == (False, True, name)
        assert "none leaves" in found.reason

    @pytest.mark.parametrize("denial", [{"DO_NOT_TRACK": "1"}, {"OTEL_SDK_DISABLED": "true"}])
    def test_a_denial_silences_log_too(self, name: str, denial: Mapping[str, str]) -> None:
        """Off is off, in print as well."""
        found = _decide({name: "log", **denial})

        assert (found.enabled, found.log) == (False, False)


def test_the_applications_own_variable_is_named_first() -> None:
    """Where both say the same, the nearer one has decided."""
    for word in ("on", "off", "log"):
        found = _decide({"OTEL_TELEMETRY": word, "ACME_CMS_TELEMETRY": word})
        assert found.source == "ACME_CMS_TELEMETRY"


def test_another_applications_variable_decides_nothing() -> None:
    """Each has its own."""
    assert _decide({"OTHER_TELEMETRY": "on"}).source == "default"


@pytest.mark.parametrize("word", ["", "0", "false", "no", "off", "FALSE", " 0 "])
def test_do_not_track_may_be_unset_in_words(word: str) -> None:
    """These say that tracking is all right; nothing else does."""
    assert _decide({"DO_NOT_TRACK": word}, enabled=True).enabled


@pytest.mark.parametrize("word", ["1", "true", "yes", "on", "please", "disabled", "2"])
def test_do_not_track_means_it_in_any_other_word(word: str) -> None:
    """What cannot be understood means off."""
    found = _decide({"DO_NOT_TRACK": word}, enabled=True)

    assert (found.enabled, found.source) == (False, "DO_NOT_TRACK")


@pytest.mark.parametrize("word", ["true", "True", " TRUE "])
def test_a_disabled_sdk_disables_us(word: str) -> None:
    """The word of the OpenTelemetry specification, in any case."""
    assert _decide({"OTEL_SDK_DISABLED": word}, enabled=True).source == "OTEL_SDK_DISABLED"


class TestCI:
    """Nobody is asked there, and nobody uses the software."""

    @pytest.mark.parametrize("name", decision._CI_VARIABLES)
    def test_every_known_system_is_recognised(self, name: str) -> None:
        """By the variable that it sets."""
        assert is_ci({name: "x"})
        assert not is_ci({name: " "})

    @pytest.mark.parametrize("word", ["1", "true", "woodpecker"])
    def test_so_is_any_that_sets_the_common_variable(self, word: str) -> None:
        """CI=true, or the name of the system."""
        assert is_ci({"CI": word})

    @pytest.mark.parametrize("word", ["", "0", "false", "no", "off", "False"])
    def test_the_common_variable_may_deny_it(self, word: str) -> None:
        """CI=false is no CI."""
        assert not is_ci({"CI": word})

    def test_code_that_permits_holds_there_too(self) -> None:
        """An application that is on by its own choice stays on."""
        assert _decide({"CI": "true"}, enabled=True).source == "code"

    def test_a_switch_that_permits_holds_there_too(self) -> None:
        """Whoever sets it in a pipeline means it."""
        assert _decide({"CI": "true", "OTEL_TELEMETRY": "on"}).enabled


def test_nothing_said_is_off() -> None:
    """The default is the reader's peace."""
    assert _decide({}) == Decision(
        enabled=False, source="default", reason="Nobody has turned telemetry on."
    )


def test_the_rules_stand_in_the_order_of_the_table() -> None:
    """Denials first; who is asked first is named first."""
    everything_against = {
        "OTEL_SDK_DISABLED": "true",
        "DO_NOT_TRACK": "1",
        "ACME_CMS_TELEMETRY": "off",
        "CI": "true",
    }
    sources = [_decide(everything_against, enabled=False).source]
    for name in list(everything_against):
        sources.append(_decide(everything_against).source)
        del everything_against[name]

    assert sources == ["code", "OTEL_SDK_DISABLED", "DO_NOT_TRACK", "ACME_CMS_TELEMETRY", "ci"]
    assert _decide({"OTEL_TELEMETRY": "on"}, enabled=True).source == "OTEL_TELEMETRY"
    assert _decide({}, enabled=True).source == "code"


_VERSION: Final = 2
_AGREED: Final = ConsentRecord(mode="on", version=_VERSION, at=1, by="user")
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
