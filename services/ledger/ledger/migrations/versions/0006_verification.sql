-- What has been verified, sealed by a key that is not here; and how far the scrub has come.
CREATE TABLE verified_states (
    size BIGINT NOT NULL,
    body TEXT NOT NULL,
    mac BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_verified_states PRIMARY KEY (size),
    CONSTRAINT ck_verified_states_size CHECK (size > 0)
);

CREATE TABLE verification_rounds (
    name VARCHAR(20) NOT NULL,
    position BIGINT DEFAULT 0 NOT NULL,
    slice_from BIGINT DEFAULT 0 NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_verification_rounds PRIMARY KEY (name),
    CONSTRAINT ck_verification_rounds_position CHECK (slice_from BETWEEN 0 AND position)
);

INSERT INTO verification_rounds (name) VALUES ('scrub'), ('nightly');

CREATE INDEX ix_block_verifications_failures ON block_verifications (id) WHERE NOT ok;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON verified_states
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON verified_states
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE verified_states ENABLE ALWAYS TRIGGER refuse_change;

ALTER TABLE verified_states ENABLE ALWAYS TRIGGER refuse_truncate;

GRANT SELECT ON verified_states, verification_rounds TO ledger_api, ledger_worker;

GRANT INSERT ON verified_states TO ledger_worker;

GRANT UPDATE (position, slice_from, due_at, updated_at) ON verification_rounds TO ledger_worker;
