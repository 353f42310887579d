-- Pictures among accepted uploads: perceptual hashes, where the legal basis covers them too.

ALTER TABLE gate_past_choice ADD COLUMN pictures text CHECK (pictures IS NULL OR kept);
COMMENT ON COLUMN gate_past_choice.pictures IS 'Why the legal basis covers perceptual hashes as well. NULL: they are not kept.';

CREATE TABLE gate_past_picture (
    day        date NOT NULL,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    check_id   uuid NOT NULL,
    object_id  text NOT NULL,
    convention text NOT NULL,
    sealed     bytea NOT NULL,
    PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
COMMENT ON TABLE gate_past_picture IS 'Pictures among accepted uploads, by perceptual hashes. A table a day (UTC) holds them and is dropped whole; backups leave them out.';
COMMENT ON COLUMN gate_past_picture.object_id IS 'The provider''s own name for the upload, by which it is told and erased.';
COMMENT ON COLUMN gate_past_picture.sealed IS 'The hash, sealed for its day with a key that is not in the database. It can be opened: neighbours of a code could not be found.';
CREATE INDEX gate_past_picture_object ON gate_past_picture USING hash (object_id);
GRANT SELECT, INSERT, DELETE ON gate_past_picture TO vangnet_runtime;

-- As for digests: the runtime role owns no table.
CREATE FUNCTION gate_past_add_picture_day(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('gate past days', 0));
    IF to_regclass(format('public.gate_past_picture_day_%s', to_char(day, 'YYYYMMDD'))) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE public.gate_past_picture_day_%s PARTITION OF public.gate_past_picture FOR VALUES FROM (%L) TO (%L)',
            to_char(day, 'YYYYMMDD'), day, day + 1
        );
    END IF;
END
$$;
CREATE FUNCTION gate_past_drop_picture_days(before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old regclass;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('gate past days', 0));
    FOR old IN
        SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.gate_past_picture'::regclass
          AND (before IS NULL OR c.relname < 'gate_past_picture_day_' || to_char(before, 'YYYYMMDD'))
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %s', old);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION gate_past_drop_picture_days(date) IS 'Drops the tables of the days before one, or all of them without one; returns how many.';
REVOKE ALL ON FUNCTION gate_past_add_picture_day(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION gate_past_drop_picture_days(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_past_add_picture_day(date) TO vangnet_runtime;
GRANT EXECUTE ON FUNCTION gate_past_drop_picture_days(date) TO vangnet_runtime;

-- Digests and pictures are looked up each at their own pace.
ALTER TABLE gate_past_place DROP COLUMN only_one;
ALTER TABLE gate_past_place ADD COLUMN kind text NOT NULL DEFAULT 'digests' CHECK (kind IN ('digests', 'pictures'));
ALTER TABLE gate_past_place ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE gate_past_place ADD PRIMARY KEY (kind);
ALTER TABLE gate_past_place ADD COLUMN holder uuid;
ALTER TABLE gate_past_place ADD COLUMN held_at timestamptz;
INSERT INTO gate_past_place (kind) VALUES ('pictures');
GRANT UPDATE (holder, held_at) ON gate_past_place TO vangnet_runtime;
COMMENT ON TABLE gate_past_place IS 'How far the stream of changes was looked up in accepted uploads. Whoever writes uploads shares its rows, whoever looks up or erases has one alone: so none slips through between the two.';
COMMENT ON COLUMN gate_past_place.holder IS 'Of pictures: which process has them in memory and looks up, until it was not heard of for a while.';

ALTER TABLE gate_past_list ADD COLUMN kind text NOT NULL DEFAULT 'digests' CHECK (kind IN ('digests', 'pictures'));
ALTER TABLE gate_past_list ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE gate_past_list DROP CONSTRAINT gate_past_list_pkey;
ALTER TABLE gate_past_list ADD PRIMARY KEY (kind, list_id);

CREATE TABLE gate_past_picture_erased (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day    date NOT NULL,
    id     bigint NOT NULL,
    at     timestamptz NOT NULL
);
COMMENT ON TABLE gate_past_picture_erased IS 'Which pictures were erased within the last day, by number: whoever has them in memory forgets them.';
GRANT SELECT, INSERT, DELETE ON gate_past_picture_erased TO vangnet_runtime;
