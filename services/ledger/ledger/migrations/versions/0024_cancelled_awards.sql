-- What was not sent when its award was cancelled stays. Statements are separated by an empty line.

-- Whoever cancels locks the award and closes it in the same commit: with the award locked here, either that is seen, or it
-- comes after this commit.
CREATE FUNCTION check_payable() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    PERFORM FROM awards WHERE award_id = NEW.award_id FOR SHARE;
    IF EXISTS (SELECT FROM closed_awards WHERE award_id = NEW.award_id) THEN
        RAISE EXCEPTION 'payment % would leave after its award was cancelled', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_payable BEFORE UPDATE OF status ON transactions
    FOR EACH ROW WHEN (NEW.transaction_type = 'disbursement' AND OLD.status = 'pending' AND NEW.status = 'submitted')
    EXECUTE FUNCTION check_payable();

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_payable;
