"""The whole local system, with servers of the standard library in the place of the services."""

import asyncio
import json
import sys
from pathlib import Path

import asyncpg
import pytest

from local_stack.layout import Layout
from local_stack.processes import ProcessPlan, Wiring, plan_processes
from local_stack.running import birth_of, memory_of, read_processes
from local_stack.stack import LocalStack, Planner, StackError


def _answering(pages: Path) -> Planner:
    """Plans one server per service that says it is ready: a file at /health/ready."""
    (pages / "health").mkdir(parents=True)
    (pages / "health" / "ready").write_text("{}")

    def plan(wiring: Wiring, layout: Layout) -> list[ProcessPlan]:
        real = plan_processes(wiring, layout)
        return [
            ProcessPlan(
                one.name,
                ("http.server", "--bind", "127.0.0.1", "--directory", str(pages), str(wiring.ports[one.name])),
                one.environment,
                wiring.ports[one.name],
                one.after,
            )
            for one in real
            if one.name in {"identity", "ledger", "ledger-witness", "ledger-signer", "gateway"}
        ]

    return plan


async def test_the_system_starts_heals_and_leaves_nothing_running(tmp_path: Path) -> None:
    said: list[str] = []
    planner = _answering(tmp_path / "pages")
    stack = LocalStack(tmp_path / "state", durability="off", broker="tansu", say=said.append, planner=planner)
    async with stack:
        assert stack.names == ["identity", "ledger", "ledger-witness", "ledger-signer", "gateway"]
        admin = await asyncpg.connect(stack.admin_database_url)
        assert await admin.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'ledger'") == 1
        await admin.close()

        first = stack.pid("ledger")
        assert first is not None
        memory = memory_of(first)
        assert memory is not None
        assert memory.rss_bytes > 1_000_000
        await stack.kill("ledger")
        await stack.wait_ready(["ledger"])
        assert stack.pid("ledger") not in {first, None}
        assert stack.restarts("ledger") == 1

        await stack.stop_process("ledger")
        await asyncio.sleep(0.5)
        assert stack.pid("ledger") is None
        await stack.start_process("ledger")
        await stack.wait_ready()

        await stack.broker.stop()
        assert not stack.broker.is_running
        await stack.broker.start()
        await stack.postgres.restart()
        pids = [process.pid for process in read_processes(stack.state) if process.pid is not None]
        assert len(pids) == 8
        assert all(process.is_alive for process in read_processes(stack.state))
    assert [pid for pid in pids if birth_of(pid) is not None] == []
    assert any(line.startswith("gateway is ready after") for line in said)


async def test_a_service_that_keeps_dying_stops_the_start_with_the_end_of_its_log(tmp_path: Path) -> None:
    def plan(wiring: Wiring, layout: Layout) -> list[ProcessPlan]:
        del layout
        return [ProcessPlan("identity", ("no_such_service",), wiring.shared_environment(), wiring.ports["identity"])]

    stack = LocalStack(tmp_path / "state", durability="off", broker="tansu", planner=plan)
    with pytest.raises(StackError, match=r"(?s)identity died 3 times.*No module named no_such_service"):
        await stack.start()
    assert not stack.postgres.is_running
    assert not stack.broker.is_running


async def test_commands_are_told_what_their_service_is_told(tmp_path: Path) -> None:
    planner = _answering(tmp_path / "pages")
    async with LocalStack(tmp_path / "state", durability="off", broker="tansu", planner=planner) as stack:
        script = "import json, os, sys; print(json.dumps([sys.stdin.read(), dict(os.environ)]))"
        result = await stack.run_command(["-c", script], stdin="secret", environment={"ONE": "more"})
        words, environment = json.loads(result.stdout)
        assert words == "secret"
        assert environment["ONE"] == "more"
        assert environment["IMPACTNET_KAFKA_BOOTSTRAP"] == stack.kafka_bootstrap
        assert stack.environment["IMPACTNET_GATEWAY_LEDGER_URL"] == f"http://127.0.0.1:{stack.ports['ledger']}"
    assert sys.executable in result.args


def test_each_process_is_told_its_own_secrets_only(tmp_path: Path) -> None:
    layout = Layout(split=True, workers=2)
    stack = LocalStack(tmp_path / "state", layout=layout, broker="tansu")
    urls = {role: f"url of {role}" for role in stack.secrets.database_passwords}
    wiring = Wiring(tmp_path, stack.ports, urls, stack.secrets, broker_remembers=False, extra={"OPENAI_MODEL": "small"})
    plans = {plan.name: plan for plan in plan_processes(wiring, layout)}
    assert {name for name in plans if name.startswith("feed")} == {"feed-api", "feed-worker-1", "feed-worker-2"}
    assert plans["feed-worker-2"].environment["IMPACTNET_WORKER_NAME"] == "feed-worker-2"
    assert plans["feed-worker-2"].after == ("feed-api",)
    assert plans["feed-api"].arguments == ("feed", "api", "--migrate")
    assert "url of ledger_signer" not in plans["ledger-api"].environment.values()
    assert "IMPACTNET_LEDGER_SIGNING_KEY" not in plans["ledger-api"].environment
    assert "IMPACTNET_LEDGER_SIGNING_KEY" in plans["ledger-signer"].environment
    sealing = {name for name, plan in plans.items() if "IMPACTNET_LEDGER_VERIFICATION_KEY" in plan.environment}
    assert sealing == {"ledger-worker-1", "ledger-worker-2"}
    assert "IMPACTNET_WITNESS_KEY" not in plans["ledger-signer"].environment
    assert [name for name in plans["ledger-witness"].environment if name.endswith("_KEY")] == ["IMPACTNET_WITNESS_KEY"]
    assert plans["gateway"].environment["OPENAI_MODEL"] == "small"
    for name, plan in plans.items():
        others = [value for value in plan.environment.values() if value.startswith("url of ")]
        assert all(value.startswith(f"url of {name.split('-', maxsplit=1)[0]}_") for value in others)
