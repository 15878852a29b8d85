"""One application from registration to a verified block, at the gateway only; the negative twin of each gate."""

import hashlib
from decimal import Decimal
from pathlib import Path

import rfc8785
from tests.journeys.people import gather_people, member, verify_email
from tests.journeys.proofs import PREIMAGE_FIELDS, root_of

from local_stack.journey import steps
from local_stack.journey.platform import Platform, until


async def refused(answer, status: int, code: str) -> None:
    """The answer is a problem with this status and code."""
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["request_id"]


async def test_from_registration_to_a_verified_block(stack, platform: Platform, listen, mails, demo_data: Path):
    people = await gather_people(stack, platform)
    admin, second_admin, board, anyone = people.admin, people.second_admin, people.board, platform.anyone

    # Roles: nobody raises themselves, and only a super admin makes admins.
    efe = people.donor
    await refused(await efe.patch(f"/users/{efe.user_id}/role/", {"role": "admin"}, expect=None), 403, "forbidden")
    by_admin = await admin.patch(f"/users/{efe.user_id}/role/", {"role": "admin"}, expect=None)
    await refused(by_admin, 403, "super_admin_required")

    # A programme: members cannot make one; an incomplete one says everything that is missing at once.
    await refused(await efe.post("/programs/", {"title": "Mine"}, expect=None), 403, "forbidden")
    program = await steps.open_program(admin, board, title="Women in Tailoring")
    assert program["status"] == "open"
    assert sum(Decimal(criterion["weight"]) for criterion in program["criteria"]) == 100
    listed = await anyone.get("/programs/?status=open&limit=100")
    assert program["id"] in [item["id"] for item in listed["items"]]
    await refused(await anyone.get("/programs/?colour=red", expect=None), 422, "validation_failed")

    # Money in: a key is required, a repeat gives the same answer, the block comes with the rail's word.
    body = {"program_id": program["id"], "amount": "1000000.00", "currency": "NGN"}
    await refused(await efe.post("/transactions/donations/", body, expect=None), 400, "idempotency_key_required")
    donation = await steps.donate(efe, program["id"], "1000000.00", key="donation-1")
    again = await efe.post(
        "/transactions/donations/", {**body, "on_behalf_of": None, "earmark": None}, key="donation-1", expect=201
    )
    assert again["id"] == donation["id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await efe.post("/transactions/donations/", {**body, "amount": "2.00"}, key="donation-1", expect=None)
    await refused(other, 422, "idempotency_key_reused")

    # The applicant: verifies the e-mail, drafts with If-Match.
    amina = await member(platform, "amina")
    await verify_email(amina, mails)
    started = await steps.apply(amina, program["id"])
    application_id = started["id"]
    await refused(
        await amina.post(f"/programs/{program['id']}/apply/", {"answers": {}}, expect=None), 409, "application_exists"
    )
    application = f"/applications/{application_id}"
    draft = {"answers": {"business": "tailoring"}}
    await refused(await amina.patch(f"{application}/", draft, expect=None), 428, "if_match_required")
    saved = await amina.patch(f"{application}/", draft, headers={"If-Match": started.etag})
    stale = await amina.patch(f"{application}/", draft, headers={"If-Match": started.etag}, expect=None)
    await refused(stale, 412, "stale_version")

    # Another user's application does not exist; without a token nothing does.
    stranger = await member(platform, "stranger")
    for path in ("/", "/status/", "/documents/", "/ai-interview/messages/", "/timeline/"):
        await refused(await stranger.get(application + path, expect=None), 404, "not_found")
        await refused(await anyone.get(application + path, expect=None), 401, "unauthenticated")

    socket = await listen(amina, application_id)

    # The form gates the video; what is no video or only half of one is refused.
    unfinished = await steps.upload_video(amina, application_id, steps.DEMO_VIDEO, expect=None)
    await refused(unfinished, 422, "form_incomplete")
    await steps.fill_in(amina, program, application_id, saved.etag)
    fake = await steps.upload_video(amina, application_id, demo_data / "not-a-video.mp4", expect=None)
    assert 400 <= fake.status < 500, fake.body
    await steps.upload_video(amina, application_id, demo_data / "truncated.mp4")
    truncated = await steps.video_outcome(amina, application_id)
    assert truncated["status"] == "refused"
    assert truncated["refusal_code"]
    await steps.upload_video(amina, application_id, steps.DEMO_VIDEO)
    video = await steps.video_outcome(amina, application_id)
    assert video["status"] == "ready"
    assert 20 <= float(video["duration_seconds"]) <= 21
    assert video["sha256"] == hashlib.sha256(steps.DEMO_VIDEO.read_bytes()).hexdigest()
    assert "tailoring workshop" in video["transcript"].lower()
    thumbnail = await platform.http.get(video["thumbnail_url"])
    assert thumbnail.content.startswith(b"\xff\xd8")

    # The interview: at least four turns, recorded; then submitted and frozen.
    await refused(await amina.post(f"{application}/submit/", expect=None), 409, "illegal_state")
    messages = await steps.interview(amina, application_id)
    assert len([message for message in messages if message["role"] == "user"]) >= 4
    submitted = await amina.post(f"{application}/submit/")
    assert submitted["status"] == "under_review"
    assert len(submitted["submission"]["sha256"]) == 64
    late = await amina.patch(f"{application}/", draft, headers={"If-Match": submitted.etag}, expect=None)
    await refused(late, 409, "illegal_state")

    # The board: outsiders see nothing, one who recused decides nothing, no quorum, no decision.
    review = f"/executive/applications/{application_id}"
    await steps.in_review_queue(board.chair, application_id)
    await refused(await people.outsider.get(f"{review}/", expect=None), 404, "not_found")
    outsider_score = await people.outsider.post(f"{review}/score/", steps.scorecard(program, (1, 1)), expect=None)
    await refused(outsider_score, 404, "not_found")
    await board.third.post(f"{review}/recuse/", {"reason": "I know her."})
    scorecard = steps.scorecard(program, (8, 7))
    assert (await board.third.post(f"{review}/score/", scorecard, expect=None)).status in (403, 409)
    first = await board.chair.post(f"{review}/score/", scorecard, expect=201)
    assert first["total_score"] == "76.00"
    await refused(await board.chair.post(f"{review}/approve/", steps.award_plan(), expect=None), 409, "quorum_not_met")
    await board.second.post(f"{review}/score/", steps.scorecard(program, (9, 8)), expect=201)
    not_chair = await board.second.post(f"{review}/approve/", steps.award_plan(), expect=None)
    assert not_chair.status == 403
    admin_decides = await admin.post(f"{review}/approve/", steps.award_plan(), expect=None)
    assert admin_decides.status == 403

    # Approved: reserved first, then said; the decision has its block.
    proposed = await board.chair.post(f"{review}/approve/", steps.award_plan(), expect=202)
    assert proposed["decision"]["state"] == "reserving"
    decided = await steps.awarded(amina, application_id)
    assert decided["award"]["state"] == "committed"
    assert decided["final_score"] == "81.00"

    # Paid: asked by one, approved by another with a fresh step-up, and neither is the payee.
    await steps.give_account(amina)
    tranche = decided["award"]["tranches"][0]
    ask = f"{review}/disbursements/"
    await refused(await amina.post(ask, {"tranche_id": tranche["id"]}, key=True, expect=None), 404, "not_found")
    asked = await admin.post(ask, {"tranche_id": tranche["id"]}, key=True, expect=201)
    assert asked["status"] == "requested"
    approve = f"/executive/disbursements/{asked['id']}/approve/"
    reason = {"reason": "Papers are complete."}
    await admin.step_up()
    await refused(await admin.post(approve, reason, key=True, expect=None), 403, "same_person")
    await second_admin.step_up()
    approved = await second_admin.post(approve, reason, key=True, expect=202)
    assert approved["status"] == "approved"
    paid = await steps.disbursement_outcome(second_admin, asked["id"])
    assert paid["status"] == "paid"
    twice = await admin.post(ask, {"tranche_id": tranche["id"]}, key=True, expect=None)
    await refused(twice, 409, "illegal_state")

    # The applicant's socket saw each status, in order.
    await socket.wait_for(lambda frame: frame.get("event") == "disbursement_completed", "the payment")
    assert socket.statuses == [
        "video_pending",
        "ai_interview_pending",
        "ai_interview_completed",
        "under_review",
        "approved",
    ]
    assert socket.events.index("application_approved") < socket.events.index("disbursement_completed")
    assert "award_proposed" not in socket.events

    # A notification for her, an impact post for everyone.
    async def notified():
        found = (await amina.get("/notifications/")).body
        return found if any("disbursement" in item["kind"] for item in found["items"]) else None

    notifications = await until("she is notified", notified)
    assert notifications["unread_count"] >= 1

    async def posted():
        items = (await anyone.get("/posts/feed/?limit=100")).body["items"]
        return next((post for post in items if post["kind"] == "impact" and post["program_id"] == program["id"]), None)

    post = await until("the impact post is there", posted)
    assert "amina" not in post["body"].lower()

    # The proof: hash, postings that sum to zero, inclusion, graph; the bank got one payment.
    transaction = (await second_admin.get(f"/transactions/{paid['transaction_id']}/")).body
    assert transaction["status"] == "completed"
    for block_hash in (donation["blockchain_hash"], decided["blockchain_hash"], transaction["blockchain_hash"]):
        checked = await steps.verified(anyone, block_hash)
        assert checked["valid"] is True, checked
        assert [check["name"] for check in checked["checks"]] == [
            "bytes",
            "columns",
            "postings",
            "link",
            "inclusion",
            "signature",
        ]
        block = checked["block"]
        preimage = {key: block[key] for key in PREIMAGE_FIELDS}
        assert hashlib.sha256(rfc8785.dumps(preimage)).hexdigest() == block_hash
        postings = block["data"].get("postings", [])
        assert sum(Decimal(posting["amount"]) for posting in postings) == 0
    proof = (await anyone.get(f"/blockchain/proofs/inclusion/{transaction['blockchain_hash']}/")).body
    assert root_of(proof) == proof["root_hash"]
    graph = (await anyone.get(f"/blockchain/graph/?program_id={program['id']}")).body
    assert [link for link in graph["links"] if link["amount"] == "200000.00"], graph
    integrity = (await anyone.get("/blockchain/integrity/")).body
    assert integrity["unbalanced_entries"] == 0
    (funds,) = [item for item in integrity["programs"] if item["program_id"] == program["id"]]
    assert (funds["available"], funds["committed"]) == ("700000.00", "100000.00")


async def test_without_funds_an_approval_is_sent_back_and_nobody_is_told_approved(stack, platform: Platform, listen):
    people = await gather_people(stack, platform)
    board = people.board
    program = await steps.open_program(people.admin, board, title="No money yet")
    applicant = await member(platform, "hauwa")
    application_id = await under_review(applicant, program)
    await score_twice(board, program, application_id)
    review = f"/executive/applications/{application_id}"
    socket = await listen(applicant, application_id)
    await board.chair.post(f"{review}/approve/", steps.award_plan(), expect=202)

    async def sent_back():
        found = (await board.chair.get(f"{review}/")).body
        return found if found["decision"] and found["decision"]["state"] == "refused" else None

    seen = await until("the decision is sent back", sent_back)
    assert seen["decision"]["refusal_code"] == "insufficient_funds"
    assert seen["status"] == "under_review"
    assert (await applicant.get(f"/applications/{application_id}/status/"))["status"] == "under_review"
    assert "application_approved" not in socket.events

    # With money it goes through: the same board decides again.
    await steps.donate(people.donor, program["id"], "300000.00")
    await board.chair.post(f"{review}/approve/", steps.award_plan(), expect=202)
    decided = await steps.awarded(applicant, application_id)
    assert decided["award"]["state"] == "committed"


async def test_a_payee_cannot_approve_their_own_payment_and_step_up_must_be_fresh(stack, platform: Platform):
    people = await gather_people(stack, platform)
    board, boss = people.board, people.boss
    program = await steps.open_program(people.admin, board, title="Payees approve nothing")
    await steps.donate(people.donor, program["id"], "300000.00")
    applicant = await member(platform, "zainab")
    application_id = await under_review(applicant, program)
    await score_twice(board, program, application_id)
    await board.chair.post(f"/executive/applications/{application_id}/approve/", steps.award_plan(), expect=202)
    decided = await steps.awarded(applicant, application_id)
    await steps.give_account(applicant)
    tranche = decided["award"]["tranches"][0]
    asked = await people.admin.post(
        f"/executive/applications/{application_id}/disbursements/", {"tranche_id": tranche["id"]}, key=True, expect=201
    )
    # The applicant has meanwhile become an admin herself.
    await boss.patch(f"/users/{applicant.user_id}/role/", {"role": "admin"})
    old = await applicant.get("/auth/me/", expect=None)
    await refused(old, 401, "unauthenticated")
    await applicant.log_in()
    approve = f"/executive/disbursements/{asked['id']}/approve/"
    await applicant.step_up()
    await refused(await applicant.post(approve, {"reason": "mine"}, key=True, expect=None), 403, "is_payee")
    assert (await people.admin.get(f"/executive/disbursements/{asked['id']}/"))["status"] == "requested"


async def test_after_a_gap_a_socket_gets_every_missed_frame_once_and_in_order(stack, platform: Platform, listen):
    people = await gather_people(stack, platform)
    program = await steps.open_program(people.admin, people.board, title="Resuming")
    applicant = await member(platform, "halima")
    started = await steps.apply(applicant, program["id"])
    first = await listen(applicant, started["id"])
    await steps.fill_in(applicant, program, started["id"], started.etag)
    await steps.upload_video(applicant, started["id"], steps.DEMO_VIDEO)
    await first.wait_for(lambda frame: frame.get("event") == "video_ready", "the video")
    position = first.position
    await first.close()
    await steps.interview(applicant, started["id"])
    watcher = await listen(applicant, started["id"], resume=position)
    await applicant.post(f"/applications/{started['id']}/submit/")
    await watcher.wait_for(lambda frame: frame.get("event") == "application_submitted", "the submission")
    welcomes = [frame for frame in watcher.frames if frame["type"] == "welcome"]
    assert welcomes[-1]["recovered"] is True
    ids = [frame["id"] for frame in watcher.frames if frame["type"] == "event"]
    assert len(ids) == len(set(ids))
    assert watcher.events[0] == "interview_started"
    assert watcher.events[-1] == "application_submitted"
    assert watcher.events.count("interview_completed") == 1
    nobody = await listen(applicant, started["id"], resume="nonsense")
    assert [frame["recovered"] for frame in nobody.frames if frame["type"] == "welcome"][-1] is not True


async def under_review(applicant, program) -> str:
    """An application that has been submitted."""
    started = await steps.apply(applicant, program["id"])
    await steps.fill_in(applicant, program, started["id"], started.etag)
    await steps.upload_video(applicant, started["id"], steps.DEMO_VIDEO)
    video = await steps.video_outcome(applicant, started["id"])
    assert video["status"] == "ready"
    await steps.interview(applicant, started["id"])
    await applicant.post(f"/applications/{started['id']}/submit/")
    return started["id"]


async def score_twice(board, program, application_id: str) -> None:
    """Two scorecards, which are the quorum."""
    await steps.in_review_queue(board.chair, application_id)
    for executive, scores in ((board.chair, (8, 7)), (board.second, (9, 8))):
        await executive.post(
            f"/executive/applications/{application_id}/score/", steps.scorecard(program, scores), expect=201
        )
