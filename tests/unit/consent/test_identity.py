"""The identity of an installation: random, private, and replaced after 90 days."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.consent import identity
from tests.support.audit import AUDIT

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000.0
DAY = 24 * 3600.0


def test_an_identity_is_saved(tmp_path: Path) -> None:
    """128 random bits and a salt, in a file that only this user can read."""
    state = tmp_path / "acme" / "telemetry"

    first = identity.load_identity(str(state), lambda: NOW)
    again = identity.load_identity(str(state), lambda: NOW + 89 * DAY)

    assert first == again == identity.read_identity(str(state))
    assert len(bytes.fromhex(first.installation_id)) == 16
    assert len(first.salt) == 32
    assert stat.S_IMODE((state / "identity.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_an_identity_is_replaced_after_90_days(tmp_path: Path) -> None:
    """The salt, too: pseudonyms of before and after cannot be joined."""
    first = identity.load_identity(str(tmp_path), lambda: NOW)
    second = identity.load_identity(str(tmp_path), lambda: NOW + 90 * DAY)

    assert first.installation_id != second.installation_id
    assert first.salt != second.salt
    assert identity.load_identity(str(tmp_path), lambda: NOW + 91 * DAY) == second


@pytest.mark.parametrize(("back", "is_valid"), [(0.5 * DAY, True), (2 * DAY, False)])
def test_an_identity_from_the_future_is_replaced(
    tmp_path: Path,
    back: float,
    is_valid: bool,  # noqa: FBT001 - a table
) -> None:
    """A difference of up to a day is taken for a clock error."""
    first = identity.load_identity(str(tmp_path), lambda: NOW)

    assert (identity.load_identity(str(tmp_path), lambda: NOW - back) == first) is is_valid


@pytest.mark.parametrize(
    "wrong",
    [
        {"installation_id": "host-name"},
        {"installation_id": "ab"},
        {"installation_id": None},
        {"salt": "00"},
        {"salt": 5},
        {"made_at": "now"},
    ],
)
def test_an_invalid_identity_is_replaced(tmp_path: Path, wrong: dict[str, object]) -> None:
    """And the new one is saved."""
    first = identity.load_identity(str(tmp_path), lambda: NOW)
    path = tmp_path / "identity.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}), encoding="utf-8")
    assert identity.read_identity(str(tmp_path)) is None

    new = identity.load_identity(str(tmp_path), lambda: NOW)

    assert new != first
    assert identity.read_identity(str(tmp_path)) == new


@pytest.mark.parametrize("state", [None, "/proc/telemetry"])
def test_an_identity_that_cannot_be_saved_is_new_in_each_process(state: str | None) -> None:
    """A read-only directory, or none."""
    first, second = identity.load_identity(state), identity.load_identity(state)

    assert first.installation_id != second.installation_id


def test_two_processes_that_start_at_once_share_one_identity(tmp_path: Path) -> None:
    """One creates the file; the other reads it."""
    other: list[identity.Identity] = []

    with AUDIT.before("os.link", lambda: other.append(identity.load_identity(str(tmp_path)))):
        own = identity.load_identity(str(tmp_path))

    assert other == [own]
    assert os.listdir(tmp_path) == ["identity.json"]


def test_an_identity_can_be_deleted(tmp_path: Path) -> None:
    """The next one has other ids."""
    assert not identity.delete_identity(str(tmp_path))
    first = identity.load_identity(str(tmp_path))

    assert identity.delete_identity(str(tmp_path))
    assert identity.read_identity(str(tmp_path)) is None
    assert identity.load_identity(str(tmp_path)) != first


class TestPseudonyms:
    """Pseudonyms do not reveal the value."""

    KNOWN = identity.Identity(installation_id="00" * 16, salt=b"s" * 32, made_at=NOW)

    def test_the_same_value_has_the_same_pseudonym(self) -> None:
        """In every process with the same salt."""
        code = (
            "from otel_telemetry.consent.identity import Identity\n"
            "known = Identity(installation_id='00' * 16, salt=b's' * 32, made_at=0)\n"
            "print(known.pseudonym('user', 'ada@example.com'))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        pseudonym = self.KNOWN.pseudonym("user", "ada@example.com")

        assert done.stdout.decode().strip() == pseudonym
        assert len(bytes.fromhex(pseudonym)) == 16

    def test_another_salt_kind_or_value_has_another_pseudonym(self) -> None:
        """Where kind and value together have the same letters, too."""
        one = self.KNOWN
        other = replace(one, salt=b"t" * 32)

        assert one.pseudonym("user", "x") != other.pseudonym("user", "x")
        assert one.pseudonym("user", "x") != one.pseudonym("project", "x")
        assert one.pseudonym("a", "bc") != one.pseudonym("ab", "c")
        assert one.pseudonym("1:a", "b") != one.pseudonym("1", ":ab")

    @given(st.text(), st.text(st.characters()))
    def test_any_text_has_a_pseudonym(self, kind: str, value: str) -> None:
        """Lone surrogates, too."""
        assert len(self.KNOWN.pseudonym(kind, value)) == 32
