-- Money that its donor's bank has taken back is not given back as well. Statements are separated by an empty line.

-- A refund leaves when its donation is in the books and nobody disputes it, nor an earlier refund of it; what happened
-- between the asking and now counts.
CREATE FUNCTION check_refundable() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF (SELECT status FROM transactions WHERE id = NEW.donation_id) IS DISTINCT FROM 'completed'
            OR EXISTS (SELECT FROM transactions WHERE donation_id = NEW.donation_id AND transaction_type = 'refund'
                AND status = 'disputed') THEN
        RAISE EXCEPTION 'refund % leaves while its donation is not completed, or another refund of it is disputed', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_refundable BEFORE UPDATE OF status ON transactions
    FOR EACH ROW WHEN (NEW.transaction_type = 'refund' AND OLD.status = 'pending' AND NEW.status = 'submitted')
    EXECUTE FUNCTION check_refundable();

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_refundable;
