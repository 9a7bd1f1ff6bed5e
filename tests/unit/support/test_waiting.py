"""Waiting with a deadline."""

from __future__ import annotations

import time

import pytest

from tests.support.waiting import wait_until


def test_wait_until_returns_once_the_condition_is_true() -> None:
    """It does not check again."""
    answers = iter((False, False, True))

    wait_until(lambda: next(answers), within=5, what="the third answer")

    assert list(answers) == []


def test_wait_until_raises_timeout_error_at_the_deadline() -> None:
    """The message has the condition and the time."""
    started = time.monotonic()

    with pytest.raises(TimeoutError, match=r"^not within 0\.05 s: rain$"):
        wait_until(lambda: False, within=0.05, what="rain")

    assert time.monotonic() - started >= 0.05


def test_wait_until_checks_once_with_a_deadline_of_zero() -> None:
    """A state that already exists is found."""
    wait_until(lambda: True, within=0, what="an existing state")
