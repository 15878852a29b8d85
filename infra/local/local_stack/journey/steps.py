"""The steps of the journey, each one thing that a person does; together they carry a naira from donor to tailor."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local_stack.journey.platform import Answer, Person, UnexpectedAnswerError, until
from local_stack.journey.socket import LiveSocket

DEMO_VIDEO: Final = Path(__file__).parent.parent.parent / "demo_data" / "applicant-amina.mp4"

# A PDF is known by its first bytes; this is the smallest that readers open.
DOCUMENT: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\nxref\n0 4\n0000000000 65535 f \n"
    b"0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\n"
    b"startxref\n164\n%%EOF\n"
)

ANSWERS: Final = (
    "I run a tailoring workshop in Kano with two apprentices, and we make school uniforms and wedding clothes.",
    "With the money I will buy three electric sewing machines and train six young women over one year.",
    "The six women will each earn their own income, and their families will have food and school fees.",
    "I have kept my books for four years and saved a little every month; power cuts are the largest risk.",
    "I will repay my community by making school uniforms at cost for two primary schools.",
    "We will report each term how many uniforms were made and who was trained.",
)


@dataclass(frozen=True, slots=True)
class Board:
    """Three executives; the first is the chair."""

    chair: Person
    second: Person
    third: Person


async def promote(boss: Person, person: Person, role: str) -> None:
    """Give a role; the person's next token carries it."""
    await boss.patch(f"/users/{person.user_id}/role/", {"role": role})
    await person.log_in()


async def open_program(admin: Person, board: Board, *, title: str) -> dict[str, Any]:
    """A programme with everything it needs, published."""
    body = {
        "title": title,
        "summary": "Machines and training for women who sew.",
        "description": "Grants for tailors who train others.",
        "category": "enterprise",
        "funder": "Acme Foundation",
        "budget": "5000000.00",
        "currency": "NGN",
        "award_min": "50000.00",
        "award_max": "500000.00",
        "slots": 10,
        "location": "Kano",
        "open_date": "2026-01-01",
        "close_date": "2099-12-31",
        "review_quorum": 2,
    }
    program: dict[str, Any] = (await admin.post("/programs/", body, expect=201)).body
    path = f"/programs/{program['id']}"
    form = {
        "type": "object",
        "properties": {"business": {"type": "string", "maxLength": 500}, "apprentices": {"type": "integer"}},
        "required": ["business"],
    }
    await admin.put(f"{path}/form/", {"schema": form})
    criteria = [
        {"name": "Impact", "description": "What changes for whom.", "max_score": 10, "weight": "60.00"},
        {"name": "Feasibility", "description": "Can it be done?", "max_score": 10, "weight": "40.00"},
    ]
    await admin.put(f"{path}/criteria/", {"items": criteria})
    requirement = {"name": "Business registration", "description": "CAC certificate.", "required": True}
    await admin.put(f"{path}/requirements/", {"items": [requirement]})
    phases = [
        {"name": "Applications", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2098-12-31T23:00:00Z"},
        {"name": "Review", "starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-12-31T00:00:00Z"},
    ]
    await admin.put(f"{path}/timeline/", {"items": phases})
    seats = [(board.chair, "Chair", True), (board.second, "Member", False), (board.third, "Member", False)]
    for person, seat, is_chair in seats:
        await seat_executive(admin, program["id"], person, title=seat, is_chair=is_chair)
    await admin.post(f"{path}/publish/")
    published: dict[str, Any] = (await admin.get(f"{path}/")).body
    return published


async def seat_executive(admin: Person, program_id: str, person: Person, *, title: str, is_chair: bool) -> None:
    """Put somebody on the board; programs hears of a new role a moment after identity."""
    body = {
        "display_name": f"{person.name.title()} A.",
        "title": title,
        "is_chair": is_chair,
    }

    async def seated() -> bool:
        answer = await admin.post(f"/programs/{program_id}/executives/{person.user_id}/", body, expect=None)
        return answer.status == 201 or _expected(answer, "not_an_executive")  # noqa: PLR2004 -- 201 Created

    await until(f"{person.name} sits on the board", seated)


def _expected(answer: Answer, *codes: str) -> bool:
    """False (ask again) for the refusals that a lagging read model gives, and for having asked too often meanwhile."""
    if answer.code not in {*codes, "too_many_requests"}:
        raise UnexpectedAnswerError(f"unexpected answer {answer.status}: {answer.body}")
    return False


async def donate(donor: Person, program_id: str, amount: str, *, key: str | bool = True) -> dict[str, Any]:
    """Give money; done when the rail has confirmed it and its block is there."""
    body = {"program_id": program_id, "amount": amount, "currency": "NGN", "on_behalf_of": None, "earmark": None}

    async def announced() -> Any:
        answer = await donor.post("/transactions/donations/", body, key=key, expect=None)
        return answer.body if answer.status == 201 else _expected(answer, "not_found")  # noqa: PLR2004 -- 201 Created

    donation = await until("the ledger knows the programme", announced)

    async def confirmed() -> Any:
        found = (await donor.get(f"/transactions/{donation['id']}/")).body
        return found if found["status"] == "completed" and found["blockchain_hash"] else None

    return await until("the donation is confirmed", confirmed)  # type: ignore[no-any-return] # JSON has no types


async def apply(member: Person, program_id: str) -> Answer:
    """Start an application; a fresh programme may be unknown to applications for a moment."""

    async def started() -> Any:
        answer = await member.post(f"/programs/{program_id}/apply/", {"answers": {}}, expect=None)
        # Known but not yet heard to be published, when a worker was started again in between.
        return answer if answer.status == 201 else _expected(answer, "not_found", "program_not_open")  # noqa: PLR2004 -- 201 Created

    return await until("the programme takes applications", started)  # type: ignore[no-any-return] # an Answer, as looked at


async def fill_in(member: Person, program: dict[str, Any], application_id: str, etag: str) -> str:
    """Answers and documents; returns the new ETag."""
    answers = {"answers": {"business": "tailoring", "apprentices": 2}}
    saved = await member.patch(f"/applications/{application_id}/", answers, headers={"If-Match": etag})
    await member.post(
        f"/applications/{application_id}/documents/",
        expect=201,
        data={"requirement_id": program["requirements"][0]["id"]},
        files={"file": ("registration.pdf", DOCUMENT, "application/pdf")},
    )
    return saved.etag


async def upload_video(member: Person, application_id: str, video: Path, *, expect: int | None = 202) -> Answer:
    """Send a video file as it is."""
    content = await asyncio.to_thread(video.read_bytes)
    return await member.post(
        f"/applications/{application_id}/video/", expect=expect, files={"file": (video.name, content, "video/mp4")}
    )


async def video_outcome(member: Person, application_id: str) -> dict[str, Any]:
    """The video once it has been looked at: ready or refused."""

    async def decided() -> Any:
        video = (await member.get(f"/applications/{application_id}/")).body["video"]
        return video if video and video["status"] in ("ready", "refused") else None

    return await until("the video has been looked at", decided)  # type: ignore[no-any-return] # JSON has no types


async def interview(member: Person, application_id: str) -> list[dict[str, Any]]:
    """Answer every question; returns the messages as they were recorded."""
    await member.post(f"/applications/{application_id}/ai-interview/", expect=201)
    for answer in ANSWERS:
        said = await member.post(f"/applications/{application_id}/ai-interview/message/", {"content": answer}, key=True)
        if said["completed"]:
            break
    return list((await member.get(f"/applications/{application_id}/ai-interview/messages/?limit=100")).body["items"])


def scorecard(program: dict[str, Any], scores: tuple[int, int]) -> dict[str, Any]:
    """A scorecard over the programme's two criteria."""
    criteria = program["criteria"]
    return {
        "scores": {criteria[0]["id"]: scores[0], criteria[1]["id"]: scores[1]},
        "notes": "A clear plan by someone who has done it before.",
        "recommendation": "approve",
    }


async def in_review_queue(executive: Person, application_id: str) -> dict[str, Any]:
    """The application as the board sees it, once it has come to review."""

    async def there() -> Any:
        answer = await executive.get(f"/executive/applications/{application_id}/", expect=None)
        return answer.body if answer.status == 200 else _expected(answer, "not_found")  # noqa: PLR2004 -- 200 OK, as ever

    return await until("the board sees the application", there)  # type: ignore[no-any-return] # JSON has no types


def award_plan() -> dict[str, Any]:
    """300,000 naira in two tranches."""
    return {
        "amount": "300000.00",
        "currency": "NGN",
        "tranches": [
            {"amount": "200000.00", "due_on": "2026-12-01", "condition": "on award"},
            {"amount": "100000.00", "due_on": "2027-02-01", "condition": "report"},
        ],
        "reason": "Strong plan, trains six others.",
    }


async def awarded(member: Person, application_id: str) -> dict[str, Any]:
    """The application once it is approved and the block that recorded it is known."""

    async def approved() -> Any:
        found = (await member.get(f"/applications/{application_id}/")).body
        return found if found["status"] == "approved" and found["blockchain_hash"] else None

    return await until("the money is reserved and the application approved", approved)  # type: ignore[no-any-return] # JSON has no types


async def give_account(member: Person, account_number: str = "0000000001") -> Answer:
    """Where the money goes. The sandbox bank decides the outcome by the last two digits."""
    body = {"bank_code": "058", "account_number": account_number, "account_name": "Amina B", "currency": "NGN"}
    return await member.put("/payees/me/", body)


async def disbursement_outcome(admin: Person, request_id: str) -> dict[str, Any]:
    """The disbursement once the bank has spoken."""

    async def decided() -> Any:
        found = (await admin.get(f"/executive/disbursements/{request_id}/")).body
        return found if found["status"] in ("paid", "failed", "reversed") else None

    return await until("the bank has paid", decided)  # type: ignore[no-any-return] # JSON has no types


async def impact_post(anyone: Person, program_id: str) -> dict[str, Any]:
    """The public post about a programme's payment, once it is on the feed."""

    async def posted() -> Any:
        posts = (await anyone.get("/posts/feed/?limit=100")).body["items"]
        return next((post for post in posts if post["kind"] == "impact" and post["program_id"] == program_id), None)

    return await until("the impact post is on the feed", posted)  # type: ignore[no-any-return] # JSON has no types


async def verified(anyone: Person, block_hash: str) -> dict[str, Any]:
    """The verification of a block once it is under a signed checkpoint."""

    async def under_checkpoint() -> Any:
        found = (await anyone.get(f"/blockchain/verify/{block_hash}/")).body
        return found if all(check["ok"] is not None for check in found["checks"]) else None

    return await until("the block is under a signed checkpoint", under_checkpoint)  # type: ignore[no-any-return] # JSON has no types


__all__ = [
    "ANSWERS",
    "DEMO_VIDEO",
    "Board",
    "LiveSocket",
    "apply",
    "award_plan",
    "awarded",
    "disbursement_outcome",
    "donate",
    "fill_in",
    "give_account",
    "impact_post",
    "in_review_queue",
    "interview",
    "open_program",
    "promote",
    "scorecard",
    "seat_executive",
    "upload_video",
    "verified",
    "video_outcome",
]
