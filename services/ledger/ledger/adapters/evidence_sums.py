"""What has to add up beside the chain, as SQL (with words of `evidence_rows`): (block index or NULL, what is wrong)."""

from typing import Final

# Of blocks $1..$2-1 and the rows they speak of.
STATEMENTS_OF_BLOCKS: Final = (
    # Where a transaction stands follows from its blocks; `disputed` is said by an open dispute instead.
    """SELECT b.block_index, 'transactions ' || t.id || ': it is ' || t.status || ', which its blocks do not say'
        FROM (SELECT b.block_index, b.transaction_type, CASE WHEN b.transaction_type IN ('disbursement', 'refund')
                THEN (b.data->>'transaction_id')::uuid ELSE b.transaction_id::uuid END AS id
            FROM BLOCKS AS b
            WHERE b.transaction_type IN ('donation', 'commitment', 'decommitment', 'disbursement', 'refund') AND RANGE
            ONCE) AS b
        JOIN transactions AS t ON t.id = b.id
        LEFT JOIN STEPPED AS done ON done.transaction_id = t.id || ':completed'
        LEFT JOIN STEPPED AS failed ON failed.transaction_id = t.id || ':failed'
        LEFT JOIN RETURNED AS back ON back.transaction_id = t.id || ':reversed'
        WHERE t.status <> 'disputed' AND NOT CASE
                WHEN back.block_index IS NOT NULL THEN t.status = 'reversed'
                    -- Another transaction has taken its place.
                    OR t.status = 'failed' AND EXISTS (SELECT FROM disputes
                        WHERE disputes.transaction_id = t.id AND correction_id IS NOT NULL)
                WHEN done.block_index IS NOT NULL THEN t.status = 'completed'
                WHEN failed.block_index IS NOT NULL THEN t.status = 'failed'
                WHEN b.transaction_type = 'disbursement' THEN t.status IN ('pending', 'submitted', 'unknown')
                WHEN b.transaction_type = 'refund' THEN t.status IN ('submitted', 'unknown')
                ELSE t.status = 'completed' OR b.transaction_type = 'donation' AND t.status = 'reversed'
                    -- Its donor's bank took it back, and two people have said so.
                    AND EXISTS (SELECT FROM disputes WHERE disputes.transaction_id = t.id AND outcome = 'reversed'
                        AND closed_at IS NOT NULL) END""",
    """SELECT b.block_index, 'transactions ' || t.id || ': a reversal that is ' || t.status
        FROM BLOCKS AS b JOIN transactions AS t ON t.blockchain_hash = b.hash
        WHERE b.transaction_type = 'reversal' AND RANGE AND t.status <> 'completed'""",
    # A later step, and what comes back, is of the same money for the same people as what was sent.
    """SELECT b.block_index, 'transactions ' || (b.data->>'transaction_id') || ': its step ' || (b.data->>'step')
            || ' is not of what was sent'
        FROM BLOCKS AS b JOIN STEPPED AS sent ON sent.transaction_id = (b.data->>'transaction_id') || ':sent'
        WHERE b.transaction_type IN ('disbursement', 'refund') AND b.data->>'step' <> 'sent' AND RANGE
            AND (b.data - 'step' - 'postings') <> (sent.data - 'step' - 'postings')""",
    """SELECT b.block_index, 'transactions ' || (b.data->>'disbursement_id') || ': its reversal is not of what was sent'
        FROM BLOCKS AS b JOIN STEPPED AS sent ON sent.transaction_id = (b.data->>'disbursement_id') || ':sent'
        WHERE b.transaction_type = 'reversal' AND RANGE
            AND (b.data - 'code' - 'postings' - 'disbursement_id')
                <> (sent.data - 'step' - 'postings' - 'transaction_id' - 'tranche_id' - 'payee_commitment')""",
    # An award's money is for one beneficiary, out of one programme.
    """SELECT b.block_index, 'awards ' || a.award_id || ': a block moves its money for another beneficiary or programme'
        FROM BLOCKS AS b JOIN awards AS a ON a.award_id = (b.data->>'award_id')::uuid
        WHERE b.transaction_type IN ('disbursement', 'reversal', 'decommitment') AND RANGE
            AND ((b.data->>'beneficiary_id')::uuid, (b.data->>'program_id')::uuid)
                IS DISTINCT FROM (a.beneficiary_id, a.program_id)""",
    # Every naira that was sent comes from lots, to the last kobo.
    """SELECT b.block_index, 'transaction_links to ' || any_value(b.data->>'transaction_id') || ': they sum to '
            || coalesce(sum(l.amount), 0) || ' of ' || any_value(AMOUNT)
        FROM BLOCKS AS b LEFT JOIN transaction_links AS l ON l.to_transaction = (b.data->>'transaction_id')::uuid
        WHERE b.transaction_type IN ('disbursement', 'refund') AND b.data->>'step' = 'sent' AND RANGE
        GROUP BY b.block_index HAVING coalesce(sum(l.amount), 0) <> any_value(AMOUNT)""",
    """SELECT b.block_index, 'transaction_links from ' || l.from_transaction || ' to ' || l.to_transaction
            || ': nothing of this was set aside for it'
        FROM BLOCKS AS b JOIN transaction_links AS l ON l.to_transaction = (b.data->>'transaction_id')::uuid
        LEFT JOIN award_lots AS share
            ON share.donation_id = l.from_transaction AND share.award_id = (b.data->>'award_id')::uuid
        WHERE b.transaction_type IN ('disbursement', 'refund') AND b.data->>'step' = 'sent' AND RANGE
            AND share.donation_id IS NULL AND l.from_transaction IS DISTINCT FROM (b.data->>'donation_id')::uuid""",
    # What failed or came back went back the way it had come.
    """SELECT b.block_index, 'transaction_links from ' || moved.id || ': they do not mirror what it was paid from'
        FROM BLOCKS AS b
        CROSS JOIN LATERAL (SELECT coalesce(b.data->>'disbursement_id', b.data->>'transaction_id')::uuid AS id) AS moved
        WHERE (b.transaction_type = 'reversal'
            OR b.transaction_type IN ('disbursement', 'refund') AND b.data->>'step' = 'failed') AND RANGE AND EXISTS (
            SELECT FROM (SELECT from_transaction AS lot, amount FROM transaction_links WHERE to_transaction =
                moved.id) AS paid
            FULL JOIN (SELECT to_transaction AS lot, amount FROM transaction_links WHERE from_transaction =
                moved.id) AS back
                ON back.lot = paid.lot AND back.amount = paid.amount
            WHERE back.lot IS NULL OR paid.lot IS NULL)""",
    """SELECT b.block_index, 'award_lots of ' || any_value(b.award_id) || ': they sum to '
            || coalesce(sum(share.amount), 0) || ' of ' || any_value(b.amount)
        FROM PLEDGED AS b LEFT JOIN award_lots AS share USING (award_id)
        GROUP BY b.block_index HAVING coalesce(sum(share.amount), 0) <> any_value(b.amount)""",
    """SELECT b.block_index, 'tranches of ' || any_value(b.award_id) || ': they sum to '
            || coalesce(sum(t.amount), 0) || ' of ' || any_value(b.amount)
        FROM PLEDGED AS b LEFT JOIN tranches AS t USING (award_id)
        GROUP BY b.block_index HAVING coalesce(sum(t.amount), 0) <> any_value(b.amount)""",
    # A correction books what was paid already: no rail is called for it.
    """SELECT b.block_index, 'payments ' || t.id || ': ' || CASE WHEN p.transaction_id IS NULL THEN 'missing'
            ELSE 'it does not say what its block and its transaction do' END
        FROM BLOCKS AS b JOIN transactions AS t ON t.id = CASE WHEN b.transaction_type = 'donation'
            THEN b.transaction_id::uuid ELSE (b.data->>'transaction_id')::uuid END
        LEFT JOIN payments AS p ON p.transaction_id = t.id
        WHERE (b.transaction_type = 'donation'
            OR b.transaction_type IN ('disbursement', 'refund') AND b.data->>'step' = 'sent') AND RANGE AND CASE
            WHEN p.transaction_id IS NULL THEN t.code IS DISTINCT FROM 'correction' AND NOT EXISTS
                (SELECT FROM disputes WHERE disputes.correction_id = t.id)
            ELSE p.direction <> CASE b.transaction_type WHEN 'donation' THEN 'in' ELSE 'out' END
                OR b.transaction_type = 'disbursement' AND p.payee_commitment IS DISTINCT FROM
                    b.data->>'payee_commitment'
                OR t.status = 'pending' AND p.called_at IS NOT NULL
                OR b.transaction_type <> 'donation' AND p.called_at IS NULL
                    AND t.status IN ('submitted', 'unknown') END""",
)

# Each payment and each return of a lot's money, with the award it was for and the block that says so.
_GIVEN: Final = """
    SELECT b.data->>'award_id' AS award_id, l.from_transaction AS donation_id, l.amount, b.block_index
    FROM transaction_links AS l JOIN STEPPED AS b ON b.transaction_id = l.to_transaction || ':sent'
    UNION ALL
    SELECT b.data->>'award_id', l.to_transaction, -l.amount, b.block_index
    FROM transaction_links AS l JOIN STEPPED AS b ON b.transaction_id = l.from_transaction || ':failed'
    UNION ALL
    SELECT b.data->>'award_id', l.to_transaction, -l.amount, b.block_index
    FROM transaction_links AS l JOIN RETURNED AS b ON b.transaction_id = l.from_transaction || ':reversed'"""

# Over everything; GIVEN stands for the above.
_STATEMENTS_OF_ALL: Final = (
    """SELECT NULL, 'programs ' || p.program_id || ': no block has opened it'
       FROM programs AS p LEFT JOIN
           (SELECT data->>'program_id' AS id FROM BLOCKS WHERE transaction_type = 'program_create') AS opened
           ON opened.id = p.program_id::text
       WHERE opened.id IS NULL""",
    """SELECT t.block_index, 'transactions ' || t.id || ': its block does not speak of it'
       FROM transactions AS t
       LEFT JOIN (SELECT * FROM BLOCKS WHERE transaction_type IN
           ('donation', 'commitment', 'decommitment', 'disbursement', 'refund', 'reversal')) AS b
           ON b.hash = t.blockchain_hash
       WHERE t.blockchain_hash IS NOT NULL AND (b.hash IS NULL
           OR b.transaction_type <> 'reversal' AND t.id::text <> ALL (ARRAY[b.transaction_id,
               b.data->>'transaction_id']))""",
    """SELECT t.block_index, 'transactions ' || t.id || ': a ' || t.transaction_type || ' without a block that is '
        || t.status
       FROM transactions AS t
       WHERE t.blockchain_hash IS NULL AND (t.block_index IS NOT NULL OR t.previous_block_hash IS NOT NULL OR NOT CASE
           WHEN t.transaction_type IN ('donation', 'refund')
               THEN t.status IN ('pending', 'submitted', 'unknown', 'failed', 'disputed')
           ELSE t.transaction_type = 'disbursement' AND t.status = 'failed' END)""",
    """SELECT t.block_index, 'transactions ' || t.id || ': disputed, and no dispute is open, or the other way round'
       FROM transactions AS t FULL JOIN (SELECT transaction_id FROM disputes WHERE closed_at IS NULL) AS open
           ON open.transaction_id = t.id
       WHERE (t.status = 'disputed') IS DISTINCT FROM (open.transaction_id IS NOT NULL)""",
    """SELECT l.received, 'lots ' || l.donation_id || ': no block has brought it in'
       FROM lots AS l
       LEFT JOIN (SELECT transaction_id FROM BLOCKS WHERE transaction_type = 'donation') AS b
           ON b.transaction_id = l.donation_id::text
       WHERE b.transaction_id IS NULL""",
    """SELECT NULL, 'awards ' || a.award_id || ': no block has set it aside'
       FROM awards AS a
       LEFT JOIN (SELECT transaction_id, data->>'award_id' AS award_id FROM BLOCKS
           WHERE transaction_type = 'commitment') AS b ON b.transaction_id = a.commitment_id::text
       WHERE b.award_id IS DISTINCT FROM a.award_id::text""",
    """SELECT NULL, 'awards ' || a.award_id || ': its application is not that of its commitment'
       FROM awards AS a JOIN transactions AS t ON t.id = a.commitment_id
       WHERE a.application_id IS DISTINCT FROM t.application_id""",
    """SELECT NULL, 'awards ' || a.award_id || ': paid ' || a.paid || ' and released ' || a.released ||
        ', the blocks say '
           || coalesce(moved.paid, 0) || ' and ' || coalesce(moved.released, 0)
       FROM awards AS a LEFT JOIN (
           SELECT b.data->>'award_id' AS award_id,
               sum(CASE WHEN b.transaction_type = 'reversal' OR b.data->>'step' = 'failed' THEN -AMOUNT
                   WHEN b.data->>'step' = 'sent' THEN AMOUNT ELSE 0 END) AS paid,
               sum(CASE b.transaction_type WHEN 'decommitment' THEN AMOUNT ELSE 0 END) AS released
           FROM BLOCKS AS b WHERE b.transaction_type IN ('disbursement', 'reversal', 'decommitment') GROUP BY 1) AS
               moved
           ON moved.award_id = a.award_id::text
       WHERE (a.paid, a.released) IS DISTINCT FROM (coalesce(moved.paid, 0), coalesce(moved.released, 0))""",
    # A cancellation releases all that is unpaid of every share; what is paid back later is released by the next one.
    """SELECT NULL, 'award_lots ' || share.award_id || ' of ' || share.donation_id || ': paid ' || share.paid
            || ' and released ' || share.released || ', links and blocks say ' || share.paid_out || ' and ' ||
                share.given_up
        FROM (SELECT s.award_id, s.donation_id, s.paid, s.released, coalesce(sum(given.amount), 0) AS paid_out,
                CASE WHEN ended.at IS NULL THEN 0 ELSE s.amount
                    - coalesce(sum(given.amount) FILTER (WHERE given.block_index < ended.at), 0) END AS given_up
            FROM award_lots AS s
            LEFT JOIN (GIVEN) AS given ON given.award_id = s.award_id::text AND given.donation_id = s.donation_id
            LEFT JOIN (SELECT data->>'award_id' AS award_id, max(block_index) AS at FROM BLOCKS
                WHERE transaction_type = 'decommitment' GROUP BY 1) AS ended ON ended.award_id = s.award_id::text
            GROUP BY s.award_id, s.donation_id, ended.at) AS share
        WHERE (share.paid, share.released) IS DISTINCT FROM (share.paid_out, share.given_up)""",
    """SELECT l.received, 'lots ' || l.donation_id || ': ' || l.taken || ' of it is taken, awards and refunds say '
            || coalesce(kept.amount, 0) + coalesce(refunded.amount, 0)
        FROM lots AS l
        LEFT JOIN (SELECT donation_id, sum(amount - released) AS amount FROM award_lots GROUP BY 1) AS kept
            ON kept.donation_id = l.donation_id
        LEFT JOIN (SELECT donation_id, sum(amount) AS amount FROM (GIVEN) AS given WHERE award_id IS NULL GROUP BY 1)
            AS refunded ON refunded.donation_id = l.donation_id
        WHERE l.taken <> coalesce(kept.amount, 0) + coalesce(refunded.amount, 0)""",
    """SELECT l.received, 'lots ' || l.donation_id || ': ' || sum(given.amount) || ' went out of ' || l.amount
        FROM lots AS l JOIN (GIVEN) AS given ON given.donation_id = l.donation_id
        GROUP BY l.donation_id HAVING sum(given.amount) > l.amount OR sum(given.amount) < 0""",
    """SELECT NULL, 'transaction_links ' || l.id || ': nothing was sent or came back by it'
       FROM transaction_links AS l
       LEFT JOIN STEPPED AS sent ON sent.transaction_id = l.to_transaction || ':sent'
       LEFT JOIN STEPPED AS failed ON failed.transaction_id = l.from_transaction || ':failed'
       LEFT JOIN RETURNED AS back ON back.transaction_id = l.from_transaction || ':reversed'
       WHERE num_nonnulls(sent.hash, failed.hash, back.hash) = 0""",
    """SELECT NULL, 'beneficiaries ' || p.beneficiary_id || ': ' || p.amount_received || ' received, the books say '
           || coalesce(b.balance, 0)
       FROM beneficiaries AS p
       LEFT JOIN balances AS b ON b.account = 'beneficiary:' || p.beneficiary_id AND b.currency = p.currency
       WHERE p.amount_received <> coalesce(b.balance, 0)""",
    """SELECT NULL, 'receipts: numbers ' || min(number) || ' to ' || max(number) || ' on ' || count(*) || ' receipts'
       FROM receipts HAVING count(*) > 0 AND (min(number) <> 1 OR max(number) <> count(*))""",
    """SELECT NULL, 'receipts ' || r.number || ': nothing was completed that it is for'
       FROM receipts AS r LEFT JOIN blocks AS b
           ON b.transaction_id IN (r.transaction_id::text, r.transaction_id || ':completed')
       WHERE b.hash IS NULL OR r.block_index <> b.block_index""",
    """SELECT NULL, 'receipts ' || number || ': its bytes are not those of its digest'
       FROM receipts WHERE encode(sha256(content), 'hex') <> sha256""",
)
STATEMENTS_OF_ALL: Final = tuple(statement.replace("GIVEN", _GIVEN) for statement in _STATEMENTS_OF_ALL)
