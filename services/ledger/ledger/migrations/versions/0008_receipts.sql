-- Receipts in object storage: a row keeps what the document is made of, its digest and where it lies.
-- Rows of before keep their bytes in `content`. Statements are separated by an empty line.

ALTER TABLE receipts
    ALTER COLUMN content DROP NOT NULL,
    ADD COLUMN block_index BIGINT,
    ADD COLUMN layout SMALLINT,
    ADD COLUMN proof TEXT,
    ADD COLUMN program_title VARCHAR(200),
    ADD COLUMN public_url TEXT,
    ADD CONSTRAINT fk_receipts_block_index_blocks FOREIGN KEY (block_index) REFERENCES blocks (block_index),
    ADD CONSTRAINT uq_receipts_block_index UNIQUE (block_index),
    ADD CONSTRAINT ck_receipts_number CHECK (number > 0),
    ADD CONSTRAINT ck_receipts_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    -- Every receipt can be produced again: from its bytes, or from everything that they are made of.
    ADD CONSTRAINT ck_receipts_source CHECK (content IS NOT NULL
        OR (block_index IS NOT NULL AND layout IS NOT NULL AND proof IS NOT NULL AND public_url IS NOT NULL));

-- No number is ever left out. Two writers at once take the same one, and the unique constraint lets one of them have it;
-- if that one rolls back, the other's goes through. Nothing here waits for a lock that a crashed writer holds.
CREATE FUNCTION check_receipt_number() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    following bigint;
BEGIN
    SELECT coalesce(max(number), 0) + 1 INTO following FROM receipts;
    IF NEW.number <> following THEN
        RAISE EXCEPTION 'receipt % would leave a gap: % follows', NEW.number, following
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_receipt_number BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION check_receipt_number();

-- ENABLE ALWAYS: ordinary triggers are skipped under session_replication_role = replica.
ALTER TABLE receipts ENABLE ALWAYS TRIGGER check_receipt_number;
