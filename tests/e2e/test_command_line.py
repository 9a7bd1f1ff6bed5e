"""The command line in real processes, pipes and terminals."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.apps import run
from tests.support.processes import plain_environment, refusing_port

COMMAND = Path(sys.executable).with_name("otel-telemetry")
APP = ("--app", "acme-cms")
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def _environment(**extra: str) -> dict[str, str]:
    own = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    return {**plain_environment(), **{name: os.environ[name] for name in own}, **extra}


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the console script with its output in pipes."""
    return subprocess.run(
        [COMMAND, *APP, *arguments],
        env=_environment(**environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def on_terminal(*arguments: str, **environ: str) -> tuple[int, str]:
    """Run the console script in a terminal of 60 columns."""
    return in_columns(60, *arguments, **environ)


def in_columns(columns: int, *arguments: str, **environ: str) -> tuple[int, str]:
    """Run the console script in a terminal; return its exit code and its output."""
    controller, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {"TERM": "xterm", **environ}
    with subprocess.Popen(
        [COMMAND, *APP, *arguments],
        env=_environment(**environ),
        stdin=end,
        stdout=end,
        stderr=end,
    ) as process:
        os.close(end)
        seen = b""
        while select.select([controller], [], [], 60)[0]:
            try:
                data = os.read(controller, 65536)
            except OSError:  # the end of the output, on Linux
                break
            if not data:
                break
            seen += data
        os.close(controller)
        return process.wait(60), seen.decode()


def spool_events(endpoint: str, count: int) -> None:
    """Run a program that leaves events on disk, for a backend that is down."""
    status, sent = run(f"send({count}); telemetry.destroy(0); os._exit(0)", endpoint=endpoint)
    assert (status, len(sent)) == (0, count)


def test_a_user_agrees_looks_previews_flushes_and_turns_telemetry_off() -> None:
    """Each step is a process of its own."""
    with OTLPReceiver() as receiver:
        where = {"ACME_CMS_TELEMETRY_ENDPOINT": receiver.http_endpoint}
        assert command("status", **where).stdout.startswith("acme-cms telemetry is off")
        assert command("on", **where).returncode == 0
        endpoint = receiver.http_endpoint
        receiver.stop()
        spool_events(endpoint, 3)
        receiver.start()
        assert "3 events" in command("status", **where).stdout
        assert command("show", **where).stdout.count("didWork  ") == 3
        assert "didX" in command("preview", "didX", **where).stdout
        assert command("doctor", **where).returncode == 0
        flushed = command("flush", **where)
        assert (flushed.returncode, flushed.stdout) == (0, "Delivered: 3 of 3 events.\n")
        assert len(receiver.events) == 3
        assert command("off", **where).returncode == 0
        after = command("flush", **where)
    assert (after.returncode, after.stdout) == (1, "")
    assert "nothing is sent while telemetry is off" in after.stderr


def test_colours_appear_on_terminals_or_with_force_color() -> None:
    """Not with NO_COLOR, nor on a dumb terminal."""
    assert "\x1b" not in command("status").stdout
    assert "\x1b[1macme-cms\x1b[0m" in command("status", FORCE_COLOR="1").stdout
    assert "\x1b[1macme-cms\x1b[0m" in on_terminal("status")[1]
    assert "\x1b" not in on_terminal("status", NO_COLOR="1")[1]
    assert "\x1b" not in on_terminal("status", TERM="dumb")[1]


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("verb", ["status", "doctor", "off"])
def test_lines_use_the_whole_width_of_the_terminal_and_no_more(verb: str, columns: int) -> None:
    """Only a word that is longer, such as a path, passes the edge."""
    _, output = in_columns(columns, verb)

    lines = CONTROL.sub("", output).replace("\r", "").splitlines()
    assert [line for line in lines if len(line) > columns and "/" not in line] == []
    note = next(number for number, line in enumerate(lines) if line.startswith("note: "))
    for line, following in itertools.pairwise(lines[note:]):
        assert len(line) + len(following.split()[0]) + 1 > columns


def test_flush_shows_progress_in_place_on_a_terminal() -> None:
    """It is cleared at the end."""
    with OTLPReceiver() as receiver:
        endpoint = receiver.http_endpoint
        where = {"ACME_CMS_TELEMETRY_ENDPOINT": endpoint, "ACME_CMS_TELEMETRY": "on"}
        receiver.stop()
        spool_events(endpoint, 2)
        receiver.start()
        receiver.answer(Answer.unavailable(retry_after=1))

        code, seen = on_terminal("flush", **where)

    assert code == 0
    assert "\r\x1b[K0 of 2 events" in seen
    assert "\r\x1b[K2 of 2 events" in seen
    shown = CONTROL.sub("", seen).replace("\r\n", "\n").rpartition("\r")[2]
    assert shown == "Delivered: 2 of 2 events.\n"


def test_characters_outside_ascii_are_escaped_on_an_ascii_terminal() -> None:
    """The exit code stays 0."""
    environ = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}

    done = command("preview", "didNaïve", "-p", "schnee=☃", **environ)

    assert done.returncode == 0
    assert r"didNa\xefve" in done.stdout
    assert r"\u2603" in done.stdout


def test_a_broken_pipe_is_quiet() -> None:
    """As with `| head`."""
    with refusing_port() as port:
        endpoint = f"http://127.0.0.1:{port}"
        spool_events(endpoint, 400)
    line = f"'{COMMAND}' --app acme-cms show | head -n 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(
        ["bash", "-c", line],
        env=_environment(ACME_CMS_TELEMETRY="on", ACME_CMS_TELEMETRY_ENDPOINT=endpoint),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.splitlines()[1:] == ["0"]
    assert done.stderr == ""


def test_ctrl_c_ends_flush_at_once_with_exit_code_130() -> None:
    """No event is lost, and there is no traceback."""
    with OTLPReceiver() as receiver:
        endpoint = receiver.http_endpoint
        receiver.stop()
        spool_events(endpoint, 1)
        receiver.start()
        until = threading.Event()
        receiver.answer_always(Answer.held(until))
        where = {"ACME_CMS_TELEMETRY_ENDPOINT": endpoint, "ACME_CMS_TELEMETRY": "on"}
        with subprocess.Popen(
            [COMMAND, *APP, "flush"],
            env=_environment(**where),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            receiver.wait_for_requests(1)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            took = time.monotonic() - start
        until.set()

    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert took < 5
    assert "1 event" in command("status", **where).stdout


@pytest.mark.parametrize("verb", ["status", "on", "off", "show", "purge", "reset-id"])
def test_verbs_that_send_nothing_import_no_opentelemetry(verb: str) -> None:
    """They start fast."""
    code = (
        "import json, sys\n"
        "from otel_telemetry.cli.main import main\n"
        f"code = main(['--app', 'acme-cms', '{verb}', '--json'])\n"
        "heavy = {'opentelemetry', 'urllib3', 'grpc', 'click', 'typer', 'ssl', 'asyncio'}\n"
        "print(json.dumps([code, sorted(heavy & set(sys.modules))]), file=sys.stderr)\n"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert json.loads(done.stderr.splitlines()[-1]) == [0, []]


def test_the_command_line_sends_no_event_of_its_own() -> None:
    """Not even that it was used."""
    with OTLPReceiver() as receiver:
        where = {"ACME_CMS_TELEMETRY_ENDPOINT": receiver.http_endpoint, "ACME_CMS_TELEMETRY": "on"}
        for verb in ("status", "show", "preview didX", "reset-id", "purge", "flush", "doctor"):
            assert command(*verb.split(), **where).returncode == 0
        assert receiver.events == ()
        assert len(receiver.requests) == 1  # the doctor's, which is empty
