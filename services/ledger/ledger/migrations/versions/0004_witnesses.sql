-- Witnesses and their cosignatures. Statements are separated by an empty line.
-- Where a witness policy is set, a checkpoint is first signed (here) and, once enough witnesses have cosigned it, published
-- (`checkpoints`, which alone is served). Without a policy nothing is ever here.
CREATE TABLE signed_checkpoints (
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_signed_checkpoints PRIMARY KEY (size)
);

CREATE TABLE checkpoint_cosignatures (
    size BIGINT NOT NULL,
    witness VARCHAR(200) NOT NULL,
    key_id VARCHAR(8) NOT NULL,
    line TEXT NOT NULL,
    cosigned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_checkpoint_cosignatures PRIMARY KEY (size, witness, key_id)
);

-- What a witness has seen of us last: the size to prove consistency from.
CREATE INDEX ix_checkpoint_cosignatures_witness ON checkpoint_cosignatures (witness, key_id, size);

ALTER TABLE signed_checkpoints
    ADD CONSTRAINT ck_signed_checkpoints_root_size CHECK (octet_length(root) = 32 AND size > 0);

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['signed_checkpoints', 'checkpoint_cosignatures']
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

GRANT SELECT ON signed_checkpoints, checkpoint_cosignatures TO ledger_api, ledger_worker;

GRANT SELECT, INSERT ON signed_checkpoints, checkpoint_cosignatures TO ledger_signer;
