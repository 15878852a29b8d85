"""The command line, as someone meets it who starts the system twice, or beside something else."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.demo_users import load_or_make as demo_users
from local_stack.development_secrets import load_or_make as development_secrets
from local_stack.layout import Layout, any_free_ports, chosen_ports
from local_stack.ports import free_ports
from local_stack.running import AlreadyRunsError, claim, find_running


def _launch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("IMPACTNET_")}
    return subprocess.run(
        [sys.executable, "-m", "local_stack", *arguments],
        capture_output=True,
        text=True,
        env=outside | {"IMPACTNET_BROKER": "tansu", "COLUMNS": "200"} | environment,
        timeout=60,
        check=False,
    )


def test_a_second_start_says_that_it_already_runs_and_where(tmp_path: Path) -> None:
    with claim(tmp_path, {"gateway": 8123}, "kafka") as ready:
        running = find_running(tmp_path)
        assert running is not None
        assert (running.pid, running.gateway_url, running.ready) == (os.getpid(), "http://127.0.0.1:8123", False)
        with pytest.raises(AlreadyRunsError) as refusal, claim(tmp_path, {}, ""):
            pass
        assert refusal.value.running == running
        ready()
        again = find_running(tmp_path)
        assert again is not None
        assert again.ready
        result = _launch("up", "--state", str(tmp_path))
        assert result.returncode == 0
        assert f"already runs from {tmp_path}" in result.stdout
        assert "http://127.0.0.1:8123" in result.stdout
    assert find_running(tmp_path) is None


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(tmp_path: Path) -> None:
    ports = any_free_ports(Layout())
    variables = {f"IMPACTNET_{name.upper().replace('-', '_')}_PORT": str(port) for name, port in ports.items()}
    with socket.create_server(("127.0.0.1", ports["feed"])):
        result = _launch("up", "--state", str(tmp_path / "state"), **variables)
    assert result.returncode == 1
    assert str(ports["feed"]) in result.stdout
    assert f"(pid {os.getpid()})" in result.stdout
    assert "IMPACTNET_FEED_PORT" in result.stdout
    assert "PORT_BASE" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_reset_forgets_a_stopped_system_and_refuses_a_running_one(tmp_path: Path) -> None:
    state = tmp_path / "state"
    development_secrets(state / "secrets.json")
    with claim(state, {"gateway": 8000}, "kafka"):
        refused = _launch("reset", "--state", str(state))
        assert refused.returncode == 1
        assert "stop it first" in refused.stdout
    assert _launch("reset", "--state", str(state)).returncode == 0
    assert not state.exists()


def test_reset_touches_no_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    assert _launch("reset", "--state", str(tmp_path)).returncode == 1
    assert (tmp_path / "letters").exists()


def test_status_of_nothing_says_so(tmp_path: Path) -> None:
    result = _launch("status", "--state", str(tmp_path))
    assert result.returncode == 1
    assert "does not run here" in result.stdout


def test_secrets_and_demo_users_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    secrets = development_secrets(tmp_path / "secrets.json")
    assert development_secrets(tmp_path / "secrets.json") == secrets
    assert len(set(secrets.environment.values()) | set(secrets.database_passwords.values())) == 27
    users = demo_users(tmp_path / "demo.json")
    assert demo_users(tmp_path / "demo.json") == users
    assert {user.username for user in users} == {
        *("super", "admin1", "admin2", "exec1", "exec2", "exec3", "donor", "amina"),
    }
    for name in ("secrets.json", "demo.json"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_ports_are_counted_from_a_base_and_moved_one_by_one() -> None:
    layout = Layout(split=True, workers=2)
    ports = chosen_ports(layout, 9000, {"IMPACTNET_KAFKA_PORT": "9999"})
    assert ports["gateway"] == 9000
    assert ports["feed"] == 9005
    assert ports["kafka"] == 9999
    assert ports["identity-worker-1"] == 9101
    assert ports["feed-worker-2"] == 9115
    with pytest.raises(ValueError, match="IMPACTNET_S3_PORT is 'ninety'"):
        chosen_ports(layout, 9000, {"IMPACTNET_S3_PORT": "ninety"})
    with pytest.raises(ValueError, match="gateway and identity cannot both listen on port 9000"):
        chosen_ports(layout, 9000, {"IMPACTNET_IDENTITY_PORT": "9000"})
    with pytest.raises(ValueError, match="needs --split"):
        Layout(workers=2)


def test_free_ports_differ() -> None:
    assert len(set(free_ports(50))) == 50


def test_the_demo_of_a_system_elsewhere_says_what_it_needs_and_that_nobody_answers(tmp_path: Path) -> None:
    [port] = free_ports(1)
    door = f"http://127.0.0.1:{port}"
    result = _launch("demo", "--url", door)
    assert result.returncode == 1
    assert "--users" in result.stdout
    users = tmp_path / "users.json"
    names = ("admin1", "admin2", "exec1", "exec2", "exec3", "donor")
    users.write_text(json.dumps([{"username": name, "email": f"{name}@x.ng", "password": name} for name in names]))
    result = _launch("demo", "--url", door, "--users", str(users))
    assert result.returncode == 1
    assert "The demo did not go as it should" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
