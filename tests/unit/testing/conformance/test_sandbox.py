"""The surroundings of a program under test."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from otel_telemetry.testing.conformance.sandbox import Sandbox, UnsupportedError


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox from an environment with variables about telemetry and CI."""
    environ = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "DO_NOT_TRACK": "1",
        "OTEL_SERVICE_NAME": "theirs",
        "ACME_CMS_TELEMETRY": "on",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "NO_PROXY": "example.com",
        "HTTP_PROXY": "http://proxy.example",
    }
    with Sandbox("acme-cms", environ) as sandbox:
        yield sandbox


def _address(sandbox: Sandbox) -> tuple[str, int]:
    parts = urlsplit(sandbox.environ["ACME_CMS_TELEMETRY_ENDPOINT"])
    return parts.hostname or "", parts.port or 0


def test_variables_about_telemetry_and_ci_are_removed(sandbox: Sandbox) -> None:
    """The others stay, except for the directories of the user and the proxies for this machine."""
    environ = dict(sandbox.environ)

    home = environ["HOME"]
    assert os.listdir(home) == []
    assert environ["XDG_STATE_HOME"].startswith(home)
    assert environ["NO_PROXY"] == "example.com,127.0.0.1"
    assert environ["no_proxy"] == "127.0.0.1"
    assert environ["PATH"] == "/bin"
    assert not {"DO_NOT_TRACK", "OTEL_SERVICE_NAME", "CI", "GITHUB_ACTIONS"} & environ.keys()
    assert "ACME_CMS_TELEMETRY" not in environ


def test_the_home_directory_is_removed_at_the_end() -> None:
    """Also if it is read-only."""
    with Sandbox("acme-cms", {}) as sandbox:
        home = sandbox.environ["HOME"]
        sandbox.make_home_read_only()
        with pytest.raises(OSError, match=r"."):
            os.mkdir(os.path.join(sandbox.environ["HOME"], "x"))

    assert not Path(home).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="permissions bind this user")
def test_a_read_only_home_is_unsupported_if_the_user_can_write_to_every_directory(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """As root can in some containers."""
    with pytest.raises(UnsupportedError, match="write to every directory"):
        sandbox.make_home_read_only([str(tmp_path), str(tmp_path / "missing")])


def test_a_consent_record_outside_the_home_is_unsupported(sandbox: Sandbox) -> None:
    """Writing it would overwrite the record of the real user."""
    sandbox.environ["XDG_CONFIG_HOME"] = "/elsewhere"

    with pytest.raises(UnsupportedError, match="does not decide"):
        sandbox.write_consent_record(None)


def test_a_consent_record_is_written_to_the_home(sandbox: Sandbox) -> None:
    """The program reads it there."""
    sandbox.write_consent_record(None)

    (path,) = Path(sandbox.environ["HOME"]).rglob("*.json")
    assert '"mode": "off"' in path.read_text()


def test_backends_refuse_stay_silent_or_answer(sandbox: Sandbox) -> None:
    """Each by its method."""
    sandbox.refuse_connections()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(_address(sandbox), 1)

    sandbox.accept_without_answer()
    with socket.create_connection(_address(sandbox), 0.05) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            silent.recv(1)

    sandbox.answer_always(b"HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    for _ in range(2):
        connection = http.client.HTTPConnection(*_address(sandbox), timeout=5)
        connection.request("POST", "/v1/logs", b"x")
        assert connection.getresponse().status == 503
        connection.close()


def test_coverage_is_not_measured_on_a_full_disk(sandbox: Sandbox) -> None:
    """Its files could not be written."""
    sandbox.environ["COVERAGE_PROCESS_CONFIG"] = "x"

    sandbox.fill_disk()

    assert "COVERAGE_PROCESS_CONFIG" not in sandbox.environ
    assert sandbox.faults == ["full_disk"]
