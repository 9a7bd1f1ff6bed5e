"""The tools: README, CONTRIBUTING, nox, CI and pre-commit run the same checks the same way."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


NOXFILE = ast.parse(_read("noxfile.py"))
SESSIONS = {
    node.name: ast.unparse(node)
    for node in NOXFILE.body
    if isinstance(node, ast.FunctionDef)
    and any(ast.unparse(decorator).startswith("nox.session") for decorator in node.decorator_list)
}
CONSTANTS = {
    ast.unparse(node.targets[0]): node.value
    for node in NOXFILE.body
    if isinstance(node, ast.Assign)
}


def _constant(name: str) -> tuple[str, ...]:
    return tuple(ast.literal_eval(CONSTANTS[name]))


def test_nox_installs_and_tests_as_the_second_shell_line_of_the_readme() -> None:
    """A reader of the README gets the result that CI gets."""
    shell = re.findall(r"^```sh\n(.*?)^```", _read("README.md"), re.MULTILINE | re.DOTALL)[0]
    _, install, test = map(shlex.split, shell.splitlines()[1].split(" && "))

    assert (*install[:2], *install[-2:]) == (".venv/bin/pip", "install", *_constant("INSTALL"))
    assert test == [f".venv/bin/{_constant('TEST')[0]}", *_constant("TEST")[1:]]
    for name in ("tests", "tests_floor"):
        assert "session.install(*INSTALL" in SESSIONS[name]
        assert "session.run(*TEST, *session.posargs)" in SESSIONS[name]


def test_contributing_names_every_nox_session_and_no_other() -> None:
    """A contributor finds each check, and each check that is named exists."""
    assert set(re.findall(r"`nox -s (\w+)", _read("CONTRIBUTING.md"))) == set(SESSIONS)


def test_ci_runs_every_session_that_nox_runs_by_default() -> None:
    """What a plain `nox` checks on the machine of a contributor, CI checks as well."""
    in_ci = set(re.findall(r'^\s+session "?(\w+)', _read(".ci/run"), re.MULTILINE))

    assert in_ci == set(_constant("nox.options.sessions"))


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    """The classifiers promise what nox and CI run."""
    classifiers = re.findall(
        r'"Programming Language :: Python :: ([\d.]+)"', _read("pyproject.toml")
    )
    minors = re.findall(r"^readonly minors=\((.*)\)$", _read(".ci/run"), re.MULTILINE)[0].split()

    assert tuple(classifiers) == _constant("SUPPORTED")
    assert tuple(f"3.{minor}" for minor in minors) == _constant("SUPPORTED")


def test_pre_commit_has_the_tools_of_the_check_extra() -> None:
    """A commit is checked by the version of ruff that checks it in CI."""
    (local,) = yaml.safe_load(_read(".pre-commit-config.yaml"))["repos"]
    needs = {need for hook in local["hooks"] for need in hook["additional_dependencies"]}
    ours = {need for need in needs if not need.startswith("pre-commit-hooks==")}
    check = _read("pyproject.toml").partition("\ncheck = [\n")[2].partition("\n]\n")[0]

    assert local["repo"] == "local"
    assert {re.split("[=>]", need)[0] for need in ours} == {"ruff", "nox"}
    assert {need for need in ours if f'"{need}",' not in check} == set()
