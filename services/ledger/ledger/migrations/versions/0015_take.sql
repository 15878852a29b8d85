-- Takes the head, and reads with it what a batch of events will ask for: one round trip. Each statement of a VOLATILE
-- function sees what was committed before it began: what is read here is what the last holder of the head has left.
-- No row while another holds the head.
CREATE FUNCTION take_head_and_foresee(events uuid[], program_ids uuid[], application_ids uuid[], decided_by uuid[])
    RETURNS TABLE (epoch bigint, size bigint, tip varchar, tip_at timestamptz, peaks bytea, last_hash varchar,
        found_kinds text[], found_ids uuid[], found_values bytea[]) LANGUAGE plpgsql VOLATILE SET search_path = ledger AS $$
#variable_conflict use_column
BEGIN
    SELECT taken.epoch, taken.size, taken.tip, taken.tip_at, taken.peaks, taken.last_hash
        INTO epoch, size, tip, tip_at, peaks, last_hash FROM take_head() AS taken;
    IF FOUND THEN
        SELECT array_agg(kind), array_agg(id), array_agg(value) INTO found_kinds, found_ids, found_values
            FROM foresee(events, program_ids, application_ids, decided_by);
        RETURN NEXT;
    END IF;
END
$$;
