"""The pages of the documentation, and the parts of them that are made from the code.

`python -m tests.support.pages` writes those parts anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.decision_table import decision_table
from tests.support.environment import foreign, own_directories
from tests.support.import_graph import architecture_picture
from tests.support.name_tables import (
    corrections_table,
    data_classes_table,
    dispositions_table,
    drop_reasons_table,
)
from tests.support.settings_table import settings_table
from tests.support.verbs_table import verbs_table

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
)

PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings_table,
    "sources": decision_table,
    "verbs": verbs_table,
    "imports": architecture_picture,
    "dropped": drop_reasons_table,
    "corrected": corrections_table,
    "requests": dispositions_table,
    "data_classes": data_classes_table,
}
"""What stands between `<!-- NAME: generated -->` and `<!-- NAME: end -->`."""

_PART = re.compile(r"^<!-- (\w+): generated -->\n.*?^<!-- \1: end -->$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n\$ (.*?)\n.*?^```$", re.MULTILINE | re.DOTALL)
_HOME = "/home/ann"  # of the user in the pages


def page_name(page: Path) -> str:
    """Return the path of *page* within the repository."""
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    """Return what *page* says now."""
    return page.read_text(encoding="utf-8")


def renewed(text: str) -> str:
    """Return *text* with its generated parts as the code makes them now."""
    text = _PART.sub(_part, text)
    with tempfile.TemporaryDirectory() as home:
        return _CONSOLE.sub(lambda found: _session(found[1], home), text)


def _part(found: re.Match[str]) -> str:
    name = found[1]
    return f"<!-- {name}: generated -->\n\n{PARTS[name]()}\n\n<!-- {name}: end -->"


def _session(command: str, home: str) -> str:
    """Run a command in the home directory of a user, and return the block that shows it."""
    program, *arguments = shlex.split(command)
    environ = {name: os.environ[name] for name in set(os.environ) - set(foreign(os.environ))}
    run = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        env={**environ, **own_directories(Path(home))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    shown = (run.stdout + run.stderr).replace(home, _HOME)
    return f"```console\n$ {command}\n{shown}```"


def main() -> None:
    """Write the generated parts of all pages anew."""
    for page in PAGES:
        page.write_text(renewed(text_of(page)), encoding="utf-8")


if __name__ == "__main__":
    main()
