"""`status`: the state of telemetry on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry import Telemetry
from tests.support.cli import home, run_verb, segments, spool_events
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
headers       authorization, x-team; their values are not shown
waiting       2 events, SIZE in 1 file, the oldest written 3 hours ago
spool         HOME/.local/state/acme-cms/telemetry/spool
"""

GOLDEN_OFF = """\
acme-cms telemetry is off: DO_NOT_TRACK is set.

decided by    DO_NOT_TRACK
choice        none
              HOME/.config/acme-cms/telemetry.json
policy        none
installation  no id yet: it is made when telemetry is on and an event is sent
endpoint      https://telemetry.acme.example, OTLP grpc, compression none
headers       none
waiting       nothing
spool         none: events are kept in memory only
"""


def _used_app(make: Make) -> Telemetry:
    """Return an app whose user agreed 11 days ago, with two events that are 3 hours old."""
    spool_events(make(endpoint=ENDPOINT), "didStart", "didStop")
    (path,) = segments()
    os.utime(path, (NOW - 3 * 3600, NOW - 3 * 3600))
    choice = home() / ".config" / "acme-cms" / "telemetry.json"
    choice.parent.mkdir(parents=True, exist_ok=True)
    made = NOW - 11 * 24 * 3600
    data = {"mode": "on", "consent_version": 1, "at": made, "by": "user"}
    choice.write_text(json.dumps(data), encoding="utf-8")
    identity = {"installation_id": ID, "salt": "ab" * 32, "made_at": made}
    state = home() / ".local" / "state" / "acme-cms" / "telemetry" / "identity.json"
    state.write_text(json.dumps(identity), encoding="utf-8")
    headers = {"authorization": "Bearer s3cret", "x-team": "s3cret too"}
    return make(enabled=None, endpoint=ENDPOINT, headers=headers)


def test_status_shows_decision_choice_id_endpoint_and_backlog_but_no_secrets(make: Make) -> None:
    """Neither the salt nor the value of a header appears."""
    telemetry = _used_app(make)
    size = f"{segments()[0].stat().st_size} bytes"

    result = run_verb("status", telemetry, now=NOW)

    assert (result.code, result.err) == (0, "")
    assert result.out == GOLDEN.replace("HOME", str(home())).replace("SIZE", size)
    for secret in ("s3cret", "ab" * 32):
        assert secret not in result.out + run_verb("status", telemetry, json=True).out


def test_status_prints_the_same_as_json(make: Make) -> None:
    """The keys are a stable interface."""
    data = run_verb("status", _used_app(make), now=NOW, json=True).json

    assert data == {
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


def test_status_while_telemetry_is_off_names_the_source_and_writes_no_file(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off means off, for the command line too."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    result = run_verb(
        "status", make(endpoint=ENDPOINT, protocol="grpc", compression="none", spool=False)
    )

    assert (result.code, result.err) == (0, "")
    assert result.out == GOLDEN_OFF.replace("HOME", str(home()))
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_status_without_the_code_notes_that_its_settings_are_unknown(make: Make) -> None:
    """The code may set another endpoint than the environment."""
    result = run_verb("status", make(), is_known=False)

    assert "the settings in the code of acme-cms" in result.err
    assert run_verb("status", make(), is_known=False, json=True).json["is_known"] is False


def test_status_without_the_code_shows_no_default_as_the_endpoint(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint is unknown, unless the environment sets it."""
    unknown = run_verb("status", make(endpoint=None), is_known=False)
    unknown_json = run_verb("status", make(endpoint=None), is_known=False, json=True).json
    known = run_verb("status", make(endpoint=None), is_known=True)
    monkeypatch.setenv("ACME_CMS_TELEMETRY_ENDPOINT", ENDPOINT)
    set_outside = run_verb("status", make(endpoint=None), is_known=False)

    assert "endpoint      not known without the code of acme-cms\n" in unknown.out
    assert "localhost" not in unknown.out
    assert unknown_json["endpoint"] is None
    assert "endpoint      http://localhost:4318/v1/logs" in known.out
    assert f"endpoint      {ENDPOINT}/v1/logs" in set_outside.out


def test_status_shows_the_shared_installation_id_in_ci(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each machine there is new, so a random id would count machines."""
    monkeypatch.setenv("CI", "true")

    assert "installation  ci: all runs in continuous integration" in run_verb("status", make()).out


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ('{"telemetry": "off"}', "policy        off\n              PATH"),
        ('{"telemetry": "on"}', "policy        on\n              PATH"),
        ("no json", "policy        cannot be used: it is not JSON\n              PATH"),
    ],
    ids=["off", "on", "unreadable"],
)
def test_status_shows_the_policy_of_the_machine(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str, expected: str
) -> None:
    """With its file."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    path = tmp_path / "acme-cms" / "telemetry.json"
    path.parent.mkdir()
    path.write_text(policy, encoding="utf-8")

    assert expected.replace("PATH", str(path)) in run_verb("status", make()).out


def test_status_shows_an_unreadable_choice_and_a_missing_home_directory(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They explain why telemetry is off."""
    path = home() / ".config" / "acme-cms" / "telemetry.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    broken = run_verb("status", make()).out

    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "nowhere")
    homeless = run_verb("status", make()).out

    assert "telemetry is off: The choice in" in broken
    assert "choice        cannot be used: it is not JSON" in broken
    assert "there is no home directory to save a choice in" in homeless
    assert "installation  no id" in homeless


def test_status_counts_files_of_another_format_version_as_unreadable(make: Make) -> None:
    """The file stays as it is."""
    spool_events(make(), "didStart")
    (path,) = segments()
    path.write_bytes(b"otlpseg\x7f" + path.read_bytes()[8:])

    assert "0 events, " in run_verb("status", make()).out
    assert "1 file cannot be read" in run_verb("status", make()).out


def test_status_shows_log_mode(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither on nor off."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")

    assert run_verb("status", make()).out.startswith("acme-cms telemetry is in log mode: ")
