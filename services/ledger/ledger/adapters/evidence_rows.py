"""Rows that blocks speak of: what each must say, as SQL over blocks whose columns were checked against their bytes."""

from dataclasses import dataclass
from typing import Final

from contracts.applications import ApplicationApproved, ApplicationRejected, AwardProposed, InterviewCompleted
from contracts.programs import ProgramCreated
from ledger.domain.block_screening import Sort

# What each kind of block is made from; first what is most of a chain.
EVENTS: Final[dict[Sort, str]] = {
    ("interview", ""): InterviewCompleted.TYPE,
    ("commitment", ""): AwardProposed.TYPE,
    ("program_create", ""): ProgramCreated.TYPE,
    ("decision", "approved"): ApplicationApproved.TYPE,
    ("decision", "rejected"): ApplicationRejected.TYPE,
}
_EVENT_TYPE: Final = " ".join(
    f"WHEN b.transaction_type = '{kind}' AND coalesce(b.data->>'outcome', '') = '{outcome}' THEN '{event_type}'"
    for (kind, outcome), event_type in EVENTS.items()
)
# Words in capitals in the statements below stand for these.
_WORDS: Final = {
    # Only blocks of these kinds have steps. Said wherever one is looked for: by kind, few are read instead of all.
    "STEPPED": "(SELECT * FROM MOVED WHERE transaction_type IN ('disbursement', 'refund'))",
    "RETURNED": "(SELECT * FROM MOVED WHERE transaction_type = 'reversal')",
    "PLEDGED": """(SELECT b.block_index, (b.data->>'award_id')::uuid AS award_id, AMOUNT AS amount
        FROM BLOCKS AS b WHERE b.transaction_type = 'commitment' AND RANGE ONCE)""",
    # All of them, or those that were picked out before: see `evidence_groups`. Interviews and decisions are not there.
    "BLOCKS": "blocks",
    "MOVED": "blocks",
    "COUNTED": "(SELECT transaction_type, count(*) AS number FROM blocks GROUP BY 1)",
    # What stands before it is worked out once for a row: a join would do it again for each look at the row.
    "ONCE": "OFFSET 0",
    "RANGE": "b.block_index >= $1 AND b.block_index < $2",
    "AMOUNT": "(b.data->>'amount')::numeric",
    "MONEY": "(b.data->>'amount')::numeric AS amount, b.data->>'currency' AS currency",
    "PARTIES": """(b.data->>'program_id')::uuid AS program_id, (b.data->>'award_id')::uuid AS award_id,
    (b.data->>'tranche_id')::uuid AS tranche_id, (b.data->>'donation_id')::uuid AS donation_id,
    (b.data->>'earmark')::uuid AS earmark, (b.data->>'donor_id')::uuid AS donor_id,
    (b.data->>'beneficiary_id')::uuid AS beneficiary_id""",
    "EVENT_TYPE": f"CASE {_EVENT_TYPE} END",
}
_PARTY_COLUMNS: Final = (
    "program_id",
    "award_id",
    "tranche_id",
    "donation_id",
    "earmark",
    "donor_id",
    "beneficiary_id",
    "amount",
    "currency",
    "blockchain_hash",
    "previous_block_hash",
    "block_index",
)


@dataclass(frozen=True, slots=True)
class RowCheck:
    """`expected` gives `block_index` (of the block that speaks), `key` and `columns`, of blocks $1..$2-1."""

    table: str
    key: str
    columns: tuple[str, ...]
    expected: str

    @property
    def statement(self) -> str:
        """Rows that are missing or differ: block_index, and key, missing, expected and found values as JSON."""
        own = ", ".join(f"t.{column}" for column in self.columns)
        wanted = ", ".join(f"e.expected_{column}" for column in self.columns)
        named_own = ", ".join(f"'{column}', t.{column}::text" for column in self.columns)
        named_wanted = ", ".join(f"'{column}', e.expected_{column}::text" for column in self.columns)
        renamed = ", ".join(f"{column} AS expected_{column}" for column in self.columns)
        return f"""
            SELECT e.speaker, jsonb_build_object('key', e.expected_key::text, 'missing', t.{self.key} IS NULL,
                'expected', jsonb_build_object({named_wanted}), 'found', jsonb_build_object({named_own}))::text
            FROM (SELECT speaker, {self.key} AS expected_key, {renamed} FROM ({self.expected}) AS spoken ONCE) AS e
            LEFT JOIN {self.table} AS t ON t.{self.key} = e.expected_key
            WHERE t.{self.key} IS NULL OR ({own}) IS DISTINCT FROM ({wanted})"""  # noqa: S608 -- made of this module's constants


def spell_out(statement: str, **words: str) -> str:
    """The statement with the words in capitals filled in, as `words` say or else as they always are."""
    for word, meaning in (_WORDS | words).items():
        statement = statement.replace(word, meaning)
    return statement


# What came back for an award that is over is released without an event: decommitments are not asked for theirs.
BOOKED: Final = RowCheck(
    "booked_events",
    "event_id",
    ("event_type",),
    """SELECT b.block_index AS speaker, b.transaction_id::uuid AS event_id, EVENT_TYPE AS event_type
        FROM blocks AS b
        WHERE b.transaction_type IN ('interview', 'decision', 'commitment', 'program_create') AND RANGE""",
)
ROW_CHECKS: Final = (
    RowCheck(
        "programs",
        "program_id",
        ("currency",),
        """SELECT b.block_index AS speaker, (b.data->>'program_id')::uuid AS program_id, b.data->>'currency' AS currency
            FROM BLOCKS AS b WHERE b.transaction_type = 'program_create' AND RANGE""",
    ),
    RowCheck(
        "transactions",
        "id",
        ("transaction_type", *_PARTY_COLUMNS),
        """SELECT b.block_index AS speaker, b.transaction_id::uuid AS id, b.transaction_type, PARTIES, MONEY,
                b.hash AS blockchain_hash, b.previous_hash AS previous_block_hash, b.block_index
            FROM BLOCKS AS b WHERE b.transaction_type IN ('donation', 'commitment', 'decommitment') AND RANGE""",
    ),
    # Money that moves in steps is one transaction, which names the block of its latest step.
    RowCheck(
        "transactions",
        "id",
        ("transaction_type", *_PARTY_COLUMNS),
        """SELECT moved.speaker, moved.id::uuid AS id, b.transaction_type, PARTIES, MONEY,
                coalesce(done.hash, failed.hash, b.hash) AS blockchain_hash,
                coalesce(done.previous_hash, failed.previous_hash, b.previous_hash) AS previous_block_hash,
                coalesce(done.block_index, failed.block_index, b.block_index) AS block_index
            FROM (SELECT max(b.block_index) AS speaker, b.data->>'transaction_id' AS id FROM BLOCKS AS b
                WHERE b.transaction_type IN ('disbursement', 'refund') AND RANGE GROUP BY 2) AS moved
            JOIN STEPPED AS b ON b.transaction_id = moved.id || ':sent'
            LEFT JOIN STEPPED AS done ON done.transaction_id = moved.id || ':completed'
            LEFT JOIN STEPPED AS failed ON failed.transaction_id = moved.id || ':failed'""",
    ),
    RowCheck(
        "transactions",
        "blockchain_hash",
        ("transaction_type", "tranche_id", "code", *(each for each in _PARTY_COLUMNS if each != "tranche_id")),
        """SELECT b.block_index AS speaker, b.transaction_type, (sent.data->>'tranche_id')::uuid AS tranche_id,
                b.data->>'code' AS code, (b.data->>'program_id')::uuid AS program_id,
                (b.data->>'award_id')::uuid AS award_id, NULL::uuid AS donation_id, NULL::uuid AS earmark,
                NULL::uuid AS donor_id, (b.data->>'beneficiary_id')::uuid AS beneficiary_id, MONEY,
                b.hash AS blockchain_hash, b.previous_hash AS previous_block_hash, b.block_index
            FROM BLOCKS AS b LEFT JOIN STEPPED AS sent ON sent.transaction_id = (b.data->>'disbursement_id') || ':sent'
            WHERE b.transaction_type = 'reversal' AND RANGE""",
    ),
    RowCheck(
        "lots",
        "donation_id",
        ("program_id", "currency", "amount", "earmark", "received"),
        """SELECT b.block_index AS speaker, b.transaction_id::uuid AS donation_id,
                (b.data->>'program_id')::uuid AS program_id, MONEY, (b.data->>'earmark')::uuid AS earmark,
                b.block_index AS received
            FROM BLOCKS AS b WHERE b.transaction_type = 'donation' AND RANGE""",
    ),
    RowCheck(
        "awards",
        "award_id",
        ("program_id", "beneficiary_id", "commitment_id", "amount", "currency"),
        """SELECT b.block_index AS speaker, (b.data->>'award_id')::uuid AS award_id,
                (b.data->>'program_id')::uuid AS program_id, (b.data->>'beneficiary_id')::uuid AS beneficiary_id,
                b.transaction_id::uuid AS commitment_id, MONEY
            FROM BLOCKS AS b WHERE b.transaction_type = 'commitment' AND RANGE""",
    ),
    BOOKED,
    RowCheck(
        "booked_events",
        "event_id",
        ("event_type", "event_hash"),
        """SELECT b.block_index AS speaker, (b.data->>'event_id')::uuid AS event_id, b.data->>'event_type' AS
            event_type,
                decode(b.data->>'event_hash', 'hex') AS event_hash
            FROM BLOCKS AS b WHERE b.transaction_type = 'exception' AND RANGE""",
    ),
)
