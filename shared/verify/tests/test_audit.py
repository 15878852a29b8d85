"""Whole dumps: every rule that can be broken is, and the first broken block is named."""

import io
import json
from hashlib import sha256

import pytest
from shared.verify.tests.audited_logs import TRUST, audited, paid
from shared.verify.tests.logs import (
    AVAILABLE,
    AWARD_IDS,
    CLEARING,
    COMMITTED,
    DONOR,
    GENESIS,
    Log,
    commitment,
    disbursement,
    donation,
    jcs,
    money,
    reversal,
    story,
)

from impactnet_verify import audit as auditing
from impactnet_verify.audit import audit
from impactnet_verify.canonical import SIZE_BYTES_MAX
from impactnet_verify.checkpoints import open_checkpoint
from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.lots import Purposes


def test_a_story_with_every_kind_of_block_keeps_every_rule():
    findings = audited(story())
    assert findings.blocks == 17
    assert findings.by_type["disbursement"] == 4
    assert {account: amount for account, amount in findings.books.balances["NGN"].items() if amount} == {
        AVAILABLE: 90_001,
        f"external:donor:{DONOR}": -90_001,
    }
    assert findings.books.payments_under_way == 0


def test_a_log_of_nothing_but_its_beginning_is_fine():
    assert audited(Log()).by_type == {"genesis": 1}


def test_a_program_never_has_less_than_nothing_not_even_for_a_moment():
    log = paid().add("commitment", "event-2", commitment("400.00")).add("commitment", "event-3", commitment("0.01"))
    log.add("donation", "gift-2", donation())
    with pytest.raises(NotVerifiedError, match=rf"block 6: balances: {AVAILABLE} would fall below zero \(to -1 of"):
        audited(log)
    more_than_committed = paid().add("disbursement", "p:sent", disbursement("p", "sent", "400.01"))
    with pytest.raises(NotVerifiedError, match=f"block 5: balances: {COMMITTED} would fall"):
        audited(more_than_committed)


def test_postings_may_stand_in_any_order_and_in_more_lines():
    lines = donation()["postings"]
    half = [{"account": AVAILABLE, "amount": "500.00"}] * 2
    log = Log().add("donation", "gift-1", donation(postings=lines[::-1]))
    log.add("donation", "gift-2", donation(postings=[lines[0], *half]))
    through_clearing = [*money("200.00", f"beneficiary:{AWARD_IDS['beneficiary_id']}", CLEARING)["postings"]]
    through_clearing += money("200.00", CLEARING, COMMITTED)["postings"]
    log.add("commitment", "event-1", commitment())
    log.add("disbursement", "p:sent", disbursement("p", "sent"))
    log.add("disbursement", "p:completed", disbursement("p", "completed"))
    log.add("reversal", "p:reversed", reversal("p") | {"postings": through_clearing})
    assert audited(log).books.balances["NGN"][AVAILABLE] == 200_000 - 60_000


def test_the_nonce_never_falls():
    log = Log().add("donation", "gift-1", donation(), nonce=5).add("donation", "gift-2", donation(), nonce=4)
    with pytest.raises(NotVerifiedError, match="block 2: nonce: it fell from 5 to 4"):
        audited(log)


def test_a_dump_begins_with_the_golden_block():
    log = Log([GENESIS.replace(b'"NGN":2', b'"NGN":3')]).add("donation", "gift-1", donation())
    with pytest.raises(NotVerifiedError, match="block 0: genesis: not the one"):
        audited(log)
    with pytest.raises(NotVerifiedError, match="block 0: genesis: not the one"):
        audited(Log([jcs(json.loads(story().preimages[1]) | {"block_index": 0, "previous_hash": "0" * 64})]))


def test_a_transaction_id_comes_up_once_and_the_first_repetition_is_named():
    log = Log()
    for number in range(200):
        log.add("donation", f"gift-{number % 150}", donation())
    with pytest.raises(NotVerifiedError, match="block 151: transaction_id: gift-0 is that of block 1 too"):
        audited(log)
    # A failure further on is not the first one.
    log.add("donation", "gift-x", donation(), nonce=0)
    with pytest.raises(NotVerifiedError, match="block 151: transaction_id"):
        audited(log)
    # A failure before the repetition is.
    early = Log().add("donation", "gift-1", donation()).add("donation", "gift-2", donation(), nonce=0)
    early.add("donation", "gift-1", donation())
    with pytest.raises(NotVerifiedError, match="block 2: nonce"):
        audited(early)


def test_a_donation_that_is_there_twice_and_spent_twice_is_named_all_the_same():
    log = Log().add("donation", "gift-1", donation()).add("donation", "gift-1", donation())
    log.add("commitment", "event-1", commitment("2000.00"))
    with pytest.raises(NotVerifiedError, match="block 2: transaction_id: gift-1 is that of block 1 too"):
        audited(log)


def test_two_ids_with_one_hash_are_not_taken_for_a_repetition(tmp_path):
    """What only looks like a repetition is read again, exactly."""
    log = story()
    with (tmp_path / "dump").open("w+b") as dump:
        dump.write(log.dump())
        dump.seek(0)
        chain = auditing._Chain(Purposes)
        for preimage in log.preimages:
            chain.take(preimage)
        for shard in chain._id_hashes:
            shard.extend(shard)
        assert len(chain.repeated_id_hashes()) == log.size
        auditing._refuse_repeated_ids(dump, chain)


def test_a_dump_is_as_long_as_its_checkpoint():
    log = story()
    for size, failure in (
        (16, "block 16: the dump goes on beyond"),
        (17, None),
        (18, "block 17: missing; .* has 18 blocks"),
    ):
        longer = Log(list(log.preimages)).add("donation", "gift-9", donation())
        checkpoint = open_checkpoint(longer.checkpoint(size), TRUST)
        if failure is None:
            audit(io.BytesIO(log.dump()), checkpoint)
            continue
        with pytest.raises(NotVerifiedError, match=failure):
            audit(io.BytesIO(log.dump()), checkpoint)
    with pytest.raises(NotVerifiedError, match="block 0: missing"):
        audit(io.BytesIO(b""), open_checkpoint(log.checkpoint(), TRUST))
    with pytest.raises(NotVerifiedError, match="block 3: bytes: not JSON"):
        audit(io.BytesIO(log.dump(3) + b"\n"), open_checkpoint(log.checkpoint(), TRUST))


def test_a_rewritten_tail_has_another_root():
    log, other = story(), story()
    other.preimages.pop()
    other.add(
        "exception", "event-7", {"event_id": "e", "event_type": "t", "event_hash": "9" * 64, "code": "c"}, nonce=3
    )
    with pytest.raises(NotVerifiedError, match="root: the 17 blocks have another root"):
        audit(io.BytesIO(other.dump()), open_checkpoint(log.checkpoint(), TRUST))


@pytest.mark.parametrize("victim", range(1, 16))
def test_a_block_exchanged_removed_or_put_in_twice_is_named(victim):
    log = story()
    checkpoint = open_checkpoint(log.checkpoint(), TRUST)
    lines = log.preimages
    for changed in (
        [*lines[:victim], lines[victim + 1], lines[victim], *lines[victim + 2 :]],
        [*lines[:victim], *lines[victim + 1 :]],
        [*lines[:victim], lines[victim - 1], *lines[victim:]],
    ):
        with pytest.raises(NotVerifiedError, match=f"block {victim}: (block_index|step)"):
            audit(io.BytesIO(Log(changed).dump()), checkpoint)


def test_a_line_without_end_is_not_read_into_memory():
    class Endless(io.RawIOBase):
        given = 0

        def readable(self):
            return True

        def seekable(self):
            return True

        def seek(self, *_):
            return 0

        def readinto(self, buffer):
            buffer[:] = b"x" * len(buffer)
            self.given += len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(NotVerifiedError, match="block 0: bytes: more than 65535"):
        audit(io.BufferedReader(endless), open_checkpoint(story().checkpoint(), TRUST))
    assert endless.given < 64 * SIZE_BYTES_MAX


def test_progress_is_told_and_memory_for_a_block_stays_small():
    log = Log()
    for number in range(8200):
        preimage = json.loads(log.preimages[-1])
        block = {
            "block_index": number + 1,
            "timestamp": f"2026-01-01T00:00:{number // 1000:02d}.{number % 1000:03d}001Z",
            "transaction_type": "program_create",
            "transaction_id": f"t{number}",
            "data": {"program_id": f"p{number}", "currency": "NGN"},
            "previous_hash": sha256(log.preimages[-1]).hexdigest(),
            "nonce": preimage["nonce"],
        }
        log.preimages.append(jcs(block))
    told: list[int] = []
    audit(io.BytesIO(log.dump()), open_checkpoint(log.checkpoint(), TRUST), told.append)
    assert told == [8192]
