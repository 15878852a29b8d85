"""What the gateway says itself: overview, one document of all services, a page that reads it, health, metrics."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from uuid import uuid4

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from local_stack.ports import free_ports

LEDGER = {
    "openapi": "3.1.0",
    "info": {"title": "ledger", "version": "1"},
    "paths": {
        "/api/v1/blockchain/stats/": {
            "get": {
                "operationId": "stats",
                "responses": {
                    "200": {
                        "description": "Stats",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stats"}}},
                    }
                },
            }
        },
        "/api/v1/transactions/donations/": {"post": {"operationId": "donate", "responses": {}}},
        "/api/v1/posts/feed/": {"get": {"responses": {}}},
    },
    "components": {"schemas": {"Stats": {"type": "object", "properties": {"height": {"type": "integer"}}}}},
}
FEED = {
    "openapi": "3.1.0",
    "info": {"title": "feed", "version": "1"},
    "paths": {
        "/api/v1/posts/feed/": {
            "get": {
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stats"}}}}
                }
            }
        }
    },
    "components": {"schemas": {"Stats": {"type": "object", "properties": {"likes": {"type": "integer"}}}}},
}


async def test_one_document_holds_the_paths_of_all_services_as_they_are_at_the_gateway(
    gateway_stack, answer_of, another_service
):
    settings = {"openapi_seconds": 0, "ledger_url": another_service.url}
    async with gateway_stack(**settings) as stack, stack.client() as client:
        for service in (stack.service, another_service):
            service.on("GET", "/openapi.json", answer_of(status=404, content={}))
        missing = (await client.get("/openapi.json")).json()
        assert missing["x-missing-services"] == ["identity", "programs", "applications", "ledger", "feed"]

        another_service.on("GET", "/openapi.json", answer_of(content=LEDGER))
        stack.service.on("GET", "/openapi.json", answer_of(content=FEED))
        answer = await client.get("/openapi.json")
        again = await client.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    document = answer.json()
    assert document["paths"].keys() >= {"/api/v1/", "/api/v1/auth/ws-ticket/", "/api/v1/blockchain/stats/"}
    stats = document["paths"]["/api/v1/blockchain/stats/"]["get"]
    assert stats["tags"][0] == "ledger"
    assert stats["security"] == [{}, {"bearer": []}]
    assert {"429", "503", "504"} <= stats["responses"].keys()
    assert document["paths"]["/api/v1/transactions/donations/"]["post"]["security"] == [{"bearer": []}]
    assert "401" in document["paths"]["/api/v1/transactions/donations/"]["post"]["responses"]
    # Two services mean different things by one name: each reference leads to its own.
    references = {
        document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        for path in ("/api/v1/blockchain/stats/", "/api/v1/posts/feed/")
    }
    named = {reference.rsplit("/", 1)[1] for reference in references}
    assert len(named) == 2
    assert {next(iter(document["components"]["schemas"][name]["properties"])) for name in named} == {"height", "likes"}
    assert again.status_code == 304


async def test_the_page_reads_the_document_and_needs_nothing_from_elsewhere(stack):
    async with stack.client() as client:
        page = await client.get("/docs/")
        script = await client.get("/docs/page.js")
    assert page.status_code == script.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "/openapi.json" in script.text
    assert "http://" not in page.text + script.text
    assert "https://" not in page.text + script.text


async def test_the_overview_names_every_service_and_socket(stack):
    async with stack.client() as client:
        overview = (await client.get("/api/v1")).json()
        wrong = await client.post("/api/v1/", json={})
    assert overview["services"].keys() == {"identity", "programs", "applications", "ledger", "feed"}
    assert "/ws/notifications/" in overview["sockets"]
    assert wrong.status_code in {401, 405}


async def test_metrics_count_what_was_answered(stack):
    async with stack.client(stack.mint.token(uuid4())) as client:
        await client.get("/api/v1/programs/")
        metrics = (await client.get("/metrics")).text
        live = await client.get("/health/live")
    assert 'impactnet_gateway_requests_total{method="GET",service="programs",status="200"}' in metrics
    assert live.json() == {"status": "live"}


async def test_the_process_starts_answers_and_leaves_on_sigterm_within_its_time(gateway_stack):
    [port] = free_ports(1)
    async with gateway_stack() as stack:
        environment = {
            **os.environ,
            "IMPACTNET_GATEWAY_PORT": str(port),
            "IMPACTNET_JWKS_URL": f"{stack.identity.url}/.well-known/jwks.json",
            "IMPACTNET_KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "IMPACTNET_GATEWAY_FEED_URL": stack.service.url,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", env=environment, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            async with stack.client() as client:
                while True:
                    with contextlib.suppress(Exception):
                        if (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200:
                            break
                    await asyncio.sleep(0.1)
            headers = {"Authorization": f"Bearer {stack.mint.token(uuid4())}"}
            async with connect(f"ws://127.0.0.1:{port}/ws/notifications/", additional_headers=headers) as socket:
                await socket.recv()
                started = time.monotonic()
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(ConnectionClosed):
                    await socket.recv()
                assert socket.close_code == 1012
            output, _ = await process.communicate()
    assert process.returncode == 0
    assert time.monotonic() - started < 25
    assert b"Traceback" not in output


async def test_settings_are_listed_without_their_secrets():
    key = "b3RoZXItb25seS1rZXktMzItYnl0ZXMtbG9uZy1vay4="
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "settings",
        env={**os.environ, "IMPACTNET_GATEWAY_TICKET_KEY": key},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"IMPACTNET_GATEWAY_WRITES_PER_MINUTE=60" in output
    assert b"IMPACTNET_GATEWAY_TICKET_KEY=(set)" in output
    assert key.encode() not in output


async def test_production_refuses_to_start_with_the_development_key():
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        env={**os.environ, "IMPACTNET_ENVIRONMENT": "production"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"IMPACTNET_GATEWAY_TICKET_KEY" in errors
