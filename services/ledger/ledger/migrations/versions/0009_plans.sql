-- Triggers that cost what the batch costs. Statements are separated by an empty line.
-- A statement inside a function is planned once per connection, often while the tables are still small, and a join that
-- reads a small table whole is then kept while the table grows. So nothing here joins a batch with a table: each row of
-- the batch asks for its own, in a scalar subquery, which only an index can answer.

-- A batch is one stretch of the chain: its rows follow one another, and the first follows what is there.
CREATE OR REPLACE FUNCTION check_chain() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    broken bigint;
    opening record;
    previous record;
BEGIN
    SELECT min(stretch.block_index) INTO broken
    FROM (SELECT block_index, previous_hash, timestamp, nonce, lag(block_index) OVER following AS earlier_index,
            lag(hash) OVER following AS earlier_hash, lag(timestamp) OVER following AS earlier_timestamp,
            lag(nonce) OVER following AS earlier_nonce
        FROM added WINDOW following AS (ORDER BY block_index)) AS stretch
    WHERE earlier_index IS NOT NULL
        AND (block_index <> earlier_index + 1 OR previous_hash <> earlier_hash OR timestamp <= earlier_timestamp
            OR nonce < earlier_nonce);
    SELECT * INTO opening FROM added ORDER BY block_index LIMIT 1;
    IF FOUND AND opening.block_index > 0 THEN
        SELECT * INTO previous FROM blocks WHERE block_index = opening.block_index - 1;
        IF NOT FOUND OR previous.hash <> opening.previous_hash OR opening.timestamp <= previous.timestamp
                OR opening.nonce < previous.nonce THEN
            broken := opening.block_index;
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'block % does not follow its predecessor', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

-- As in 0002, each entry and each account looked up by itself.
CREATE OR REPLACE FUNCTION post_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = ledger, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT min(sums.block_index) AS block_index INTO broken
    FROM (SELECT block_index, currency, sum(amount) AS total FROM added GROUP BY block_index, currency) AS sums
    WHERE sums.total <> 0;
    IF broken.block_index IS NOT NULL THEN
        RAISE EXCEPTION 'postings of block % do not sum to zero', broken.block_index
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT min(block_index) FILTER (WHERE NOT is_there) AS missing, min(block_index) FILTER (WHERE lines <> kept) AS twice
        INTO broken
    FROM (SELECT block_index, count(*) AS lines,
            (SELECT true FROM blocks WHERE blocks.block_index = added.block_index) IS NOT NULL AS is_there,
            (SELECT count(*) FROM postings WHERE postings.block_index = added.block_index) AS kept
        FROM added GROUP BY block_index) AS entries;
    IF broken.missing IS NOT NULL THEN
        RAISE EXCEPTION 'there is no block % to post for', broken.missing USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF broken.twice IS NOT NULL THEN
        RAISE EXCEPTION 'block % has its entry already', broken.twice USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Each account is touched once: an UPDATE where it is known, an INSERT where it is not. Both see what was there before.
    WITH moved AS MATERIALIZED (
        SELECT account, currency, sum(amount) AS amount,
            (SELECT true FROM balances WHERE balances.account = added.account AND balances.currency = added.currency) AS is_known
        FROM added GROUP BY account, currency
    ), known AS (
        UPDATE balances SET balance = balances.balance + moved.amount, updated_at = clock_timestamp()
        FROM moved WHERE moved.is_known AND balances.account = moved.account AND balances.currency = moved.currency
    )
    INSERT INTO balances (account, currency, balance)
        SELECT account, currency, amount FROM moved WHERE is_known IS NULL;
    RETURN NULL;
END
$$;

-- Nothing asks for all blocks of a type: their number is in `block_counts`, and reading goes by index or by hash.
DROP INDEX ix_blocks_transaction_type;

-- The head, locked for the caller, and the last block's hash: looked up by a statement of its own, because only one that
-- begins once the lock is had sees what the writer before has committed. No row: somebody else holds the head.
CREATE FUNCTION take_head() RETURNS TABLE (epoch bigint, size bigint, tip varchar, tip_at timestamptz, peaks bytea,
    last_hash varchar) LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    SELECT head.epoch, head.size, head.tip, head.tip_at, head.peaks INTO epoch, size, tip, tip_at, peaks
        FROM head WHERE id = 1 FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        SELECT blocks.hash INTO last_hash FROM blocks WHERE block_index = size - 1;
        RETURN NEXT;
    END IF;
END
$$;

-- What a batch of events will ask for and is found by its id alone: hashes of booked events, currencies of programmes, the
-- own ids of beneficiaries (by application) and deciders (by user). OFFSET keeps each lookup to itself, which only an index
-- can answer; so one plan is right for any number of ids, and need not be made again for each call.
CREATE FUNCTION foresee(events uuid[], program_ids uuid[], application_ids uuid[], decided_by uuid[])
    RETURNS TABLE (kind text, id uuid, value bytea) LANGUAGE plpgsql STABLE
    SET search_path = ledger SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'event', wanted.id, found.value FROM unnest(events) AS wanted(id), LATERAL (
        SELECT event_hash AS value FROM booked_events WHERE event_id = wanted.id OFFSET 0) AS found
    UNION ALL SELECT 'program', wanted.id, found.value FROM unnest(program_ids) AS wanted(id), LATERAL (
        SELECT convert_to(currency, 'UTF8') AS value FROM programs WHERE program_id = wanted.id OFFSET 0) AS found
    UNION ALL SELECT 'beneficiary', wanted.id, found.value FROM unnest(application_ids) AS wanted(id), LATERAL (
        SELECT uuid_send(beneficiary_id) AS value FROM beneficiaries WHERE application_id = wanted.id OFFSET 0) AS found
    UNION ALL SELECT 'decider', wanted.id, found.value FROM unnest(decided_by) AS wanted(id), LATERAL (
        SELECT uuid_send(decider_id) AS value FROM deciders WHERE user_id = wanted.id OFFSET 0) AS found;
END
$$;
