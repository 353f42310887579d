-- What follows from the gate's decisions, and what people see and say of them.

-- --- what follows a match: what the provider did, who is told, uploads of before ---

ALTER TABLE gate_decision ADD COLUMN uploaded_at timestamptz;
ALTER TABLE gate_decision ADD COLUMN answered_at timestamptz;
COMMENT ON COLUMN gate_decision.uploaded_at IS 'When it was uploaded, where that was accepted then and what it is was listed later; NULL for an upload that was checked just now.';
COMMENT ON COLUMN gate_decision.answered_at IS 'When the provider said what became of it; NULL while nobody did.';
CREATE INDEX gate_decision_unanswered ON gate_decision (at, id)
    WHERE answered_at IS NULL AND (decision <> 'allow' OR uploaded_at IS NOT NULL);
CREATE INDEX gate_decision_later ON gate_decision (at, id) WHERE uploaded_at IS NOT NULL;
GRANT UPDATE (answered_at) ON gate_decision TO vangnet_runtime;

CREATE TABLE gate_action (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decision_id uuid NOT NULL REFERENCES gate_decision,
    action      text NOT NULL,
    reason      text CHECK (reason <> ''),
    said_by     text NOT NULL,
    said_at     timestamptz NOT NULL
);
COMMENT ON TABLE gate_action IS 'What the provider says that it did about a match. A correction is another row; the last one on a subject counts.';
CREATE INDEX gate_action_decision ON gate_action (decision_id, id);
GRANT SELECT, INSERT ON gate_action TO vangnet_runtime;

CREATE TABLE gate_webhook (
    only_one     boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    url          text NOT NULL,
    events       text[] NOT NULL,
    state        text NOT NULL CHECK (state IN ('on', 'off', 'gone')),
    state_at     timestamptz NOT NULL,
    chosen_by    text NOT NULL,
    silences     integer NOT NULL DEFAULT 0,
    silent_until timestamptz
);
COMMENT ON TABLE gate_webhook IS 'Where the provider''s own system hears what the gate decided.';
COMMENT ON COLUMN gate_webhook.state IS '`gone`: the receiver said with status 410 that it wants nothing any more.';
COMMENT ON COLUMN gate_webhook.silences IS 'How often in a row there was no answer at all; until `silent_until` it is left alone.';
GRANT SELECT, INSERT ON gate_webhook TO vangnet_runtime;
GRANT UPDATE (url, events, state, state_at, chosen_by, silences, silent_until) ON gate_webhook TO vangnet_runtime;

CREATE TABLE gate_webhook_secret (
    id      uuid PRIMARY KEY,
    sealed  bytea NOT NULL,
    made_at timestamptz NOT NULL,
    ends_at timestamptz
);
COMMENT ON TABLE gate_webhook_secret IS 'With what webhooks are signed: the newest, and until it ends the one before.';
COMMENT ON COLUMN gate_webhook_secret.sealed IS 'Sealed with a key that is not in the database.';
GRANT SELECT, INSERT, DELETE ON gate_webhook_secret TO vangnet_runtime;
GRANT UPDATE (ends_at) ON gate_webhook_secret TO vangnet_runtime;

CREATE TABLE gate_webhook_delivery (
    id            uuid PRIMARY KEY,
    event         text NOT NULL,
    decision_id   uuid REFERENCES gate_decision,
    made_at       timestamptz NOT NULL,
    body          bytea NOT NULL,
    state         text NOT NULL CHECK (state IN ('waiting', 'delivered', 'parked')),
    state_at      timestamptz NOT NULL,
    tries         integer NOT NULL DEFAULT 0,
    last_tried_at timestamptz,
    next_try_at   timestamptz,
    status        smallint,
    problem       text,
    CHECK ((state = 'waiting') = (next_try_at IS NOT NULL))
);
COMMENT ON TABLE gate_webhook_delivery IS 'What was, or is to be, told to the webhook, and what became of it.';
COMMENT ON COLUMN gate_webhook_delivery.id IS 'The `webhook-id`: the same at every try, by which the receiver takes it once.';
COMMENT ON COLUMN gate_webhook_delivery.decision_id IS 'About which decision; NULL for a test.';
COMMENT ON COLUMN gate_webhook_delivery.status IS 'The HTTP status of the last answer; NULL where there was none.';
COMMENT ON COLUMN gate_webhook_delivery.problem IS 'Why the last try failed: a code, never words of the receiver.';
CREATE INDEX gate_webhook_delivery_made ON gate_webhook_delivery (made_at, id);
CREATE INDEX gate_webhook_delivery_due ON gate_webhook_delivery (next_try_at, id) WHERE state = 'waiting';
CREATE INDEX gate_webhook_delivery_decision ON gate_webhook_delivery (decision_id) WHERE decision_id IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE (state, state_at, tries, last_tried_at, next_try_at, status, problem) ON gate_webhook_delivery TO vangnet_runtime;

CREATE TABLE gate_past_choice (
    version   integer PRIMARY KEY CHECK (version > 0),
    kept      boolean NOT NULL,
    basis     text,
    reference text,
    ends_on   date,
    days      smallint CHECK (days BETWEEN 1 AND 366),
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL,
    CHECK (num_nulls(basis, reference, ends_on, days) = CASE WHEN kept THEN 0 ELSE 4 END)
);
COMMENT ON TABLE gate_past_choice IS 'Whether keyed digests of accepted uploads are kept, on which legal basis, until when; the last row holds. Without a row, no.';
GRANT SELECT, INSERT ON gate_past_choice TO vangnet_runtime;

CREATE TABLE gate_past (
    day         date NOT NULL,
    at          timestamptz NOT NULL,
    check_id    uuid NOT NULL,
    object_id   text NOT NULL,
    md5_mac     uuid,
    sha1_mac    uuid,
    sha256_mac  uuid
) PARTITION BY RANGE (day);
COMMENT ON TABLE gate_past IS 'Accepted uploads, by keyed digests. A table a day (UTC) holds them and is dropped whole; backups leave them out.';
COMMENT ON COLUMN gate_past.object_id IS 'The provider''s own name for the upload, by which it is told and erased.';
COMMENT ON COLUMN gate_past.sha256_mac IS 'The first half of an HMAC with a key that is not in the database; so are the other two.';
CREATE INDEX gate_past_md5 ON gate_past (md5_mac);
CREATE INDEX gate_past_sha1 ON gate_past (sha1_mac);
CREATE INDEX gate_past_sha256 ON gate_past (sha256_mac);
CREATE INDEX gate_past_object ON gate_past USING hash (object_id);
GRANT SELECT, INSERT, DELETE ON gate_past TO vangnet_runtime;

-- The runtime role owns no table, so these two make and drop those of single days, and nothing else.
CREATE FUNCTION gate_past_add_day(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('gate past days', 0));
    IF to_regclass(format('public.gate_past_day_%s', to_char(day, 'YYYYMMDD'))) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE public.gate_past_day_%s PARTITION OF public.gate_past FOR VALUES FROM (%L) TO (%L)',
            to_char(day, 'YYYYMMDD'), day, day + 1
        );
    END IF;
END
$$;
CREATE FUNCTION gate_past_drop_days(before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old regclass;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('gate past days', 0));
    FOR old IN
        SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.gate_past'::regclass
          AND (before IS NULL OR c.relname < 'gate_past_day_' || to_char(before, 'YYYYMMDD'))
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %s', old);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION gate_past_drop_days(date) IS 'Drops the tables of the days before one, or all of them without one; returns how many.';
REVOKE ALL ON FUNCTION gate_past_add_day(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION gate_past_drop_days(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_past_add_day(date) TO vangnet_runtime;
GRANT EXECUTE ON FUNCTION gate_past_drop_days(date) TO vangnet_runtime;

CREATE TABLE gate_past_place (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    position bigint NOT NULL DEFAULT 0,
    altered  bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE gate_past_place IS 'How far the stream of changes was looked up in accepted uploads. Whoever writes uploads shares its one row, whoever looks up or erases has it alone: so none slips through between the two.';
COMMENT ON COLUMN gate_past_place.position IS 'No change behind this one was looked up: whoever writes uploads must have looked them up so far.';
COMMENT ON COLUMN gate_past_place.altered IS 'Up to which change the entries that changed their state were looked up.';
INSERT INTO gate_past_place DEFAULT VALUES;
GRANT SELECT ON gate_past_place TO vangnet_runtime;
GRANT UPDATE (position, altered) ON gate_past_place TO vangnet_runtime;

CREATE TABLE gate_past_list (
    list_id  uuid PRIMARY KEY,
    counting text NOT NULL,
    position bigint NOT NULL
);
COMMENT ON TABLE gate_past_list IS 'Up to which entry each list that counts was looked up in accepted uploads.';
COMMENT ON COLUMN gate_past_list.counting IS 'What counted of the list then: where that changed, it is looked up from its first entry on.';
GRANT SELECT, INSERT, UPDATE, DELETE ON gate_past_list TO vangnet_runtime;

CREATE TABLE gate_past_erased (
    object_mac uuid PRIMARY KEY,
    at         timestamptz NOT NULL
);
COMMENT ON TABLE gate_past_erased IS 'What was erased within the last day, by keyed names: uploads of it that a gate is about to write are dropped.';
GRANT SELECT, INSERT, DELETE ON gate_past_erased TO vangnet_runtime;
GRANT UPDATE (at) ON gate_past_erased TO vangnet_runtime;



-- --- how the gate is watched: how long answers took, who tries lists out, which matches were false alarms ---

CREATE TABLE gate_latency (
    minute  timestamptz NOT NULL,
    door    text NOT NULL,
    up_to   integer NOT NULL CHECK (up_to > 0),
    answers bigint NOT NULL CHECK (answers > 0),
    PRIMARY KEY (minute, door, up_to)
);
COMMENT ON TABLE gate_latency IS 'How long answers took, by the minute, in classes of time: those of all processes add up. Kept for eight days.';
COMMENT ON COLUMN gate_latency.up_to IS 'The upper end of the class in microseconds, included.';
GRANT SELECT, INSERT, DELETE ON gate_latency TO vangnet_runtime;
GRANT UPDATE (answers) ON gate_latency TO vangnet_runtime;

CREATE TABLE gate_probe (
    id            uuid PRIMARY KEY,
    asker         text NOT NULL,
    of_uploader   boolean NOT NULL,
    uploader      bytea CHECK (octet_length(uploader) = 32),
    sign          text NOT NULL CHECK (sign IN ('matches', 'variants')),
    raised_at     timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    limited_until timestamptz NOT NULL,
    matches       integer NOT NULL CHECK (matches > 0),
    checks        bigint NOT NULL,
    decisions     uuid[] NOT NULL,
    lifted_at     timestamptz,
    lifted_by     text,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
COMMENT ON TABLE gate_probe IS 'Who seemed to try the lists out through the gate, and until when it is told less than others.';
COMMENT ON COLUMN gate_probe.asker IS 'The id of an API key, or the name of a door without log-in.';
COMMENT ON COLUMN gate_probe.uploader IS 'A code for the provider''s pseudonym of the uploader; erased after a day.';
COMMENT ON COLUMN gate_probe.decisions IS 'The last checks that gave rise to it.';
CREATE INDEX gate_probe_limited ON gate_probe (limited_until) WHERE lifted_at IS NULL;
CREATE INDEX gate_probe_raised ON gate_probe (raised_at);
GRANT SELECT, INSERT ON gate_probe TO vangnet_runtime;
GRANT UPDATE (uploader, sign, last_at, limited_until, matches, checks, decisions, lifted_at, lifted_by) ON gate_probe TO vangnet_runtime;

CREATE TABLE gate_review (
    decision_id uuid PRIMARY KEY REFERENCES gate_decision,
    false_alarm boolean NOT NULL,
    marked_by   text NOT NULL,
    marked_at   timestamptz NOT NULL
);
COMMENT ON TABLE gate_review IS 'What a person of the provider saw when looking at an upload that was held or blocked: rightly, or a false alarm.';
GRANT SELECT, INSERT ON gate_review TO vangnet_runtime;
GRANT UPDATE (false_alarm, marked_by, marked_at) ON gate_review TO vangnet_runtime;

-- --- lists for others' programs ---

CREATE TABLE registry_proposer (
    list_id   uuid NOT NULL REFERENCES registry_list,
    party_id  uuid REFERENCES party,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (list_id, party_id)
);
COMMENT ON TABLE registry_proposer IS
    'Whose programs may propose entries for which list, through the interface of Hasher-Matcher-Actioner.';
COMMENT ON COLUMN registry_proposer.party_id IS 'NULL for our own programs.';
GRANT SELECT, INSERT, DELETE ON registry_proposer TO vangnet_runtime;
