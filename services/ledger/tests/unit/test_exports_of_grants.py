"""Awards as the 360Giving Data Standard has them, movements as CSV: judged by the published schema, byte by byte."""

import json
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from services.ledger.tests.grant_rules import OWN_RULES, PUBLISHED, complaints

from ledger.domain import drafts
from ledger.domain.block import Block, format_timestamp, genesis, make_block, next_timestamp, parse_timestamp
from ledger.domain.drafts import AwardReference, DisbursementReference, Draft, RefundReference
from ledger.domain.exports import csv_header, csv_rows, read_block
from ledger.use_cases.export_chain import export_csv, export_grants, export_preimages

START = parse_timestamp("2026-03-01T10:00:00.000000Z")


def uid(number: int) -> UUID:
    return UUID(int=number)


PROGRAM, DONOR, DONATION = uid(1), uid(2), uid(3)
AWARD = AwardReference(uid(4), PROGRAM, uid(5))
PAYMENT = DisbursementReference(uid(6), AWARD, uid(7), "a" * 64, Decimal("200.00"), "NGN")
RETURNED = DisbursementReference(uid(8), AWARD, uid(9), "b" * 64, Decimal("50.00"), "NGN")
REFUND = RefundReference(uid(10), DONATION, DONOR, PROGRAM, Decimal("15.00"), "NGN")


def chain_of(*made: Draft) -> list[Block]:
    chain = [genesis()]
    for draft in made:
        chain.append(
            make_block(
                block_index=len(chain),
                timestamp=next_timestamp(START, chain[-1].timestamp),
                transaction_type=draft.transaction_type,
                transaction_id=draft.transaction_id,
                data=draft.data,
                previous_hash=chain[-1].hash,
                nonce=1,
            )
        )
    return chain


STORY = chain_of(
    drafts.program_create(uid(20), PROGRAM, "NGN"),
    drafts.donation(
        DONATION, donor_id=DONOR, program_id=PROGRAM, amount=Decimal("515.00"), currency="NGN", earmark=None
    ),
    drafts.commitment(uid(21), AWARD, Decimal("300.00"), "NGN"),
    drafts.disbursement(PAYMENT, "sent"),
    drafts.disbursement(PAYMENT, "completed"),
    drafts.disbursement(RETURNED, "sent"),
    drafts.disbursement(RETURNED, "completed"),
    drafts.reversal(RETURNED, "account_closed"),
    drafts.decommitment(uid(22), AWARD, Decimal("100.00"), "NGN"),
    drafts.refund(REFUND, "sent"),
    drafts.refund(REFUND, "completed"),
)


class ChainInMemory:
    """Keeps `reading_ports.ExportSource`."""

    def __init__(self, chain: Sequence[Block]) -> None:
        self._chain = chain

    async def height(self) -> int:
        return len(self._chain)

    async def preimage(self, index: int) -> bytes:
        return self._chain[index].preimage

    async def preimages(self, height: int, types: frozenset[str] | None = None) -> AsyncIterator[list[bytes]]:
        for block in self._chain[:height]:
            yield [block.preimage] if types is None or block.transaction_type in types else []

    async def of_awards(self, award_ids: Sequence[str], height: int) -> list[bytes]:
        return [
            block.preimage
            for block in self._chain[:height]
            if block.data.get("award_id") in award_ids and block.transaction_type != "commitment"
        ]


async def grants_at(height: int) -> dict[str, Any]:
    return json.loads(b"".join([piece async for piece in export_grants(ChainInMemory(STORY), height)]))


@pytest.mark.parametrize("height", range(4, len(STORY) + 1))
async def test_a_package_is_valid_against_the_published_schema_at_every_height(height):
    package = await grants_at(height)
    assert complaints(PUBLISHED, package) == []
    assert complaints(OWN_RULES, package) == []


async def test_the_schema_and_the_rules_see_what_is_missing_or_misspelled():
    package = await grants_at(len(STORY))
    [grant] = package["grants"]
    broken = [
        {name: value for name, value in grant.items() if name != missing}
        for missing in ("title", "fundingOrganization", "recipientIndividual", "awardDate", "amountAwarded")
    ]
    broken += [
        grant | {"awardDate": "2026-13-01T10:00:00Z"},
        grant | {"dateModified": "2026-03-01 10:00:00"},
        grant | {"dateModified": "2026-03-01"},
        grant | {"currency": "naira"},
        grant | {"amountAwarded": "200.00"},
        grant | {"disbursementTransaction": [{"value": "1"}]},
    ]
    for validator in (PUBLISHED, OWN_RULES):
        for one in broken:
            assert complaints(validator, package | {"grants": [one]}), one
        assert complaints(validator, package | {"grants": []}), "no package without a grant: nothing to publish yet"
        assert complaints(validator, package | {"issued": "yesterday"})
    assert complaints(PUBLISHED, package | {"license": "none"})


async def test_a_grant_says_what_was_awarded_and_paid_at_its_height():
    sums = {}
    for height in (4, 6, 8, 9, 10):
        [grant] = (await grants_at(height))["grants"]
        sums[height] = (grant["amountAwarded"], grant["amountDisbursed"])
    assert sums == {4: (300, 0), 6: (300, 200), 8: (300, 250), 9: (300, 200), 10: (200, 200)}
    assert (await grants_at(3))["grants"] == []


async def test_amounts_are_numbers_with_exactly_the_currency_s_digits():
    written = b"".join([piece async for piece in export_grants(ChainInMemory(STORY), len(STORY))])
    assert b'"amountAwarded":200.00,"amountDisbursed":200.00,' in written
    assert b'"value":-50.00' in written
    assert b'"value":-100.00' in written


# What version 1 of each format writes of this chain: a change here is a new version in `domain/exports.py`.
GOLDEN_ROWS = (
    "9,2026-03-01T10:00:00.000008Z,decommitment,,00000000-0000-0000-0000-000000000016,100.00,NGN,"
    "program:00000000-0000-0000-0000-000000000001:committed:00000000-0000-0000-0000-000000000004,"
    "program:00000000-0000-0000-0000-000000000001:available,00000000-0000-0000-0000-000000000001,"
    "00000000-0000-0000-0000-000000000004,,00000000-0000-0000-0000-000000000005,,,,,"
)


async def test_the_bytes_of_version_1_are_these():
    written = b"".join([piece async for piece in export_csv(ChainInMemory(STORY), len(STORY))])
    lines = written.decode().split("\r\n")
    assert lines[0] == (
        "block_index,timestamp,transaction_type,step,transaction_id,amount,currency,from_account,to_account,program_id,"
        "award_id,tranche_id,beneficiary_id,donor_id,donation_id,earmark,code,hash,previous_hash"
    )
    assert lines[8] == f"{GOLDEN_ROWS}{STORY[9].hash},{STORY[8].hash}"
    assert len(lines) == 1 + 10 + 1
    dump = b"".join([piece async for piece in export_preimages(ChainInMemory(STORY), 1)])
    assert dump == genesis().preimage + b"\n"
    package = b"".join([piece async for piece in export_grants(ChainInMemory(STORY), 3)])
    assert package == (
        b'{"version":"1.4","identifier":"360G-impactnet-height-3","title":"ImpactNet awards in blocks 0 to 2",'
        b'"description":"Every award that ImpactNet\'s ledger holds, with what was paid of it, as the first blocks of'
        b" the chain say. Everything personal is left out: recipients are people and appear under random identifiers"
        b' only, donors do not appear. Each amount can be checked against the signed log, block by block.",'
        b'"issued":"'
        + format_timestamp(STORY[2].timestamp).encode()
        + b'","publisher":{"name":"ImpactNet"},"grants":[]}\n'
    )


def test_no_cell_begins_like_a_formula():
    fields = read_block(STORY[9].preimage)
    for start in ("=1+1", "+1", "-1", "@x", "\tx", "\rx"):
        fields["data"]["code"] = start
        row = csv_rows([(fields, "hash")]).decode()
        assert f"'{start}" in row
    assert not csv_header().startswith((b"=", b"+", b"-", b"@"))
