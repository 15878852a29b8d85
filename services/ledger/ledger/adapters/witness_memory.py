"""The policy's file, and what the witnesses in it remember of this log when the signer's own memory is gone."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from ledger.adapters.witness_http import HttpWitnessClient, can_be_asked
from ledger.domain.checkpoints import open_checkpoint
from ledger.domain.notes import VerifierKey
from ledger.domain.refusals import BadNoteError
from ledger.domain.witness_policy import NO_WITNESSES, BadPolicyError, Policy, Witness, parse_policy
from ledger.use_cases.sign_checkpoint import Identity

log = structlog.get_logger(__name__)


def open_policy(path: str | None, own: VerifierKey) -> Policy:
    """The policy that the signer works by; without a file no witness is asked.

    Raises:
        BadPolicyError: not to be read, malformed, about other logs than ours, with a witness's URL that is none, or
            with a quorum that nobody can make.
    """
    if path is None:
        return NO_WITNESSES
    try:
        policy = parse_policy(Path(path).read_bytes())
    except OSError as error:
        raise BadPolicyError(f"{path}: {error.strerror}") from error
    if policy.logs and own not in policy.logs:
        raise BadPolicyError(f"{path}: the logs in it are others than {own.vkey}, which signs here")
    for witness in policy.witnesses:
        if witness.url is not None and not can_be_asked(witness.url):
            raise BadPolicyError(f"{path}: {witness.name!r} cannot be asked: its URL is none")
    asked = [witness.name for witness in policy.witnesses if witness.url is not None]
    if not policy.is_met_by(asked):
        raise BadPolicyError(f"{path}: even if every witness with a URL cosigns, there is no quorum")
    return policy


def published_policy(path: str | None) -> bytes | None:
    """The policy as everybody may have it, to check ours and make their own; None where there is none.

    Raises:
        BadPolicyError: not to be read, or malformed.
    """
    if path is None:
        return None
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadPolicyError(f"{path}: {error.strerror}") from error
    parse_policy(content)
    return content


async def ask_what_was_seen(client: HttpWitnessClient, witnesses: Sequence[Witness], identity: Identity) -> list[str]:
    """The latest checkpoints that these witnesses show, of those that we have signed: anyone can make another."""
    asked = [witness for witness in witnesses if witness.url is not None]
    notes = await asyncio.gather(*(client.latest(witness, identity.origin) for witness in asked))
    seen: list[str] = []
    for witness, note in zip(asked, notes, strict=True):
        if note is None:
            continue
        try:
            open_checkpoint(note, identity.own_keys, identity.origin)
        except BadNoteError as error:
            log.warning("witness_shows_nothing_of_ours", witness=witness.key.name, detail=error.detail)
            continue
        seen.append(note)
    return seen
