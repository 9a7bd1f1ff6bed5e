"""What holds for every test: an environment of its own, and no thread left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.environment import foreign, own_directories
from tests.support.processes import IN_CI
from tests.support.rotel import Rotel
from tests.support.threads import threads_left

# In CI the same examples on every run, so that a red run means a change. No deadline per example:
# how fast the machine happens to be is no property of the code.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("developer", deadline=None)
hypothesis.settings.load_profile("ci" if IN_CI else "developer")


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """Fail a test whose threads outlive it by two seconds."""
    before = threading.enumerate()
    yield
    left = threads_left(before, within=2)
    if left:
        pytest.fail(f"threads left alive: {', '.join(left)}", pytrace=False)


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let no setting, consent, proxy, CI marker or file of the machine reach a test."""
    for name in foreign(os.environ):
        monkeypatch.delenv(name)
    for name, value in own_directories(tmp_path_factory.mktemp("home")).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority with a server for 127.0.0.1 and localhost, and a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def start_rotel() -> Iterator[Callable[[str], Rotel]]:
    """Start collectors that forward to a given URL, and stop them after the test."""
    with ExitStack() as started:
        yield lambda sink_url: started.enter_context(Rotel(sink_url))
