"""The fixtures of every test, in a separate run of pytest."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.processes import running

CHECKOUT: Final = Path(__file__).parents[3]

SEES: Final = """\
import os
from pathlib import Path

import hypothesis
from hypothesis import given, strategies

def test_environment():
    assert not {"CI", "OTEL_SDK_DISABLED", "ACME_TELEMETRY", "https_proxy"} & set(os.environ)

def test_home(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    assert Path.home().is_relative_to(base) and Path.home().is_dir()
    assert Path(os.environ["XDG_STATE_HOME"]).is_relative_to(base)

@given(strategies.integers())
def test_hypothesis(number):
    assert hypothesis.settings().derandomize is True
    assert hypothesis.settings().deadline is None
"""

LEAVES_A_THREAD: Final = """\
import threading

def test_culprit():
    threading.Thread(
        target=threading.Event().wait, name="otel_telemetry-worker", daemon=True
    ).start()

def test_innocent():
    pass
"""

LACKS_A_PART: Final = """\
from tests.support.processes import missing

def test_nginx():
    missing("nginx")
"""


def run_pytest(tmp_path: Path, tests: str, **environment: str) -> tuple[int, Mapping[str, int]]:
    """Run tests with the conftest; return the exit status and the counts of the last line."""
    (tmp_path / "test_it.py").write_text(tests)
    plugins = ("-p", "tests.conftest", "-p", "no:randomly", "-p", "no:cacheprovider")
    # The temporary folders by default are those of every pytest of this user, ours included: each
    # run tidies up the older ones.
    folders = ("--rootdir", tmp_path, "--basetemp", tmp_path / "temporary")
    command = (sys.executable, "-m", "pytest", *folders, *plugins, "test_it.py")
    inherited = os.environ | {"PYTHONPATH": str(CHECKOUT)}

    with running(command, cwd=tmp_path, env=inherited | environment) as child:
        status = child.wait(within=50)

    sys.stdout.write(child.output)  # which pytest shows should the assertion on it fail
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", child.output.splitlines()[-1])
    return status, {what: int(number) for number, what in counts}


def test_the_environment_of_the_machine_is_hidden_from_a_test(tmp_path: Path) -> None:
    """CI markers, settings, proxies and home; in CI, random examples are the same in each run."""
    outcome = run_pytest(
        tmp_path,
        SEES,
        CI="true",
        OTEL_SDK_DISABLED="true",
        ACME_TELEMETRY="off",
        https_proxy="http://127.0.0.1:1",
        HOME="/",
        XDG_STATE_HOME="/",
    )

    assert outcome == (0, {"passed": 3})


def test_only_the_test_that_leaves_a_thread_fails(tmp_path: Path) -> None:
    """And not the next one."""
    assert run_pytest(tmp_path, LEAVES_A_THREAD) == (1, {"passed": 2, "error": 1})


def test_a_missing_program_skips_the_test_outside_ci(tmp_path: Path) -> None:
    """Without CI in the environment."""
    assert run_pytest(tmp_path, LACKS_A_PART) == (0, {"skipped": 1})


def test_a_missing_program_fails_the_test_in_ci(tmp_path: Path) -> None:
    """Although no test sees the variable."""
    assert run_pytest(tmp_path, LACKS_A_PART, CI="true") == (1, {"failed": 1})
