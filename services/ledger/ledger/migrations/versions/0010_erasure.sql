-- Erasure reaches every row. Rows that may change have the person's id replaced by one of the ledger's own; rows that may
-- not have had the ledger's own id from the start. Statements are separated by an empty line.

-- Whoever asked, approved, confirmed or recorded something: the same id everywhere, so that two people stay two.
CREATE TABLE actors (
    actor_id UUID NOT NULL,
    user_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_actors PRIMARY KEY (actor_id),
    CONSTRAINT uq_actors_user_id UNIQUE (user_id)
);

-- Words about a person's payment, beside the record that stays for ever.
CREATE TABLE manual_transfer_notes (
    transfer_id BIGINT NOT NULL,
    note TEXT NOT NULL,
    CONSTRAINT pk_manual_transfer_notes PRIMARY KEY (transfer_id),
    CONSTRAINT fk_manual_transfer_notes_transfer_id_manual_transfers FOREIGN KEY(transfer_id) REFERENCES manual_transfers (id)
);

INSERT INTO manual_transfer_notes (transfer_id, note) SELECT id, note FROM manual_transfers WHERE note IS NOT NULL;

ALTER TABLE manual_transfers DROP COLUMN note;

INSERT INTO actors (actor_id, user_id)
    SELECT gen_random_uuid(), seen.person
    FROM (SELECT recorded_by AS person FROM manual_transfers UNION SELECT withdrawn_by FROM statement_withdrawals
        UNION SELECT imported_by FROM statement_files WHERE imported_by IS NOT NULL) AS seen;

CREATE FUNCTION actor_of(person uuid) RETURNS uuid LANGUAGE sql STABLE SET search_path = ledger AS $$
    SELECT actor_id FROM actors WHERE user_id = person
$$;

-- A change of type writes the table anew: no trigger stands against it, and the old bytes are gone from the disk.
ALTER TABLE manual_transfers ALTER COLUMN recorded_by TYPE uuid USING actor_of(recorded_by);

ALTER TABLE statement_withdrawals ALTER COLUMN withdrawn_by TYPE uuid USING actor_of(withdrawn_by);

ALTER TABLE statement_files ALTER COLUMN imported_by TYPE uuid USING actor_of(imported_by);

DROP FUNCTION actor_of(uuid);

ALTER TABLE manual_transfers ADD CONSTRAINT fk_manual_transfers_recorded_by_actors
    FOREIGN KEY (recorded_by) REFERENCES actors (actor_id);

ALTER TABLE statement_withdrawals ADD CONSTRAINT fk_statement_withdrawals_withdrawn_by_actors
    FOREIGN KEY (withdrawn_by) REFERENCES actors (actor_id);

ALTER TABLE statement_files ADD CONSTRAINT fk_statement_files_imported_by_actors
    FOREIGN KEY (imported_by) REFERENCES actors (actor_id);

-- Erasure looks people up; only few rows have been approved or confirmed by one.
CREATE INDEX ix_transactions_approved_by ON transactions (approved_by) WHERE approved_by IS NOT NULL;

CREATE INDEX ix_payments_confirmed_by ON payments (confirmed_by) WHERE confirmed_by IS NOT NULL;

-- A person's id is followed by the ledger's own id of that very person, while the mapping still says so, and by nothing else.
CREATE FUNCTION stands_for(own uuid, person uuid) RETURNS boolean LANGUAGE sql STABLE SET search_path = ledger AS $$
    SELECT own IS NOT DISTINCT FROM person OR EXISTS (SELECT FROM actors WHERE actor_id = own AND user_id = person)
$$;

CREATE FUNCTION check_people() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF NOT ((OLD.requested_by IS NULL OR stands_for(NEW.requested_by, OLD.requested_by))
            AND (OLD.approved_by IS NULL OR stands_for(NEW.approved_by, OLD.approved_by))) THEN
        RAISE EXCEPTION 'who asked and who approved stays as it was' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_people BEFORE UPDATE OF requested_by, approved_by ON transactions FOR EACH ROW
    WHEN ((OLD.requested_by, OLD.approved_by) IS DISTINCT FROM (NEW.requested_by, NEW.approved_by))
    EXECUTE FUNCTION check_people();

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_people;

-- What was approved stays as it was approved, and what is closed stays closed; but for whom erasure takes out of it. The
-- worker, which erases, says nothing of its own.
CREATE OR REPLACE FUNCTION check_dispute() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    erasable constant text[] = ARRAY['proposed_by', 'approved_by', 'reason'];
    erases constant boolean = stands_for(NEW.proposed_by, OLD.proposed_by) AND stands_for(NEW.approved_by, OLD.approved_by)
        AND (NEW.reason IS NULL OR NEW.reason = OLD.reason);
BEGIN
    IF current_user = 'ledger_worker' AND NOT erases THEN
        RAISE EXCEPTION 'people resolve a dispute' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF erases AND current_user <> 'ledger_api' AND to_jsonb(NEW) - erasable = to_jsonb(OLD) - erasable THEN
        RETURN NEW;
    END IF;
    IF OLD.closed_at IS NOT NULL OR OLD.approved_at IS NOT NULL AND (NEW.outcome, NEW.reason, NEW.proposed_by,
            NEW.proposed_at, NEW.approved_by, NEW.approved_at) IS DISTINCT FROM (OLD.outcome, OLD.reason, OLD.proposed_by,
            OLD.proposed_at, OLD.approved_by, OLD.approved_at) THEN
        RAISE EXCEPTION 'a dispute is not changed after its approval' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

-- A contradicting event stays on record with its hash; what it said goes when it spoke of a person who is erased.
CREATE FUNCTION refuse_change_but_erasure() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.payload = '' AND (NEW.event_id, NEW.event_hash, NEW.event_type, NEW.seen_at)
                IS NOT DISTINCT FROM (OLD.event_id, OLD.event_hash, OLD.event_type, OLD.seen_at) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

DROP TRIGGER refuse_change ON quarantined_events;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON quarantined_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasure();

ALTER TABLE quarantined_events ENABLE ALWAYS TRIGGER refuse_change;

GRANT SELECT ON actors, manual_transfer_notes TO ledger_api, ledger_worker;

GRANT INSERT ON actors TO ledger_api, ledger_worker;

GRANT INSERT ON manual_transfer_notes TO ledger_api;

GRANT UPDATE (user_id) ON actors TO ledger_worker;

GRANT DELETE ON manual_transfer_notes TO ledger_worker;

GRANT UPDATE (confirmed_by) ON payments TO ledger_worker;

GRANT UPDATE (reason) ON transactions TO ledger_worker;

GRANT UPDATE (proposed_by, approved_by, reason) ON disputes TO ledger_worker;

GRANT UPDATE (payload) ON quarantined_events TO ledger_worker;
