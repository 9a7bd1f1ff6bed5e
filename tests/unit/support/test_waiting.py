"""Waiting with a deadline."""

from __future__ import annotations

import time

import pytest

from tests.support.waiting import wait_until


def test_wait_until_returns_when_the_condition_holds() -> None:
    """It asks again until the answer is yes, and not once more."""
    answers = iter((False, False, True))

    wait_until(lambda: next(answers), within=5, what="the third answer")

    assert list(answers) == []


def test_wait_until_gives_up_at_the_deadline() -> None:
    """It says what did not happen, and in which time."""
    started = time.monotonic()

    with pytest.raises(TimeoutError, match=r"^not within 0\.05 s: rain$"):
        wait_until(lambda: False, within=0.05, what="rain")

    assert time.monotonic() - started >= 0.05


def test_wait_until_asks_once_with_no_time_left() -> None:
    """A deadline of zero still takes a state that is there already."""
    wait_until(lambda: True, within=0, what="what is there already")
