"""The uploader runs the installed library, and no other code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.tools import Tool, own_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.testing import OTLPReceiver

HOSTILE: Final = """
import os
with open(os.environ["MARKS"], "a") as file:
    file.write(f"{__name__} {os.getpid()}\\n")
"""


def test_uploader_imports_nothing_from_the_current_directory(
    make_tool: Callable[..., Tool], http_receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """Code that only the application's PYTHONPATH reaches is not imported either."""
    (tmp_path / "cwd").mkdir()
    (tmp_path / "path").mkdir()
    for name in ("otel_telemetry", "urllib3", "ssl", "json", "sitecustomize", "brotli"):
        (tmp_path / "cwd" / f"{name}.py").write_text(HOSTILE)
    (tmp_path / "path" / "sitecustomize.py").write_text(HOSTILE)
    marks = tmp_path / "marks"
    acme = make_tool(http_receiver)
    acme.write("print(os.getpid(), flush=True)\nsend(1)\n")
    status, output = acme.run(
        cwd=tmp_path / "cwd", MARKS=str(marks), PYTHONPATH=str(tmp_path / "path")
    )
    http_receiver.wait_for_events(1, 20)
    acme.wait_for_uploaders()

    assert status == 0
    assert marks.read_text() == f"sitecustomize {output.strip()}\n"


class TestInstallations:
    """The uploader finds the packages of the host in every installation."""

    @pytest.fixture
    def python(self) -> str:
        """A Python without our packages."""
        base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        assert base.exists()
        return str(base)

    @pytest.fixture
    def packages(self) -> str:
        """The directories of the dependencies, without the effects of `.pth` files."""
        import urllib3  # noqa: PLC0415 - small

        return str(Path(urllib3.__file__).parents[1])

    def test_uploader_runs_a_library_on_pythonpath(
        self,
        make_tool: Callable[..., Tool],
        http_receiver: OTLPReceiver,
        python: str,
        packages: str,
    ) -> None:
        """The uploader itself does not read PYTHONPATH."""
        acme = make_tool(http_receiver)

        assert acme.run([python], PYTHONPATH=f"{own_root()}:{packages}") == (0, "")

        http_receiver.wait_for_events(1, 20)

    def test_uploader_runs_a_library_in_a_zip(
        self,
        make_tool: Callable[..., Tool],
        http_receiver: OTLPReceiver,
        python: str,
        packages: str,
    ) -> None:
        """`zipapp` makes such files: everything in one file, without metadata."""
        import zipfile  # noqa: PLC0415 - of this test alone

        acme = make_tool(http_receiver)
        program = acme.file.read_text()
        root = Path(own_root())
        with zipfile.ZipFile(acme.file, "w") as archive:
            archive.writestr("__main__.py", program)
            for path in (root / "otel_telemetry").rglob("*.py"):
                archive.write(path, path.relative_to(root))
            for path in (Path(packages) / "urllib3").rglob("*.py"):
                archive.write(path, path.relative_to(packages))

        assert acme.run([python]) == (0, "")

        http_receiver.wait_for_events(1, 20)
