-- What a person confirms needs another person. Statements are separated by an empty line.

-- What is due is credited: a transfer by hand is not, before somebody has confirmed it.
ALTER TABLE payments ADD CONSTRAINT ck_payments_due_when_confirmed
    CHECK (direction <> 'in' OR rail <> 'manual' OR due_at IS NULL OR confirmed_by IS NOT NULL);

-- Whoever recorded a donation or asked for a refund does not confirm it, nor does the donor the refund. A constraint on
-- `transactions` says the same of refunds, but only once the worker has taken the money out.
CREATE FUNCTION check_confirmation() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    asked record;
BEGIN
    SELECT transaction_type, requested_by, user_id INTO asked FROM transactions WHERE id = NEW.transaction_id;
    IF NEW.confirmed_by = asked.requested_by OR asked.transaction_type = 'refund' AND NEW.confirmed_by = asked.user_id THEN
        RAISE EXCEPTION 'payment % is confirmed by somebody else', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_confirmation BEFORE INSERT OR UPDATE OF confirmed_by ON payments
    FOR EACH ROW WHEN (NEW.confirmed_by IS NOT NULL) EXECUTE FUNCTION check_confirmation();

ALTER TABLE payments ENABLE ALWAYS TRIGGER check_confirmation;
