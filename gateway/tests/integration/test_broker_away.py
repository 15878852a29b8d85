"""Kafka comes and goes; sockets stay, and what happened meanwhile arrives."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from websockets.asyncio.client import connect

from chassis.ids import new_id
from contracts import feed
from contracts.envelope import Event
from local_stack.kafka import KafkaBroker


async def say(broker: KafkaBroker, user_id: UUID, count: int = 1) -> list[str]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    try:
        events = []
        for _ in range(count):
            fact = feed.NotificationCreated(notification_id=uuid4(), user_id=user_id, kind="news", link=None)
            event = Event.of(fact, event_id=new_id(), time=datetime.now(UTC), sequence=1)
            await said_for_sure(producer, event)
            events.append(str(event.id))
        return events
    finally:
        await producer.stop()


async def said_for_sure(producer: Any, event: Event) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await producer.send_and_wait("impactnet.feed", event.to_bytes(), key=event.subject.encode())
            except KafkaError:
                await asyncio.sleep(0.2)
            else:
                return


async def frame(socket: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 30))
    return content


async def test_sockets_outlive_the_broker_and_get_their_events_when_it_is_back(gateway_stack, tmp_path, eventually):
    broker = KafkaBroker(tmp_path / "kafka")
    await broker.start()
    address = broker.bootstrap
    await broker.stop()
    user_id = uuid4()
    try:
        async with gateway_stack(kafka_bootstrap=address) as stack, stack.client() as client:
            # Ready without Kafka: requests go on.
            ready = (await client.get("/health/ready")).json()
            assert ready["status"] == "degraded"
            assert "kafka" in ready["degraded"]
            headers = {"Authorization": f"Bearer {stack.mint.token(user_id)}"}
            async with connect(f"{stack.ws_url}/ws/notifications/", additional_headers=headers) as socket:
                assert (await frame(socket))["type"] == "welcome"
                await broker.start()
                await eventually(lambda: stack.gateway.stream.is_caught_up)
                first = await say(broker, user_id)
                got = await frame(socket)
                assert got["id"] == first[0]
                await broker.kill()
                await asyncio.sleep(1)
                await broker.start()
                later = await say(broker, user_id, count=3)
                frames = [await frame(socket) for _ in later]
                # Three notifications are three aggregates: Kafka keeps no order between them while a backlog drains.
                assert sorted(item["id"] for item in frames) == sorted(later)
            async with connect(f"{stack.ws_url}/ws/notifications/", additional_headers=headers) as socket:
                assert (await frame(socket))["type"] == "welcome"
                await socket.send(json.dumps({"type": "resume", "position": got["position"]}))
                assert [(await frame(socket))["id"] for _ in later] == later
                assert (await frame(socket))["recovered"] is True
                # A new, empty broker at the same address: the old offsets mean nothing there.
                await broker.stop()
                replaced = KafkaBroker(tmp_path / "another", port=int(address.rsplit(":", 1)[1]))
                await replaced.start()
                try:
                    generation = stack.gateway.stream.generation
                    await eventually(lambda: stack.gateway.stream.generation > generation)
                    await eventually(lambda: stack.gateway.stream.is_caught_up)
                    newest = await say(replaced, user_id)
                    assert (await frame(socket))["id"] == newest[0]
                    await socket.send(json.dumps({"type": "resume", "position": got["position"]}))
                    assert (await frame(socket))["recovered"] is False
                finally:
                    await replaced.stop()
    finally:
        await broker.stop()
