"""`doctor`: all that delivery needs."""

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
from tests.support.cli import ask, home, leave_events, segments
from tests.support.spools import foreign_directory, small_disk

Make = Callable[..., Telemetry]

GOLDEN = """\
acme-cms telemetry, examined

ok       decision    on: The application has turned telemetry on.
ok       endpoint    URL/v1/logs, OTLP http/protobuf
ok       name        127.0.0.1 is 127.0.0.1
ok       connect     port PORT is open
ok       answer      the backend takes OTLP http/protobuf
ok       spool       HOME/.local/state/acme-cms/telemetry/spool, made when it is first needed; \
waiting: 0 events
ok       clock       plausible

Nothing is wrong.
"""

GOLDEN_DEAD = """\
acme-cms telemetry, examined

ok       decision    on: The application has turned telemetry on.
ok       endpoint    http://127.0.0.1:PORT/v1/logs, OTLP http/protobuf
ok       name        127.0.0.1 is 127.0.0.1
problem  connect     127.0.0.1, port PORT: Connection refused
                     -> Start the backend, or set the port that it listens on.
ok       spool       none: events are kept in memory only, and end with their process
ok       clock       plausible

problems: 1, warnings: 0
"""


def found(telemetry: Telemetry, name: str, **options: Any) -> dict[str, str]:
    """Return the last check of this name."""
    checks = ask("doctor", telemetry, json=True, **options).json["checks"]
    assert isinstance(checks, list)
    named: list[dict[str, str]] = [check for check in checks if check["name"] == name]
    return named[-1]


def test_a_healthy_set_up_is_told_line_by_line(make: Make) -> None:
    """And no event is sent, no file made."""
    with OTLPReceiver() as receiver:
        url = receiver.http_endpoint
        ran = ask("doctor", make(endpoint=url))

    expected = GOLDEN.replace("URL", url).replace("PORT", url.rpartition(":")[2])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == expected.replace("HOME", str(home()))
    assert receiver.events == ()
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_a_dead_backend_is_a_problem_with_a_remedy(make: Make) -> None:
    """And the exit code says so."""
    telemetry = make(spool=False)
    port = telemetry.config.url.split(":")[2].partition("/")[0]

    ran = ask("doctor", telemetry)

    assert (ran.code, ran.out) == (1, GOLDEN_DEAD.replace("PORT", port))


def test_off_it_connects_to_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off means off; unless one says so."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    telemetry = make()

    with AUDIT.counting("socket.connect") as connects:
        ran = ask("doctor", telemetry)
        assert connects == []
        assert ask("doctor", telemetry, connect=True).code == 1
        assert connects

    assert ran.code == 0
    assert ran.out.endswith("\nNothing is wrong so far.\n")
    assert "skipped  connection  Telemetry is not on, and off means off" in ran.out
    assert "-> Add --connect" in ran.out
    assert found(telemetry, "decision")["found"] == "off: DO_NOT_TRACK is set."


def test_log_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not on either."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")

    assert found(make(), "decision")["found"].startswith("log: ")
    assert found(make(), "connection")["level"] == "skipped"


def test_without_the_code_it_says_that_it_does_not_know_it(make: Make) -> None:
    """Its endpoint may be another."""
    assert "the code of acme-cms itself" in ask("doctor", make(), is_known=False).err


def test_files_of_trust_that_cannot_be_read_are_problems(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The choice for its user to mend, the policy for the machine's."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    policy = tmp_path / "acme-cms" / "telemetry.json"
    policy.parent.mkdir()
    policy.write_text("{", encoding="utf-8")
    assert found(make(), "decision")["advice"] == "Tell whoever administers this machine."

    choice = home() / ".config" / "acme-cms" / "telemetry.json"
    choice.parent.mkdir(parents=True)
    choice.write_text("{", encoding="utf-8")
    assert "Choose again" in found(make(), "decision")["advice"]


def test_keys_in_plain_text_are_a_warning(make: Make) -> None:
    """Loopback too: it may be a tunnel's end."""
    with OTLPReceiver() as receiver:
        telemetry = make(endpoint=receiver.http_endpoint, headers={"x-key": "s3cret"})
        check = found(telemetry, "endpoint")
        ran = ask("doctor", telemetry)

    assert check["level"] == "warning"
    assert "headers x-key go in plain text" in check["found"]
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "problems: 0, warnings: 1")
    assert "s3cret" not in ran.out


def _spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir(mode=0o700)
    return path


def test_what_waits_is_told(make: Make) -> None:
    """With the place."""
    leave_events(make(), "one")

    assert found(make(), "spool")["found"].endswith("spool; waiting: 1 event")


def test_a_spool_that_is_no_directory_is_a_problem(make: Make, tmp_path: Path) -> None:
    """Events would live in memory only."""
    path = tmp_path / "file"
    path.touch()

    check = found(make(spool=str(path)), "spool")

    assert (check["level"], "no directory" in check["found"]) == ("problem", True)


def test_a_spool_of_another_user_is_a_problem(make: Make, tmp_path: Path) -> None:
    """They could read it."""
    check = found(make(spool=str(foreign_directory(tmp_path))), "spool")

    assert (check["level"], "another user" in check["found"]) == ("problem", True)


def test_a_spool_that_cannot_be_written_to_is_a_problem(make: Make) -> None:
    """As on a disk that is read-only, to root too."""
    with small_disk() as disk:
        telemetry = make(spool=str(disk / "spool"))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        check = found(telemetry, "spool")

    assert check["level"] == "problem"
    assert check["found"] == f"{disk} cannot be written to: events live in memory only"


def test_a_spool_that_others_may_write_to_is_a_warning(make: Make) -> None:
    """They could take away what waits; to look at its name harms nobody."""
    leave_events(make(), "one")
    base = segments()[0].parent.parent
    os.chmod(base, 0o755)
    assert found(make(), "spool")["level"] == "ok"
    os.chmod(base, 0o775)

    ran = ask("doctor", make())

    assert f"-> chmod go-w {base}" in ran.out


def test_a_full_disk_is_a_warning(make: Make, tmp_path: Path) -> None:
    """Before it is full."""
    check = found(make(spool=str(_spool(tmp_path)), spool_max_bytes=2**60), "spool")

    assert (check["level"], "MB free, less than" in check["found"]) == ("warning", True)


def test_files_of_another_version_are_a_warning(make: Make) -> None:
    """This one does not touch them."""
    leave_events(make(), "one")
    segments()[0].write_bytes(b"otlpseg\x7f")

    check = found(make(), "spool")

    assert (check["level"], "1 file of another version" in check["found"]) == ("warning", True)


def test_a_clock_that_is_wrong_is_a_warning(make: Make) -> None:
    """Certificates fail by it."""
    assert found(make(spool=False), "clock", now=0.0)["level"] == "warning"
