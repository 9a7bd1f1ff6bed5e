"""`flush`: sends the waiting events now."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.spool import destination
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.cli import run_verb, segments, spool_events
from tests.support.processes import refusing_port
from tests.support.waiting import wait_until

Make = Callable[..., Telemetry]


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend that was down while events were recorded."""
    with OTLPReceiver() as started:
        yield started


@pytest.fixture
def backlog(make: Make, receiver: OTLPReceiver) -> Callable[..., Telemetry]:
    """Spool events with these names, and return an instance whose backend is up again."""

    def leave(*names: str, **settings: object) -> Telemetry:
        endpoint = receiver.http_endpoint
        receiver.stop()
        spool_events(make(endpoint=endpoint), *names)
        receiver.start()
        return make(endpoint=endpoint, **settings)

    return leave


def test_flush_delivers_the_waiting_events(
    backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """Progress goes to stderr, the result to stdout."""
    result = run_verb("flush", backlog("one", "two"))

    assert (result.code, result.out) == (0, "Delivered: 2 of 2 events.\n")
    assert result.err.splitlines()[0] in {"0 of 2 events", "2 of 2 events"}
    assert [event.name for event in receiver.events] == ["one", "two"]
    assert segments() == []


def test_flush_with_json_prints_the_result_only(backlog: Callable[..., Telemetry]) -> None:
    """There is no progress on stderr."""
    result = run_verb("flush", backlog("one"), json=True)

    data = result.json
    assert isinstance(data.pop("seconds"), float)
    assert (result.code, result.err) == (0, "")
    assert data == {
        "waited": 1,
        "delivered": 1,
        "rejected": 0,
        "refused": 0,
        "dropped": {},
        "left": 0,
        "files_left": 0,
        "reason": "",
    }


def test_flush_delivers_events_in_the_memory_of_the_program_too(
    make: Make, receiver: OTLPReceiver
) -> None:
    """As in a program that has the command as its own."""
    telemetry = make(endpoint=receiver.http_endpoint, spool=False)
    telemetry.send("here")

    result = run_verb("flush", telemetry)

    assert (result.code, result.out) == (0, "Nothing waited on disk.\n")
    assert [event.name for event in receiver.events] == ["here"]


def test_flush_sends_nothing_while_telemetry_is_off(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the code, a note says that its settings are unknown."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    known, unknown = run_verb("flush", make()), run_verb("flush", make(), is_known=False)

    assert (known.code, known.out) == (1, "")
    assert known.err == ("error: nothing is sent while telemetry is off: DO_NOT_TRACK is set.\n")
    assert "the settings in the code of acme-cms" in unknown.err


def test_flush_stops_after_three_failed_requests_and_the_events_still_wait(make: Make) -> None:
    """It does not take the whole time-out."""
    with refusing_port() as port:
        endpoint = f"http://127.0.0.1:{port}"
        spool_events(make(endpoint=endpoint), "one")
        start = time.monotonic()

        result = run_verb("flush", make(endpoint=endpoint))

    assert time.monotonic() - start < 20
    assert result.code == 1
    assert "Delivered: 0 of 1 event.\n" in result.out
    assert "Reason: " in result.out
    assert "Still waiting: 1 event in 1 file.\n" in result.out
    assert len(segments()) == 1


def test_flush_keeps_its_timeout_if_the_backend_does_not_respond(
    backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """The backend accepts the request and never responds."""
    telemetry = backlog("one")
    until = threading.Event()
    receiver.answer_always(Answer.held(until))
    start = time.monotonic()

    result = run_verb("flush", telemetry, timeout=0.5)
    until.set()

    assert time.monotonic() - start < 5
    assert result.code == 1
    assert "Still waiting: 1 event in 1 file." in result.out


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer.bad_data(), "Lost: 2 events, refused by the backend."),
        (Answer.partial(1, "too old"), "Lost: 1 event, rejected by the backend."),
    ],
    ids=["refused", "partly rejected"],
)
def test_flush_exits_with_1_and_counts_the_events_that_the_backend_refuses_or_rejects(
    backlog: Callable[..., Telemetry], receiver: OTLPReceiver, answer: Answer, line: str
) -> None:
    """These events are lost."""
    telemetry = backlog("one", "two")
    receiver.answer_always(answer)

    result = run_verb("flush", telemetry)

    assert result.code == 1
    assert line in result.out
    assert "Reason: " in result.out


def test_flush_deletes_events_from_before_consent(
    make: Make, backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """The output counts them as lost."""
    telemetry = backlog("before", enabled=None)
    (path,) = segments()
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    run_verb("on", telemetry)

    result = run_verb("flush", telemetry)

    assert (result.code, receiver.events) == (1, ())
    assert "Lost: 1 event, recorded before you agreed to telemetry." in result.out
    assert make(enabled=None).decision.enabled


def test_flush_stops_at_once_when_another_process_turns_telemetry_off(
    backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """It does not wait for the time-out."""
    telemetry = backlog("one", "two", max_batch_events=1)
    receiver.answer(Answer.unavailable())
    withdraw = threading.Thread(
        target=lambda: (receiver.wait_for_requests(1), run_verb("off", telemetry))
    )
    withdraw.start()
    start = time.monotonic()

    result = run_verb("flush", telemetry)
    withdraw.join()

    assert time.monotonic() - start < 20
    assert (result.code, receiver.events) == (1, ())
    wait_until(lambda: not segments(), within=5, what="no segment")


def test_flush_leaves_the_events_of_running_processes_to_them(
    make: Make, backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """The output gives the reason."""
    telemetry = backlog()
    living = make(endpoint=receiver.http_endpoint)
    living.send("theirs")

    result = run_verb("flush", telemetry, is_known=False)

    assert result.code == 1
    assert (
        "Still waiting: 1 event in 1 file.\nThese events belong to a running process" in result.out
    )
    assert "the settings in the code of acme-cms" in result.err
    assert living.flush(10)


def test_flush_sends_events_for_another_destination_there_if_it_has_a_manifest(
    make: Make, backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """The manifest holds the settings of that destination."""
    config = backlog("theirs").config
    directory = destination.spool_directory(config, config.name)
    assert directory is not None
    unknown = run_verb("flush", make())
    destination.write_manifest(directory, config)

    result = run_verb("flush", make())

    assert (unknown.code, "Still waiting: 1 event in 1 file." in unknown.out) == (1, True)
    assert (result.code, result.out) == (0, "Delivered: 1 of 1 event.\n")
    assert [event.name for event in receiver.events] == ["theirs"]
