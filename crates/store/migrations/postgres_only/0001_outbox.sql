-- What only PostgreSQL has, part of its first schema: it tells who waits for rows
-- of `outbox` as soon as their transaction is committed, and offers functions that
-- write such rows (`docs/reference/outbox.md`). Written by hand.

CREATE FUNCTION tertulia_outbox_notify() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('tertulia_outbox', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION tertulia_outbox_notify();
