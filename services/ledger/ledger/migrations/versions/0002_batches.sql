-- What batches need. Statements are separated by an empty line.
GRANT SELECT ON consumer_offsets TO ledger_api;

GRANT SELECT, INSERT, UPDATE ON consumer_offsets TO ledger_worker;

-- Money that is free to give is found in the order it came in, however many lots are spent already.
CREATE INDEX ix_lots_open ON lots (program_id, received) WHERE earmark IS NULL AND taken < amount;

CREATE INDEX ix_lots_earmark ON lots (earmark, received) WHERE earmark IS NOT NULL AND taken < amount;

DROP INDEX ix_lots_program_id;

-- An entry comes whole, in one statement, sums to zero per currency, and belongs to a block that is there; balances
-- follow it by themselves. All of it is looked at per statement: a batch brings hundreds of lines.
CREATE OR REPLACE FUNCTION post_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = ledger, pg_temp AS $$
DECLARE
    broken bigint;
BEGIN
    SELECT min(sums.block_index) INTO broken
    FROM (SELECT block_index, currency, sum(amount) AS total FROM added GROUP BY block_index, currency) AS sums
    WHERE sums.total <> 0;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'postings of block % do not sum to zero', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT min(entries.block_index) INTO broken
    FROM (SELECT block_index, count(*) AS lines FROM added GROUP BY block_index) AS entries
    WHERE NOT EXISTS (SELECT FROM blocks WHERE blocks.block_index = entries.block_index);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'there is no block % to post for', broken USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT min(entries.block_index) INTO broken
    FROM (SELECT block_index, count(*) AS lines FROM added GROUP BY block_index) AS entries
    WHERE entries.lines <> (SELECT count(*) FROM postings WHERE postings.block_index = entries.block_index);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'block % has its entry already', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Each account is touched once: an UPDATE where it is known, an INSERT where it is not.
    WITH moved AS MATERIALIZED (
        SELECT account, currency, sum(amount) AS amount FROM added GROUP BY account, currency
    ), known AS (
        UPDATE balances SET balance = balances.balance + moved.amount, updated_at = clock_timestamp()
        FROM moved WHERE balances.account = moved.account AND balances.currency = moved.currency
        RETURNING balances.account, balances.currency
    )
    INSERT INTO balances (account, currency, balance)
        SELECT account, currency, amount FROM moved
        WHERE NOT EXISTS (SELECT FROM known WHERE known.account = moved.account AND known.currency = moved.currency);
    RETURN NULL;
END
$$;

-- The trigger above asks for the block once per entry, where a foreign key asks once per line. Blocks are never
-- deleted, so nothing is lost on the other side.
ALTER TABLE postings DROP CONSTRAINT fk_postings_block_index_blocks;

-- Only the API is restricted to intents; for the worker the trigger need not run at all.
DROP TRIGGER check_intent ON transactions;

CREATE TRIGGER check_intent BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (current_user = 'ledger_api') EXECUTE FUNCTION check_intent();
