-- What public reading needs to stay flat, however long the chain is. Statements are separated by an empty line.
-- Sums that grow with every batch, by one statement each; nobody writes them by hand, and each can be counted anew.
CREATE TABLE block_counts (
    transaction_type VARCHAR(20) NOT NULL,
    number BIGINT NOT NULL,
    CONSTRAINT pk_block_counts PRIMARY KEY (transaction_type)
);

CREATE TABLE row_counts (
    name VARCHAR(20) NOT NULL,
    number BIGINT NOT NULL,
    CONSTRAINT pk_row_counts PRIMARY KEY (name)
);

CREATE TABLE money_totals (
    currency VARCHAR(3) NOT NULL,
    received NUMERIC(20, 2) NOT NULL,
    committed NUMERIC(20, 2) NOT NULL,
    disbursed NUMERIC(20, 2) NOT NULL,
    refunded NUMERIC(20, 2) NOT NULL,
    CONSTRAINT pk_money_totals PRIMARY KEY (currency)
);

CREATE TABLE account_totals (
    kind VARCHAR(20) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    balance NUMERIC(20, 2) NOT NULL,
    CONSTRAINT pk_account_totals PRIMARY KEY (kind, currency)
);

CREATE TABLE program_balances (
    program_id VARCHAR(200) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    available NUMERIC(20, 2) NOT NULL,
    committed NUMERIC(20, 2) NOT NULL,
    CONSTRAINT pk_program_balances PRIMARY KEY (program_id, currency)
);

-- The kind of an account: external, available, committed, bank, beneficiary.
CREATE FUNCTION account_kind(account text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(CASE WHEN account LIKE 'program:%' THEN split_part(account, ':', 3) ELSE split_part(account, ':', 1) END, 20)
$$;

CREATE FUNCTION count_blocks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    INSERT INTO block_counts AS known (transaction_type, number)
        SELECT transaction_type, count(*) FROM added GROUP BY transaction_type ORDER BY transaction_type
        ON CONFLICT (transaction_type) DO UPDATE SET number = known.number + excluded.number;
    INSERT INTO money_totals AS known (currency, received, committed, disbursed, refunded)
        SELECT currency,
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'donation'), 0),
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'commitment'), 0)
                - coalesce(sum(amount) FILTER (WHERE transaction_type = 'decommitment'), 0),
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'disbursement' AND step = 'completed'), 0)
                - coalesce(sum(amount) FILTER (WHERE transaction_type = 'reversal'), 0),
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'refund' AND step = 'completed'), 0)
        FROM (SELECT transaction_type, data->>'step' AS step, data->>'currency' AS currency,
            (data->>'amount')::numeric AS amount FROM added WHERE data ? 'postings') AS money
        GROUP BY currency ORDER BY currency
        ON CONFLICT (currency) DO UPDATE SET
            received = known.received + excluded.received, committed = known.committed + excluded.committed,
            disbursed = known.disbursed + excluded.disbursed, refunded = known.refunded + excluded.refunded;
    RETURN NULL;
END
$$;

CREATE FUNCTION sum_postings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    INSERT INTO account_totals AS known (kind, currency, balance)
        SELECT account_kind(account) AS kind, currency, sum(amount) FROM added GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (kind, currency) DO UPDATE SET balance = known.balance + excluded.balance;
    INSERT INTO program_balances AS known (program_id, currency, available, committed)
        SELECT split_part(account, ':', 2), currency,
            coalesce(sum(amount) FILTER (WHERE account_kind(account) = 'available'), 0),
            coalesce(sum(amount) FILTER (WHERE account_kind(account) = 'committed'), 0)
        FROM added WHERE account LIKE 'program:%' GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (program_id, currency) DO UPDATE SET
            available = known.available + excluded.available, committed = known.committed + excluded.committed;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    INSERT INTO row_counts AS known (name, number)
        SELECT TG_TABLE_NAME, count(*) FROM added HAVING count(*) > 0
        ON CONFLICT (name) DO UPDATE SET number = known.number + excluded.number;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_blocks AFTER INSERT ON blocks REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_blocks();

CREATE TRIGGER sum_postings AFTER INSERT ON postings REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION sum_postings();

CREATE TRIGGER count_rows AFTER INSERT ON programs REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_rows();

CREATE TRIGGER count_rows AFTER INSERT ON beneficiaries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_rows();

-- ENABLE ALWAYS: ordinary triggers are skipped under session_replication_role = replica.
ALTER TABLE blocks ENABLE ALWAYS TRIGGER count_blocks;

ALTER TABLE postings ENABLE ALWAYS TRIGGER sum_postings;

ALTER TABLE programs ENABLE ALWAYS TRIGGER count_rows;

ALTER TABLE beneficiaries ENABLE ALWAYS TRIGGER count_rows;

-- What was there before.
INSERT INTO block_counts SELECT transaction_type, count(*) FROM blocks GROUP BY transaction_type;

INSERT INTO row_counts
    SELECT 'programs', count(*) FROM programs UNION ALL SELECT 'beneficiaries', count(*) FROM beneficiaries;

INSERT INTO money_totals
        SELECT currency,
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'donation'), 0),
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'commitment'), 0)
                - coalesce(sum(amount) FILTER (WHERE transaction_type = 'decommitment'), 0),
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'disbursement' AND step = 'completed'), 0)
                - coalesce(sum(amount) FILTER (WHERE transaction_type = 'reversal'), 0),
            coalesce(sum(amount) FILTER (WHERE transaction_type = 'refund' AND step = 'completed'), 0)
        FROM (SELECT transaction_type, data->>'step' AS step, data->>'currency' AS currency,
            (data->>'amount')::numeric AS amount FROM blocks WHERE data ? 'postings') AS money
        GROUP BY currency ORDER BY currency;

INSERT INTO account_totals
    SELECT account_kind(account), currency, sum(amount) FROM postings GROUP BY 1, 2;

INSERT INTO program_balances
    SELECT split_part(account, ':', 2), currency,
        coalesce(sum(amount) FILTER (WHERE account_kind(account) = 'available'), 0),
        coalesce(sum(amount) FILTER (WHERE account_kind(account) = 'committed'), 0)
    FROM postings WHERE account LIKE 'program:%' GROUP BY 1, 2;

-- What was paid, the newest first: of everybody, of a programme, to a beneficiary.
CREATE INDEX ix_transactions_paid ON transactions (id) WHERE transaction_type = 'disbursement' AND status = 'completed';

CREATE INDEX ix_transactions_paid_program ON transactions (program_id, id)
    WHERE transaction_type = 'disbursement' AND status = 'completed';

CREATE INDEX ix_transactions_paid_beneficiary ON transactions (beneficiary_id, id)
    WHERE transaction_type = 'disbursement' AND status = 'completed';

CREATE INDEX ix_beneficiaries_public_program ON beneficiaries (program_id, beneficiary_id) WHERE is_public;

GRANT SELECT ON block_counts, row_counts, money_totals, account_totals, program_balances TO ledger_api, ledger_worker;
