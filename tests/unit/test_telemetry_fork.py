"""After a fork, parent and child each speak for themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from otel_telemetry import Stats, Telemetry
from otel_telemetry.testing import OTLPReceiver

Make = Callable[..., Telemetry]

_FORKING = """
import json, os, sys
from otel_telemetry import Telemetry

telemetry = Telemetry("acme-cms", enabled=True, endpoint=sys.argv[1], flush_interval=3600)
if sys.argv[2] != "at first use":
    telemetry.send("before")
if sys.argv[2] == "while connected":
    telemetry.flush(10)

child = os.fork()
if child == 0:
    telemetry.send("child")
    is_sent = telemetry.flush(10)
    stats = telemetry.stats
    os._exit(0 if is_sent and stats.accepted == stats.delivered == 1 else 1)
_, status = os.waitpid(child, 0)
telemetry.send("parent")
telemetry.destroy(10)
print(json.dumps([status, telemetry.stats.accepted, telemetry.stats.delivered]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("moment", ["at first use", "while pending", "while connected"])
def test_each_event_is_sent_once_by_the_process_that_has_it(
    receiver: OTLPReceiver, moment: str
) -> None:
    """The child begins with nothing and sends its own; the parent goes on as before."""
    done = subprocess.run(
        # Python itself warns of threads at a fork; what it warns of is tested here.
        [sys.executable, "-W", "ignore", "-c", _FORKING, receiver.http_endpoint, moment],
        capture_output=True,
        check=True,
    )

    sent = ["child", "parent"] if moment == "at first use" else ["before", "child", "parent"]
    assert Counter(event.name for event in receiver.events) == Counter(sent)
    assert len({event.uid for event in receiver.events}) == len(sent)
    in_parent = len(sent) - 1
    assert json.loads(done.stdout) == [0, in_parent, in_parent]
    assert done.stderr == b""


@pytest.mark.parametrize("is_set_up", [False, True])
def test_a_new_process_counts_from_zero(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    is_set_up: bool,  # noqa: FBT001 - a table
) -> None:
    """Whether or not anything was sent before."""
    monkeypatch.setenv("ACME_CMS_TELEMETRY", "log")  # no thread, so nothing is lost with it here
    telemetry = make()
    if is_set_up:
        telemetry.send("x", {"another_bucket": {}})
        assert telemetry.stats != Stats()

    telemetry.new_process()

    assert telemetry.stats == Stats()
