"""`status`: where telemetry stands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry import Telemetry
from tests.support.cli import ask, home, leave_events, segments
from tests.support.trust import NOW

Make = Callable[..., Telemetry]

ENDPOINT = "https://telemetry.acme.example"
ID = "0123456789abcdef0123456789abcdef"

GOLDEN = """\
acme-cms telemetry is on: The user has turned telemetry on.

decided by    choice
choice        on, by user, 2023-11-03 22:13 UTC, consent version 1
              HOME/.config/acme-cms/telemetry.json
policy        none
installation  0123456789abcdef0123456789abcdef, made 11 days ago, replaced after 90 days
endpoint      https://telemetry.acme.example/v1/logs, OTLP http/protobuf, compression gzip
headers       set: authorization, x-team; their values are not shown
waiting       2 events, SIZE in 1 file, the oldest from 3 hours ago
spool         HOME/.local/state/acme-cms/telemetry/spool
"""

GOLDEN_OFF = """\
acme-cms telemetry is off: DO_NOT_TRACK is set.

decided by    DO_NOT_TRACK
choice        none
              HOME/.config/acme-cms/telemetry.json
policy        none
installation  no id: one is made when telemetry is on and an event is sent
endpoint      https://telemetry.acme.example, OTLP grpc, compression none
headers       none
waiting       nothing
spool         none: events are kept in memory only
"""


def _settled(make: Make) -> Telemetry:
    """Have a user who agreed, an installation of eleven days, and two events of three hours ago."""
    leave_events(make(endpoint=ENDPOINT), "didStart", "didStop")
    (path,) = segments()
    os.utime(path, (NOW - 3 * 3600, NOW - 3 * 3600))
    choice = home() / ".config" / "acme-cms" / "telemetry.json"
    choice.parent.mkdir(parents=True, exist_ok=True)
    made = NOW - 11 * 24 * 3600
    said = {"mode": "on", "consent_version": 1, "at": made, "by": "user"}
    choice.write_text(json.dumps(said), encoding="utf-8")
    identity = {"installation_id": ID, "salt": "ab" * 32, "made_at": made}
    state = home() / ".local" / "state" / "acme-cms" / "telemetry" / "identity.json"
    state.write_text(json.dumps(identity), encoding="utf-8")
    headers = {"authorization": "Bearer s3cret", "x-team": "s3cret too"}
    return make(enabled=None, endpoint=ENDPOINT, headers=headers)


def test_it_says_all_that_a_person_wants_to_know(make: Make) -> None:
    """On or off, who decided, where it goes, what waits; never the salt, never a header's value."""
    telemetry = _settled(make)
    size = f"{segments()[0].stat().st_size} bytes"

    ran = ask("status", telemetry, now=NOW)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == GOLDEN.replace("HOME", str(home())).replace("SIZE", size)
    for secret in ("s3cret", "ab" * 32):
        assert secret not in ran.out + ask("status", telemetry, json=True).out


def test_it_says_the_same_to_programs(make: Make) -> None:
    """Each under a name of its own."""
    said = ask("status", _settled(make), now=NOW, json=True).json

    assert said == {
        "app": "acme-cms",
        "version": "5.1.0",
        "state": "on",
        "source": "choice",
        "reason": "The user has turned telemetry on.",
        "choice": {
            "path": f"{home()}/.config/acme-cms/telemetry.json",
            "word": "on",
            "problem": None,
            "at": NOW - 11 * 24 * 3600,
            "by": "user",
            "consent_version": 1,
        },
        "policy": dict.fromkeys(["path", "word", "problem", "at", "by", "consent_version"]),
        "installation": {"id": ID, "made_at": NOW - 11 * 24 * 3600},
        "endpoint": f"{ENDPOINT}/v1/logs",
        "protocol": "http/protobuf",
        "compression": "gzip",
        "header_names": ["authorization", "x-team"],
        "spool": f"{home()}/.local/state/acme-cms/telemetry/spool",
        "waiting": {
            "events": 2,
            "files": 1,
            "bytes": segments()[0].stat().st_size,
            "unreadable": 0,
            "oldest_at": NOW - 3 * 3600,
        },
        "is_known": True,
    }


def test_off_it_says_who_said_so_and_makes_no_file(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off means off."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    ran = ask("status", make(endpoint=ENDPOINT, protocol="grpc", compression="none", spool=False))

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == GOLDEN_OFF.replace("HOME", str(home()))
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_without_the_code_it_says_that_it_does_not_know_it(make: Make) -> None:
    """Its endpoint may be another."""
    ran = ask("status", make(), is_known=False)

    assert "the code of acme-cms itself" in ran.err
    assert ask("status", make(), is_known=False, json=True).json["is_known"] is False


def test_in_ci_the_installation_is_everybodys(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each machine there is new."""
    monkeypatch.setenv("CI", "true")

    assert "installation  ci: all runs in continuous" in ask("status", make()).out


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ('{"telemetry": "off"}', "policy        off\n              PATH"),
        ('{"telemetry": "on"}', "policy        on\n              PATH"),
        ("no json", "policy        cannot be used: it is no JSON\n              PATH"),
    ],
    ids=["off", "on", "unreadable"],
)
def test_it_shows_the_machines_policy(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str, expected: str
) -> None:
    """And where it is."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    path = tmp_path / "acme-cms" / "telemetry.json"
    path.parent.mkdir()
    path.write_text(policy, encoding="utf-8")

    assert expected.replace("PATH", str(path)) in ask("status", make()).out


def test_a_choice_that_cannot_be_read_and_no_home_are_shown(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They explain why it is off."""
    path = home() / ".config" / "acme-cms" / "telemetry.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    broken = ask("status", make()).out

    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "nowhere")
    homeless = ask("status", make()).out

    assert "telemetry is off: The choice in" in broken
    assert "choice        cannot be used: it is no JSON" in broken
    assert "there is no place to keep one" in homeless
    assert "installation  no id" in homeless


def test_a_file_of_another_version_is_counted(make: Make) -> None:
    """It is there, and nobody touches it."""
    leave_events(make(), "didStart")
    (path,) = segments()
    path.write_bytes(b"otlpseg\x7f" + path.read_bytes()[8:])

    assert "0 events, " in ask("status", make()).out
    assert "1 file cannot be read" in ask("status", make()).out


def test_log_is_a_state_of_its_own(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on nor off."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")

    assert ask("status", make()).out.startswith("acme-cms telemetry is log: ")
