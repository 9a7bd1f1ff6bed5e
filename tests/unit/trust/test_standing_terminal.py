"""What a user is told and asked before anything is on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_telemetry.consent.files import Choice
from tests.support.trust import set_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from otel_telemetry.consent.consent import Standing
    from tests.support.trust import Ends


class TestNotice:
    """`enabled=True` waits until the user has seen what it means."""

    TEXT = "Acme counts which commands are used.\nSee https://acme.example/telemetry"

    def test_it_is_shown_once_and_nothing_is_on_before(
        self, make: Callable[..., Standing], terminal: Ends
    ) -> None:
        """Eight lines at most: what, where to, and how to turn it off."""
        settings = {"enabled": True, "notice": self.TEXT, "endpoint": "https://t.acme.example"}
        standing = make(**settings)
        assert standing.decide().source == "notice"

        assert standing.show_notice(terminal[1])

        assert os.read(terminal[2], 1000).decode().splitlines() == [
            *self.TEXT.splitlines(),
            "It goes to t.acme.example. Nothing is recorded in this run.",
            "Turn it off: ACME_CMS_TELEMETRY=off, or DO_NOT_TRACK=1.",
        ]
        assert standing.decide().source == "notice"
        assert make(**settings).decide().source == "code"
        assert not make(**settings).show_notice(terminal[1])
        assert make(**settings, consent_version=2).decide().source == "notice"

    def test_where_it_cannot_be_seen_it_stays_due(
        self, make: Callable[..., Standing], terminal: Ends
    ) -> None:
        """In a pipe, in continuous integration; and where it cannot be kept that it was seen."""
        settings = {"enabled": True, "notice": self.TEXT}
        with open(os.devnull, "w", encoding="utf-8") as file:
            assert not make(**settings).show_notice(file)
        assert not make({"CI": "1"}, **settings).show_notice(terminal[1])
        assert not make(**settings).show_notice(None)
        assert make(**settings).decide().source == "notice"

        assert make({"HOME": "/proc"}, **settings).show_notice(terminal[1])
        assert make({"HOME": "/proc"}, **settings).decide().source == "notice"

    @pytest.mark.parametrize("said", [{"DO_NOT_TRACK": "1"}, {"ACME_CMS_TELEMETRY": "on"}])
    def test_who_has_said_something_is_not_told(
        self, make: Callable[..., Standing], terminal: Ends, said: Mapping[str, str]
    ) -> None:
        """They know already."""
        standing = make(said, enabled=True, notice=self.TEXT)

        assert not standing.show_notice(terminal[1])


class TestAsk:
    """A question whose default is no."""

    @pytest.mark.parametrize(("typed", "mode"), [(b"y\n", "on"), (b"\n", "off")])
    def test_the_answer_is_kept(
        self, make: Callable[..., Standing], terminal: Ends, typed: bytes, mode: str
    ) -> None:
        """And nobody is asked twice."""
        os.write(terminal[2], typed)
        make().ask(None, *terminal[:2])

        choice = make().choice()
        assert isinstance(choice, Choice)
        assert (choice.mode, choice.by) == (mode, "user")
        make().ask(None, *terminal[:2])  # would wait for ever

    def test_who_agreed_to_less_is_asked_again(
        self, make: Callable[..., Standing], terminal: Ends
    ) -> None:
        """In the application's own words."""
        make().choose("on", by="user")
        os.write(terminal[2], b"y\n")

        make(consent_version=2).ask("More than before?", *terminal[:2])

        assert make(consent_version=2).decide().enabled

    def test_who_cannot_be_asked_has_said_nothing(
        self, make: Callable[..., Standing], terminal: Ends
    ) -> None:
        """No terminal: they are asked another time."""
        with open(os.devnull, encoding="utf-8") as file:
            make().ask(None, file, terminal[1])

        assert make().choice() is None

    @pytest.mark.parametrize(
        "said",
        [
            {"CI": "1"},
            {"DO_NOT_TRACK": "1"},
            {"OTEL_TELEMETRY": "no"},
            {"ACME_CMS_TELEMETRY": "on"},
        ],
    )
    def test_where_something_is_said_nobody_is_asked(
        self, make: Callable[..., Standing], terminal: Ends, said: Mapping[str, str]
    ) -> None:
        """It would wait for ever."""
        make(said).ask(None, *terminal[:2])

        assert make().choice() is None

    def test_a_policy_asks_for_everybody(
        self, make: Callable[..., Standing], terminal: Ends, home: Path
    ) -> None:
        """Their administrator has answered."""
        set_policy(home, "on")
        make().ask(None, *terminal[:2])

        assert make().choice() is None
