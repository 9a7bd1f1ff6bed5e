"""What a program under test finds around it."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from otel_telemetry.testing.conformance.sandbox import NotHereError, Sandbox


@pytest.fixture
def stage() -> Iterator[Sandbox]:
    """A stage in an environment that says a lot."""
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
    with Sandbox("acme-cms", environ) as stage:
        yield stage


def _address(stage: Sandbox) -> tuple[str, int]:
    parts = urlsplit(stage.environ["ACME_CMS_TELEMETRY_ENDPOINT"])
    return parts.hostname or "", parts.port or 0


def test_what_the_environment_says_of_telemetry_and_ci_is_left_out(stage: Sandbox) -> None:
    """The rest stays, but for the user's directories, and proxies for this machine."""
    environ = dict(stage.environ)

    home = environ["HOME"]
    assert os.listdir(home) == []
    assert environ["XDG_STATE_HOME"].startswith(home)
    assert environ["NO_PROXY"] == "example.com,127.0.0.1"
    assert environ["no_proxy"] == "127.0.0.1"
    assert environ["PATH"] == "/bin"
    assert not {"DO_NOT_TRACK", "OTEL_SERVICE_NAME", "CI", "GITHUB_ACTIONS"} & environ.keys()
    assert "ACME_CMS_TELEMETRY" not in environ


def test_all_of_it_goes_away_again() -> None:
    """Also a home that was made read-only."""
    with Sandbox("acme-cms", {}) as stage:
        home = stage.environ["HOME"]
        stage.write_protect()
        with pytest.raises(OSError, match=r"."):
            os.mkdir(os.path.join(stage.environ["HOME"], "x"))

    assert not Path(home).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="permissions bind this user")
def test_a_user_who_can_write_everywhere_has_no_read_only_home(
    stage: Sandbox, tmp_path: Path
) -> None:
    """It is said, and not passed over."""
    with pytest.raises(NotHereError, match="write everywhere"):
        stage.write_protect([str(tmp_path), str(tmp_path / "missing")])


def test_a_choice_that_is_kept_elsewhere_is_left_alone(stage: Sandbox) -> None:
    """On some systems the environment does not say where: it would be the user's own."""
    stage.environ["XDG_CONFIG_HOME"] = "/elsewhere"

    with pytest.raises(NotHereError, match="not up to the environment"):
        stage.choose(None)


def test_a_choice_is_put_where_it_is_read(stage: Sandbox) -> None:
    """In the home of this stage."""
    stage.choose(None)

    (path,) = Path(stage.environ["HOME"]).rglob("*.json")
    assert '"mode": "off"' in path.read_text()


def test_backends_are_as_bad_as_they_are_called(stage: Sandbox) -> None:
    """One refuses, one is silent, one answers."""
    stage.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(_address(stage), 1)

    stage.swallow()
    with socket.create_connection(_address(stage), 0.05) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            silent.recv(1)

    stage.answer(b"HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    for _ in range(2):
        connection = http.client.HTTPConnection(*_address(stage), timeout=5)
        connection.request("POST", "/v1/logs", b"x")
        assert connection.getresponse().status == 503
        connection.close()


def test_coverage_is_not_measured_on_a_full_disk(stage: Sandbox) -> None:
    """It could not be written, which is no fault of the program."""
    stage.environ["COVERAGE_PROCESS_CONFIG"] = "x"

    stage.fill_disk()

    assert "COVERAGE_PROCESS_CONFIG" not in stage.environ
    assert stage.faults == ["full_disk"]
