"""The signer as a process: its port, its policy, a key that is exchanged while people go on verifying."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from services.ledger.tests.processes import run_ledger, start_ledger
from services.ledger.tests.witnesses import START_SECONDS_MAX, WitnessProcess, running_witnesses

from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.programs import ProgramCreated
from ledger.adapters.keys import development_key
from ledger.bootstrap import SERVICE
from ledger.domain import tlog_proof
from ledger.domain.checkpoints import Checkpoint, open_checkpoint
from ledger.domain.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.domain.notes import SigningKey, VerifierKey, parse
from ledger.settings import DEVELOPMENT_ORIGIN
from local_stack.ports import free_ports


def watched(*keys: SigningKey) -> str:
    return "".join(f"log {key.verifier.vkey}\n" for key in keys) + "quorum none\n"


def policy_of(folder: Path, witness: WitnessProcess, *keys: SigningKey) -> str:
    path = folder / f"policy-{len(keys)}"
    path.write_text(watched(*keys).removesuffix("quorum none\n") + witness.policy_line + f"quorum {witness.name}\n")
    return str(path)


@asynccontextmanager
async def running_signer(urls, **environment: str):
    """Its URL, once it is ready; stopped in order at the end."""
    [port] = free_ports(1)
    process = await start_ledger(
        urls,
        "signer",
        IMPACTNET_LEDGER_SIGNER_PORT=str(port),
        IMPACTNET_LEDGER_SIGNER_INTERVAL_SECONDS="2",
        **environment,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:
            await until(lambda: answers(client, url))
        yield url
        process.terminate()
        await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def until(condition) -> None:
    async with asyncio.timeout(START_SECONDS_MAX):
        while not await condition():  # noqa: ASYNC110 -- other processes make it come true
            await asyncio.sleep(0.05)


async def test_it_says_how_it_is_and_when_it_refuses(scenario, tmp_path):
    state = tmp_path / "last-checkpoint"
    async with (
        running_signer(scenario.urls, IMPACTNET_LEDGER_SIGNER_STATE_PATH=str(state)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):

        async def published() -> bool:
            return "impactnet_ledger_published_size 2.0" in (await client.get("/metrics")).text

        await until(published)
        assert (await client.get("/health/ready")).json() == {"status": "ready", "degraded": []}
        assert "impactnet_ledger_signer_refusing 0.0" in (await client.get("/metrics")).text
        # A checkpoint of ours that the log does not continue: the database was rewritten.
        state.write_text(Checkpoint(DEVELOPMENT_ORIGIN, 3, bytes(32)).signed(development_key(DEVELOPMENT_ORIGIN)))

        async def refusing() -> bool:
            return (await client.get("/health/ready")).status_code == 503

        await until(refusing)
        answer = (await client.get("/health/ready")).json()
        assert answer == {"status": "not_ready", "missing": ["log_continues_what_was_signed"]}
        assert "impactnet_ledger_signer_refusing 1.0" in (await client.get("/metrics")).text


async def test_a_policy_that_cannot_work_is_named_before_anything_is_signed(urls, tmp_path):
    [key, other] = [SigningKey.generate(DEVELOPMENT_ORIGIN) for _ in range(2)]
    witness = WitnessProcess(tmp_path, "w1", watched(key))
    nobody = f"witness w {witness.key.verifier.vkey}\nquorum w\n"
    for name, text, words in (
        ("missing", None, "No such file"),
        ("malformed", "quorum all\n", "line 1"),
        ("other", watched(other), "others than"),
        ("unreachable", nobody, "no quorum"),
    ):
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        status, _, err = await run_ledger(
            urls,
            "signer",
            IMPACTNET_LEDGER_WITNESS_POLICY=str(path),
            IMPACTNET_LEDGER_SIGNING_KEY=key.text,
            IMPACTNET_LEDGER_VERIFIER_KEYS=key.verifier.vkey,
        )
        assert (status, words in err, "IMPACTNET_LEDGER_WITNESS_POLICY" in err) == (2, True, True), err
    for name, value in (("WITNESS_TIMEOUT_SECONDS", "0"), ("SIGNER_PORT", "70000"), ("WITNESS_POLICY", "")):
        status, _, err = await run_ledger(urls, "settings", **{f"IMPACTNET_LEDGER_{name}": value})
        assert (status, name in err) == (2, True), err


async def test_a_key_is_exchanged_while_old_checkpoints_go_on_verifying(urls, tmp_path):
    """From `keys generate` over `keys rotate` to a stranger who has kept a checkpoint of the old key."""
    lines = dict(line.split("=", 1) for line in (await run_ledger(urls, "keys", "generate"))[1].splitlines())
    old = SigningKey.parse(lines["IMPACTNET_LEDGER_SIGNING_KEY"])
    before = lines["IMPACTNET_LEDGER_VERIFIER_KEYS"]
    async with running_witnesses(tmp_path, watched(old), "w1") as [witness]:
        kept = await publish(urls, before, lines, policy_of(tmp_path, witness, old), blocks=2)

        rotated = await run_ledger(urls, "keys", "rotate", IMPACTNET_LEDGER_VERIFIER_KEYS=before)
        lines = dict(line.split("=", 1) for line in rotated[1].splitlines())
        new = SigningKey.parse(lines["IMPACTNET_LEDGER_SIGNING_KEY"])
        after = lines["IMPACTNET_LEDGER_VERIFIER_KEYS"]
        assert after == f"{new.verifier.vkey},{before}"
        # Witnesses are told first: until then they refuse the new key, and the old checkpoint stays the served one.
        policy = policy_of(tmp_path, witness, new, old)
        assert await publish(urls, after, lines, policy, blocks=3, heard=False) == kept
        witness.watch(watched(new, old))
        await witness.restart()
        fresh = await publish(urls, after, lines, policy, blocks=1)

        shown = await published_keys(urls, after)
        assert shown == [new.verifier.vkey, old.verifier.vkey]
        keys = [VerifierKey.parse(vkey) for vkey in shown]
        first, second = (open_checkpoint(note, keys, DEVELOPMENT_ORIGIN) for note in (kept, fresh))
        assert (parse(kept).signatures[0].key_id, parse(fresh).signatures[0].key_id) == (keys[1].id, keys[0].id)
        for note in (kept, fresh):
            assert parse(note).signatures[1].name == "witness.example/w1"
        await check_that_proofs_lead_from_old_to_new(urls, after, first, second, fresh)
    (tmp_path / "kept").write_text(kept)
    status, out, err = await run_ledger(
        urls, "verify", "--checkpoint", str(tmp_path / "kept"), IMPACTNET_LEDGER_VERIFIER_KEYS=after
    )
    assert status == 0, out + err
    # With the new key alone, what the old one signed is worth nothing: that is why old keys stay.
    status, out, _ = await run_ledger(urls, "verify", IMPACTNET_LEDGER_VERIFIER_KEYS=new.verifier.vkey)
    assert status == 1


async def publish(
    urls, verifier_keys: str, lines: dict[str, str], policy: str, *, blocks: int, heard: bool = True
) -> str:
    """Appends blocks, lets a signer run until it has published them (or has been refused), gives the served note."""
    async with running_service(SERVICE, urls, verifier_keys=verifier_keys.split(",")) as service:
        for _ in range(blocks):
            await service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))

        async def note() -> str:
            async with service.client() as anyone:
                return (await anyone.get("/api/v1/blockchain/checkpoint/")).text

        before = await note()
        environment = lines | {"IMPACTNET_LEDGER_WITNESS_POLICY": policy}
        async with running_signer(urls, **environment) as url, httpx.AsyncClient(base_url=url) as signer:

            async def done() -> bool:
                if heard:
                    return await note() != before
                return 'outcome="untrusted"' in (await signer.get("/metrics")).text

            await until(done)
        return await note()


async def check_that_proofs_lead_from_old_to_new(
    urls, verifier_keys: str, first: Checkpoint, second: Checkpoint, fresh: str
) -> None:
    async with (
        running_service(SERVICE, urls, verifier_keys=verifier_keys.split(",")) as service,
        service.client() as anyone,
    ):
        path = "/api/v1/blockchain/proofs/consistency/"
        answer = (await anyone.get(path, params={"from": first.size, "to": second.size})).json()
        hashes = [bytes.fromhex(each) for each in answer["hashes"]]
        verify_consistency(first.size, first.root, second.size, second.root, hashes)
        block = (await anyone.get("/api/v1/blockchain/blocks/1/")).json()
        path = f"/api/v1/blockchain/proofs/inclusion/{block['hash']}/"
        proof = tlog_proof.parse((await anyone.get(path, params={"format": "tlog-proof"})).text)
        assert proof.checkpoint == fresh
        assert proof.extra is not None
        verify_inclusion(leaf_hash(proof.extra), proof.index, second.size, proof.hashes, second.root)


async def published_keys(urls, verifier_keys: str) -> list[str]:
    async with (
        running_service(SERVICE, urls, verifier_keys=verifier_keys.split(",")) as service,
        service.client() as anyone,
    ):
        return (await anyone.get("/.well-known/impactnet-ledger.vkey")).text.splitlines()
