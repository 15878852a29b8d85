-- Neighbouring nodes of one level, completed by one batch, as one row: nodes are twice as many as blocks, and of 256
-- blocks there are nine rows now where there were five hundred. Statements are separated by an empty line.

CREATE TABLE tree_spans (
    level SMALLINT NOT NULL,
    first BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    CONSTRAINT pk_tree_spans PRIMARY KEY (level, first),
    CONSTRAINT ck_tree_spans_whole_hashes CHECK (octet_length(hashes) > 0 AND octet_length(hashes) % 32 = 0)
);

-- Hashes do not compress, and of a long span a proof reads the one it needs.
ALTER TABLE tree_spans ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- In spans of up to 256, as batches write them. Some seconds for a million blocks; appending waits for it.
INSERT INTO tree_spans (level, first, hashes)
    SELECT level, min(index), string_agg(hash, ''::bytea ORDER BY index) FROM tree_nodes GROUP BY level, index / 256;

DROP TABLE tree_nodes;

-- Node by node, for whoever looks; and for a process of the release before, until it is replaced.
CREATE VIEW tree_nodes AS
    SELECT level, first + place AS index, substr(hashes, place * 32 + 1, 32) AS hash
    FROM tree_spans, generate_series(0, octet_length(hashes) / 32 - 1) AS place;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON tree_spans FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tree_spans FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE tree_spans ENABLE ALWAYS TRIGGER refuse_change;

ALTER TABLE tree_spans ENABLE ALWAYS TRIGGER refuse_truncate;

-- Spans of a level lie one after the other, without a gap and without an overlap. Each looks up its neighbour by itself,
-- which only the index can answer.
CREATE FUNCTION check_spans() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    broken record;
BEGIN
    SELECT added.level, added.first INTO broken
    FROM added
    WHERE added.first <> coalesce((SELECT before.first + octet_length(before.hashes) / 32 FROM tree_spans AS before
        WHERE before.level = added.level AND before.first < added.first ORDER BY before.first DESC LIMIT 1), 0)
    LIMIT 1;
    IF broken.level IS NOT NULL THEN
        RAISE EXCEPTION 'nodes of level % do not go on at %', broken.level, broken.first
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_spans AFTER INSERT ON tree_spans REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_spans();

ALTER TABLE tree_spans ENABLE ALWAYS TRIGGER check_spans;

GRANT SELECT ON tree_spans, tree_nodes TO ledger_api, ledger_worker, ledger_signer;

GRANT INSERT ON tree_spans TO ledger_worker;
