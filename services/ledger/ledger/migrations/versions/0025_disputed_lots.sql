-- A donation that its donor's bank has taken back pays for nothing new. Statements are separated by an empty line.

-- While nobody knows whether it is there, nothing is set aside out of it; what was set aside before stays.
CREATE FUNCTION check_undisputed() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger AS $$
DECLARE
    contradicted uuid;
BEGIN
    SELECT transaction_id INTO contradicted FROM disputes
        WHERE closed_at IS NULL AND transaction_id IN (SELECT donation_id FROM added) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'donation % is disputed, and nothing is set aside out of it', contradicted
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_undisputed AFTER INSERT ON award_lots REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_undisputed();

ALTER TABLE award_lots ENABLE ALWAYS TRIGGER check_undisputed;
