"""`doctor`: checks of everything that delivery needs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.testing import OTLPReceiver
from tests.support.audit import AUDIT
from tests.support.cli import home, run_verb, segments, spool_events
from tests.support.spools import foreign_directory, small_disk

Make = Callable[..., Telemetry]

GOLDEN = """\
Checks of acme-cms telemetry

ok       decision    on: The application has turned telemetry on.
ok       endpoint    URL/v1/logs, OTLP http/protobuf
ok       name        127.0.0.1 is 127.0.0.1
ok       connect     port PORT is open
ok       answer      the backend accepts OTLP http/protobuf
ok       spool       HOME/.local/state/acme-cms/telemetry/spool, created when it is needed; \
waiting: 0 events
ok       clock       plausible

No problem was found.
"""

GOLDEN_DEAD = """\
Checks of acme-cms telemetry

ok       decision    on: The application has turned telemetry on.
ok       endpoint    http://127.0.0.1:PORT/v1/logs, OTLP http/protobuf
ok       name        127.0.0.1 is 127.0.0.1
problem  connect     127.0.0.1, port PORT: Connection refused
                     -> Start the backend, or correct the port in the endpoint.
ok       spool       none: events are kept in memory only, and are lost when their process ends
ok       clock       plausible

1 problem, 0 warnings
"""


def check_named(telemetry: Telemetry, name: str, **options: Any) -> dict[str, str]:
    """Return the last check with this name."""
    checks = run_verb("doctor", telemetry, json=True, **options).json["checks"]
    assert isinstance(checks, list)
    named: list[dict[str, str]] = [check for check in checks if check["name"] == name]
    return named[-1]


def test_doctor_prints_a_line_for_each_check_and_sends_no_event(make: Make) -> None:
    """No file is written."""
    with OTLPReceiver() as receiver:
        url = receiver.http_endpoint
        result = run_verb("doctor", make(endpoint=url))

    expected = GOLDEN.replace("URL", url).replace("PORT", url.rpartition(":")[2])
    assert (result.code, result.err) == (0, "")
    assert result.out == expected.replace("HOME", str(home()))
    assert receiver.events == ()
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_doctor_exits_with_1_and_gives_advice_for_a_dead_backend(make: Make) -> None:
    """The problem is the connection."""
    telemetry = make(spool=False)
    port = telemetry.config.url.split(":")[2].partition("/")[0]

    result = run_verb("doctor", telemetry)

    assert (result.code, result.out) == (1, GOLDEN_DEAD.replace("PORT", port))


def test_doctor_opens_no_connection_while_telemetry_is_off_without_the_option_connect(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off means off."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    telemetry = make()

    with AUDIT.counting("socket.connect") as connects:
        result = run_verb("doctor", telemetry)
        assert connects == []
        assert run_verb("doctor", telemetry, connect=True).code == 1
        assert connects

    assert result.code == 0
    assert result.out.endswith("\nNo problem was found. Some checks were skipped.\n")
    assert (
        "skipped  connection  not checked: telemetry is not on, so no connection is opened"
        in result.out
    )
    assert "-> Add --connect" in result.out
    assert check_named(telemetry, "decision")["found"] == "off: DO_NOT_TRACK is set."


def test_doctor_skips_the_connection_in_log_mode(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent in log mode."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")

    assert check_named(make(), "decision")["found"].startswith("log: ")
    assert check_named(make(), "connection")["level"] == "skipped"


def test_doctor_without_the_code_notes_that_its_settings_are_unknown(make: Make) -> None:
    """The code may set another endpoint than the environment."""
    assert "the settings in the code of acme-cms" in run_verb("doctor", make(), is_known=False).err


def test_doctor_without_the_code_connects_to_no_default_endpoint(make: Make) -> None:
    """The endpoint is unknown, even with the option connect."""
    with AUDIT.counting("socket.connect") as connects:
        result = run_verb("doctor", make(endpoint=None), is_known=False, connect=True)

    assert (result.code, connects) == (0, [])
    assert "skipped  endpoint    not known without the code of acme-cms\n" in result.out
    assert "-> Name the Telemetry in the application's code: --app MODULE:NAME." in result.out
    assert "localhost" not in result.out


def test_doctor_reports_an_unreadable_choice_or_policy_with_who_can_correct_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The user can correct the choice, the administrator the policy."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    policy = tmp_path / "acme-cms" / "telemetry.json"
    policy.parent.mkdir()
    policy.write_text("{", encoding="utf-8")
    assert check_named(make(), "decision")["advice"] == "Ask the administrator of this machine."

    choice = home() / ".config" / "acme-cms" / "telemetry.json"
    choice.parent.mkdir(parents=True)
    choice.write_text("{", encoding="utf-8")
    assert "Choose again" in check_named(make(), "decision")["advice"]


def test_doctor_warns_of_headers_in_plain_text(make: Make) -> None:
    """Of loopback too: it may be the end of a tunnel."""
    with OTLPReceiver() as receiver:
        telemetry = make(endpoint=receiver.http_endpoint, headers={"x-key": "s3cret"})
        check = check_named(telemetry, "endpoint")
        result = run_verb("doctor", telemetry)

    assert check["level"] == "warning"
    assert "headers x-key are sent in plain text" in check["found"]
    assert (result.code, result.out.splitlines()[-1]) == (0, "0 problems, 1 warning")
    assert "s3cret" not in result.out


def _spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir(mode=0o700)
    return path


def test_doctor_counts_the_waiting_events(make: Make) -> None:
    """With the directory."""
    spool_events(make(), "one")

    assert check_named(make(), "spool")["found"].endswith("spool; waiting: 1 event")


def test_doctor_reports_a_spool_that_is_not_a_directory(make: Make, tmp_path: Path) -> None:
    """Events would be kept in memory only."""
    path = tmp_path / "file"
    path.touch()

    check = check_named(make(spool=str(path)), "spool")

    assert (check["level"], "not a directory" in check["found"]) == ("problem", True)


def test_doctor_reports_a_spool_of_another_user(make: Make, tmp_path: Path) -> None:
    """That user could read the events."""
    check = check_named(make(spool=str(foreign_directory(tmp_path))), "spool")

    assert (check["level"], "another user" in check["found"]) == ("problem", True)


def test_doctor_reports_a_spool_that_is_not_writable(make: Make) -> None:
    """The disk is read-only, for root too."""
    with small_disk() as disk:
        telemetry = make(spool=str(disk / "spool"))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        check = check_named(telemetry, "spool")

    assert check["level"] == "problem"
    assert check["found"] == f"{disk} is not writable, so events are kept in memory only"


def test_doctor_warns_of_a_spool_that_other_users_can_write_to(make: Make) -> None:
    """They could delete events; reading the names of files is harmless."""
    spool_events(make(), "one")
    base = segments()[0].parent.parent
    os.chmod(base, 0o755)
    assert check_named(make(), "spool")["level"] == "ok"
    os.chmod(base, 0o775)

    result = run_verb("doctor", make())

    assert f"-> Run chmod go-w {base}" in result.out


def test_doctor_warns_of_a_disk_with_too_little_space(make: Make, tmp_path: Path) -> None:
    """Less than the spool may take."""
    check = check_named(make(spool=str(_spool(tmp_path)), spool_max_bytes=2**60), "spool")

    assert (check["level"], "MB are free, less than" in check["found"]) == ("warning", True)


def test_doctor_warns_of_files_of_another_format_version(make: Make) -> None:
    """This version leaves them as they are."""
    spool_events(make(), "one")
    segments()[0].write_bytes(b"otlpseg\x7f")

    check = check_named(make(), "spool")

    assert (
        check["level"],
        "1 unreadable file, damaged or of another version" in check["found"],
    ) == ("warning", True)


def test_doctor_warns_of_a_clock_before_the_installation(make: Make) -> None:
    """Certificates would not be valid."""
    assert check_named(make(spool=False), "clock", now=0.0)["level"] == "warning"
