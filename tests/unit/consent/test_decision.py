"""The decision: each source alone, and every combination of sources."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent import decision
from otel_telemetry.consent.decision import (
    Decision,
    DecisionInputs,
    decide,
    is_ci,
    is_denied_without_files,
)
from otel_telemetry.consent.files import ConsentRecord, Policy

_DENYING: Final = ("off", "0", "false", "no", "disabled")
_PERMITTING: Final = ("on", "1", "true", "yes", "enabled")
_UNKNOWN: Final = ("perhaps", "2", "-", "onn", "none")


def _decide(environ: Mapping[str, str | None], *, enabled: bool | None = None) -> Decision:
    words = {name: word for name, word in environ.items() if word is not None}
    return decide(DecisionInputs(app="acme-cms", enabled=enabled, environ=words))


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
    """One denial is enough, however many sources permit."""
    permissions = {"ACME_CMS_TELEMETRY": "on", "OTEL_TELEMETRY": "on", "DO_NOT_TRACK": "0"}

    result = _decide({**permissions, **denial}, enabled=True)

    assert not result.enabled
    assert not result.log
    assert result.source in denial


def test_code_that_denies_beats_every_permission() -> None:
    """No variable can turn on an application that is off in code."""
    result = _decide({"ACME_CMS_TELEMETRY": "on", "OTEL_TELEMETRY": "on"}, enabled=False)

    assert (result.enabled, result.source) == (False, "code")


@pytest.mark.parametrize("name", ["ACME_CMS_TELEMETRY", "OTEL_TELEMETRY"])
class TestSwitch:
    """The variable of one application, and the variable of all applications."""

    @pytest.mark.parametrize("word", _PERMITTING)
    @pytest.mark.parametrize("spell", [str, str.upper, " {} ".format])
    def test_every_permitting_word_permits(self, name: str, word: str, spell: type[str]) -> None:
        """In any case, with spaces around it."""
        assert _decide({name: spell(word)}) == Decision(
            enabled=True, source=name, reason=f"{name} is set to {word}."
        )

    @pytest.mark.parametrize("word", _DENYING)
    @pytest.mark.parametrize("spell", [str, str.upper, " {} ".format])
    def test_every_denying_word_denies(self, name: str, word: str, spell: type[str]) -> None:
        """In any case, with spaces around it."""
        assert _decide({name: spell(word)}, enabled=True) == Decision(
            enabled=False, source=name, reason=f"{name} is set to {word}."
        )

    @pytest.mark.parametrize("word", _UNKNOWN)
    def test_an_unknown_word_counts_as_off(self, name: str, word: str) -> None:
        """The reason does not repeat the word, which may hold control characters."""
        result = _decide({name: word}, enabled=True)

        assert (result.enabled, result.source) == (False, name)
        assert "unknown word" in result.reason

    @pytest.mark.parametrize("word", ["", "  "])
    def test_an_empty_variable_counts_as_unset(self, name: str, word: str) -> None:
        """Spaces count as empty."""
        assert _decide({name: word}, enabled=True).source == "code"

    @pytest.mark.parametrize("enabled", [None, True])
    def test_log_prints_and_sends_nothing(self, name: str, enabled: bool | None) -> None:  # noqa: FBT001 - a table
        """Also in continuous integration, and also where the code permits."""
        result = _decide({name: "LOG", "CI": "true"}, enabled=enabled)

        assert (result.enabled, result.log, result.source) == (False, True, name)
        assert "none is sent" in result.reason

    @pytest.mark.parametrize("denial", [{"DO_NOT_TRACK": "1"}, {"OTEL_SDK_DISABLED": "true"}])
    def test_a_denial_beats_log(self, name: str, denial: Mapping[str, str]) -> None:
        """Nothing is printed either."""
        result = _decide({name: "log", **denial})

        assert (result.enabled, result.log) == (False, False)


def test_the_applications_own_variable_is_named_first() -> None:
    """Where both are set to the same word."""
    for word in ("on", "off", "log"):
        result = _decide({"OTEL_TELEMETRY": word, "ACME_CMS_TELEMETRY": word})
        assert result.source == "ACME_CMS_TELEMETRY"


def test_another_applications_variable_decides_nothing() -> None:
    """Each application has its own variable."""
    assert _decide({"OTHER_TELEMETRY": "on"}).source == "default"


@pytest.mark.parametrize("word", ["", "0", "false", "no", "off", "FALSE", " 0 "])
def test_do_not_track_set_to_a_false_word_denies_nothing(word: str) -> None:
    """The empty word is one of them."""
    assert _decide({"DO_NOT_TRACK": word}, enabled=True).enabled


@pytest.mark.parametrize("word", ["1", "true", "yes", "on", "please", "disabled", "2"])
def test_do_not_track_set_to_any_other_word_denies(word: str) -> None:
    """A word that is not understood counts as a denial."""
    result = _decide({"DO_NOT_TRACK": word}, enabled=True)

    assert (result.enabled, result.source) == (False, "DO_NOT_TRACK")


@pytest.mark.parametrize("word", ["true", "True", " TRUE "])
def test_a_disabled_sdk_is_a_denial(word: str) -> None:
    """OTEL_SDK_DISABLED=true, as the OpenTelemetry specification has it, in any case."""
    assert _decide({"OTEL_SDK_DISABLED": word}, enabled=True).source == "OTEL_SDK_DISABLED"


class TestCI:
    """Continuous integration, where no user can be asked."""

    @pytest.mark.parametrize("name", decision._CI_VARIABLES)
    def test_every_known_system_is_recognised(self, name: str) -> None:
        """By the variable that the system sets."""
        assert is_ci({name: "x"})
        assert not is_ci({name: " "})

    @pytest.mark.parametrize("word", ["1", "true", "woodpecker"])
    def test_a_system_that_sets_the_common_variable_is_recognised(self, word: str) -> None:
        """CI=true, or the name of the system."""
        assert is_ci({"CI": word})

    @pytest.mark.parametrize("word", ["", "0", "false", "no", "off", "False"])
    def test_the_common_variable_set_to_a_false_word_is_no_ci(self, word: str) -> None:
        """CI=false, for example."""
        assert not is_ci({"CI": word})

    def test_a_permission_in_code_holds_in_ci(self) -> None:
        """The application decides for its own pipelines."""
        assert _decide({"CI": "true"}, enabled=True).source == "code"

    def test_a_permission_in_the_environment_holds_in_ci(self) -> None:
        """A variable in a pipeline is set on purpose."""
        assert _decide({"CI": "true", "OTEL_TELEMETRY": "on"}).enabled


def test_telemetry_is_off_by_default() -> None:
    """No source is set."""
    assert _decide({}) == Decision(
        enabled=False, source="default", reason="Telemetry has not been turned on."
    )


def test_the_first_source_of_the_table_that_denies_or_permits_is_named() -> None:
    """Denials come before permissions."""
    denials = {
        "OTEL_SDK_DISABLED": "true",
        "DO_NOT_TRACK": "1",
        "ACME_CMS_TELEMETRY": "off",
        "CI": "true",
    }
    sources = [_decide(denials, enabled=False).source]
    for name in list(denials):
        sources.append(_decide(denials).source)
        del denials[name]

    assert sources == ["code", "OTEL_SDK_DISABLED", "DO_NOT_TRACK", "ACME_CMS_TELEMETRY", "ci"]
    assert _decide({"OTEL_TELEMETRY": "on"}, enabled=True).source == "OTEL_TELEMETRY"
    assert _decide({}, enabled=True).source == "code"


_VERSION: Final = 2
_AGREED: Final = ConsentRecord(mode="on", version=_VERSION, at=1, by="user")
_UNREADABLE: Final = Unreadable(path="/x", reason="it is not JSON")

# The values of each source; None where it is not set.
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
_RECORD: Final = {
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
    record: str,
    *,
    is_notice_due: bool,
) -> tuple[bool, bool, str]:
    """Return `enabled`, `log` and `source`: the table once more, row by row."""
    words = {name: environ.get(name, "") for name in ("ACME_CMS_TELEMETRY", "OTEL_TELEMETRY")}
    denying = [name for name, word in words.items() if word in {"off", "perhaps"}]
    printing = [name for name, word in words.items() if word == "log"]
    permitting = [name for name, word in words.items() if word == "on"]
    is_permitted = permitting or policy == "on" or record == "on"
    denials = [
        (enabled is False, False, "code"),
        (environ.get("OTEL_SDK_DISABLED") == "true", False, "OTEL_SDK_DISABLED"),
        (environ.get("DO_NOT_TRACK") in {"1", "maybe"}, False, "DO_NOT_TRACK"),
        (bool(denying), False, (denying or [""])[0]),
        (bool(printing), True, (printing or [""])[0]),
        (policy in {"off", "unreadable"}, False, "policy"),
        (record in {"off", "unreadable"}, False, "choice"),
        (record == "log", True, "choice"),
        (enabled is None and not is_permitted and environ.get("CI") == "true", False, "ci"),
    ]
    for holds, prints, source in denials:
        if holds:
            return False, prints, source
    permissions = [
        (policy == "on", "policy"),
        (record == "on", "choice"),
        (bool(permitting), (permitting or [""])[0]),
    ]
    for holds, source in permissions:
        if holds:
            return True, False, source
    if enabled:
        return (False, False, "notice") if is_notice_due else (True, False, "code")
    return False, False, "default"


def test_every_combination_is_decided_as_the_table_says() -> None:
    """`enabled`, `log` and `source`, for every value of every source."""
    names = ("OTEL_SDK_DISABLED", "DO_NOT_TRACK", "ACME_CMS_TELEMETRY", "OTEL_TELEMETRY", "CI")
    environments = list(itertools.product(_SDK_DISABLED, _DO_NOT_TRACK, _OWN, _COMMON, _CI))
    others = list(itertools.product(_ENABLED, _POLICY, _RECORD, _NOTICE))

    for words in environments:
        environ = {name: word for name, word in zip(names, words, strict=True) if word is not None}
        for enabled, policy, record, is_notice_due in others:
            inputs = DecisionInputs(
                app="acme-cms",
                enabled=enabled,
                environ=environ,
                policy=_POLICY[policy],
                record=_RECORD[record],
                consent_version=_VERSION,
                is_notice_due=is_notice_due,
            )
            result = decide(inputs)
            expected = _expected(enabled, environ, policy, record, is_notice_due=is_notice_due)
            assert (result.enabled, result.log, result.source) == expected, inputs
            assert result.reason.endswith(".")
            if is_denied_without_files(inputs):
                assert decide(replace(inputs, policy=None, record=None)) == result

    assert (len(environments), len(others)) == (3 * 4 * 6 * 5 * 2, 3 * 4 * 6 * 2)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"policy": _POLICY["off"]}, "The policy in /p turns telemetry off: no."),
        ({"policy": Policy(permits=False, path="/p")}, "The policy in /p turns telemetry off."),
        ({"policy": _POLICY["on"]}, "The policy in /p turns telemetry on."),
        ({"policy": _UNREADABLE}, "The policy in /x cannot be used: it is not JSON."),
        ({"record": _RECORD["on"]}, "The user has turned telemetry on."),
        ({"record": _RECORD["off"]}, "The user has turned telemetry off."),
        (
            {"record": replace(_AGREED, mode="log", by="admin")},
            "The admin has chosen log mode: events are printed to stderr, and none is sent.",
        ),
        ({"record": _UNREADABLE}, "The choice in /x cannot be used: it is not JSON."),
        (
            {"environ": {"CI": "true"}},
            "Telemetry is off in continuous integration (CI) unless it is turned on.",
        ),
        (
            {"enabled": True, "is_notice_due": True},
            "Telemetry is off until the run after the one that shows its notice.",
        ),
        ({"enabled": True}, "The application has turned telemetry on."),
        ({"enabled": False}, "The application has turned telemetry off."),
    ],
)
def test_the_reason_is_a_sentence_for_the_user(source: dict[str, object], reason: str) -> None:
    """It names the file or the variable that the user can change."""
    inputs = DecisionInputs(app="acme", enabled=None, environ={}, consent_version=2)

    assert decide(replace(inputs, **source)).reason == reason  # type: ignore[arg-type]  # rows of the table above
