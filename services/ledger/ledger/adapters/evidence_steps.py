"""That payments took their steps in order, and each tranche one at a time, as SQL (with words of `evidence_rows`).

Constraints of the database see to it, but for whoever has all rights in it: so it is read from the blocks alone.
"""

from typing import Final

# Of blocks $1..$2-1 and those that they follow from.
STEPS_OF_BLOCKS: Final = (
    """SELECT b.block_index, 'blocks ' || b.block_index || ': ' || b.transaction_id || ' is not of its payment and step'
        FROM BLOCKS AS b
        WHERE b.transaction_type IN ('disbursement', 'refund', 'reversal') AND RANGE AND b.transaction_id
            IS DISTINCT FROM CASE b.transaction_type WHEN 'reversal' THEN (b.data->>'disbursement_id') || ':reversed'
                ELSE (b.data->>'transaction_id') || ':' || (b.data->>'step') END""",
    """SELECT b.block_index, 'transactions ' || (b.data->>'transaction_id') || ': it is ' || (b.data->>'step')
            || CASE WHEN other.block_index < b.block_index THEN ', and was over before' ELSE ', and not sent before' END
        FROM BLOCKS AS b
        LEFT JOIN STEPPED AS sent ON sent.transaction_id = (b.data->>'transaction_id') || ':sent'
        LEFT JOIN STEPPED AS other ON other.transaction_id = (b.data->>'transaction_id')
            || CASE b.data->>'step' WHEN 'failed' THEN ':completed' ELSE ':failed' END
        WHERE b.transaction_type IN ('disbursement', 'refund') AND b.data->>'step' <> 'sent' AND RANGE
            AND (coalesce(sent.block_index > b.block_index, true) OR other.block_index < b.block_index)""",
    """SELECT b.block_index, 'transactions ' || (b.data->>'disbursement_id') || ': it came back, and had not arrived'
        FROM BLOCKS AS b LEFT JOIN STEPPED AS done ON done.transaction_id = (b.data->>'disbursement_id') || ':completed'
        WHERE b.transaction_type = 'reversal' AND RANGE AND coalesce(done.block_index > b.block_index, true)""",
)

# Over everything.
STEPS_OF_ALL: Final = (
    """SELECT max(b.block_index), 'blocks ' || max(b.block_index) || ': another is ' || b.transaction_id || ' too'
        FROM MOVED AS b WHERE b.transaction_type IN ('disbursement', 'refund', 'reversal')
        GROUP BY b.transaction_id HAVING count(*) > 1""",
    # What a payment was before the next one of its tranche: the first that is not over is enough.
    """SELECT paid.block_index, 'tranches ' || paid.tranche || ': ' || paid.id || ' pays it, and '
            || paid.before || ' does already'
        FROM (SELECT b.block_index, b.data->>'tranche_id' AS tranche, b.data->>'transaction_id' AS id,
                lag(b.data->>'transaction_id') OVER each AS before,
                lag(coalesce(least(failed.block_index, back.block_index), 9223372036854775807)) OVER each AS over_at
            FROM STEPPED AS b
            LEFT JOIN STEPPED AS failed ON failed.transaction_id = (b.data->>'transaction_id') || ':failed'
            LEFT JOIN RETURNED AS back ON back.transaction_id = (b.data->>'transaction_id') || ':reversed'
            WHERE b.transaction_type = 'disbursement' AND b.data->>'step' = 'sent'
            WINDOW each AS (PARTITION BY b.data->>'tranche_id' ORDER BY b.block_index)) AS paid
        WHERE paid.over_at > paid.block_index""",
)
