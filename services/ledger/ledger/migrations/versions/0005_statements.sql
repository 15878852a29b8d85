-- Bank statements and what they are compared with. Statements are separated by an empty line.
CREATE TABLE statement_files (
    file_id UUID NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    sha256 VARCHAR(64) NOT NULL,
    occurrence SMALLINT NOT NULL,
    format VARCHAR(10) NOT NULL,
    mapping VARCHAR(50),
    size_bytes INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    new_line_count INTEGER NOT NULL,
    imported_by UUID,
    imported_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_statement_files PRIMARY KEY (file_id),
    CONSTRAINT uq_statement_files_number UNIQUE (number),
    CONSTRAINT uq_statement_files_sha256_occurrence UNIQUE (sha256, occurrence),
    CONSTRAINT ck_statement_files_format CHECK (format IN ('mt940', 'csv')),
    CONSTRAINT ck_statement_files_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$')
);

CREATE TABLE statement_withdrawals (
    file_id UUID NOT NULL,
    reason TEXT NOT NULL,
    withdrawn_by UUID NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_statement_withdrawals PRIMARY KEY (file_id),
    CONSTRAINT fk_statement_withdrawals_file_id_statement_files FOREIGN KEY(file_id) REFERENCES statement_files (file_id)
);

CREATE TABLE bank_statements (
    statement_id UUID NOT NULL,
    file_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    account VARCHAR(34) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    statement_number VARCHAR(20),
    covers_from DATE NOT NULL,
    covers_to DATE NOT NULL,
    opening NUMERIC(20, 2),
    closing NUMERIC(20, 2),
    line_count INTEGER NOT NULL,
    CONSTRAINT pk_bank_statements PRIMARY KEY (statement_id),
    CONSTRAINT fk_bank_statements_file_id_statement_files FOREIGN KEY(file_id) REFERENCES statement_files (file_id),
    CONSTRAINT uq_bank_statements_file_id_ordinal UNIQUE (file_id, ordinal),
    CONSTRAINT ck_bank_statements_period CHECK (covers_from <= covers_to)
);

CREATE INDEX ix_bank_statements_account ON bank_statements (account, currency, covers_to);

CREATE TABLE statement_lines (
    statement_id UUID NOT NULL,
    position INTEGER NOT NULL,
    file_row INTEGER NOT NULL,
    identity BYTEA NOT NULL,
    entry_date DATE NOT NULL,
    value_date DATE NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    is_reversal BOOLEAN NOT NULL,
    bank_reference VARCHAR(64),
    payment_id UUID,
    CONSTRAINT pk_statement_lines PRIMARY KEY (statement_id, position),
    CONSTRAINT fk_statement_lines_statement_id_bank_statements FOREIGN KEY(statement_id) REFERENCES bank_statements (statement_id),
    CONSTRAINT ck_statement_lines_identity CHECK (octet_length(identity) = 32)
);

CREATE INDEX ix_statement_lines_identity ON statement_lines (identity);

CREATE INDEX ix_statement_lines_entry_date ON statement_lines (entry_date, statement_id);

CREATE INDEX ix_statement_lines_payment_id ON statement_lines (payment_id) WHERE payment_id IS NOT NULL;

CREATE INDEX ix_statement_lines_bank_reference ON statement_lines (bank_reference) WHERE bank_reference IS NOT NULL;

CREATE TABLE statement_texts (
    statement_id UUID NOT NULL,
    chunk INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_statement_texts PRIMARY KEY (statement_id, chunk),
    CONSTRAINT fk_statement_texts_statement_id_bank_statements FOREIGN KEY(statement_id) REFERENCES bank_statements (statement_id)
);

CREATE TABLE statement_matches (
    identity BYTEA NOT NULL,
    block_index BIGINT NOT NULL,
    kind VARCHAR(10) NOT NULL,
    matched_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_statement_matches PRIMARY KEY (identity),
    CONSTRAINT uq_statement_matches_block_index UNIQUE (block_index),
    CONSTRAINT fk_statement_matches_block_index_blocks FOREIGN KEY(block_index) REFERENCES blocks (block_index),
    CONSTRAINT ck_statement_matches_kind CHECK (kind IN ('matched', 'different'))
);

CREATE TABLE reconciled_days (
    account VARCHAR(34) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    day DATE NOT NULL,
    overdue_on DATE NOT NULL,
    height BIGINT NOT NULL,
    matched INTEGER NOT NULL,
    different INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    extra INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    reversal_without_payment INTEGER NOT NULL,
    reconciled_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_reconciled_days PRIMARY KEY (account, currency, day)
);

CREATE INDEX ix_reconciled_days_open ON reconciled_days (overdue_on)
    WHERE different + missing + extra + duplicate + reversal_without_payment > 0;

CREATE TABLE reconciled_files (
    file_id UUID NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    reconciled_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_reconciled_files PRIMARY KEY (file_id, withdrawn),
    CONSTRAINT fk_reconciled_files_file_id_statement_files FOREIGN KEY(file_id) REFERENCES statement_files (file_id)
);

CREATE TABLE reconciliation_runs (
    day DATE NOT NULL,
    height BIGINT NOT NULL,
    days INTEGER NOT NULL,
    ran_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_reconciliation_runs PRIMARY KEY (day)
);

-- What a bank said stays as it was said. A file imported by mistake is withdrawn by a row that says so, for ever.
DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['statement_files', 'statement_withdrawals', 'bank_statements', 'statement_lines',
        'statement_texts']
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

-- The same bytes count once: a second file of them is only possible after all before it were withdrawn.
CREATE FUNCTION check_statement_file() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF EXISTS (SELECT FROM statement_files AS earlier WHERE earlier.sha256 = NEW.sha256
            AND NOT EXISTS (SELECT FROM statement_withdrawals AS gone WHERE gone.file_id = earlier.file_id)) THEN
        RAISE EXCEPTION 'this statement is here already' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_statement_file BEFORE INSERT ON statement_files
    FOR EACH ROW EXECUTE FUNCTION check_statement_file();

ALTER TABLE statement_files ENABLE ALWAYS TRIGGER check_statement_file;

GRANT SELECT ON statement_files, statement_withdrawals, bank_statements, statement_lines, statement_texts,
    statement_matches, reconciled_days, reconciled_files, reconciliation_runs TO ledger_api, ledger_worker;

GRANT INSERT ON statement_files, statement_withdrawals, bank_statements, statement_lines, statement_texts
    TO ledger_api;

GRANT INSERT, UPDATE, DELETE ON statement_matches, reconciled_days TO ledger_worker;

GRANT INSERT ON reconciled_files, reconciliation_runs TO ledger_worker;
