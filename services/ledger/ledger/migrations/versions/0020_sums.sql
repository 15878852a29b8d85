-- A thousand of the largest donations are more than an amount may be, and then nothing could be booked any more: sums have
-- eighteen digits to spare. No row is written again for it. Statements are separated by an empty line.
ALTER TABLE balances ALTER COLUMN balance TYPE NUMERIC(38, 2);

ALTER TABLE account_totals ALTER COLUMN balance TYPE NUMERIC(38, 2);

ALTER TABLE program_balances
    ALTER COLUMN available TYPE NUMERIC(38, 2),
    ALTER COLUMN committed TYPE NUMERIC(38, 2);

ALTER TABLE money_totals
    ALTER COLUMN received TYPE NUMERIC(38, 2),
    ALTER COLUMN committed TYPE NUMERIC(38, 2),
    ALTER COLUMN disbursed TYPE NUMERIC(38, 2),
    ALTER COLUMN refunded TYPE NUMERIC(38, 2);

ALTER TABLE beneficiaries ALTER COLUMN amount_received TYPE NUMERIC(38, 2);
