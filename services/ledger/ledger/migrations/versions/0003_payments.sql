-- What paying by an outside rail needs. Statements are separated by an empty line.
CREATE TABLE webhook_deliveries (
    delivery_id BIGINT GENERATED ALWAYS AS IDENTITY,
    provider VARCHAR(20) NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    event VARCHAR(100) NOT NULL,
    kind VARCHAR(20),
    reference VARCHAR(100),
    status VARCHAR(50),
    amount NUMERIC(20, 2),
    currency VARCHAR(3),
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (delivery_id),
    CONSTRAINT uq_webhook_deliveries_provider_sha256 UNIQUE (provider, sha256)
);

CREATE TABLE webhooks_pending (
    delivery_id BIGINT NOT NULL,
    CONSTRAINT pk_webhooks_pending PRIMARY KEY (delivery_id),
    CONSTRAINT fk_webhooks_pending_delivery_id_webhook_deliveries FOREIGN KEY(delivery_id) REFERENCES webhook_deliveries (delivery_id)
);

CREATE TABLE webhook_outcomes (
    delivery_id BIGINT NOT NULL,
    outcome VARCHAR(20) NOT NULL,
    transaction_id UUID,
    applied_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_webhook_outcomes PRIMARY KEY (delivery_id),
    CONSTRAINT fk_webhook_outcomes_delivery_id_webhook_deliveries FOREIGN KEY(delivery_id) REFERENCES webhook_deliveries (delivery_id),
    CONSTRAINT fk_webhook_outcomes_transaction_id_transactions FOREIGN KEY(transaction_id) REFERENCES transactions (id),
    CONSTRAINT ck_webhook_outcomes_outcome CHECK (outcome IN ('due', 'unmatched', 'ignored'))
);

CREATE INDEX ix_webhook_outcomes_unmatched ON webhook_outcomes (delivery_id) WHERE outcome = 'unmatched';

CREATE TABLE manual_transfers (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    transaction_id UUID NOT NULL,
    outcome VARCHAR(20) NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    bank_reference VARCHAR(100) NOT NULL,
    proof_sha256 VARCHAR(64),
    note TEXT,
    recorded_by UUID NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_manual_transfers PRIMARY KEY (id),
    CONSTRAINT fk_manual_transfers_transaction_id_transactions FOREIGN KEY(transaction_id) REFERENCES transactions (id),
    CONSTRAINT ck_manual_transfers_outcome CHECK (outcome IN ('paid', 'failed', 'reversed'))
);

CREATE INDEX ix_manual_transfers_transaction_id ON manual_transfers (transaction_id, id);

CREATE UNIQUE INDEX uq_manual_transfers_bank_reference ON manual_transfers (bank_reference) WHERE outcome = 'paid';

CREATE TABLE disputes (
    dispute_id UUID NOT NULL,
    transaction_id UUID NOT NULL,
    status_before VARCHAR(20) NOT NULL,
    code VARCHAR(64) NOT NULL,
    rail_status VARCHAR(20),
    rail_amount NUMERIC(20, 2),
    rail_currency VARCHAR(10),
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    outcome VARCHAR(20),
    reason TEXT,
    proposed_by UUID,
    proposed_at TIMESTAMP WITH TIME ZONE,
    approved_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    correction_id UUID,
    CONSTRAINT pk_disputes PRIMARY KEY (dispute_id),
    CONSTRAINT fk_disputes_transaction_id_transactions FOREIGN KEY(transaction_id) REFERENCES transactions (id),
    CONSTRAINT fk_disputes_correction_id_transactions FOREIGN KEY(correction_id) REFERENCES transactions (id),
    CONSTRAINT ck_disputes_outcome CHECK (outcome IN ('completed', 'failed', 'reversed')),
    CONSTRAINT ck_disputes_two_people CHECK (approved_by IS NULL OR approved_by <> proposed_by),
    CONSTRAINT ck_disputes_in_order CHECK (
        (proposed_by IS NULL) = (outcome IS NULL) AND (approved_by IS NULL) = (approved_at IS NULL)
        AND (approved_by IS NULL OR proposed_by IS NOT NULL) AND (closed_at IS NULL OR approved_at IS NOT NULL))
);

CREATE UNIQUE INDEX uq_disputes_open ON disputes (transaction_id) WHERE closed_at IS NULL;

CREATE INDEX ix_disputes_approved ON disputes (approved_at) WHERE approved_at IS NOT NULL AND closed_at IS NULL;

CREATE TABLE closed_awards (
    award_id UUID NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_closed_awards PRIMARY KEY (award_id),
    CONSTRAINT fk_closed_awards_award_id_awards FOREIGN KEY(award_id) REFERENCES awards (award_id)
);

-- A second debit is a contradiction beside the tranche's one payment: it must be possible to say so.
DROP INDEX uq_transactions_live_tranche;

CREATE UNIQUE INDEX uq_transactions_live_tranche ON transactions (tranche_id) WHERE transaction_type = 'disbursement'
    AND (status IN ('pending','submitted','unknown','completed') OR status = 'disputed' AND code IS DISTINCT FROM 'second_debit');

-- The oldest payment that is still on its way, and how many are, without reading those that are done.
CREATE INDEX ix_transactions_unsettled ON transactions (initiated_at) WHERE status IN ('pending','submitted','unknown','disputed');

-- Out of `disputed` leads only what two people have agreed on.
CREATE OR REPLACE FUNCTION check_status_move() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF OLD.status = 'disputed' THEN
        IF NEW.status NOT IN ('completed', 'failed', 'reversed') OR NOT EXISTS (SELECT FROM disputes
                WHERE transaction_id = OLD.id AND approved_at IS NOT NULL AND closed_at IS NULL) THEN
            RAISE EXCEPTION 'a disputed transaction does not become % unless two people say so', NEW.status
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
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

-- What was approved stays as it was approved, and what is closed stays closed.
CREATE FUNCTION check_dispute() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL OR OLD.approved_at IS NOT NULL AND (NEW.outcome, NEW.reason, NEW.proposed_by,
            NEW.proposed_at, NEW.approved_by, NEW.approved_at) IS DISTINCT FROM (OLD.outcome, OLD.reason, OLD.proposed_by,
            OLD.proposed_at, OLD.approved_by, OLD.approved_at) THEN
        RAISE EXCEPTION 'a dispute is not changed after its approval' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_dispute BEFORE UPDATE ON disputes FOR EACH ROW EXECUTE FUNCTION check_dispute();

ALTER TABLE disputes ENABLE ALWAYS TRIGGER check_dispute;

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['webhook_deliveries', 'webhook_outcomes', 'manual_transfers', 'closed_awards']
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

GRANT SELECT ON webhook_deliveries, webhooks_pending, webhook_outcomes, manual_transfers, disputes, closed_awards
    TO ledger_api, ledger_worker;

GRANT INSERT ON webhook_deliveries, webhooks_pending, manual_transfers TO ledger_api;

GRANT UPDATE (outcome, reason, proposed_by, proposed_at, approved_by, approved_at) ON disputes TO ledger_api;

GRANT INSERT ON webhook_outcomes, disputes, closed_awards TO ledger_worker;

-- FOR UPDATE SKIP LOCKED takes a row that is deleted in the same breath.
GRANT DELETE, UPDATE ON webhooks_pending TO ledger_worker;

GRANT UPDATE (closed_at, correction_id) ON disputes TO ledger_worker;
