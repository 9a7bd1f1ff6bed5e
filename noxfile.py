"""The checks of this project, one command each: `nox --list` names them, `nox -s lint` runs one.

Arguments behind `--` go to the tool: `nox -s tests-3.12 -- -n 0 -k queue`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.sessions = ("lint", "types", "tests", "tests_floor", "coverage", "package")

SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
# 3.14 is offered where it is installed; each of the others is reported where it is missing.
PYTHONS = tuple(v for v in SUPPORTED if v != "3.14" or shutil.which(f"python{v}"))

# The README's second line does the same, and a test holds the two together.
INSTALL = ("--editable", ".[test]")
TEST = ("python", "-m", "pytest")

# What the oldest supported OpenTelemetry consists of: distribution -> start of its version.
FLOOR = {
    "opentelemetry-api": "1.39.",
    "opentelemetry-sdk": "1.39.",
    "opentelemetry-exporter-otlp": "1.39.",
    "opentelemetry-exporter-otlp-proto-grpc": "1.39.",
    "opentelemetry-proto": "1.39.",
    "opentelemetry-distro": "0.60b",
    "opentelemetry-instrumentation-flask": "0.60b",
    "opentelemetry-semantic-conventions": "0.60b",
}
# The other distributions follow from these.
FLOOR_PINS = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp")

PEERS = (
    "amplitude-analytics",
    "mixpanel",
    "posthog",
    "segment-analytics-python",
    "snowplow-tracker",
)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code style and the formatting with ruff."""
    session.install(_requirement("ruff"))
    _run_all(
        session,
        ("ruff", "check", "--output-format", "concise", "."),
        ("ruff", "format", "--check", "."),
    )


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy, and what an application sees of them with pyright."""
    session.install("--editable", ".[test,check]")
    _run_all(session, ("mypy",), ("pyright", "--project", "tests/typing"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the newest OpenTelemetry."""
    session.install(*INSTALL)
    session.run(*TEST, *session.posargs)


@nox.session(python=PYTHONS[0])
def tests_floor(session: nox.Session) -> None:
    """Run the tests on the oldest Python with the oldest OpenTelemetry."""
    session.install(*INSTALL, *(f"{name}=={FLOOR[name]}*" for name in FLOOR_PINS))
    _check_floor(session)
    session.run(*TEST, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests and measure them: every line and every branch has to run."""
    # Editable, because then the code that runs, in child processes too, is the code that is
    # measured.
    session.install(*INSTALL)
    with tempfile.TemporaryDirectory() as folder:
        session.env["COVERAGE_FILE"] = str(Path(folder, "coverage"))
        _run_all(
            session,
            # Under a tracer, CPython 3.11 lets a thread die that starts while another thread
            # starts ("Cannot install a trace function while another trace function is being
            # installed"). pytest would report that as a fault of the test. The `tests` sessions,
            # which have no tracer, look for such faults.
            (
                *("python", "-m", "coverage", "run"),
                *("-m", "pytest", "-p", "no:unraisableexception", *session.posargs),
            ),
            ("python", "-m", "coverage", "combine", "--quiet"),
            ("python", "-m", "coverage", "report"),
        )


@nox.session
def stress(session: nox.Session) -> None:
    """Run the tests under load and faults: four minutes, and one part needs root."""
    session.install(*INSTALL)
    session.run(*TEST, "-m", "stress", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel, install the wheel and run the quickstart with it."""
    session.install("build")
    quickstart = Path("examples", "quickstart.py").resolve()
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", f"{folder}/dist", ".")
        # A venv of its own shows whether the wheel names all that it needs: the session's venv
        # already has the requirements of `build`.
        session.run("python", "-m", "venv", f"{folder}/user")
        python = Path(folder, "user", "Scripts" if os.name == "nt" else "bin", "python")
        wheel = Path(folder, "dist").glob("*.whl")
        pip = (python, "-m", "pip", "--disable-pip-version-check")
        session.run(*pip, "install", "--quiet", *wheel, external=True)
        session.run(*pip, "check", external=True)
        # In another folder, because Python would import the checkout from this one.
        with session.chdir(folder):
            show = "import otel_telemetry; print(otel_telemetry.__file__)"
            session.run(python, "-c", show, external=True)
            session.run(python, quickstart, env={"HOME": folder}, external=True)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure the package beside the stock SDK and the peers; prints Markdown."""
    session.install("--editable", ".", *PEERS)
    session.run("python", "-m", "benchmarks", *session.posargs)


def _run_all(session: nox.Session, *commands: tuple[str, ...]) -> None:
    """Run every command, and fail at the end if one has failed."""
    failed = []
    for command in commands:
        try:
            session.run(*command)
        except CommandFailed:
            failed.append(" ".join(command))
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def _check_floor(session: nox.Session) -> None:
    """Fail if the session's environment holds a newer OpenTelemetry than the oldest supported."""
    listing = session.run(
        *("python", "-m", "pip", "--disable-pip-version-check", "list", "--format=json"),
        silent=True,
        log=False,
    )
    if listing is None:  # with --install-only nothing runs
        return
    installed = {item["name"]: item["version"] for item in json.loads(listing)}
    for name, start in FLOOR.items():
        version = installed.get(name, "missing")
        session.log(f"{name} {version}")
        if not version.startswith(start):
            session.error(f"{name} is {version}, not {start}*")


def _requirement(name: str) -> str:
    """Look up in pyproject.toml which version of a tool checks the code."""
    extras = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
    requirement: str = next(item for item in extras["check"] if item.startswith(name))
    return requirement
