"""The command `telemetry` in a program that uses argparse, click or typer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib import metadata

import click
import pytest
import typer

from otel_telemetry import Telemetry
from otel_telemetry.cli.commands import VERBS
from otel_telemetry.cli.context import Verb
from otel_telemetry.integrations.argparse import add_telemetry_command
from otel_telemetry.integrations.click import telemetry_group
from otel_telemetry.integrations.typer import telemetry_app

Program = Callable[..., int]

made: list[Telemetry] = []


def _telemetry() -> Telemetry:
    made.append(Telemetry("acme-cms", enabled=True, endpoint="https://telemetry.acme.example"))
    return made[-1]


def _argparse(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="acme")
    parser.add_argument("--json", default="the program's own")
    commands = parser.add_subparsers(required=True)
    add_telemetry_command(commands, _telemetry)
    parsed = parser.parse_args(arguments)
    assert parsed.json == "the program's own"
    code: int = parsed.func(parsed)
    return code


def _click(*arguments: str) -> int:
    cli = click.Group("acme")
    cli.add_command(telemetry_group(_telemetry))
    cli.main(arguments, prog_name="acme")


def _typer(*arguments: str) -> int:
    app = typer.Typer()
    app.add_typer(telemetry_app(_telemetry))
    code: int = app(arguments, prog_name="acme")
    return code


PROGRAMS = {"argparse": _argparse, "click": _click, "typer": _typer}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Program:
    """Run a program of each framework, and return its exit code."""

    def run(*arguments: str) -> int:
        made.clear()
        try:
            return PROGRAMS[request.param]("telemetry", *arguments)
        except SystemExit as done:
            return int(done.code or 0)

    return run


def test_a_verb_runs_with_the_settings_of_the_program(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function that makes the telemetry is called once, when the verb runs."""
    assert program("status", "--json") == 0

    out, err = capsys.readouterr()
    data = json.loads(out)
    assert (data["state"], data["endpoint"], data["is_known"]) == (
        "on",
        "https://telemetry.acme.example/v1/logs",
        True,
    )
    assert err == ""
    assert len(made) == 1


def test_parameters_of_every_kind_reach_their_verb(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    """An argument, a repeated option, a number, a flag."""
    properties = ["-p", "a=1", "--property", "b=2", "-u", "plan=free", "--group-property", "c=3"]

    assert program("preview", "didX", *properties, "--json") == 0
    out = capsys.readouterr().out
    for key in ("a", "b", "plan", "c"):
        assert f'"key": "{key}"' in out
    assert program("show", "--last", "2") == 0
    assert capsys.readouterr().out == "Nothing waits on disk.\n"
    assert program("flush", "--timeout", "0.5") == 0
    assert (
        program("catalog", "--format", "semconv", "--catalog", "tests.support.declared:CATALOG")
        == 0
    )
    assert capsys.readouterr().out.partition("\n")[2].startswith("groups:")


def test_the_exit_code_of_a_verb_is_that_of_the_program(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 for not done, 2 for wrong usage."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert program("flush") == 1
    assert program("on") == 1
    assert program("preview", "didX", "-p", "novalue") == 2
    assert "'novalue' is not a property" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["stat"],
        ["preview"],
        ["show", "--last", "0"],
        ["show", "--last", "x"],
        ["flush", "--timeout", "-1"],
        ["catalog", "--format", "pdf"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(program: Program, arguments: list[str]) -> None:
    """The telemetry is not made."""
    assert program(*arguments) == 2
    assert made == []


def test_without_a_verb_the_command_prints_its_help_and_exits_with_2(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    """It makes no telemetry. Before click 8.2, click and typer exit with 0."""
    code = program()

    out, err = capsys.readouterr()
    printed = out + err
    assert code == 2 or metadata.version("click") < "8.2"
    assert "Missing command" not in printed
    assert "acme telemetry" in printed
    assert all(verb.summary.split()[0] in printed for verb in VERBS)
    assert made == []


def test_help_names_every_verb(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    """With its summary; the exit codes are at the end."""
    assert program("--help") == 0
    out = capsys.readouterr().out
    for verb in VERBS:
        assert verb.name in out
    assert "exit codes: 0 done, 1 not done" in out


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_help_of_every_verb_has_examples_with_the_programs_name(
    program: Program, verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each example stands on a line of its own, unwrapped, to be copied."""
    assert program(verb.name, "--help") == 0

    lines = capsys.readouterr().out.splitlines()
    assert "examples:" in lines
    for words, effect in verb.examples:
        at = lines.index(f"  acme telemetry {words}")
        assert lines[at + 1] == f"      {effect}"
    assert lines[-1].endswith("interrupted")


def test_the_command_may_have_another_name(capsys: pytest.CaptureFixture[str]) -> None:
    """And argparse another attribute for the handler."""
    parser = argparse.ArgumentParser(prog="acme")
    add_telemetry_command(parser.add_subparsers(), _telemetry(), name="usage", dest="run")
    parsed = parser.parse_args(["usage", "status"])

    assert parsed.run(parsed) == 0
    assert telemetry_group(_telemetry, name="usage").name == "usage"
    assert telemetry_app(_telemetry, name="usage").info.name == "usage"
    assert capsys.readouterr().out.startswith("acme-cms telemetry is on")
