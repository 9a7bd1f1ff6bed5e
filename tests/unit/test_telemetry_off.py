"""Telemetry that is off, log mode, and a set-up that fails."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from otel_telemetry import Outcome, Stats, Telemetry
from otel_telemetry.testing import OTLPReceiver
from tests.support.processes import plain_environment

Make = Callable[..., Telemetry]

# An audit hook that notes every file, socket, process and thread.
_WATCHED_LIFE = """
import json, os, sys, threading
import otel_telemetry.telemetry

done = []
read = []
def watch(name, arguments):
    if name.startswith(("socket.", "subprocess.", "os.", "shutil.", "_thread.")):
        done.append(name)
    elif name == "open" and not str(arguments[0]).endswith((".py", ".pyc")):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or "acme" not in arguments[0]:
            done.append(f"open {arguments[0]}")
        else:
            read.append(arguments[0])
sys.addaudithook(watch)

from otel_telemetry import Telemetry
with Telemetry("acme-cms", **json.loads(sys.argv[1])) as telemetry:
    telemetry.register()
    telemetry.bootstrap()
    receipt = telemetry.send("x", {"event_properties": {"a": 1}})
    telemetry.flush()
threads = threading.active_count()
otel = [name for name in sys.modules if name.partition(".")[0] in {"opentelemetry", "grpc"}]
source = telemetry.decision.source
print(json.dumps([receipt.outcome.name, done, threads, otel, source, len(read)]))
"""
# Policy and consent record are read only if no source before them denies.
_LOOKS = {"default": 3, "ci": 3}

_DENIALS: Mapping[str, tuple[Mapping[str, object], Mapping[str, str]]] = {
    "default": ({}, {}),
    "code": ({"enabled": False}, {"OTEL_TELEMETRY": "on"}),
    "DO_NOT_TRACK": ({"enabled": True}, {"DO_NOT_TRACK": "1"}),
    "OTEL_SDK_DISABLED": ({"enabled": True}, {"OTEL_SDK_DISABLED": "true"}),
    "ACME_CMS_TELEMETRY": ({"enabled": True}, {"ACME_CMS_TELEMETRY": "off"}),
    "OTEL_TELEMETRY": ({"enabled": True}, {"OTEL_TELEMETRY": "never heard"}),
    "ci": ({}, {"CI": "true"}),
}


@pytest.mark.parametrize("source", _DENIALS)
def test_off_touches_nothing(source: str, tmp_path: Path) -> None:
    """The whole lifecycle without a thread, socket, file, process or import of OpenTelemetry."""
    settings, environ = _DENIALS[source]

    done = subprocess.run(
        [sys.executable, "-B", "-c", _WATCHED_LIFE, json.dumps(settings)],
        env=plain_environment(HOME=str(tmp_path), **environ),
        capture_output=True,
        check=True,
    )

    looks = _LOOKS.get(source, 0)
    assert json.loads(done.stdout) == ["DISABLED", [], 1, [], source, looks]
    assert done.stderr == b""
    assert list(tmp_path.iterdir()) == []


class _Untouchable(Mapping[str, object]):
    """Properties that fail when they are read."""

    def __getitem__(self, key: str) -> object:
        raise AssertionError

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


@pytest.mark.parametrize("strict", [False, True])
def test_off_reads_no_property(make: Make, receiver: OTLPReceiver, strict: bool) -> None:  # noqa: FBT001 - a table
    """Wrong input is not noticed, and nothing is counted."""
    telemetry = make(enabled=False, strict=strict)
    telemetry.register()
    telemetry.bootstrap()

    for _ in range(2):
        receipt = telemetry.send("", _Untouchable(), timestamp=-1)  # type: ignore[arg-type]  # what is tested
        assert receipt.outcome is Outcome.DISABLED

    assert telemetry.stats == Stats()
    assert telemetry.is_disabled
    assert receiver.requests == ()


def test_awaiting_a_disabled_receipt_is_true(make: Make) -> None:
    """There is nothing to do."""
    telemetry = make(enabled=False)

    async def main() -> bool:
        async with telemetry:
            return await telemetry.send("x") and await telemetry.aflush()

    assert asyncio.run(main())


class TestLog:
    """Log mode: <APP>_TELEMETRY=log."""

    @pytest.fixture(autouse=True)
    def _log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")

    def test_events_are_printed_and_none_is_sent(
        self, make: Make, receiver: OTLPReceiver, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """One line of JSON for each event on stderr, with everything that would be sent."""
        telemetry = make(version="5.1.0")

        receipt = telemetry.send(
            "didCreateEntry",
            event_properties={"model": "article", "bytes": b"\x00\xff"},
            user_properties={"plan": "free"},
            group_properties={"database": "postgres"},
        )
        assert telemetry.flush()
        assert telemetry.destroy()

        output = capsys.readouterr()
        prefix = "acme-cms telemetry, not sent: "
        assert output.out == ""
        assert output.err.startswith(prefix)
        (line,) = output.err.splitlines()
        event = json.loads(line[len(prefix) :])
        assert event["event"] == "didCreateEntry"
        assert {"model": "article", "bytes": "00ff"}.items() <= event["event_properties"].items()
        assert event["group_properties"] == {"database": "postgres"}
        assert {"plan": "free", "service.version": "5.1.0"}.items() <= event["resource"].items()
        assert receipt.outcome is Outcome.DISABLED
        assert receiver.requests == ()

    def test_the_decision_is_disabled_and_log(self, make: Make) -> None:
        """Nothing is sent, and `Decision.log` is True."""
        telemetry = make()

        assert telemetry.is_disabled
        assert telemetry.decision.log
        assert telemetry.decision.source == "ACME_CMS_TELEMETRY"

    def test_an_event_that_a_hook_drops_is_not_printed(
        self, make: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It would not be sent either."""
        telemetry = make(before_send=lambda _event: None)

        telemetry.send("x")

        assert capsys.readouterr().err == ""

    def test_a_program_without_stderr_continues(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program may be started without a console."""
        telemetry = make()
        monkeypatch.setattr(sys, "stderr", None)

        receipt = telemetry.send("x")

        assert receipt.outcome in {Outcome.DISABLED, Outcome.DROPPED}


class TestNoSetUp:
    """A set-up that fails."""

    _CODE = """
import json, sys
from otel_telemetry import Telemetry
if sys.argv[1] == "no SDK":
    sys.modules["opentelemetry.sdk.resources"] = None
telemetry = Telemetry("acme-cms", enabled=True, endpoint="http://127.0.0.1:1", spool=False)
telemetry.bootstrap()
receipts = [telemetry.send("x") for _ in range(2)]
telemetry.flush(0.05)
telemetry.destroy(0.05)
print(json.dumps([telemetry.stats.accepted, telemetry.stats.dropped]))
"""

    def _run(self, case: str) -> tuple[int, dict[str, int]]:
        done = subprocess.run(
            [sys.executable, "-c", self._CODE, case],
            env={**os.environ, "OTEL_ATTRIBUTE_COUNT_LIMIT": "abc"},
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        accepted, dropped = json.loads(done.stdout)
        return accepted, dropped

    def test_without_the_sdk_events_are_dropped(self) -> None:
        """The program continues, and the drops are counted as ``internal``."""
        assert self._run("no SDK") == (2, {"internal": 2})

    def test_a_variable_that_the_sdk_refuses_is_ignored(self) -> None:
        """The SDK raises for a wrong limit in the environment; events are accepted."""
        assert self._run("a wrong limit") == (2, {"shutdown": 2})

    def test_an_internal_error_is_not_raised_but_counted(self, make: Make) -> None:
        """`send`, `flush` and `destroy` raise nothing."""

        class Broken:
            def __getattr__(self, name: str) -> object:
                raise RuntimeError(name)

        telemetry = make()
        telemetry.bootstrap()
        state = telemetry._state
        whole, state.pipeline = state.pipeline, Broken()  # type: ignore[assignment]  # what is tested

        assert telemetry.send("x").reason == "internal"
        assert not telemetry.flush()
        assert not telemetry.destroy()

        assert telemetry.stats.dropped == {"internal": 1}
        assert whole is not None
        assert whole.sink.shutdown(1)
