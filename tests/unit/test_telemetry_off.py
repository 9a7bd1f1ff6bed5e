"""Off means off; and what cannot be set up costs nothing."""

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

# Watches what the interpreter itself tells of: every file, socket, process and thread.
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
# What policy and user have saved is looked for where nothing has denied before.
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
    """A whole life without a thread, a socket, a file, a process, or an import of OpenTelemetry."""
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
    """Properties that nobody may look at."""

    def __getitem__(self, key: str) -> object:
        raise AssertionError

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


@pytest.mark.parametrize("strict", [False, True])
def test_off_looks_at_nothing(make: Make, receiver: OTLPReceiver, strict: bool) -> None:  # noqa: FBT001 - a table
    """What would be wrong is not even noticed; nothing is counted."""
    telemetry = make(enabled=False, strict=strict)
    telemetry.register()
    telemetry.bootstrap()

    for _ in range(2):
        receipt = telemetry.send("", _Untouchable(), timestamp=-1)  # type: ignore[arg-type]  # what is tested
        assert receipt.outcome is Outcome.DISABLED

    assert telemetry.stats == Stats()
    assert telemetry.is_disabled
    assert receiver.requests == ()


def test_who_awaits_an_event_that_is_off_is_told_that_all_is_well(make: Make) -> None:
    """There was nothing to do, and it is done."""
    telemetry = make(enabled=False)

    async def main() -> bool:
        async with telemetry:
            return await telemetry.send("x") and await telemetry.aflush()

    assert asyncio.run(main())


class TestLog:
    """<APP>_TELEMETRY=log: look at what would be sent."""

    @pytest.fixture(autouse=True)
    def _log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")

    def test_events_are_printed_and_none_is_sent(
        self, make: Make, receiver: OTLPReceiver, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A line of JSON each, on stderr, with everything that would leave."""
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

    def test_it_is_disabled_and_says_why(self, make: Make) -> None:
        """Nothing may leave; that something is printed is told apart."""
        telemetry = make()

        assert telemetry.is_disabled
        assert telemetry.decision.log
        assert telemetry.decision.source == "ACME_CMS_TELEMETRY"

    def test_hooks_have_their_say(self, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
        """What a hook keeps back would not be sent, and is not printed."""
        telemetry = make(before_send=lambda _event: None)

        telemetry.send("x")

        assert capsys.readouterr().err == ""

    def test_a_program_without_stderr_goes_on(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As one that was started without a console."""
        telemetry = make()
        monkeypatch.setattr(sys, "stderr", None)

        receipt = telemetry.send("x")

        assert receipt.outcome in {Outcome.DISABLED, Outcome.DROPPED}


class TestNoSetUp:
    """OpenTelemetry itself cannot be set up."""

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

    def test_it_is_contained_and_counted(self) -> None:
        """The host goes on, and its events are dropped for an internal reason."""
        assert self._run("no SDK") == (2, {"internal": 2})

    def test_a_word_that_the_sdk_refuses_is_none_of_our_business(self) -> None:
        """With a wrong limit in the environment, the SDK raises; events are taken all the same."""
        assert self._run("a wrong limit") == (2, {"shutdown": 2})

    def test_a_failure_within_is_contained_and_counted(self, make: Make) -> None:
        """Whatever breaks inside, `send`, `flush` and `destroy` raise nothing."""

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
