"""Balances and the sums that are shown to everybody, against what they are sums of, as SQL: (NULL, what is wrong)."""

from typing import Final

# COUNTED stands for the blocks of each kind.
COUNTS: Final = """
    SELECT NULL, 'block_counts ' || transaction_type || ': ' || coalesce(shown.number, 0) || ', there are '
           || coalesce(real.number, 0)
       FROM block_counts AS shown FULL JOIN COUNTED AS real USING (transaction_type)
       WHERE shown.number IS DISTINCT FROM real.number"""
STATEMENTS_OF_TOTALS: Final = (
    """SELECT NULL, 'balances ' || currency || ' ' || account || ': ' || CASE
           WHEN shown.balance IS NULL THEN 'missing'
           WHEN moved.balance IS NULL THEN 'no block has moved anything there'
           ELSE shown.balance || ', the blocks say ' || moved.balance END
       FROM balances AS shown
       FULL JOIN (SELECT account, currency, sum(amount) AS balance FROM postings GROUP BY 1, 2) AS moved
           USING (account, currency)
       WHERE shown.balance IS DISTINCT FROM moved.balance""",
    COUNTS,
    """SELECT NULL, 'row_counts ' || name || ': ' || coalesce(shown.number, 0) || ', there are ' ||
        coalesce(real.number, 0)
       FROM row_counts AS shown
       FULL JOIN (SELECT 'programs' AS name, count(*) AS number FROM programs
           UNION ALL SELECT 'beneficiaries', count(*) FROM beneficiaries) AS real USING (name)
       WHERE coalesce(shown.number, 0) <> coalesce(real.number, 0) OR real.name IS NULL""",
    """SELECT NULL, 'money_totals ' || currency || ': they are not those of the blocks'
       FROM money_totals AS shown
       FULL JOIN (SELECT b.data->>'currency' AS currency,
               sum(CASE b.transaction_type WHEN 'donation' THEN 1 ELSE 0 END * amount.of) AS received,
               sum(CASE b.transaction_type WHEN 'commitment' THEN 1 WHEN 'decommitment' THEN -1 ELSE 0 END * amount.of)
                   AS committed,
               sum(CASE WHEN b.transaction_type = 'disbursement' AND b.data->>'step' = 'completed' THEN 1
                   WHEN b.transaction_type = 'reversal' THEN -1 ELSE 0 END * amount.of) AS disbursed,
               sum(CASE WHEN b.transaction_type = 'refund' AND b.data->>'step' = 'completed' THEN 1 ELSE 0 END *
                   amount.of)
                   AS refunded
           FROM BLOCKS AS b CROSS JOIN LATERAL (SELECT (b.data->>'amount')::numeric AS of) AS amount
           WHERE b.transaction_type IN
               ('donation', 'commitment', 'decommitment', 'disbursement', 'refund', 'reversal')
           GROUP BY 1) AS real USING (currency)
       WHERE (shown.received, shown.committed, shown.disbursed, shown.refunded)
           IS DISTINCT FROM (real.received, real.committed, real.disbursed, real.refunded)""",
    """SELECT NULL, 'lot_sums ' || donation_id || ': ' || concat_ws(', ', coalesce(shown.given, 0) || ' given of '
           || coalesce(shown.amount, 0), shown.refunded || ' refunded', shown.promised || ' promised',
           shown.paid || ' paid') || '; lots, links and awards say ' || coalesce(real.given, 0) || ' of '
           || coalesce(real.amount, 0) || ', ' || coalesce(real.refunded, 0) || ', ' || coalesce(real.promised, 0)
           || ', ' || coalesce(real.paid, 0)
       FROM lot_sums AS shown
       FULL JOIN (SELECT donation_id, lots.amount, sum(moved.given) AS given, sum(moved.refunded) AS refunded,
               sum(moved.promised) AS promised, sum(moved.paid) AS paid
           FROM lots JOIN (
               SELECT donation_id, 0 AS given, 0 AS refunded, amount - released AS promised, paid FROM award_lots
               UNION ALL SELECT moves.donation_id, moves.amount, CASE WHEN transaction_type = 'refund' THEN moves.amount
                   ELSE 0 END, 0, 0
               FROM (SELECT from_transaction AS donation_id, to_transaction AS payment, amount FROM transaction_links
                   UNION ALL SELECT to_transaction, from_transaction, -amount FROM transaction_links) AS moves
               LEFT JOIN transactions ON transactions.id = moves.payment) AS moved USING (donation_id)
           GROUP BY 1, 2) AS real USING (donation_id)
       WHERE (shown.amount, shown.given, shown.refunded, shown.promised, shown.paid)
           IS DISTINCT FROM (real.amount, real.given, real.refunded, real.promised, real.paid)""",
    """SELECT NULL, 'account_totals ' || kind || ' ' || currency || ': ' || coalesce(shown.balance, 0)
           || ', the accounts have ' || coalesce(real.balance, 0)
       FROM account_totals AS shown
       FULL JOIN (SELECT account_kind(account) AS kind, currency, sum(balance) AS balance FROM balances GROUP BY 1, 2)
           AS real USING (kind, currency)
       WHERE shown.balance IS DISTINCT FROM real.balance""",
    """SELECT NULL, 'program_balances ' || program_id || ' ' || currency || ': they are not those of its accounts'
       FROM program_balances AS shown
       FULL JOIN (SELECT split_part(account, ':', 2) AS program_id, currency,
               coalesce(sum(balance) FILTER (WHERE account_kind(account) = 'available'), 0) AS available,
               coalesce(sum(balance) FILTER (WHERE account_kind(account) = 'committed'), 0) AS committed
           FROM balances WHERE account LIKE 'program:%' GROUP BY 1, 2) AS real USING (program_id, currency)
       WHERE (shown.available, shown.committed) IS DISTINCT FROM (real.available, real.committed)""",
)
