"""The consent record and the policy files: a file that cannot be understood is no permission."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry.consent.files import (
    CONSENT_MODES,
    ConsentRecord,
    Policy,
    read_consent_record,
    read_policy,
    write_consent_record,
)

if TYPE_CHECKING:
    from pathlib import Path


GOOD = {"mode": "on", "consent_version": 2, "at": 1_700_000_000, "by": "user"}


@pytest.mark.parametrize("mode", CONSENT_MODES)
def test_a_saved_record_is_read_as_it_was_written(tmp_path: Path, mode: str) -> None:
    """From a file that its user can read, too."""
    path = str(tmp_path / "acme" / "telemetry.json")
    record = ConsentRecord(mode=mode, version=3, at=1_700_000_000, by="admin")  # type: ignore[arg-type]  # one of CONSENT_MODES

    write_consent_record(path, record)

    assert read_consent_record(path) == record
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {
            "mode": mode,
            "consent_version": 3,
            "at": 1_700_000_000,
            "by": "admin",
        }


def test_without_a_file_there_is_no_record(tmp_path: Path) -> None:
    """That is neither a permission nor a denial."""
    assert read_consent_record(str(tmp_path / "telemetry.json")) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"on",
        b'"on"',
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b"[" * 60_000,
        b"{}",
        *(
            json.dumps({**GOOD, **wrong}).encode()
            for wrong in (
                {"mode": "yes"},
                {"mode": True},
                {"mode": ["on"]},
                {"mode": None},
                {"consent_version": 0},
                {"consent_version": "2"},
                {"consent_version": True},
                {"consent_version": 1.5},
                {"at": "yesterday"},
                {"at": 0},
                {"at": -1},
                {"at": float("nan")},
                {"at": float("inf")},
                {"at": None},
            )
        ),
    ],
)
def test_a_record_that_cannot_be_understood_is_no_permission(tmp_path: Path, text: bytes) -> None:
    """It may have been a refusal."""
    path = tmp_path / "telemetry.json"
    path.write_bytes(text)

    result = read_consent_record(str(path))

    assert isinstance(result, Unreadable)
    assert result.path == str(path)
    assert result.reason


@given(st.binary(max_size=200) | st.from_regex(rb'\{"mode": ?"on"[ -~]{0,80}\}', fullmatch=True))
def test_no_content_of_the_file_raises(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """The result is a record, or the reason why there is none."""
    path = tmp_path_factory.mktemp("any") / "telemetry.json"
    path.write_bytes(data)

    assert isinstance(read_consent_record(str(path)), (ConsentRecord, Unreadable))


def test_a_record_that_cannot_be_read_is_no_permission(tmp_path: Path) -> None:
    """A directory in its place, or a link to itself."""
    os.symlink(tmp_path / "circle", tmp_path / "circle")

    for path in tmp_path, tmp_path / "circle":
        assert isinstance(read_consent_record(str(path)), Unreadable)


def test_a_record_without_a_valid_by_is_the_users(tmp_path: Path) -> None:
    """The field is for people to read; no decision depends on it."""
    path = tmp_path / "telemetry.json"
    others: tuple[object, ...] = (None, 5, [])
    for by in others:
        path.write_text(json.dumps({**GOOD, "by": by}), encoding="utf-8")
        result = read_consent_record(str(path))
        assert isinstance(result, ConsentRecord)
        assert result.by == "user"


ON, OFF = '{"telemetry": "on"}', '{"telemetry": "off", "reason": "not here"}'


def _read(tmp_path: Path, *texts: str | None) -> Policy | Unreadable | None:
    paths = [tmp_path / f"{number}.json" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        if text is not None:
            path.write_text(text, encoding="utf-8")
    return read_policy(map(str, paths))


def test_without_a_file_there_is_no_policy(tmp_path: Path) -> None:
    """Most machines have none."""
    assert _read(tmp_path, None, None) is None
    assert _read(tmp_path) is None


def test_the_first_permission_is_named(tmp_path: Path) -> None:
    """With its file."""
    path = str(tmp_path / "1.json")
    assert _read(tmp_path, None, ON, ON) == Policy(permits=True, path=path)


@pytest.mark.parametrize("texts", [(OFF, ON), (ON, OFF), (ON, None, OFF, ON)])
def test_one_policy_that_denies_is_enough(tmp_path: Path, texts: tuple[str | None, ...]) -> None:
    """Before or after files that permit."""
    path = str(tmp_path / f"{texts.index(OFF)}.json")

    assert _read(tmp_path, *texts) == Policy(permits=False, path=path, reason="not here")


@pytest.mark.parametrize("text", ["", "off", "{}", '{"telemetry": false}', '{"telemetry": "yes"}'])
def test_a_policy_that_cannot_be_understood_is_no_permission(tmp_path: Path, text: str) -> None:
    """It may have been a denial for the whole machine."""
    for texts in (text, ON), (ON, text):
        result = _read(tmp_path, *texts)
        assert isinstance(result, Unreadable)
        assert result.path == str(tmp_path / f"{texts.index(text)}.json")


def test_a_policy_whose_reason_is_no_text_has_no_reason(tmp_path: Path) -> None:
    """The denial still holds."""
    result = _read(tmp_path, '{"telemetry": "off", "reason": 5}')

    assert result == Policy(permits=False, path=str(tmp_path / "0.json"))
