"""The README: every block runs, every table is what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.decision_table import decision_table
from tests.support.settings_table import settings_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=range(len(PYTHON_BLOCKS)))
def test_a_python_block_runs_and_prints_what_it_says(block: str) -> None:
    """Whoever pastes a block sees what the README shows."""
    behind = README.partition(block)[2]
    shown = re.match(r"```\n\n```text\n(.*?)^```", behind, re.MULTILINE | re.DOTALL)

    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == (shown.group(1) if shown else "")


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """The README names every setting, with the default and the meaning that the code gives it."""
    section = README.partition("## Settings\n")[2].partition("\n## ")[0]

    assert settings_table() in section


def test_the_table_of_who_decides_is_that_of_the_code() -> None:
    """The README names every source, in the order in which they are asked."""
    section = README.partition("## Turning it on and off\n")[2].partition("\n## ")[0]

    assert decision_table() in section


def test_the_first_two_shell_lines_set_up_everything() -> None:
    """A newcomer needs two lines: one runs the main job, one passes the tests."""
    first, second = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0].split(
        "\n"
    )[:2]

    assert first.endswith(".venv/bin/python examples/quickstart.py")
    assert second.endswith(".venv/bin/python -m pytest")


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_a_link_into_the_project_leads_somewhere(path: str) -> None:
    """No link is dead."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", re.findall(r"`(tests/[\w/]+\.py)`", README))
def test_a_promise_names_a_test_that_exists(path: str) -> None:
    """Each promise is held by a test, not by words."""
    assert (ROOT / path).exists()
