"""Rows beside the chain that never change once their block is there, as SQL: a verified state has their digest."""

from typing import Final

from ledger.adapters.evidence_rows import spell_out

# Rows that never change once their block is there: (block index, row), in order, of blocks $1..$2-1. Most blocks
# have only the row of their event.
_RECORDS: Final = """
    WITH picked AS MATERIALIZED (
        SELECT block_index, transaction_type, transaction_id, data - 'postings' AS data, hash FROM blocks AS b
        WHERE RANGE AND transaction_type <> 'interview' AND transaction_type <> 'decision')
    SELECT * FROM (
        SELECT b.block_index, 'transaction' || ROW(t.id, t.application_id, t.request_id, t.initiated_at,
            t.created_at)::text
            AS line
        FROM picked AS b JOIN transactions AS t ON t.id = CASE WHEN b.transaction_type IN ('disbursement', 'refund')
            THEN (b.data->>'transaction_id')::uuid ELSE b.transaction_id::uuid END
        WHERE (b.transaction_type IN ('donation', 'commitment', 'decommitment') OR b.data->>'step' = 'sent')
        UNION ALL
        SELECT b.block_index, 'transaction' || ROW(t.id, t.application_id, t.request_id, t.initiated_at,
            t.created_at)::text
        FROM picked AS b JOIN transactions AS t ON t.blockchain_hash = b.hash
        WHERE b.transaction_type = 'reversal'
        UNION ALL
        SELECT b.block_index, 'payment' || ROW(p.transaction_id, p.rail, p.reference, p.payee_commitment,
            p.created_at)::text
        FROM picked AS b JOIN payments AS p ON p.transaction_id = CASE WHEN b.transaction_type = 'donation'
            THEN b.transaction_id::uuid ELSE (b.data->>'transaction_id')::uuid END
        WHERE (b.transaction_type = 'donation' OR b.data->>'step' = 'sent')
        UNION ALL
        SELECT b.block_index, 'link' || ROW(l.id, l.from_transaction, l.to_transaction, l.amount, l.created_at)::text
        FROM picked AS b JOIN transaction_links AS l ON l.to_transaction = (b.data->>'transaction_id')::uuid
        WHERE b.data->>'step' = 'sent'
        UNION ALL
        SELECT b.block_index, 'link' || ROW(l.id, l.from_transaction, l.to_transaction, l.amount, l.created_at)::text
        FROM picked AS b JOIN transaction_links AS l
            ON l.from_transaction = coalesce(b.data->>'disbursement_id', b.data->>'transaction_id')::uuid
        WHERE (b.transaction_type = 'reversal' OR b.data->>'step' = 'failed')
        UNION ALL
        SELECT b.block_index, 'lot' || ROW(l.donation_id, l.created_at)::text
        FROM picked AS b JOIN lots AS l ON l.donation_id = b.transaction_id::uuid
        WHERE b.transaction_type = 'donation'
        UNION ALL
        SELECT b.block_index, 'award' || ROW(a.award_id, a.application_id, a.created_at)::text
        FROM picked AS b JOIN awards AS a ON a.award_id = (b.data->>'award_id')::uuid
        WHERE b.transaction_type = 'commitment'
        UNION ALL
        SELECT b.block_index, 'share' || ROW(s.award_id, s.donation_id, s.amount, s.created_at)::text
        FROM picked AS b JOIN award_lots AS s ON s.award_id = (b.data->>'award_id')::uuid
        WHERE b.transaction_type = 'commitment'
        UNION ALL
        SELECT b.block_index, 'tranche' || ROW(t.tranche_id, t.award_id, t.amount, t.due_on, t.created_at)::text
        FROM picked AS b JOIN tranches AS t ON t.award_id = (b.data->>'award_id')::uuid
        WHERE b.transaction_type = 'commitment'
        UNION ALL
        SELECT b.block_index, 'program' || ROW(p.program_id, p.created_at)::text
        FROM picked AS b JOIN programs AS p ON p.program_id = (b.data->>'program_id')::uuid
        WHERE b.transaction_type = 'program_create'
        UNION ALL
        SELECT b.block_index, 'event' || ROW(e.event_id, e.event_type, encode(e.event_hash, 'hex'), e.booked_at)::text
        FROM blocks AS b JOIN booked_events AS e ON e.event_id = b.transaction_id::uuid
        WHERE b.transaction_type IN
            ('program_create', 'commitment', 'decommitment', 'interview', 'decision', 'exception') AND RANGE
    ) AS rows ORDER BY block_index, line COLLATE "C" """

RECORDS: Final = spell_out(_RECORDS)
