"""Fixtures for every test: its own environment, and no thread left running."""

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

# In CI, each run has the same examples, so that a failure means a change. Examples have no
# deadline, because the speed of the machine is no property of the code.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("developer", deadline=None)
hypothesis.settings.load_profile("ci" if IN_CI else "developer")


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """Fail a test whose threads run for two seconds after its end."""
    before = threading.enumerate()
    yield
    names = threads_left(before, within=2)
    if names:
        pytest.fail(f"threads left alive: {', '.join(names)}", pytrace=False)


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide settings, consent, proxies, CI markers and files of the machine from a test."""
    for name in foreign(os.environ):
        monkeypatch.delenv(name)
    for name, value in own_directories(tmp_path_factory.mktemp("home")).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of an authority, a server on 127.0.0.1 and localhost, and a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def start_rotel() -> Iterator[Callable[[str], Rotel]]:
    """Return a function that starts a collector, which is stopped after the test."""
    with ExitStack() as started:
        yield lambda sink_url: started.enter_context(Rotel(sink_url))
