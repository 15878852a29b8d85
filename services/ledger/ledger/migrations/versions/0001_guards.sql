-- What the database itself refuses, whatever the code believes. Statements are separated by an empty line.

ALTER TABLE blocks
    ADD CONSTRAINT ck_blocks_hash_is_of_preimage CHECK (hash = encode(sha256(preimage), 'hex')),
    ADD CONSTRAINT ck_blocks_index CHECK (block_index >= 0),
    -- An entry of a tlog-tiles bundle carries its length in 16 bits.
    ADD CONSTRAINT ck_blocks_preimage_size CHECK (octet_length(preimage) <= 65535);

ALTER TABLE tree_nodes ADD CONSTRAINT ck_tree_nodes_hash_size CHECK (octet_length(hash) = 32);

ALTER TABLE checkpoints ADD CONSTRAINT ck_checkpoints_root_size CHECK (octet_length(root) = 32 AND size > 0);

ALTER TABLE head ADD CONSTRAINT ck_head_single_row CHECK (id = 1);

ALTER TABLE postings ADD CONSTRAINT ck_postings_not_zero CHECK (amount <> 0);

-- Program money is real money.
ALTER TABLE balances ADD CONSTRAINT ck_balances_programs_not_negative CHECK (account NOT LIKE 'program:%' OR balance >= 0);

ALTER TABLE transactions
    ADD CONSTRAINT ck_transactions_amount CHECK (amount > 0),
    ADD CONSTRAINT ck_transactions_type CHECK (transaction_type IN
        ('donation', 'commitment', 'decommitment', 'disbursement', 'refund', 'reversal')),
    ADD CONSTRAINT ck_transactions_status CHECK (status IN
        ('pending', 'submitted', 'completed', 'failed', 'reversed', 'unknown', 'disputed')),
    ADD CONSTRAINT ck_transactions_two_people CHECK (approved_by IS NULL OR approved_by <> requested_by);

ALTER TABLE payments ADD CONSTRAINT ck_payments_direction CHECK (direction IN ('in', 'out'));

ALTER TABLE awards
    ADD CONSTRAINT ck_awards_amount CHECK (amount > 0),
    ADD CONSTRAINT ck_awards_paid_and_released CHECK (paid >= 0 AND released >= 0 AND paid + released <= amount);

ALTER TABLE tranches ADD CONSTRAINT ck_tranches_amount CHECK (amount > 0);

ALTER TABLE lots ADD CONSTRAINT ck_lots_taken CHECK (amount > 0 AND taken BETWEEN 0 AND amount);

ALTER TABLE award_lots
    ADD CONSTRAINT ck_award_lots_spent CHECK (amount > 0 AND paid >= 0 AND released >= 0 AND paid + released <= amount);

ALTER TABLE transaction_links ADD CONSTRAINT ck_transaction_links_amount CHECK (amount > 0);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    RAISE EXCEPTION '% on %: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

-- ENABLE ALWAYS: ordinary triggers are skipped under session_replication_role = replica.
DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['blocks', 'tree_nodes', 'checkpoints', 'postings', 'booked_events',
        'quarantined_events', 'block_verifications', 'transaction_links', 'receipts', 'beneficiary_consents']
    LOOP
        EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION refuse_change()', protected);
        EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', protected);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_change', protected);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_truncate', protected);
    END LOOP;
END
$$;

CREATE FUNCTION check_chain() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    broken bigint;
BEGIN
    SELECT min(added.block_index) INTO broken
    FROM added LEFT JOIN blocks AS previous ON previous.block_index = added.block_index - 1
    WHERE added.block_index > 0
        AND (previous.hash IS DISTINCT FROM added.previous_hash
            OR added.timestamp <= previous.timestamp
            OR added.nonce < previous.nonce);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'block % does not follow its predecessor', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_chain AFTER INSERT ON blocks REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_chain();

ALTER TABLE blocks ENABLE ALWAYS TRIGGER check_chain;

-- An entry comes whole, in one statement, and sums to zero per currency; balances follow it by themselves.
CREATE FUNCTION post_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
DECLARE
    broken bigint;
BEGIN
    SELECT min(sums.block_index) INTO broken
    FROM (SELECT block_index, currency, sum(amount) AS total FROM added GROUP BY block_index, currency) AS sums
    WHERE sums.total <> 0;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'postings of block % do not sum to zero', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT min(added.block_index) INTO broken
    FROM added JOIN postings ON postings.block_index = added.block_index
    WHERE NOT EXISTS (SELECT FROM added AS same WHERE same.block_index = postings.block_index AND same.line = postings.line);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'block % has its entry already', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    INSERT INTO balances (account, currency, balance)
        SELECT DISTINCT account, currency, 0::numeric FROM added ORDER BY account, currency
        ON CONFLICT DO NOTHING;
    UPDATE balances SET balance = balances.balance + moved.amount, updated_at = clock_timestamp()
    FROM (SELECT account, currency, sum(amount) AS amount FROM added GROUP BY account, currency) AS moved
    WHERE balances.account = moved.account AND balances.currency = moved.currency;
    RETURN NULL;
END
$$;

CREATE TRIGGER post_entries AFTER INSERT ON postings REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION post_entries();

ALTER TABLE postings ENABLE ALWAYS TRIGGER post_entries;

-- The API writes intents only: a pending donation or refund, without a block.
CREATE FUNCTION check_intent() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF current_user = 'ledger_api' AND (NEW.status <> 'pending' OR NEW.blockchain_hash IS NOT NULL
            OR NEW.transaction_type NOT IN ('donation', 'refund')) THEN
        RAISE EXCEPTION 'the API writes pending donations and refunds only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_intent BEFORE INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION check_intent();

CREATE FUNCTION check_status_move() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY['pending>submitted', 'pending>failed',
            'submitted>completed', 'submitted>failed', 'submitted>unknown', 'submitted>disputed',
            'unknown>completed', 'unknown>failed', 'unknown>disputed',
            'completed>reversed', 'completed>disputed', 'failed>disputed', 'reversed>disputed']) THEN
        RAISE EXCEPTION 'a transaction does not move from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_status_move BEFORE UPDATE OF status ON transactions
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION check_status_move();
