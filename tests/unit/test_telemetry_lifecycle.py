"""register, bootstrap, send, flush, destroy: in any order, as often as one likes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_telemetry import Telemetry
from otel_telemetry.testing import Answer, OTLPReceiver

Make = Callable[..., Telemetry]


def test_register_decides_and_stays_with_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided for the environment at the start holds to the end."""
    telemetry = make()
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    telemetry.register()
    telemetry.register()

    assert (telemetry.decision.enabled, telemetry.decision.source) == (True, "code")
    assert not telemetry.is_disabled


def test_to_ask_for_the_decision_is_to_register(make: Make) -> None:
    """No order has to be kept before one may ask."""
    assert make(enabled=None).is_disabled
    assert make(enabled=None).decision.source == "default"


def test_register_starts_nothing(make: Make, receiver: OTLPReceiver, tmp_path: Path) -> None:
    """No thread, no file, no request."""
    threads = threading.enumerate()
    telemetry = make(spool=tmp_path / "spool")

    telemetry.register()

    assert threading.enumerate() == threads
    assert not (tmp_path / "spool").exists()
    assert receiver.requests == ()


def test_bootstrap_sets_up_once(make: Make) -> None:
    """The second call finds the first one's work."""
    telemetry = make()

    telemetry.bootstrap()
    pipeline = telemetry._pipeline
    telemetry.bootstrap()

    assert pipeline is not None
    assert telemetry._pipeline is pipeline
    assert telemetry.decision.enabled


def test_threads_that_bootstrap_at_once_set_up_once(make: Make, receiver: OTLPReceiver) -> None:
    """The first events of many threads meet one pipeline, and all arrive."""
    telemetry = make()
    together = threading.Barrier(8)

    def send() -> None:
        together.wait()
        telemetry.send("x")

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert telemetry.flush(10)
    assert len(receiver.events) == telemetry.stats.delivered == 8


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(("register", "bootstrap", "send", "flush", "destroy"))),
    ids="-".join,
)
def test_every_order_is_safe(make: Make, receiver: OTLPReceiver, order: tuple[str, ...]) -> None:
    """What is sent before the end arrives; what is sent after is counted as such."""
    telemetry = make()
    calls: dict[str, Callable[[], object]] = {
        "register": telemetry.register,
        "bootstrap": telemetry.bootstrap,
        "send": lambda: telemetry.send("x"),
        "flush": lambda: telemetry.flush(10),
        "destroy": lambda: telemetry.destroy(10),
    }

    for name in order:
        calls[name]()

    was_in_time = order.index("send") < order.index("destroy")
    assert telemetry.stats.dropped == ({} if was_in_time else {"destroyed": 1})
    assert telemetry.stats.delivered == len(receiver.events) == int(was_in_time)


class TestFlush:
    """Send everything now."""

    def test_it_is_true_once_the_backend_has_it_all(
        self, make: Make, receiver: OTLPReceiver
    ) -> None:
        """And at once where there is nothing to send."""
        telemetry = make(flush_interval=3600)
        assert telemetry.flush()

        telemetry.send("x")

        assert telemetry.flush(10)
        assert len(receiver.events) == 1

    def test_it_keeps_its_deadline(self, make: Make, receiver: OTLPReceiver) -> None:
        """A backend that does not answer is not waited for: this returns while it is silent."""
        answered = threading.Event()
        receiver.answer(Answer.held(answered))
        telemetry = make()
        telemetry.send("x")

        assert not telemetry.flush(0.05)

        answered.set()
        assert telemetry.flush(10)

    def test_it_is_false_if_anything_was_lost(self, make: Make, receiver: OTLPReceiver) -> None:
        """A refusal is an answer, but no success."""
        receiver.answer(Answer.bad_data())
        telemetry = make()

        telemetry.send("x")

        assert not telemetry.flush(10)

    def test_a_deadline_that_is_none_raises_nothing(self, make: Make) -> None:
        """The host never pays for a wrong argument."""
        telemetry = make()
        telemetry.send("x")

        assert not telemetry.flush("soon")  # type: ignore[arg-type]  # what is tested


def test_its_repr_tells_its_state(make: Make) -> None:
    """Who it is, and whether it is on."""
    on, off = make(), make(enabled=False)

    assert repr(on) == "<Telemetry 'acme-cms': undecided>"
    on.register()
    off.register()
    assert repr(on) == "<Telemetry 'acme-cms': on>"
    assert repr(off) == "<Telemetry 'acme-cms': off>"
    on.destroy()
    assert repr(on) == "<Telemetry 'acme-cms': destroyed>"
