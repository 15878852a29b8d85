CREATE TABLE balances (
    account VARCHAR(200) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    balance NUMERIC(20, 2) NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_balances PRIMARY KEY (account, currency)
);

CREATE TABLE beneficiaries (
    beneficiary_id UUID NOT NULL,
    user_id UUID,
    program_id UUID NOT NULL,
    application_id UUID NOT NULL,
    sealed_page BYTEA,
    amount_received NUMERIC(20, 2) DEFAULT 0 NOT NULL,
    currency VARCHAR(3) NOT NULL,
    is_public BOOLEAN DEFAULT false NOT NULL,
    joined_date DATE NOT NULL,
    completion_date DATE,
    version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_beneficiaries PRIMARY KEY (beneficiary_id),
    CONSTRAINT uq_beneficiaries_application_id UNIQUE (application_id)
);

CREATE INDEX ix_beneficiaries_public ON beneficiaries (beneficiary_id) WHERE is_public;

CREATE INDEX ix_beneficiaries_user_id ON beneficiaries (user_id);

CREATE TABLE block_verifications (
    id UUID NOT NULL,
    from_index BIGINT NOT NULL,
    to_index BIGINT NOT NULL,
    ok BOOLEAN NOT NULL,
    first_broken_index BIGINT,
    failure VARCHAR(200),
    verified_by VARCHAR(100) NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_block_verifications PRIMARY KEY (id)
);

CREATE INDEX ix_block_verifications_to_index ON block_verifications (to_index);

CREATE TABLE blocks (
    block_index BIGINT NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    transaction_type VARCHAR(20) NOT NULL,
    transaction_id VARCHAR(100) NOT NULL,
    data JSONB NOT NULL,
    previous_hash VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    nonce BIGINT NOT NULL,
    preimage BYTEA NOT NULL,
    CONSTRAINT pk_blocks PRIMARY KEY (block_index),
    CONSTRAINT uq_blocks_transaction_id UNIQUE (transaction_id),
    CONSTRAINT uq_blocks_previous_hash UNIQUE (previous_hash),
    CONSTRAINT uq_blocks_hash UNIQUE (hash)
);

CREATE INDEX ix_blocks_transaction_type ON blocks (transaction_type);

CREATE TABLE booked_events (
    event_id UUID NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    event_hash BYTEA NOT NULL,
    booked_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_booked_events PRIMARY KEY (event_id)
);

CREATE TABLE checkpoints (
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (size)
);

CREATE TABLE deciders (
    decider_id UUID NOT NULL,
    user_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_deciders PRIMARY KEY (decider_id),
    CONSTRAINT uq_deciders_user_id UNIQUE (user_id)
);

CREATE TABLE donors (
    donor_id UUID NOT NULL,
    user_id UUID,
    reference VARCHAR(100),
    sealed_name BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_donors PRIMARY KEY (donor_id),
    CONSTRAINT uq_donors_user_id UNIQUE (user_id),
    CONSTRAINT uq_donors_reference UNIQUE (reference)
);

CREATE TABLE head (
    id SMALLINT NOT NULL,
    epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    tip VARCHAR(64) NOT NULL,
    tip_at TIMESTAMP WITH TIME ZONE NOT NULL,
    peaks BYTEA NOT NULL,
    CONSTRAINT pk_head PRIMARY KEY (id)
);

CREATE TABLE payees (
    payee_id UUID NOT NULL,
    user_id UUID NOT NULL,
    sealed_account BYTEA NOT NULL,
    currency VARCHAR(3) NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_payees PRIMARY KEY (payee_id),
    CONSTRAINT uq_payees_user_id UNIQUE (user_id)
);

CREATE TABLE programs (
    program_id UUID NOT NULL,
    currency VARCHAR(3) NOT NULL,
    title VARCHAR(200),
    revision BIGINT DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_programs PRIMARY KEY (program_id)
);

CREATE TABLE quarantined_events (
    event_id UUID NOT NULL,
    event_hash BYTEA NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    payload BYTEA NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_quarantined_events PRIMARY KEY (event_id, event_hash)
);

CREATE TABLE sandbox_transfers (
    reference VARCHAR(100) NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    behavior VARCHAR(2) NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_sandbox_transfers PRIMARY KEY (reference)
);

CREATE TABLE transactions (
    id UUID NOT NULL,
    transaction_type VARCHAR(20) NOT NULL,
    status VARCHAR(20) NOT NULL,
    program_id UUID NOT NULL,
    application_id UUID,
    award_id UUID,
    tranche_id UUID,
    request_id UUID,
    donation_id UUID,
    amount NUMERIC(20, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    earmark UUID,
    donor_id UUID,
    beneficiary_id UUID,
    user_id UUID,
    requested_by UUID,
    approved_by UUID,
    code VARCHAR(64),
    reason TEXT,
    blockchain_hash VARCHAR(64),
    previous_block_hash VARCHAR(64),
    block_index BIGINT,
    initiated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    completed_at TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_transactions PRIMARY KEY (id),
    CONSTRAINT uq_transactions_blockchain_hash UNIQUE (blockchain_hash)
);

CREATE INDEX ix_transactions_application_id ON transactions (application_id, id);

CREATE INDEX ix_transactions_award_id ON transactions (award_id);

CREATE INDEX ix_transactions_block_index ON transactions (block_index);

CREATE INDEX ix_transactions_program_id ON transactions (program_id, id);

CREATE INDEX ix_transactions_requested_by ON transactions (requested_by, id);

CREATE INDEX ix_transactions_user_id ON transactions (user_id, id);

CREATE UNIQUE INDEX uq_transactions_live_refund ON transactions (donation_id) WHERE transaction_type = 'refund' AND status IN ('pending','submitted','unknown','disputed');

CREATE UNIQUE INDEX uq_transactions_live_tranche ON transactions (tranche_id) WHERE transaction_type = 'disbursement' AND status IN ('pending','submitted','unknown','completed','disputed');

CREATE TABLE tree_nodes (
    level SMALLINT NOT NULL,
    index BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_tree_nodes PRIMARY KEY (level, index)
);

CREATE TABLE awards (
    award_id UUID NOT NULL,
    application_id UUID NOT NULL,
    program_id UUID NOT NULL,
    beneficiary_id UUID NOT NULL,
    user_id UUID,
    commitment_id UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    paid NUMERIC(20, 2) DEFAULT 0 NOT NULL,
    released NUMERIC(20, 2) DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_awards PRIMARY KEY (award_id),
    CONSTRAINT fk_awards_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (program_id),
    CONSTRAINT fk_awards_beneficiary_id_beneficiaries FOREIGN KEY(beneficiary_id) REFERENCES beneficiaries (beneficiary_id),
    CONSTRAINT fk_awards_commitment_id_transactions FOREIGN KEY(commitment_id) REFERENCES transactions (id)
);

CREATE INDEX ix_awards_application_id ON awards (application_id);

CREATE TABLE beneficiary_consents (
    id UUID NOT NULL,
    beneficiary_id UUID NOT NULL,
    consent_version VARCHAR(20) NOT NULL,
    given BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_beneficiary_consents PRIMARY KEY (id),
    CONSTRAINT fk_beneficiary_consents_beneficiary_id_beneficiaries FOREIGN KEY(beneficiary_id) REFERENCES beneficiaries (beneficiary_id)
);

CREATE INDEX ix_beneficiary_consents_beneficiary_id ON beneficiary_consents (beneficiary_id);

CREATE TABLE lots (
    donation_id UUID NOT NULL,
    program_id UUID NOT NULL,
    currency VARCHAR(3) NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    taken NUMERIC(20, 2) DEFAULT 0 NOT NULL,
    earmark UUID,
    received BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_lots PRIMARY KEY (donation_id),
    CONSTRAINT fk_lots_donation_id_transactions FOREIGN KEY(donation_id) REFERENCES transactions (id)
);

CREATE INDEX ix_lots_program_id ON lots (program_id, received);

CREATE TABLE payments (
    transaction_id UUID NOT NULL,
    direction VARCHAR(3) NOT NULL,
    rail VARCHAR(20) NOT NULL,
    reference VARCHAR(100) NOT NULL,
    sealed_account BYTEA,
    payee_commitment VARCHAR(64),
    called_at TIMESTAMP WITH TIME ZONE,
    asked INTEGER DEFAULT 0 NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    confirmed_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (transaction_id),
    CONSTRAINT fk_payments_transaction_id_transactions FOREIGN KEY(transaction_id) REFERENCES transactions (id),
    CONSTRAINT uq_payments_reference UNIQUE (reference)
);

CREATE INDEX ix_payments_due_at ON payments (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE postings (
    block_index BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    account VARCHAR(200) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    CONSTRAINT pk_postings PRIMARY KEY (block_index, line),
    CONSTRAINT fk_postings_block_index_blocks FOREIGN KEY(block_index) REFERENCES blocks (block_index)
);

CREATE INDEX ix_postings_account ON postings (account, block_index);

CREATE TABLE receipts (
    transaction_id UUID NOT NULL,
    number BIGINT NOT NULL,
    object_key VARCHAR(200) NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    content BYTEA NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_receipts PRIMARY KEY (transaction_id),
    CONSTRAINT fk_receipts_transaction_id_transactions FOREIGN KEY(transaction_id) REFERENCES transactions (id),
    CONSTRAINT uq_receipts_number UNIQUE (number)
);

CREATE TABLE transaction_links (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    from_transaction UUID NOT NULL,
    to_transaction UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_transaction_links PRIMARY KEY (id),
    CONSTRAINT uq_transaction_links_from_transaction_to_transaction UNIQUE (from_transaction, to_transaction),
    CONSTRAINT fk_transaction_links_from_transaction_transactions FOREIGN KEY(from_transaction) REFERENCES transactions (id),
    CONSTRAINT fk_transaction_links_to_transaction_transactions FOREIGN KEY(to_transaction) REFERENCES transactions (id)
);

CREATE INDEX ix_transaction_links_to_transaction ON transaction_links (to_transaction);

CREATE TABLE award_lots (
    award_id UUID NOT NULL,
    donation_id UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    paid NUMERIC(20, 2) DEFAULT 0 NOT NULL,
    released NUMERIC(20, 2) DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_award_lots PRIMARY KEY (award_id, donation_id),
    CONSTRAINT fk_award_lots_award_id_awards FOREIGN KEY(award_id) REFERENCES awards (award_id),
    CONSTRAINT fk_award_lots_donation_id_lots FOREIGN KEY(donation_id) REFERENCES lots (donation_id)
);

CREATE INDEX ix_award_lots_donation_id ON award_lots (donation_id);

CREATE TABLE tranches (
    tranche_id UUID NOT NULL,
    award_id UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    due_on DATE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_tranches PRIMARY KEY (tranche_id),
    CONSTRAINT fk_tranches_award_id_awards FOREIGN KEY(award_id) REFERENCES awards (award_id)
);

CREATE INDEX ix_tranches_award_id ON tranches (award_id);
