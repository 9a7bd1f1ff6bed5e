"""`preview`: what would leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry import Telemetry
from otel_telemetry.cli.preview import properties
from otel_telemetry.testing.receiver.decoding import contents_of, from_json
from tests.support.cli import ask, home

Make = Callable[..., Telemetry]

MADE_UP = "note: the installation id is made up, for none is kept yet.\n"


def test_it_shows_the_request_and_where_it_would_go(make: Make) -> None:
    """With the three buckets, sizes and all that every event has."""
    ran = ask(
        "preview",
        make(endpoint="https://telemetry.acme.example"),
        event="didCreateEntry",
        event_properties=("model=article", "draft=true"),
        user_properties=("plan=free",),
        group_properties=("locales=3",),
    )

    assert (ran.code, ran.err) == (0, MADE_UP)
    first, second, *rest = ran.out.splitlines()
    assert first == "to https://telemetry.acme.example/v1/logs"
    assert second.startswith("OTLP http/protobuf, ")
    assert second.endswith(" bytes compressed; nothing of it was sent")
    for shown in (
        'model           "article"',
        "draft           true",
        'plan  "free"',
        "locales  3",
    ):
        assert f"    {shown}" in rest
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_the_json_is_a_request_that_a_backend_takes(make: Make) -> None:
    """OTLP's own JSON."""
    ran = ask("preview", make(compression="none"), event="didX", json=True)

    (event,) = contents_of(from_json("logs", ran.out.encode())).events
    assert event.name == "didX"


def test_uncompressed_there_is_one_size(make: Make) -> None:
    """The one that goes."""
    out = ask("preview", make(compression="none"), event="didX").out

    assert "compressed" not in out


def test_off_it_works_all_the_same_and_says_that_nothing_would_leave(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To see before one agrees."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    ran = ask("preview", make(), event="didX")

    assert (ran.code, ran.err) == (0, f"{MADE_UP}nothing would leave: DO_NOT_TRACK is set.\n")
    assert "didX" in ran.out


def test_the_kept_identity_is_shown_as_it_would_go(make: Make) -> None:
    """And one that is not kept is not kept afterwards either."""
    telemetry = make()
    telemetry.send("didStart")
    known = ask("status", telemetry, json=True).json["installation"]
    assert isinstance(known, dict)

    ran = ask("preview", telemetry, event="didX")

    assert str(known["id"]) in ran.out
    assert ran.err == ""


def test_in_ci_the_installation_is_everybodys(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one is kept."""
    make().send("didStart")
    monkeypatch.setenv("CI", "true")

    ran = ask("preview", make(), event="didX")

    assert 'app.installation.id       "ci"' in ran.out
    assert ran.err == ""


def test_what_a_hook_drops_would_not_leave(make: Make) -> None:
    """There is nothing to show, and that is said."""
    ran = ask("preview", make(before_send=lambda _event: None), event="didX")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: nothing would leave: a hook in before_send drops this event.")


def test_what_is_mended_is_noted(make: Make) -> None:
    """On stderr."""
    ran = ask("preview", make(), event="didX", event_properties=("service.name=mine",))

    assert (ran.code, ran.err) == (
        0,
        f"{MADE_UP}note: mended in the event: reserved_key, 1 time\n",
    )


def test_without_the_code_it_says_that_it_does_not_know_it(make: Make) -> None:
    """Its hooks and its catalogue may change all that is shown."""
    assert "the code of acme-cms itself" in ask("preview", make(), event="x", is_known=False).err


def test_what_happens_to_an_event_that_would_not_leave_is_noted(make: Make) -> None:
    """Beside the reason: it may be the same thing."""
    telemetry = make(before_send=lambda _event: None)

    ran = ask("preview", telemetry, event="x", event_properties=("service.name=a",))

    assert ran.err.splitlines()[1:] == ["note: mended in the event: reserved_key, 1 time"]


def test_an_applications_own_provider_is_noted(make: Make) -> None:
    """What it makes of the event is not known here."""
    ran = ask("preview", make(logger_provider=LoggerProvider()), event="didX")

    assert "the application's own LoggerProvider sends it" in ran.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event": ""}, "1 to 256 characters"),
        ({"event": "x", "event_properties": ("novalue",)}, "'novalue' is no property"),
        ({"event": "x", "user_properties": ("=1",)}, "'=1' is no property"),
    ],
    ids=["no name", "no value", "no key"],
)
def test_wrong_usage_is_told(make: Make, options: dict[str, Any], message: str) -> None:
    """With the exit code of all wrong usage."""
    ran = ask("preview", make(), **options)

    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_values_are_json_or_text() -> None:
    """Whatever is one is read as it, and nothing raises."""
    pairs = ["a=1", "b=1.5", "c=true", "d=null", "e=[1,2]", "f=free", 'g="1"', "h=", "i=a=b"]

    assert properties(pairs) == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": [1, 2],
        "f": "free",
        "g": "1",
        "h": "",
        "i": "a=b",
    }
    assert properties([f"deep={'[' * 100_000}"]) == {"deep": "[" * 100_000}
