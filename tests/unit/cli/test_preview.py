"""`preview`: the request that would be sent for an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider

from otel_telemetry import Telemetry
from otel_telemetry.cli.preview import properties
from otel_telemetry.testing.receiver.decoding import contents_of, from_json
from tests.support.cli import home, run_verb

Make = Callable[..., Telemetry]

EXAMPLE_ID = "note: there is no installation id yet; the one shown is an example.\n"


def test_preview_shows_the_endpoint_and_the_request_and_writes_no_file(make: Make) -> None:
    """The request has a size, three kinds of properties, and the attributes of every event."""
    result = run_verb(
        "preview",
        make(endpoint="https://telemetry.acme.example"),
        event="didCreateEntry",
        event_properties=("model=article", "draft=true"),
        user_properties=("plan=free",),
        group_properties=("locales=3",),
    )

    assert (result.code, result.err) == (0, EXAMPLE_ID)
    first, second, *rest = result.out.splitlines()
    assert first == "endpoint  https://telemetry.acme.example/v1/logs"
    assert second.startswith("request   OTLP http/protobuf, ")
    assert second.endswith(" bytes compressed; nothing was sent")
    for shown in (
        'model           "article"',
        "draft           true",
        'plan  "free"',
        "locales  3",
    ):
        assert f"    {shown}" in rest
    assert [path for path in home().rglob("*") if path.is_file()] == []


def test_preview_with_json_prints_a_request_that_a_backend_accepts(make: Make) -> None:
    """It is in OTLP's own JSON."""
    result = run_verb("preview", make(compression="none"), event="didX", json=True)

    (event,) = contents_of(from_json("logs", result.out.encode())).events
    assert event.name == "didX"


def test_preview_without_compression_shows_one_size(make: Make) -> None:
    """It is the size that would be sent."""
    out = run_verb("preview", make(compression="none"), event="didX").out

    assert "compressed" not in out


def test_preview_works_while_telemetry_is_off_and_notes_that_nothing_would_be_sent(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users look before they agree."""
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    result = run_verb("preview", make(), event="didX")

    assert (result.code, result.err) == (
        0,
        f"{EXAMPLE_ID}note: nothing would be sent now: DO_NOT_TRACK is set.\n",
    )
    assert "didX" in result.out


def test_preview_shows_the_saved_installation_id(make: Make) -> None:
    """There is then no note about an example."""
    telemetry = make()
    telemetry.send("didStart")
    known = run_verb("status", telemetry, json=True).json["installation"]
    assert isinstance(known, dict)

    result = run_verb("preview", telemetry, event="didX")

    assert str(known["id"]) in result.out
    assert result.err == ""


def test_preview_shows_the_shared_installation_id_in_ci(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the machine has a saved one."""
    make().send("didStart")
    monkeypatch.setenv("CI", "true")

    result = run_verb("preview", make(), event="didX")

    assert 'app.installation.id       "ci"' in result.out
    assert result.err == ""


def test_preview_exits_with_1_for_an_event_that_a_hook_drops(make: Make) -> None:
    """The error names the hook."""
    result = run_verb("preview", make(before_send=lambda _event: None), event="didX")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        "error: nothing would be sent: a hook in before_send drops this event."
    )


def test_preview_notes_corrections_of_the_event_on_stderr(make: Make) -> None:
    """With their number."""
    result = run_verb("preview", make(), event="didX", event_properties=("service.name=mine",))

    assert (result.code, result.err) == (
        0,
        f"{EXAMPLE_ID}note: corrected in the event: reserved_key, 1 time\n",
    )


def test_preview_without_the_code_notes_that_its_settings_are_unknown(make: Make) -> None:
    """Hooks and a catalogue in the code may change the event."""
    assert (
        "the settings in the code of acme-cms"
        in run_verb("preview", make(), event="x", is_known=False).err
    )


def test_preview_without_the_code_shows_no_default_as_the_endpoint(make: Make) -> None:
    """The endpoint is unknown, unless the environment sets it."""
    result = run_verb("preview", make(endpoint=None), event="x", is_known=False)

    assert result.out.startswith("endpoint  not known without the code of acme-cms\n")
    assert "localhost" not in result.out


def test_preview_notes_corrections_of_an_event_that_would_not_be_sent_too(make: Make) -> None:
    """A correction may be the reason."""
    telemetry = make(before_send=lambda _event: None)

    result = run_verb("preview", telemetry, event="x", event_properties=("service.name=a",))

    assert result.err.splitlines()[1:] == ["note: corrected in the event: reserved_key, 1 time"]


def test_preview_notes_that_the_applications_own_provider_sends_the_event(make: Make) -> None:
    """The provider may change the event."""
    result = run_verb("preview", make(logger_provider=LoggerProvider()), event="didX")

    assert "the application's own LoggerProvider sends the event" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event": ""}, "1 to 256 characters"),
        ({"event": "x", "event_properties": ("novalue",)}, "'novalue' is not a property"),
        ({"event": "x", "user_properties": ("=1",)}, "'=1' is not a property"),
    ],
    ids=["no name", "no value", "no key"],
)
def test_preview_exits_with_2_for_a_wrong_name_or_property(
    make: Make, options: dict[str, Any], message: str
) -> None:
    """The message names the mistake."""
    result = run_verb("preview", make(), **options)

    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_values_are_json_if_valid_else_text() -> None:
    """No value raises an error, however deeply it is nested."""
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
