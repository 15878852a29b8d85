"""The demo: one application from the first click to a verified block, step by step in plain words."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from local_stack.journey import steps
from local_stack.journey.platform import Person, Platform, UnexpectedAnswerError
from local_stack.journey.socket import LiveSocket
from local_stack.journey.steps import Board

# Enough of a hash to recognise it; the whole one is printed where it is needed.
_SHORT: Final = 16


@dataclass(slots=True)
class _Narrator:
    console: Console
    number: int = 0

    def step(self, sentence: str) -> None:
        self.number += 1
        self.console.print(f"[bold cyan]{self.number:>2}[/] {sentence}")

    def detail(self, sentence: str) -> None:
        self.console.print(f"   [dim]{sentence}[/]")


@dataclass(frozen=True, slots=True)
class _Cast:
    admin: Person
    second_admin: Person
    board: Board
    donor: Person
    amina: Person


async def _log_in(platform: Platform, demo_users: Path) -> _Cast:
    users = {user["username"]: user for user in json.loads(await asyncio.to_thread(demo_users.read_text))}

    async def enter(name: str) -> Person:
        return await platform.existing(name, email=users[name]["email"], password=users[name]["password"])

    board = Board(await enter("exec1"), await enter("exec2"), await enter("exec3"))
    tag = secrets.token_hex(4)
    # Someone new each time: an applicant may upload ten files an hour.
    amina = await platform.register(
        f"amina-{tag}",
        password=secrets.token_urlsafe(12),
        full_name="Amina Bala",
        phone="+2348000000000",
        email=f"amina-{tag}@demo.impactnet.ng",
    )
    return _Cast(await enter("admin1"), await enter("admin2"), board, await enter("donor"), amina)


async def _apply(say: _Narrator, platform: Platform, cast: _Cast, program: dict[str, Any]) -> tuple[str, LiveSocket]:
    amina = cast.amina
    started = await steps.apply(amina, program["id"])
    application_id = started["id"]
    socket = await LiveSocket(platform.base_url, f"/ws/applications/{application_id}/").open(amina)
    await steps.fill_in(amina, program, application_id, started.etag)
    say.step("Amina applied: her answers are saved as she types, her registration document is stored.")
    await steps.upload_video(amina, application_id, steps.DEMO_VIDEO)
    video = await steps.video_outcome(amina, application_id)
    say.step(f"Her video was examined: {video['duration_seconds']} s, sha256 {video['sha256'][:_SHORT]}…")
    say.detail(f"what she says: “{video['transcript'] or 'no transcript: no speech recogniser is set up'}”")
    messages = await steps.interview(amina, application_id)
    say.step(f"The interviewer asked {len(messages) // 2} questions; the whole conversation is recorded.")
    say.detail(f"first question: “{messages[0]['content']}”")
    submitted = await amina.post(f"/applications/{application_id}/submit/")
    digest = submitted["submission"]["sha256"]
    say.step(f"She submitted. What the board will read is frozen under sha256 {digest[:_SHORT]}…")
    return application_id, socket


async def _decide(say: _Narrator, cast: _Cast, program: dict[str, Any], application_id: str) -> dict[str, Any]:
    board, path = cast.board, f"/executive/applications/{application_id}"
    await steps.in_review_queue(board.chair, application_id)
    await board.third.post(f"{path}/recuse/", {"reason": "I know the applicant."})
    first = await board.chair.post(f"{path}/score/", steps.scorecard(program, (8, 7)), expect=201)
    second = await board.second.post(f"{path}/score/", steps.scorecard(program, (9, 8)), expect=201)
    totals = f"{first['total_score']} and {second['total_score']}"
    say.step(f"Two executives scored {totals} of 100; the third recused herself: she knows Amina.")
    await board.chair.post(f"{path}/approve/", steps.award_plan(), expect=202)
    application = await steps.awarded(cast.amina, application_id)
    say.step("The chair approved NGN 300,000.00 in two tranches, and the ledger reserved the money first.")
    say.detail(f"decision block {application['blockchain_hash']}")
    return application


async def _pay(say: _Narrator, cast: _Cast, application: dict[str, Any]) -> dict[str, Any]:
    await steps.give_account(cast.amina)
    tranche = application["award"]["tranches"][0]
    path = f"/executive/applications/{application['id']}/disbursements/"
    asked = await cast.admin.post(path, {"tranche_id": tranche["id"]}, expect=201, key=True)
    say.step(f"One admin asked to pay the first tranche, NGN {asked['amount']}.")
    refused = await cast.admin.post(
        f"/executive/disbursements/{asked['id']}/approve/", {"reason": "mine"}, expect=403, key=True
    )
    say.detail(f"the same admin may not approve it: {refused.status} {refused.code}")
    await cast.second_admin.step_up()
    approve = f"/executive/disbursements/{asked['id']}/approve/"
    await cast.second_admin.post(approve, {"reason": "Papers are complete."}, expect=202, key=True)
    paid = await steps.disbursement_outcome(cast.second_admin, asked["id"])
    say.step(f"A second admin approved after confirming with a password; the bank answered: {paid['status']}.")
    if paid["status"] != "paid":
        raise UnexpectedAnswerError(f"the sandbox bank did not pay: {paid}")
    found: dict[str, Any] = (await cast.second_admin.get(f"/transactions/{paid['transaction_id']}/")).body
    return found


async def _prove(say: _Narrator, platform: Platform, socket: LiveSocket, transaction: dict[str, Any]) -> None:
    anyone, block_hash = platform.anyone, transaction["blockchain_hash"]
    await socket.wait_for(lambda frame: frame.get("event") == "disbursement_completed", "the payment")
    say.step("Amina's browser saw it all live: " + " → ".join(socket.statuses) + ".")
    impact = await steps.impact_post(anyone, transaction["program_id"])
    say.step(f"The public feed says: “{impact['body']}”")
    checked = await steps.verified(anyone, block_hash)
    block, proof = checked["block"], (await anyone.get(f"/blockchain/proofs/inclusion/{block_hash}/")).body
    say.step("Anyone can check the payment without trusting us:")
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_row("block", f"{block['block_index']} ({block['transaction_type']}), {block['timestamp']}")
    table.add_row("hash", block_hash)
    table.add_row("previous", block["previous_hash"])
    table.add_row("place", f"leaf {proof['block_index']} of a tree of {proof['tree_size']}, root {proof['root_hash']}")
    table.add_row("proof", f"{len(proof['hashes'])} hashes lead from the leaf to the root")
    table.add_row("checkpoint", proof["checkpoint"].strip().split("\n")[0] + " (signed)")
    marks = "  ".join(f"{'[green]✓[/]' if check['ok'] else '[red]✗[/]'} {check['name']}" for check in checked["checks"])
    table.add_row("checks", marks)
    say.console.print(table)
    if not checked["valid"]:
        raise UnexpectedAnswerError(f"the block did not verify: {checked['first_failure']}")
    say.console.print(f"\n[bold green]valid[/]: {platform.base_url}/api/v1/blockchain/verify/{block_hash}/")


async def run_demo(console: Console, base_url: str, demo_users: Path) -> None:
    """Drive the whole journey through the gateway at `base_url` with the demo users of that system.

    Raises:
        UnexpectedAnswerError: something did not go as the journey says; the text says what.
    """
    say = _Narrator(console)
    async with Platform(base_url) as platform:
        cast = await _log_in(platform, demo_users)
        say.step("Everyone is logged in: two admins, three executives, a donor. Amina, who sews in Kano, registers.")
        title = f"Women in Tailoring {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        program = await steps.open_program(cast.admin, cast.board, title=title)
        say.step(f"An admin opened the programme “{title}” with a board of three.")
        donation = await steps.donate(cast.donor, program["id"], "1000000.00")
        say.step("A donor gave NGN 1,000,000.00; the bank confirmed it, and the money has its block.")
        say.detail(f"donation block {donation['blockchain_hash']}")
        application_id, socket = await _apply(say, platform, cast, program)
        try:
            application = await _decide(say, cast, program, application_id)
            transaction = await _pay(say, cast, application)
            await _prove(say, platform, socket, transaction)
        finally:
            await socket.close()
