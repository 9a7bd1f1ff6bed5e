"""Who speaks: random, private, and not for ever."""

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


def test_an_identity_is_kept(tmp_path: Path) -> None:
    """128 random bits, and a salt, for this user's eyes only."""
    state = tmp_path / "acme" / "telemetry"

    first = identity.load_identity(str(state), lambda: NOW)
    again = identity.load_identity(str(state), lambda: NOW + 89 * DAY)

    assert first == again == identity.read_identity(str(state))
    assert len(bytes.fromhex(first.installation_id)) == 16
    assert len(first.salt) == 32
    assert stat.S_IMODE((state / "identity.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_after_90_days_it_is_another(tmp_path: Path) -> None:
    """So is the salt: pseudonyms of before and after cannot be joined."""
    first = identity.load_identity(str(tmp_path), lambda: NOW)
    second = identity.load_identity(str(tmp_path), lambda: NOW + 90 * DAY)

    assert first.installation_id != second.installation_id
    assert first.salt != second.salt
    assert identity.load_identity(str(tmp_path), lambda: NOW + 91 * DAY) == second


@pytest.mark.parametrize(("back", "is_kept"), [(0.5 * DAY, True), (2 * DAY, False)])
def test_a_clock_that_was_wrong_makes_no_identity_eternal(
    tmp_path: Path,
    back: float,
    is_kept: bool,  # noqa: FBT001 - a table
) -> None:
    """One that was made in the future is replaced, unless it is by a day at most."""
    first = identity.load_identity(str(tmp_path), lambda: NOW)

    assert (identity.load_identity(str(tmp_path), lambda: NOW - back) == first) is is_kept


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
def test_one_that_cannot_be_used_is_replaced(tmp_path: Path, wrong: dict[str, object]) -> None:
    """And the new one is kept."""
    made = identity.load_identity(str(tmp_path), lambda: NOW)
    path = tmp_path / "identity.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}), encoding="utf-8")
    assert identity.read_identity(str(tmp_path)) is None

    new = identity.load_identity(str(tmp_path), lambda: NOW)

    assert new != made
    assert identity.read_identity(str(tmp_path)) == new


@pytest.mark.parametrize("state", [None, "/proc/telemetry"])
def test_where_it_cannot_be_kept_it_lives_as_long_as_the_process(state: str | None) -> None:
    """A home that is read-only, or none."""
    first, second = identity.load_identity(state), identity.load_identity(state)

    assert first.installation_id != second.installation_id


def test_of_two_processes_that_come_first_both_have_the_same(tmp_path: Path) -> None:
    """One makes it; the other takes that."""
    theirs: list[identity.Identity] = []

    with AUDIT.before("os.link", lambda: theirs.append(identity.load_identity(str(tmp_path)))):
        ours = identity.load_identity(str(tmp_path))

    assert theirs == [ours]
    assert os.listdir(tmp_path) == ["identity.json"]


def test_it_can_be_forgotten(tmp_path: Path) -> None:
    """The next one has nothing to do with it."""
    assert not identity.delete_identity(str(tmp_path))
    first = identity.load_identity(str(tmp_path))

    assert identity.delete_identity(str(tmp_path))
    assert identity.read_identity(str(tmp_path)) is None
    assert identity.load_identity(str(tmp_path)) != first


class TestPseudonyms:
    """What stands for a name without telling it."""

    KNOWN = identity.Identity(installation_id="00" * 16, salt=b"s" * 32, made_at=NOW)

    def test_the_same_value_has_the_same_pseudonym(self) -> None:
        """In every process, and for as long as the salt is the same."""
        code = (
            "from otel_telemetry.consent.identity import Identity\n"
            "known = Identity(installation_id='00' * 16, salt=b's' * 32, made_at=0)\n"
            "print(known.pseudonym('user', 'ada@example.com'))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        pseudonym = self.KNOWN.pseudonym("user", "ada@example.com")

        assert done.stdout.decode().strip() == pseudonym
        assert len(bytes.fromhex(pseudonym)) == 16

    def test_another_salt_kind_or_value_has_another(self) -> None:
        """Kinds and values do not run into each other."""
        one = self.KNOWN
        other = replace(one, salt=b"t" * 32)

        assert one.pseudonym("user", "x") != other.pseudonym("user", "x")
        assert one.pseudonym("user", "x") != one.pseudonym("project", "x")
        assert one.pseudonym("a", "bc") != one.pseudonym("ab", "c")
        assert one.pseudonym("1:a", "b") != one.pseudonym("1", ":ab")

    @given(st.text(), st.text(st.characters()))
    def test_any_text_has_one(self, kind: str, value: str) -> None:
        """Lone surrogates, too."""
        assert len(self.KNOWN.pseudonym(kind, value)) == 32
