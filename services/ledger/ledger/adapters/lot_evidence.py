"""What blocks did and what was written beside them about lots, on one connection that sees one snapshot."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.domain.lot_replay import Deed

# Rows that a cursor fetches ahead: a long replay stays within a few MiB.
PREFETCH_ROWS: Final = 2000
# A commitment's application stands beside the chain alone, in its transaction.
_DEEDS: Final = """
    SELECT b.block_index, b.transaction_type || coalesce(':' || (b.data->>'step'), '') AS kind,
        coalesce(b.data->>'transaction_id', b.data->>'disbursement_id', b.transaction_id) AS payment_id,
        b.data->>'amount' AS amount, b.data->>'program_id' || ' ' || (b.data->>'currency') AS fund,
        coalesce(b.data->>'award_id', '') AS award_id, coalesce(b.data->>'donation_id', '') AS donation_id,
        coalesce(b.data->>'earmark', '') AS earmark,
        CASE b.transaction_type WHEN 'commitment' THEN ARRAY[b.data->>'award_id', b.data->>'beneficiary_id',
            (SELECT application_id::text FROM transactions WHERE id = b.transaction_id::uuid)] END AS purposes,
        CASE WHEN b.transaction_type = 'commitment' THEN (SELECT jsonb_object_agg(donation_id, amount::text)
                FROM award_lots WHERE award_id = (b.data->>'award_id')::uuid)
            WHEN b.data->>'step' = 'sent' THEN (SELECT jsonb_object_agg(from_transaction, amount::text)
                FROM transaction_links WHERE to_transaction = (b.data->>'transaction_id')::uuid)
            END::text AS recorded
    FROM blocks AS b
    WHERE b.transaction_type IN ('donation', 'commitment', 'decommitment', 'disbursement', 'refund', 'reversal')
        AND b.data->>'step' IS DISTINCT FROM 'completed'
    ORDER BY b.block_index"""


class PostgresLotEvidence:
    """Keeps `verify_lots.LotEvidence`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def deeds(self) -> AsyncIterator[Deed]:
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        async for row in driver.cursor(_DEEDS, prefetch=PREFETCH_ROWS):
            index, kind, payment_id, amount, fund, award_id, donation_id, earmark, purposes, recorded = row
            yield Deed(
                block_index=index,
                kind=kind,
                payment_id=payment_id,
                amount=Decimal(amount),
                fund=fund,
                award_id=award_id,
                donation_id=donation_id,
                earmark=earmark,
                purposes=tuple(each for each in dict.fromkeys(purposes or ()) if each),
                recorded=_amounts(recorded),
            )


def _amounts(recorded: str | None) -> dict[str, Decimal] | None:
    return None if recorded is None else {key: Decimal(value) for key, value in json.loads(recorded).items()}
