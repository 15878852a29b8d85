"""One conversation with one witness: from "here is our checkpoint" to a cosignature that was checked, or a reason."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ledger.domain.checkpoints import parse_body
from ledger.domain.cosignatures import check_cosignature
from ledger.domain.notes import Signature, parse
from ledger.domain.refusals import BadNoteError
from ledger.domain.witness_policy import Witness
from ledger.domain.witnessing import AddCheckpoint
from ledger.use_cases.witness_ports import WitnessAnswer, WitnessClient, WitnessFailedError

# The size we remember, the one it tells us, and once more because another signer was there in between.
ATTEMPTS_MAX: Final = 3
# A witness answers a line per key of its own; more than this is not an answer to us.
LINES_MAX: Final = 16
_SIZE: Final = re.compile("(0|[1-9][0-9]{0,18})\n")
_OUTCOMES: Final = {400: "refused", 403: "untrusted", 404: "unknown_log", 422: "inconsistent"}

# The proof that the checkpoint's tree begins with the tree of this size; none for size 0 and for its own size.
Prove = Callable[[int], Awaitable[Sequence[bytes]]]


async def ask_witness(
    client: WitnessClient, witness: Witness, note: str, prove: Prove, *, old_size: int, now: Callable[[], int]
) -> Signature:
    """The witness's line on `note`, which is ours and signed. `old_size` is what we believe it has seen last.

    Raises:
        WitnessFailedError: `ahead` when it has seen a larger tree of ours, `inconsistent` when another one.
    """
    parsed = parse(note)
    size = parse_body(parsed.text).size
    for _ in range(ATTEMPTS_MAX):
        proof = tuple(await prove(old_size))
        answer = await client.add_checkpoint(witness, AddCheckpoint(old_size, proof, note))
        if answer.status == 200:  # noqa: PLR2004 -- HTTP's OK
            return _cosignature(answer, witness, parsed.text, now())
        if answer.status != 409:  # noqa: PLR2004 -- HTTP's conflict: it has seen another size
            shown = answer.body.strip()[:200]
            raise WitnessFailedError(_OUTCOMES.get(answer.status, "refused"), f"HTTP {answer.status}: {shown!r}")
        seen = _seen_size(answer)
        if old_size == size and seen in {None, size}:
            # tlog-witness v1.0.0 answers another root of the same size like this; later drafts with 422.
            raise WitnessFailedError("inconsistent", f"it has seen another log of {size}")
        if seen is None:
            raise WitnessFailedError("malformed", "a conflict without the size")
        if seen > size:
            raise WitnessFailedError("ahead", f"it has seen a log of {seen}, ours has {size}")
        if seen == old_size:
            raise WitnessFailedError("malformed", f"it says that {seen} is not {seen}")
        old_size = seen
    raise WitnessFailedError("conflict", f"another size each time, at last {old_size}")


def _seen_size(answer: WitnessAnswer) -> int | None:
    match = _SIZE.fullmatch(answer.body)
    return None if match is None else int(match[1])


def _cosignature(answer: WitnessAnswer, witness: Witness, body: str, now: int) -> Signature:
    """The line by the key that the policy names; lines by other keys are ignored, as the specification says."""
    try:
        lines = parse(f"{body}\n{answer.body}").signatures
    except BadNoteError as error:
        raise WitnessFailedError("malformed", f"not signature lines: {error.detail}") from error
    if len(lines) > LINES_MAX:
        raise WitnessFailedError("malformed", f"more than {LINES_MAX} lines")
    own = [line for line in lines if (line.name, line.key_id) == (witness.key.name, witness.key.id)]
    if not own:
        raise WitnessFailedError("wrong_key", f"no line by {witness.key.name}")
    try:
        check_cosignature(body, own[0], witness.key, now=now)
    except BadNoteError as error:
        raise WitnessFailedError("bad_signature", error.detail) from error
    return own[0]
