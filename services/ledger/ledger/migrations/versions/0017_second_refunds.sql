-- What two refunds of one donation may be at once. Statements are separated by an empty line.

-- One that failed and left after all, or was made and then failed, is a contradiction beside the one that is under way now,
-- and it must be possible to say so.
DROP INDEX uq_transactions_live_refund;

CREATE UNIQUE INDEX uq_transactions_live_refund ON transactions (donation_id)
    WHERE transaction_type = 'refund' AND status IN ('pending','submitted','unknown');

-- The other way round, nobody asks for another while one is disputed: what is left to give back is what is disputed.
CREATE FUNCTION check_refund_asked() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
BEGIN
    IF EXISTS (SELECT FROM transactions WHERE donation_id = NEW.donation_id AND transaction_type = 'refund'
            AND status = 'disputed') THEN
        RAISE EXCEPTION 'a refund of donation % is disputed', NEW.donation_id USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER check_refund_asked BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (NEW.transaction_type = 'refund' AND NEW.status = 'pending') EXECUTE FUNCTION check_refund_asked();

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_refund_asked;
