"""The machine's policy: a denial before a permission, wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent.files import Policy, read_policy

if TYPE_CHECKING:
    from pathlib import Path

ON, OFF = '{"telemetry": "on"}', '{"telemetry": "off", "reason": "not here"}'


def _read(tmp_path: Path, *texts: str | None) -> Policy | Unreadable | None:
    paths = [tmp_path / f"{number}.json" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        if text is not None:
            path.write_text(text, encoding="utf-8")
    return read_policy(map(str, paths))


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    """Most machines have none."""
    assert _read(tmp_path, None, None) is None
    assert _read(tmp_path) is None


def test_the_first_permission_is_named(tmp_path: Path) -> None:
    """With the file that says so."""
    path = str(tmp_path / "1.json")
    assert _read(tmp_path, None, ON, ON) == Policy(permits=True, path=path)


@pytest.mark.parametrize("texts", [(OFF, ON), (ON, OFF), (ON, None, OFF, ON)])
def test_one_denial_is_enough(tmp_path: Path, texts: tuple[str | None, ...]) -> None:
    """Whatever the other files say, before it or after."""
    path = str(tmp_path / f"{texts.index(OFF)}.json")

    assert _read(tmp_path, *texts) == Policy(permits=False, path=path, reason="not here")


@pytest.mark.parametrize("text", ["", "off", "{}", '{"telemetry": false}', '{"telemetry": "yes"}'])
def test_what_cannot_be_understood_is_no_permission(tmp_path: Path, text: str) -> None:
    """Somebody said something for the whole machine, and it may have been no."""
    for texts in (text, ON), (ON, text):
        found = _read(tmp_path, *texts)
        assert isinstance(found, Unreadable)
        assert found.path == str(tmp_path / f"{texts.index(text)}.json")


def test_a_reason_that_is_no_text_is_none(tmp_path: Path) -> None:
    """The denial holds all the same."""
    found = _read(tmp_path, '{"telemetry": "off", "reason": 5}')

    assert found == Policy(permits=False, path=str(tmp_path / "0.json"))
