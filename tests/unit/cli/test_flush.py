"""`flush`: the backlog, delivered now."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.spool import destination
from otel_telemetry.testing import Answer, OTLPReceiver
from tests.support.cli import ask, leave_events, segments
from tests.support.processes import refusing_port
from tests.support.waiting import wait_until

Make = Callable[..., Telemetry]


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """A backend that was away while events were left."""
    with OTLPReceiver() as started:
        yield started


@pytest.fixture
def backlog(make: Make, receiver: OTLPReceiver) -> Callable[..., Telemetry]:
    """Leave events of these names, and return an instance whose backend is back."""

    def leave(*names: str, **settings: object) -> Telemetry:
        endpoint = receiver.http_endpoint
        receiver.stop()
        leave_events(make(endpoint=endpoint), *names)
        receiver.start()
        return make(endpoint=endpoint, **settings)

    return leave


def test_what_waits_is_delivered(backlog: Callable[..., Telemetry], receiver: OTLPReceiver) -> None:
    """With a line on how far it is, and one on how it ended."""
    ran = ask("flush", backlog("one", "two"))

    assert (ran.code, ran.out) == (0, "Delivered: 2 of 2 events.\n")
    assert ran.err.splitlines()[0] in {"0 of 2 events", "2 of 2 events"}
    assert [event.name for event in receiver.events] == ["one", "two"]
    assert segments() == []


def test_with_json_there_is_nothing_but_the_result(backlog: Callable[..., Telemetry]) -> None:
    """For programs."""
    ran = ask("flush", backlog("one"), json=True)

    said = ran.json
    assert isinstance(said.pop("seconds"), float)
    assert (ran.code, ran.err) == (0, "")
    assert said == {
        "waited": 1,
        "delivered": 1,
        "rejected": 0,
        "refused": 0,
        "dropped": {},
        "left": 0,
        "files_left": 0,
        "reason": "",
    }


def test_what_waits_in_the_programs_own_memory_goes_too(make: Make, receiver: OTLPReceiver) -> None:
    """Where the command is mounted."""
    telemetry = make(endpoint=receiver.http_endpoint, spool=False)
    telemetry.send("here")

    ran = ask("flush", telemetry)

    assert (ran.code, ran.out) == (0, "Nothing waited on disk.\n")
    assert [event.name for event in receiver.events] == ["here"]


def test_off_it_refuses(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off means off; and without the code it says that it does not know it."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    known, unknown = ask("flush", make()), ask("flush", make(), is_known=False)

    assert (known.code, known.out) == (1, "")
    assert known.err == ("error: telemetry is not on, so nothing leaves: DO_NOT_TRACK is set.\n")
    assert "the code of acme-cms itself" in unknown.err


def test_a_dead_backend_leaves_everything_and_is_told(make: Make) -> None:
    """After three tries; nobody waits for the whole time-out."""
    with refusing_port() as port:
        endpoint = f"http://127.0.0.1:{port}"
        leave_events(make(endpoint=endpoint), "one")
        begun = time.monotonic()

        ran = ask("flush", make(endpoint=endpoint))

    assert time.monotonic() - begun < 20
    assert ran.code == 1
    assert "Delivered: 0 of 1 event.\n" in ran.out
    assert "The backend: " in ran.out
    assert "Left: 1 event in 1 file.\n" in ran.out
    assert len(segments()) == 1


def test_the_time_out_is_kept(backlog: Callable[..., Telemetry], receiver: OTLPReceiver) -> None:
    """Also by a backend that takes the request and never answers."""
    telemetry = backlog("one")
    until = threading.Event()
    receiver.answer_always(Answer.held(until))
    begun = time.monotonic()

    ran = ask("flush", telemetry, timeout=0.5)
    until.set()

    assert time.monotonic() - begun < 5
    assert ran.code == 1
    assert "Left: 1 event in 1 file." in ran.out


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer.bad_data(), "Lost: 2 events, refused by the backend."),
        (Answer.partial(1, "too old"), "Lost: 1 event, rejected by the backend."),
    ],
    ids=["refused", "partly rejected"],
)
def test_what_the_backend_does_not_want_is_told(
    backlog: Callable[..., Telemetry], receiver: OTLPReceiver, answer: Answer, line: str
) -> None:
    """It is lost, and that is no success."""
    telemetry = backlog("one", "two")
    receiver.answer_always(answer)

    ran = ask("flush", telemetry)

    assert ran.code == 1
    assert line in ran.out
    assert "The backend: " in ran.out


def test_what_was_recorded_before_consent_does_not_leave(
    make: Make, backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """It is deleted, and told."""
    telemetry = backlog("before", enabled=None)
    (path,) = segments()
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    ask("on", telemetry)

    ran = ask("flush", telemetry)

    assert (ran.code, receiver.events) == (1, ())
    assert "Lost: 1 event, before_consent." in ran.out
    assert make(enabled=None).decision.enabled


def test_consent_that_is_withdrawn_meanwhile_ends_it(
    backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """By another process: at once, not when the time is up."""
    telemetry = backlog("one", "two", max_batch_events=1)
    receiver.answer(Answer.unavailable())
    withdraw = threading.Thread(
        target=lambda: (receiver.wait_for_requests(1), ask("off", telemetry))
    )
    withdraw.start()
    begun = time.monotonic()

    ran = ask("flush", telemetry)
    withdraw.join()

    assert time.monotonic() - begun < 20
    assert (ran.code, receiver.events) == (1, ())
    wait_until(lambda: not segments(), within=5, what="no segment")


def test_what_living_processes_hold_is_theirs(
    make: Make, backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """They send it themselves; it is left, and the reason is given."""
    telemetry = backlog()
    living = make(endpoint=receiver.http_endpoint)
    living.send("theirs")

    ran = ask("flush", telemetry, is_known=False)

    assert ran.code == 1
    assert "Left: 1 event in 1 file.\nThey belong to processes that run" in ran.out
    assert "the code of acme-cms itself" in ran.err
    assert living.flush(10)


def test_what_waits_for_another_destination_goes_there(
    make: Make, backlog: Callable[..., Telemetry], receiver: OTLPReceiver
) -> None:
    """With the settings that were written down beside it, for whoever delivers."""
    config = backlog("theirs").config
    directory = destination.spool_directory(config, config.name)
    assert directory is not None
    unknown = ask("flush", make())
    destination.write_manifest(directory, config)

    ran = ask("flush", make())

    assert (unknown.code, "Left: 1 event in 1 file." in unknown.out) == (1, True)
    assert (ran.code, ran.out) == (0, "Delivered: 1 of 1 event.\n")
    assert [event.name for event in receiver.events] == ["theirs"]
