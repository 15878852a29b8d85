-- What is taken of a lot is what is set aside for awards and what was refunded. Statements are separated by an empty line.

-- Beside what has gone out of a lot: what of that was refunded, what awards have set aside and not released, and what of
-- that was paid. Summed as it comes, because an old lot may have any number of awards.
ALTER TABLE lot_sums
    ADD COLUMN refunded NUMERIC(20, 2) NOT NULL DEFAULT 0,
    ADD COLUMN promised NUMERIC(20, 2) NOT NULL DEFAULT 0,
    ADD COLUMN paid NUMERIC(20, 2) NOT NULL DEFAULT 0;

-- What was there before; a lot that does not fit stops the migration, and has been named by verification.
INSERT INTO lot_sums (donation_id, amount, given)
    SELECT donation_id, amount, 0 FROM lots WHERE taken <> 0
    ON CONFLICT (donation_id) DO NOTHING;

UPDATE lot_sums SET promised = shares.promised, paid = shares.paid
    FROM (SELECT donation_id, sum(amount - released) AS promised, sum(paid) AS paid FROM award_lots GROUP BY donation_id)
        AS shares
    WHERE shares.donation_id = lot_sums.donation_id;

UPDATE lot_sums SET refunded = refunds.amount
    FROM (SELECT links.lot, sum(links.amount) AS amount
        FROM (SELECT from_transaction AS lot, to_transaction AS payment, amount FROM transaction_links
            UNION ALL SELECT to_transaction, from_transaction, -amount FROM transaction_links) AS links
        JOIN transactions ON transactions.id = links.payment AND transactions.transaction_type = 'refund'
        GROUP BY links.lot) AS refunds
    WHERE refunds.lot = lot_sums.donation_id;

DO $$
DECLARE
    broken uuid;
BEGIN
    SELECT donation_id INTO broken FROM lots LEFT JOIN lot_sums AS sums USING (donation_id)
        WHERE taken <> coalesce(promised + refunded, 0) OR given <> paid + refunded LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'lot % does not fit its awards and refunds: `ledger verify` says how', broken;
    END IF;
END
$$;

-- As in 0012; it counts refunds by themselves now.
CREATE OR REPLACE FUNCTION check_links() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = ledger, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT from_transaction AS source, to_transaction AS target INTO broken
    FROM (SELECT from_transaction, to_transaction, amount,
            (SELECT transaction_type FROM transactions WHERE id = added.from_transaction) AS source,
            (SELECT transaction_type FROM transactions WHERE id = added.to_transaction) AS target,
            (SELECT links.amount FROM transaction_links AS links WHERE links.from_transaction = added.to_transaction
                AND links.to_transaction = added.from_transaction) AS opposite,
            -- A disbursement is paid from what was set aside for its award, a refund from the donation it gives back.
            (SELECT CASE WHEN award_id IS NULL THEN donation_id = added.from_transaction ELSE (SELECT true FROM award_lots
                    WHERE award_lots.award_id = transactions.award_id AND donation_id = added.from_transaction) END
                FROM transactions WHERE id = added.to_transaction) AS is_meant
        FROM added) AS ends
    WHERE (source = 'donation' AND target IN ('disbursement', 'refund') AND opposite IS NULL AND is_meant
        OR source IN ('disbursement', 'refund') AND target = 'donation' AND opposite = amount) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a link from % to % neither pays from a lot that is meant for it nor gives back what it paid', broken.source, broken.target
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Of the two ends of a link, the one that is no lot is the payment.
    SELECT payment INTO broken
    FROM (SELECT payment,
            (SELECT amount FROM transactions WHERE id = payment) AS amount,
            (SELECT sum(amount) FROM transaction_links WHERE to_transaction = payment) AS taken,
            (SELECT sum(amount) FROM transaction_links WHERE from_transaction = payment) AS given_back
        FROM (SELECT DISTINCT CASE WHEN (SELECT true FROM lots WHERE donation_id = to_transaction)
            THEN from_transaction ELSE to_transaction END AS payment FROM added) AS touched) AS payments
    WHERE taken IS DISTINCT FROM amount OR given_back <> amount LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'links of % do not sum to its amount', broken.payment USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Where there is no lot there is no amount either, and NOT NULL refuses it; more than it holds, the check.
    WITH moved AS MATERIALIZED (
        SELECT lot, sum(amount) AS amount, (SELECT true FROM lot_sums WHERE donation_id = lot) AS is_known,
            coalesce(sum(amount) FILTER (WHERE (SELECT transaction_type FROM transactions WHERE id = payment) = 'refund'), 0)
                AS refunded
        FROM (SELECT from_transaction AS lot, to_transaction AS payment, amount FROM added
                WHERE (SELECT true FROM lots WHERE donation_id = to_transaction) IS NULL
            UNION ALL SELECT to_transaction, from_transaction, -amount FROM added
                WHERE (SELECT true FROM lots WHERE donation_id = to_transaction)) AS moves
        GROUP BY lot
    ), known AS (
        UPDATE lot_sums SET given = lot_sums.given + moved.amount, refunded = lot_sums.refunded + moved.refunded
        FROM moved WHERE moved.is_known AND lot_sums.donation_id = moved.lot
    )
    INSERT INTO lot_sums (donation_id, amount, given, refunded)
        SELECT lot, (SELECT amount FROM lots WHERE donation_id = lot), amount, refunded FROM moved WHERE is_known IS NULL;
    RETURN NULL;
END
$$;

-- What awards have of each lot, after a statement that set something aside, paid or released it.
CREATE FUNCTION sum_shares() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = ledger, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH moved AS MATERIALIZED (
            SELECT donation_id AS lot, sum(amount - released) AS promised, sum(paid) AS paid,
                (SELECT true FROM lot_sums WHERE donation_id = added.donation_id) AS is_known
            FROM added GROUP BY donation_id
        ), known AS (
            UPDATE lot_sums SET promised = lot_sums.promised + moved.promised, paid = lot_sums.paid + moved.paid
            FROM moved WHERE moved.is_known AND lot_sums.donation_id = moved.lot
        )
        INSERT INTO lot_sums (donation_id, amount, given, promised, paid)
            SELECT lot, (SELECT amount FROM lots WHERE donation_id = lot), 0, promised, paid FROM moved
            WHERE is_known IS NULL;
    ELSE
        UPDATE lot_sums SET promised = lot_sums.promised + moved.promised, paid = lot_sums.paid + moved.paid
        FROM (SELECT lot, sum(promised) AS promised, sum(paid) AS paid
            FROM (SELECT donation_id AS lot, amount - released AS promised, paid FROM added
                UNION ALL SELECT donation_id, released - amount, -paid FROM removed) AS moves
            GROUP BY lot) AS moved
        WHERE lot_sums.donation_id = moved.lot;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER sum_shares_when_set_aside AFTER INSERT ON award_lots REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION sum_shares();

CREATE TRIGGER sum_shares_when_changed AFTER UPDATE ON award_lots
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sum_shares();

ALTER TABLE award_lots ENABLE ALWAYS TRIGGER sum_shares_when_set_aside;

ALTER TABLE award_lots ENABLE ALWAYS TRIGGER sum_shares_when_changed;

-- At the commit, because a lot, its shares and its links change in statements of their own.
CREATE FUNCTION check_lot() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger SET enable_seqscan = off AS $$
DECLARE
    lot record;
BEGIN
    SELECT lots.taken, coalesce(sums.promised, 0) AS promised, coalesce(sums.refunded, 0) AS refunded,
            coalesce(sums.paid, 0) AS paid, coalesce(sums.given, 0) AS given
        INTO lot FROM lots LEFT JOIN lot_sums AS sums USING (donation_id) WHERE donation_id = NEW.donation_id;
    IF lot.taken <> lot.promised + lot.refunded THEN
        RAISE EXCEPTION '% of lot % is taken, with % promised to awards and % refunded',
            lot.taken, NEW.donation_id, lot.promised, lot.refunded USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF lot.given <> lot.paid + lot.refunded THEN
        RAISE EXCEPTION '% has gone out of lot %, with % paid for awards and % refunded',
            lot.given, NEW.donation_id, lot.paid, lot.refunded USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER check_lot_when_added AFTER INSERT ON lots DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.taken <> 0) EXECUTE FUNCTION check_lot();

CREATE CONSTRAINT TRIGGER check_lot_when_taken AFTER UPDATE OF taken ON lots DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.taken <> NEW.taken) EXECUTE FUNCTION check_lot();

CREATE CONSTRAINT TRIGGER check_lot AFTER INSERT OR UPDATE ON lot_sums DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_lot();

ALTER TABLE lots ENABLE ALWAYS TRIGGER check_lot_when_added;

ALTER TABLE lots ENABLE ALWAYS TRIGGER check_lot_when_taken;

ALTER TABLE lot_sums ENABLE ALWAYS TRIGGER check_lot;

-- They act as the owner of the schema: nobody may hang them on a table of their own.
REVOKE EXECUTE ON FUNCTION sum_shares() FROM PUBLIC;
