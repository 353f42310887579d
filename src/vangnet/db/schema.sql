CREATE FUNCTION public.gate_past_add_day(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.gate_past_add_picture_day(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION public.gate_past_drop_days(before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
COMMENT ON FUNCTION public.gate_past_drop_days(before date) IS 'Drops the tables of the days before one, or all of them without one; returns how many.';
CREATE FUNCTION public.gate_past_drop_picture_days(before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
COMMENT ON FUNCTION public.gate_past_drop_picture_days(before date) IS 'Drops the tables of the days before one, or all of them without one; returns how many.';
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_key (
    id uuid NOT NULL,
    prefix text NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    party_id uuid,
    scopes text[] NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    issued_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_key_name_check CHECK ((name <> ''::text))
);
COMMENT ON TABLE public.api_key IS 'Keys of our own programs, or of a party''s. Revoked and expired ones stay, to be recognised.';
COMMENT ON COLUMN public.api_key.digest IS 'SHA-256 of a secret of 256 random bits.';
CREATE TABLE public.attempt (
    kind text NOT NULL,
    subject bytea NOT NULL,
    failures integer NOT NULL,
    last_failed_at timestamp with time zone NOT NULL,
    blocked_until timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.attempt IS 'Failed attempts, to slow down guessing. Forgotten after a day at most.';
COMMENT ON COLUMN public.attempt.subject IS 'SHA-256 of an e-mail address, a network address, or an id of ours.';
CREATE TABLE public.audit_event (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    action text NOT NULL,
    record text NOT NULL,
    record_id text NOT NULL,
    details json NOT NULL
);
COMMENT ON TABLE public.audit_event IS 'Who did what to which record. Written in the transaction of the deed, never changed.';
COMMENT ON COLUMN public.audit_event.action IS 'The permission that was used, such as party:add.';
COMMENT ON COLUMN public.audit_event.details IS 'Ids, states and counts; no personal data. json, not jsonb: the chain is made of exactly these bytes.';
ALTER TABLE public.audit_event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.audit_export (
    only_row boolean DEFAULT true NOT NULL,
    "position" bigint,
    sealed_at timestamp with time zone,
    problem text,
    failing_since timestamp with time zone,
    CONSTRAINT audit_export_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.audit_export IS 'The last head that was exported, and why none can be, so that no page waits for the folder of heads.';
CREATE TABLE public.audit_seal (
    "position" bigint NOT NULL,
    event_id bigint NOT NULL,
    leaf bytea NOT NULL,
    chain bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    CONSTRAINT audit_seal_chain_check CHECK ((octet_length(chain) = 32)),
    CONSTRAINT audit_seal_leaf_check CHECK ((octet_length(leaf) = 32))
);
COMMENT ON TABLE public.audit_seal IS 'The chain of events, one link each, from position 1. Only the sealer appends to it.';
COMMENT ON COLUMN public.audit_seal.leaf IS 'SHA-256 of the event''s encoding.';
COMMENT ON COLUMN public.audit_seal.chain IS 'SHA-256 of the chain before, the position, the time of sealing and the leaf.';
CREATE TABLE public.audit_unsealed (
    event_id bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');
COMMENT ON TABLE public.audit_unsealed IS 'Events that wait for the sealer. Filled with the event, emptied as it is chained.';
CREATE TABLE public.external_identity (
    issuer text NOT NULL,
    subject text NOT NULL,
    person_id uuid NOT NULL,
    linked_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.external_identity IS 'Who somebody is at the party''s own identity provider (OpenID Connect).';
CREATE TABLE public.gate_action (
    id bigint NOT NULL,
    decision_id uuid NOT NULL,
    action text NOT NULL,
    reason text,
    said_by text NOT NULL,
    said_at timestamp with time zone NOT NULL,
    CONSTRAINT gate_action_reason_check CHECK ((reason <> ''::text))
);
COMMENT ON TABLE public.gate_action IS 'What the provider says that it did about a match. A correction is another row; the last one on a subject counts.';
ALTER TABLE public.gate_action ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.gate_action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.gate_count (
    minute timestamp with time zone NOT NULL,
    provider_key text NOT NULL,
    door text NOT NULL,
    outcome text NOT NULL,
    decision text NOT NULL,
    reason text NOT NULL,
    checks bigint NOT NULL,
    CONSTRAINT gate_count_checks_check CHECK ((checks > 0))
);
COMMENT ON TABLE public.gate_count IS 'How many checks came to what, by the minute and the key: all that is kept of uploads that match nothing.';
COMMENT ON COLUMN public.gate_count.provider_key IS 'The id of the API key, or nothing for a door without log-in.';
CREATE TABLE public.gate_decision (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kept_at timestamp with time zone NOT NULL,
    door text NOT NULL,
    provider_key uuid,
    object_id text,
    outcome text NOT NULL,
    decision text NOT NULL,
    reason text,
    checked text[] NOT NULL,
    index_version bigint NOT NULL,
    policy_version integer NOT NULL,
    sealed bytea NOT NULL,
    told_at timestamp with time zone,
    reported_at timestamp with time zone,
    revised_at timestamp with time zone,
    uploaded_at timestamp with time zone,
    answered_at timestamp with time zone,
    CONSTRAINT gate_decision_decision_check CHECK ((decision = ANY (ARRAY['allow'::text, 'hold'::text, 'block'::text]))),
    CONSTRAINT gate_decision_outcome_check CHECK ((outcome = ANY (ARRAY['match'::text, 'no_match'::text, 'unhashable'::text, 'unavailable'::text])))
);
COMMENT ON TABLE public.gate_decision IS 'Decisions that rest on a match, one row each. Everything else that the gate decides is counted only.';
COMMENT ON COLUMN public.gate_decision.id IS 'The check''s id: the same upload under the same name has the same, so it is kept once.';
COMMENT ON COLUMN public.gate_decision.kept_at IS 'Later than `at` where the database was away and the decision waited in the spool.';
COMMENT ON COLUMN public.gate_decision.provider_key IS 'The API key that asked; NULL for a door without log-in.';
COMMENT ON COLUMN public.gate_decision.object_id IS 'The provider''s own name for the upload.';
COMMENT ON COLUMN public.gate_decision.sealed IS 'The file''s digests, sealed: they are those of listed material.';
COMMENT ON COLUMN public.gate_decision.told_at IS 'When the registry was told which entries it rests on.';
COMMENT ON COLUMN public.gate_decision.reported_at IS 'When its report was signed for everybody whom the policy names.';
COMMENT ON COLUMN public.gate_decision.revised_at IS 'When an entry that it rests on ceased to stand.';
COMMENT ON COLUMN public.gate_decision.uploaded_at IS 'When it was uploaded, where that was accepted then and what it is was listed later; NULL for an upload that was checked just now.';
COMMENT ON COLUMN public.gate_decision.answered_at IS 'When the provider said what became of it; NULL while nobody did.';
CREATE TABLE public.gate_latency (
    minute timestamp with time zone NOT NULL,
    door text NOT NULL,
    up_to integer NOT NULL,
    answers bigint NOT NULL,
    CONSTRAINT gate_latency_answers_check CHECK ((answers > 0)),
    CONSTRAINT gate_latency_up_to_check CHECK ((up_to > 0))
);
COMMENT ON TABLE public.gate_latency IS 'How long answers took, by the minute, in classes of time: those of all processes add up. Kept for eight days.';
COMMENT ON COLUMN public.gate_latency.up_to IS 'The upper end of the class in microseconds, included.';
CREATE TABLE public.gate_list_count (
    minute timestamp with time zone NOT NULL,
    list_id uuid NOT NULL,
    decision text NOT NULL,
    shadow boolean NOT NULL,
    matches bigint NOT NULL,
    CONSTRAINT gate_list_count_matches_check CHECK ((matches > 0))
);
COMMENT ON TABLE public.gate_list_count IS 'How many checks matched which list, by the minute; those in the shadow are counted here only.';
CREATE TABLE public.gate_match (
    decision_id uuid NOT NULL,
    place smallint NOT NULL,
    list_id uuid NOT NULL,
    list_name text NOT NULL,
    entry_id bigint NOT NULL,
    classification text NOT NULL,
    algorithm text NOT NULL,
    distance smallint NOT NULL,
    view text NOT NULL,
    shadow boolean NOT NULL
);
COMMENT ON TABLE public.gate_match IS 'The listed entries on which a decision rests, as they were then.';
COMMENT ON COLUMN public.gate_match.shadow IS 'It was counted and decided nothing.';
CREATE TABLE public.gate_past (
    day date NOT NULL,
    at timestamp with time zone NOT NULL,
    check_id uuid NOT NULL,
    object_id text NOT NULL,
    md5_mac uuid,
    sha1_mac uuid,
    sha256_mac uuid
)
PARTITION BY RANGE (day);
COMMENT ON TABLE public.gate_past IS 'Accepted uploads, by keyed digests. A table a day (UTC) holds them and is dropped whole; backups leave them out.';
COMMENT ON COLUMN public.gate_past.object_id IS 'The provider''s own name for the upload, by which it is told and erased.';
COMMENT ON COLUMN public.gate_past.sha256_mac IS 'The first half of an HMAC with a key that is not in the database; so are the other two.';
CREATE TABLE public.gate_past_choice (
    version integer NOT NULL,
    kept boolean NOT NULL,
    basis text,
    reference text,
    ends_on date,
    days smallint,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    pictures text,
    CONSTRAINT gate_past_choice_check CHECK ((num_nulls(basis, reference, ends_on, days) =
CASE
    WHEN kept THEN 0
    ELSE 4
END)),
    CONSTRAINT gate_past_choice_check1 CHECK (((pictures IS NULL) OR kept)),
    CONSTRAINT gate_past_choice_days_check CHECK (((days >= 1) AND (days <= 366))),
    CONSTRAINT gate_past_choice_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.gate_past_choice IS 'Whether keyed digests of accepted uploads are kept, on which legal basis, until when; the last row holds. Without a row, no.';
COMMENT ON COLUMN public.gate_past_choice.pictures IS 'Why the legal basis covers perceptual hashes as well. NULL: they are not kept.';
CREATE TABLE public.gate_past_erased (
    object_mac uuid NOT NULL,
    at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.gate_past_erased IS 'What was erased within the last day, by keyed names: uploads of it that a gate is about to write are dropped.';
CREATE TABLE public.gate_past_list (
    list_id uuid NOT NULL,
    counting text NOT NULL,
    "position" bigint NOT NULL,
    kind text NOT NULL,
    CONSTRAINT gate_past_list_kind_check CHECK ((kind = ANY (ARRAY['digests'::text, 'pictures'::text])))
);
COMMENT ON TABLE public.gate_past_list IS 'Up to which entry each list that counts was looked up in accepted uploads.';
COMMENT ON COLUMN public.gate_past_list.counting IS 'What counted of the list then: where that changed, it is looked up from its first entry on.';
CREATE TABLE public.gate_past_picture (
    day date NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    check_id uuid NOT NULL,
    object_id text NOT NULL,
    convention text NOT NULL,
    sealed bytea NOT NULL
)
PARTITION BY RANGE (day);
COMMENT ON TABLE public.gate_past_picture IS 'Pictures among accepted uploads, by perceptual hashes. A table a day (UTC) holds them and is dropped whole; backups leave them out.';
COMMENT ON COLUMN public.gate_past_picture.object_id IS 'The provider''s own name for the upload, by which it is told and erased.';
COMMENT ON COLUMN public.gate_past_picture.sealed IS 'The hash, sealed for its day with a key that is not in the database. It can be opened: neighbours of a code could not be found.';
CREATE TABLE public.gate_past_picture_erased (
    number bigint NOT NULL,
    day date NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.gate_past_picture_erased IS 'Which pictures were erased within the last day, by number: whoever has them in memory forgets them.';
ALTER TABLE public.gate_past_picture_erased ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.gate_past_picture_erased_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.gate_past_picture ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.gate_past_picture_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.gate_past_place (
    "position" bigint DEFAULT 0 NOT NULL,
    altered bigint DEFAULT 0 NOT NULL,
    kind text NOT NULL,
    holder uuid,
    held_at timestamp with time zone,
    CONSTRAINT gate_past_place_kind_check CHECK ((kind = ANY (ARRAY['digests'::text, 'pictures'::text])))
);
COMMENT ON TABLE public.gate_past_place IS 'How far the stream of changes was looked up in accepted uploads. Whoever writes uploads shares its rows, whoever looks up or erases has one alone: so none slips through between the two.';
COMMENT ON COLUMN public.gate_past_place."position" IS 'No change behind this one was looked up: whoever writes uploads must have looked them up so far.';
COMMENT ON COLUMN public.gate_past_place.altered IS 'Up to which change the entries that changed their state were looked up.';
COMMENT ON COLUMN public.gate_past_place.holder IS 'Of pictures: which process has them in memory and looks up, until it was not heard of for a while.';
CREATE TABLE public.gate_policy (
    version integer NOT NULL,
    document jsonb NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT gate_policy_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.gate_policy IS 'Every policy that was chosen; the last one holds. Without a row, the starting set does.';
CREATE TABLE public.gate_probe (
    id uuid NOT NULL,
    asker text NOT NULL,
    of_uploader boolean NOT NULL,
    uploader bytea,
    sign text NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    limited_until timestamp with time zone NOT NULL,
    matches integer NOT NULL,
    checks bigint NOT NULL,
    decisions uuid[] NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text,
    CONSTRAINT gate_probe_check CHECK (((lifted_at IS NULL) = (lifted_by IS NULL))),
    CONSTRAINT gate_probe_matches_check CHECK ((matches > 0)),
    CONSTRAINT gate_probe_sign_check CHECK ((sign = ANY (ARRAY['matches'::text, 'variants'::text]))),
    CONSTRAINT gate_probe_uploader_check CHECK ((octet_length(uploader) = 32))
);
COMMENT ON TABLE public.gate_probe IS 'Who seemed to try the lists out through the gate, and until when it is told less than others.';
COMMENT ON COLUMN public.gate_probe.asker IS 'The id of an API key, or the name of a door without log-in.';
COMMENT ON COLUMN public.gate_probe.uploader IS 'A code for the provider''s pseudonym of the uploader; erased after a day.';
COMMENT ON COLUMN public.gate_probe.decisions IS 'The last checks that gave rise to it.';
CREATE UNLOGGED TABLE public.gate_repeat (
    name_mac bytea NOT NULL,
    bytes_mac bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT gate_repeat_bytes_mac_check CHECK ((octet_length(bytes_mac) = 32)),
    CONSTRAINT gate_repeat_name_mac_check CHECK ((octet_length(name_mac) = 32))
);
COMMENT ON TABLE public.gate_repeat IS 'Idempotency keys of the last day. `bytes_mac` is bound to the name: it cannot be searched for a file.';
CREATE TABLE public.gate_report (
    decision_id uuid NOT NULL,
    party_id uuid NOT NULL,
    handoff_id uuid NOT NULL
);
COMMENT ON TABLE public.gate_report IS 'Which hand-off reported a decision to whom: one each.';
CREATE TABLE public.gate_review (
    decision_id uuid NOT NULL,
    false_alarm boolean NOT NULL,
    marked_by text NOT NULL,
    marked_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.gate_review IS 'What a person of the provider saw when looking at an upload that was held or blocked: rightly, or a false alarm.';
CREATE TABLE public.gate_webhook (
    only_one boolean DEFAULT true NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    chosen_by text NOT NULL,
    silences integer DEFAULT 0 NOT NULL,
    silent_until timestamp with time zone,
    CONSTRAINT gate_webhook_only_one_check CHECK (only_one),
    CONSTRAINT gate_webhook_state_check CHECK ((state = ANY (ARRAY['on'::text, 'off'::text, 'gone'::text])))
);
COMMENT ON TABLE public.gate_webhook IS 'Where the provider''s own system hears what the gate decided.';
COMMENT ON COLUMN public.gate_webhook.state IS '`gone`: the receiver said with status 410 that it wants nothing any more.';
COMMENT ON COLUMN public.gate_webhook.silences IS 'How often in a row there was no answer at all; until `silent_until` it is left alone.';
CREATE TABLE public.gate_webhook_delivery (
    id uuid NOT NULL,
    event text NOT NULL,
    decision_id uuid,
    made_at timestamp with time zone NOT NULL,
    body bytea NOT NULL,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    last_tried_at timestamp with time zone,
    next_try_at timestamp with time zone,
    status smallint,
    problem text,
    CONSTRAINT gate_webhook_delivery_check CHECK (((state = 'waiting'::text) = (next_try_at IS NOT NULL))),
    CONSTRAINT gate_webhook_delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'parked'::text])))
);
COMMENT ON TABLE public.gate_webhook_delivery IS 'What was, or is to be, told to the webhook, and what became of it.';
COMMENT ON COLUMN public.gate_webhook_delivery.id IS 'The `webhook-id`: the same at every try, by which the receiver takes it once.';
COMMENT ON COLUMN public.gate_webhook_delivery.decision_id IS 'About which decision; NULL for a test.';
COMMENT ON COLUMN public.gate_webhook_delivery.status IS 'The HTTP status of the last answer; NULL where there was none.';
COMMENT ON COLUMN public.gate_webhook_delivery.problem IS 'Why the last try failed: a code, never words of the receiver.';
CREATE TABLE public.gate_webhook_secret (
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone
);
COMMENT ON TABLE public.gate_webhook_secret IS 'With what webhooks are signed: the newest, and until it ends the one before.';
COMMENT ON COLUMN public.gate_webhook_secret.sealed IS 'Sealed with a key that is not in the database.';
CREATE TABLE public.handoff_received (
    id uuid NOT NULL,
    party_id uuid NOT NULL,
    sender bytea NOT NULL,
    envelope_id uuid NOT NULL,
    case_number text NOT NULL,
    kind text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    body bytea NOT NULL,
    sha256 bytea NOT NULL,
    outcome text NOT NULL,
    receipt bytea NOT NULL,
    CONSTRAINT handoff_received_sender_check CHECK ((length(sender) = 32)),
    CONSTRAINT handoff_received_sha256_check CHECK ((length(sha256) = 32))
);
COMMENT ON TABLE public.handoff_received IS 'Envelopes that were taken. Its UNIQUE constraint is what takes each of them once.';
COMMENT ON COLUMN public.handoff_received.sender IS 'The public key that signed it: an id is the sender''s own, so it is unique only per sender.';
COMMENT ON COLUMN public.handoff_received.body IS 'What came, byte for byte: anyone with the sender''s key can verify it.';
COMMENT ON COLUMN public.handoff_received.receipt IS 'What we answered; whoever sends the same again gets the same bytes.';
CREATE TABLE public.handoff_sent (
    id uuid NOT NULL,
    party_id uuid NOT NULL,
    case_number text NOT NULL,
    kind text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    body bytea NOT NULL,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    try_until timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    last_tried_at timestamp with time zone,
    next_try_at timestamp with time zone,
    problem text,
    outcome text,
    receipt bytea,
    CONSTRAINT handoff_sent_check CHECK (((state = 'acknowledged'::text) = (receipt IS NOT NULL))),
    CONSTRAINT handoff_sent_check1 CHECK (((state = 'acknowledged'::text) = (outcome IS NOT NULL))),
    CONSTRAINT handoff_sent_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'acknowledged'::text, 'refused'::text, 'unacknowledged'::text, 'given_up'::text])))
);
COMMENT ON TABLE public.handoff_sent IS 'Envelopes that we signed, each until and after its receipt.';
COMMENT ON COLUMN public.handoff_sent.id IS 'The id inside the envelope.';
COMMENT ON COLUMN public.handoff_sent.sent_at IS 'When it was signed; state_at says since when it is acknowledged, refused or neither.';
COMMENT ON COLUMN public.handoff_sent.body IS 'What is sent, byte for byte, at every try: the envelope and its signature.';
COMMENT ON COLUMN public.handoff_sent.try_until IS 'After this the worker stops trying by itself.';
COMMENT ON COLUMN public.handoff_sent.problem IS 'Why the last try failed, or why it was refused: a code, never words of the other side.';
COMMENT ON COLUMN public.handoff_sent.receipt IS 'The recipient''s receipt as it came, with its signature.';
CREATE TABLE public.installation (
    only_row boolean DEFAULT true NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    party_name text NOT NULL,
    language text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT installation_kind_check CHECK ((kind = ANY (ARRAY['provider'::text, 'hotline'::text, 'police'::text, 'authority'::text]))),
    CONSTRAINT installation_language_check CHECK ((language = ANY (ARRAY['nl'::text, 'en'::text]))),
    CONSTRAINT installation_only_row_check CHECK (only_row),
    CONSTRAINT installation_party_name_check CHECK ((party_name <> ''::text))
);
COMMENT ON TABLE public.installation IS 'Whose installation this is. One row, written at set-up.';
CREATE TABLE public.invitation (
    id uuid NOT NULL,
    person_id uuid,
    digest bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.invitation IS 'Open invitations, at most one a person; deleted when accepted or replaced.';
COMMENT ON COLUMN public.invitation.person_id IS 'Empty for the first administrator, who says who they are when they accept.';
CREATE TABLE public.job_failure (
    job_id bigint NOT NULL,
    failures integer NOT NULL,
    code text NOT NULL,
    problem text NOT NULL,
    incident text,
    failed_at timestamp with time zone NOT NULL,
    CONSTRAINT job_failure_failures_check CHECK ((failures > 0))
);
COMMENT ON TABLE public.job_failure IS 'Why a job failed last, in words that identify nobody, and how often it has.';
COMMENT ON COLUMN public.job_failure.job_id IS 'A row of procrastinate_jobs. No foreign key: those tables are made and upgraded apart.';
COMMENT ON COLUMN public.job_failure.incident IS 'The id under which the log holds more, where nobody foresaw the failure.';
CREATE TABLE public.migration_file (
    revision text NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE public.migration_file IS 'The SQL files that made this schema, each with the digest it had then.';
CREATE TABLE public.party (
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    contact_name text,
    contact_email text,
    base_url text,
    public_key bytea,
    introduced_at timestamp with time zone NOT NULL,
    accepted_by text,
    accepted_at timestamp with time zone,
    ended_by text,
    ended_at timestamp with time zone,
    legal_basis text,
    legal_basis_reference text,
    legal_basis_ends_on date,
    CONSTRAINT party_check CHECK (((accepted_at IS NULL) = (accepted_by IS NULL))),
    CONSTRAINT party_check1 CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT party_check2 CHECK ((num_nulls(legal_basis, legal_basis_reference, legal_basis_ends_on) = ANY (ARRAY[0, 3]))),
    CONSTRAINT party_check3 CHECK (((state = 'ended'::text) = (ended_at IS NOT NULL))),
    CONSTRAINT party_check4 CHECK (((state <> 'known'::text) OR (accepted_at IS NOT NULL))),
    CONSTRAINT party_kind_check CHECK ((kind = ANY (ARRAY['provider'::text, 'hotline'::text, 'police'::text, 'authority'::text, 'partner'::text]))),
    CONSTRAINT party_name_check CHECK ((name <> ''::text)),
    CONSTRAINT party_public_key_check CHECK ((length(public_key) = 32)),
    CONSTRAINT party_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'known'::text, 'ended'::text])))
);
COMMENT ON TABLE public.party IS 'Other organisations: those that introduced themselves, those we know, and those with which it ended.';
COMMENT ON COLUMN public.party.accepted_by IS 'The actor who vouches for it, as kind and id of the audit trail.';
COMMENT ON COLUMN public.party.legal_basis_ends_on IS 'The last day on which it holds, in the Netherlands.';
CREATE TABLE public.party_grant (
    id uuid NOT NULL,
    party_id uuid NOT NULL,
    "right" text NOT NULL,
    given_by text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    until date,
    withdrawn_at timestamp with time zone
);
COMMENT ON TABLE public.party_grant IS 'Rights that we gave to parties, withdrawn ones included.';
CREATE TABLE public.passkey (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone
);
COMMENT ON TABLE public.passkey IS 'The public halves of people''s passkeys.';
CREATE TABLE public.person (
    id uuid NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    language text NOT NULL,
    theme text NOT NULL,
    roles text[] NOT NULL,
    state text NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    joined_at timestamp with time zone,
    left_at timestamp with time zone,
    enrolment_ends_at timestamp with time zone,
    second_factor_reset_at timestamp with time zone,
    CONSTRAINT person_language_check CHECK ((language = ANY (ARRAY['nl'::text, 'en'::text]))),
    CONSTRAINT person_name_check CHECK ((name <> ''::text)),
    CONSTRAINT person_state_check CHECK ((state = ANY (ARRAY['invited'::text, 'active'::text, 'left'::text]))),
    CONSTRAINT person_theme_check CHECK ((theme = ANY (ARRAY['system'::text, 'light'::text, 'dark'::text])))
);
COMMENT ON TABLE public.person IS 'Our own people. The row of somebody who left stays, because the audit trail names it by id.';
COMMENT ON COLUMN public.person.email IS 'In small letters, so that UNIQUE holds whatever the case it was typed in.';
COMMENT ON COLUMN public.person.enrolment_ends_at IS 'Until when the password alone allows to set up a second factor.';
CREATE TABLE public.person_password (
    person_id uuid NOT NULL,
    hash text NOT NULL,
    changed_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.person_password IS 'Passwords, as hashes that take long to compute. Deleted when somebody leaves.';
COMMENT ON COLUMN public.person_password.hash IS 'argon2id with its salt and parameters.';
CREATE TABLE public.person_totp (
    person_id uuid NOT NULL,
    sealed_secret bytea NOT NULL,
    last_step bigint NOT NULL,
    confirmed_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.person_totp IS 'Authenticator apps: one a person, its secret sealed with a key that is not in the database.';
COMMENT ON COLUMN public.person_totp.last_step IS 'The 30-second step of the last code that was taken; none counts twice.';
CREATE TABLE public.recovery_code (
    person_id uuid NOT NULL,
    digest bytea NOT NULL
);
COMMENT ON TABLE public.recovery_code IS 'Unused recovery codes, as SHA-256 of 80 random bits; a used one is deleted.';
CREATE TABLE public.registry_approval (
    list_id uuid NOT NULL,
    of text NOT NULL,
    person text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT registry_approval_of_check CHECK ((of = ANY (ARRAY['activate'::text, 'export'::text])))
);
COMMENT ON TABLE public.registry_approval IS 'Who agreed that a list is activated or exported: two people must. Removed when used, and when the list changes.';
CREATE TABLE public.registry_batch (
    id integer NOT NULL,
    list_id uuid NOT NULL,
    party_id uuid,
    format text NOT NULL,
    source_digest bytea NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    checkpoint text,
    taken bigint DEFAULT 0 NOT NULL,
    duplicates bigint DEFAULT 0 NOT NULL,
    skipped bigint DEFAULT 0 NOT NULL,
    collided bigint DEFAULT 0 NOT NULL,
    withdrawn bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    started_by text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT registry_batch_check CHECK (((finished_at IS NULL) = (state = 'running'::text))),
    CONSTRAINT registry_batch_source_digest_check CHECK ((octet_length(source_digest) = 32)),
    CONSTRAINT registry_batch_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'abandoned'::text])))
);
COMMENT ON TABLE public.registry_batch IS 'Sources that were read into a list, each with how far it was read and what became of its rows.';
COMMENT ON COLUMN public.registry_batch.party_id IS 'On whose behalf it was read; NULL for ourselves.';
COMMENT ON COLUMN public.registry_batch.source_digest IS 'SHA-256 of the file: only the same source is read on with. Of the address for a service.';
COMMENT ON COLUMN public.registry_batch."position" IS 'The last row or item that was dealt with; written with what came of it.';
COMMENT ON COLUMN public.registry_batch.checkpoint IS 'Where a third party''s service is to be asked on, in its own words.';
COMMENT ON COLUMN public.registry_batch.seen_at IS 'When it last came on.';
ALTER TABLE public.registry_batch ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.registry_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.registry_batch_problem (
    batch_id integer NOT NULL,
    "position" bigint NOT NULL,
    field text NOT NULL,
    problem text NOT NULL
);
COMMENT ON TABLE public.registry_batch_problem IS 'The first rows of a batch that were not taken, and why; the others are only counted.';
COMMENT ON COLUMN public.registry_batch_problem.problem IS 'Words of ours, never a value of the row.';
CREATE TABLE public.registry_category (
    id integer NOT NULL,
    list_id uuid NOT NULL,
    scheme text NOT NULL,
    name text NOT NULL,
    classification text,
    mapped_by text,
    mapped_at timestamp with time zone,
    origin_id integer,
    CONSTRAINT registry_category_check CHECK ((num_nulls(mapped_by, mapped_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT registry_category_check1 CHECK (((classification IS NULL) OR (mapped_at IS NOT NULL))),
    CONSTRAINT registry_category_classification_check CHECK ((classification = ANY (ARRAY['baseline'::text, 'national'::text, 'investigative'::text, 'other'::text]))),
    CONSTRAINT registry_category_name_check CHECK ((name <> ''::text)),
    CONSTRAINT registry_category_scheme_check CHECK ((scheme <> ''::text))
);
COMMENT ON TABLE public.registry_category IS 'A supplier''s own categories, list by list, each with what a curator says that it means.';
COMMENT ON COLUMN public.registry_category.id IS 'Twenty-three bits: it is a part of the ids in the index of listed hashes.';
COMMENT ON COLUMN public.registry_category.classification IS 'NULL while nobody mapped it: its entries are stored and never count.';
COMMENT ON COLUMN public.registry_category.origin_id IS 'Its id at the installation at which we follow the list.';
ALTER TABLE public.registry_category ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.registry_category_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    MAXVALUE 8388607
    CACHE 1
);
CREATE TABLE public.registry_change (
    seq bigint NOT NULL,
    kind text NOT NULL,
    list_id uuid NOT NULL,
    entry_id bigint,
    category_id integer,
    value text,
    reason text,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL
);
COMMENT ON TABLE public.registry_change IS 'All changes but additions, which are the entries themselves: the two together, in order of their numbers, are the stream.';
COMMENT ON COLUMN public.registry_change.value IS 'What it is from now on: a state, a classification, a name.';
COMMENT ON COLUMN public.registry_change.reason IS 'Why, in the words of whoever did it.';
CREATE TABLE public.registry_choice (
    list_id uuid NOT NULL,
    enabled boolean NOT NULL,
    classifications text[] NOT NULL,
    radius smallint NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT registry_choice_radius_check CHECK (((radius >= 0) AND (radius <= 64)))
);
COMMENT ON TABLE public.registry_choice IS 'What this installation lets decide of each list; without a row, the list as it is.';
CREATE TABLE public.registry_collision (
    id bigint NOT NULL,
    list_id uuid NOT NULL,
    entry_id bigint NOT NULL,
    against text NOT NULL,
    known_good_id bigint,
    algorithm text,
    distance smallint,
    found_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by text,
    resolution text,
    CONSTRAINT registry_collision_against_check CHECK ((against = ANY (ARRAY['known_good'::text, 'flood'::text]))),
    CONSTRAINT registry_collision_check CHECK ((num_nulls(resolved_at, resolved_by, resolution) = ANY (ARRAY[0, 3]))),
    CONSTRAINT registry_collision_check1 CHECK (((against = 'known_good'::text) = (known_good_id IS NOT NULL))),
    CONSTRAINT registry_collision_resolution_check CHECK ((resolution = ANY (ARRAY['withdrawn'::text, 'kept'::text])))
);
COMMENT ON TABLE public.registry_collision IS 'Entries that a safeguard stopped, until a person decides: withdrawn, or kept after all.';
ALTER TABLE public.registry_collision ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.registry_collision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.registry_commit (
    last_seq bigint NOT NULL,
    first_seq bigint NOT NULL,
    chain bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    list_ids uuid[] NOT NULL,
    digests bytea NOT NULL,
    CONSTRAINT registry_commit_chain_check CHECK ((octet_length(chain) = 32)),
    CONSTRAINT registry_commit_check CHECK (((first_seq >= 1) AND (first_seq <= last_seq))),
    CONSTRAINT registry_commit_check1 CHECK ((octet_length(digests) = (32 * cardinality(list_ids)))),
    CONSTRAINT registry_commit_list_ids_check CHECK ((cardinality(list_ids) > 0))
);
COMMENT ON TABLE public.registry_commit IS 'One row for each piece of the stream that came about at once; pages of the feed end where one ends.';
COMMENT ON COLUMN public.registry_commit.chain IS 'SHA-256 of the chain before, the numbers, the time and the digests.';
COMMENT ON COLUMN public.registry_commit.digests IS 'For each of list_ids, in its order, the digest of its changes: what a follower gets who may not see that list.';
CREATE TABLE public.registry_dispute (
    id uuid NOT NULL,
    list_id uuid NOT NULL,
    entry_id bigint NOT NULL,
    by_party uuid,
    by_person text NOT NULL,
    reason text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    reviewer text,
    answer text,
    answered_at timestamp with time zone,
    entry_state text NOT NULL,
    handoff_id uuid,
    CONSTRAINT registry_dispute_check CHECK ((num_nulls(reviewer, answer, answered_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT registry_dispute_check1 CHECK (((state = 'open'::text) = (answered_at IS NULL))),
    CONSTRAINT registry_dispute_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT registry_dispute_state_check CHECK ((state = ANY (ARRAY['open'::text, 'upheld'::text, 'withdrawn'::text, 'corrected'::text])))
);
COMMENT ON TABLE public.registry_dispute IS 'Entries that somebody contests, and what a reviewer answered.';
COMMENT ON COLUMN public.registry_dispute.by_party IS 'Which party contests it; NULL for ourselves.';
COMMENT ON COLUMN public.registry_dispute.entry_state IS 'The entry''s state before, to which it returns where the listing is upheld.';
COMMENT ON COLUMN public.registry_dispute.handoff_id IS 'The hand-off with which it came, or with which we sent it on.';
CREATE TABLE public.registry_entry (
    id bigint NOT NULL,
    list_id uuid NOT NULL,
    key_mac uuid NOT NULL,
    added_at timestamp with time zone NOT NULL,
    category_id integer NOT NULL,
    batch_id integer,
    media_kind text NOT NULL,
    state text NOT NULL,
    sealed bytea NOT NULL,
    reference text,
    note text,
    added_state text NOT NULL,
    added_by text,
    origin_id bigint,
    replaces bigint,
    withdrawn_at timestamp with time zone,
    withdrawn_by text,
    withdrawn_why text,
    CONSTRAINT registry_entry_added_state_check CHECK ((added_state = ANY (ARRAY['proposed'::text, 'active'::text, 'suspended'::text]))),
    CONSTRAINT registry_entry_check CHECK ((num_nulls(withdrawn_at, withdrawn_by) = ANY (ARRAY[0, 2]))),
    CONSTRAINT registry_entry_check1 CHECK (((state = 'withdrawn'::text) = (withdrawn_at IS NOT NULL))),
    CONSTRAINT registry_entry_check2 CHECK ((num_nulls(batch_id, added_by) = 1)),
    CONSTRAINT registry_entry_media_kind_check CHECK ((media_kind = ANY (ARRAY['image'::text, 'video'::text]))),
    CONSTRAINT registry_entry_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'active'::text, 'disputed'::text, 'suspended'::text, 'withdrawn'::text])))
);
COMMENT ON TABLE public.registry_entry IS 'Listed pictures and videos. An entry''s hashes never change: a correction withdraws it and adds another.';
COMMENT ON COLUMN public.registry_entry.id IS 'The sequence number of its addition.';
COMMENT ON COLUMN public.registry_entry.key_mac IS 'A MAC of the list and the entry''s strongest hash: finds the same again without opening anything.';
COMMENT ON COLUMN public.registry_entry.sealed IS 'Its hashes, sealed with a key that is not in the database.';
COMMENT ON COLUMN public.registry_entry.reference IS 'The supplier''s own name for it.';
COMMENT ON COLUMN public.registry_entry.added_state IS 'The state in which it was added, as the signed stream says it for ever.';
COMMENT ON COLUMN public.registry_entry.added_by IS 'Who added it by itself; NULL where a batch did.';
COMMENT ON COLUMN public.registry_entry.origin_id IS 'Its id at the installation at which we follow the list.';
COMMENT ON COLUMN public.registry_entry.replaces IS 'The entry of which it is the correction.';
CREATE TABLE public.registry_entry_suspension (
    entry_id bigint NOT NULL,
    keeper_state text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT registry_entry_suspension_keeper_state_check CHECK ((keeper_state = ANY (ARRAY['proposed'::text, 'active'::text, 'disputed'::text, 'suspended'::text])))
);
COMMENT ON TABLE public.registry_entry_suspension IS 'Entries of followed lists that are suspended here, whatever the hub says of them.';
COMMENT ON COLUMN public.registry_entry_suspension.keeper_state IS 'What the hub says of it: its state once the suspension is lifted.';
CREATE TABLE public.registry_feedback (
    id uuid NOT NULL,
    source_id uuid NOT NULL,
    entry_id bigint NOT NULL,
    agrees boolean NOT NULL,
    reason text,
    state text NOT NULL,
    problem text,
    given_by text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    CONSTRAINT registry_feedback_check CHECK (((answered_at IS NULL) = (state = 'waiting'::text))),
    CONSTRAINT registry_feedback_check1 CHECK ((agrees OR (reason IS NOT NULL))),
    CONSTRAINT registry_feedback_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'refused'::text])))
);
COMMENT ON TABLE public.registry_feedback IS 'What we told a third party of its entries, and whether it took it.';
COMMENT ON COLUMN public.registry_feedback.reason IS 'Why not, by the name that the third party has for it.';
CREATE TABLE public.registry_known_good (
    id bigint NOT NULL,
    name text NOT NULL,
    set_name text NOT NULL,
    mac uuid NOT NULL,
    sealed bytea NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.registry_known_good IS 'Harmless pictures that are found everywhere and must never be listed: default pictures, icons, emoji.';
COMMENT ON COLUMN public.registry_known_good.name IS 'The file''s name inside its set.';
COMMENT ON COLUMN public.registry_known_good.mac IS 'A MAC of the file''s digest: the same file is kept once.';
ALTER TABLE public.registry_known_good ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.registry_known_good_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.registry_list (
    id uuid NOT NULL,
    name text NOT NULL,
    supplier_party_id uuid,
    origin_party_id uuid,
    origin_list_id uuid,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    state_by text NOT NULL,
    state_reason text,
    quorum smallint DEFAULT 1 NOT NULL,
    quorum_of text DEFAULT 'people'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT registry_list_check CHECK (((origin_list_id IS NULL) = (origin_party_id IS NULL))),
    CONSTRAINT registry_list_name_check CHECK ((name <> ''::text)),
    CONSTRAINT registry_list_quorum_check CHECK (((quorum >= 1) AND (quorum <= 9))),
    CONSTRAINT registry_list_quorum_of_check CHECK ((quorum_of = ANY (ARRAY['people'::text, 'parties'::text]))),
    CONSTRAINT registry_list_state_check CHECK ((state = ANY (ARRAY['quarantined'::text, 'trial'::text, 'active'::text, 'suspended'::text])))
);
COMMENT ON TABLE public.registry_list IS 'Hash lists: our own, our suppliers'', and those that we follow at another installation.';
COMMENT ON COLUMN public.registry_list.supplier_party_id IS 'Who supplies it; NULL for ourselves.';
COMMENT ON COLUMN public.registry_list.origin_party_id IS 'The installation at which we follow it; NULL where it is kept here.';
COMMENT ON COLUMN public.registry_list.origin_list_id IS 'Its id there.';
COMMENT ON COLUMN public.registry_list.state_by IS 'The actor who brought it there, as kind and id of the audit trail.';
COMMENT ON COLUMN public.registry_list.quorum IS 'How many must agree before an entry is active; who proposes it counts as one.';
CREATE TABLE public.registry_list_count (
    list_id uuid NOT NULL,
    category_id integer NOT NULL,
    state text NOT NULL,
    entries bigint NOT NULL,
    CONSTRAINT registry_list_count_entries_check CHECK ((entries >= 0))
);
COMMENT ON TABLE public.registry_list_count IS 'How many entries a list has, by category and state: kept with every change, so that no page counts ten million rows.';
CREATE TABLE public.registry_list_day (
    list_id uuid NOT NULL,
    day date NOT NULL,
    state text NOT NULL,
    entries bigint NOT NULL
);
COMMENT ON TABLE public.registry_list_day IS 'The counts of a list as they were last on each day (UTC) on which they changed, for the graph.';
CREATE TABLE public.registry_match (
    id uuid NOT NULL,
    list_id uuid NOT NULL,
    entry_id bigint NOT NULL,
    reference text NOT NULL,
    distance smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    revised_seq bigint,
    revised_at timestamp with time zone,
    revised_reason text,
    told_at timestamp with time zone,
    CONSTRAINT registry_match_check CHECK ((num_nulls(revised_seq, revised_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT registry_match_distance_check CHECK (((distance >= 0) AND (distance <= 256)))
);
COMMENT ON TABLE public.registry_match IS 'Decisions that rested on an entry, so that they can be revised when the entry does not stand.';
COMMENT ON COLUMN public.registry_match.reference IS 'The name of the decision at whoever made it; what was decided on is not known here.';
COMMENT ON COLUMN public.registry_match.revised_seq IS 'The change by which its entry ceased to stand; what is asked for page by page.';
CREATE TABLE public.registry_match_hour (
    entry_id bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    list_id uuid NOT NULL,
    matches bigint NOT NULL,
    CONSTRAINT registry_match_hour_matches_check CHECK ((matches > 0))
);
COMMENT ON TABLE public.registry_match_hour IS 'How often each entry matched, by the hour: for the flood stop, the trial and the graphs.';
CREATE TABLE public.registry_opinion (
    entry_id bigint NOT NULL,
    by_party uuid,
    by_person text NOT NULL,
    agrees boolean NOT NULL,
    reason text,
    at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.registry_opinion IS 'Who says that an entry belongs on its list, or does not; the last word of each.';
COMMENT ON COLUMN public.registry_opinion.by_party IS 'For which party; NULL for ourselves.';
CREATE TABLE public.registry_proposer (
    list_id uuid NOT NULL,
    party_id uuid,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.registry_proposer IS 'Whose programs may propose entries for which list, through the interface of Hasher-Matcher-Actioner.';
COMMENT ON COLUMN public.registry_proposer.party_id IS 'NULL for our own programs.';
CREATE TABLE public.registry_sequence (
    only_row boolean DEFAULT true NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT registry_sequence_last_check CHECK ((last >= 0)),
    CONSTRAINT registry_sequence_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.registry_sequence IS 'The last sequence number. Taken last in a transaction and held to its end, so numbers have no gap and follow the commits.';
CREATE TABLE public.registry_share (
    list_id uuid NOT NULL,
    party_id uuid NOT NULL,
    given_by text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamp with time zone,
    CONSTRAINT registry_share_check CHECK ((num_nulls(withdrawn_by, withdrawn_at) = ANY (ARRAY[0, 2])))
);
COMMENT ON TABLE public.registry_share IS 'Which party may follow which of our lists, and might before.';
CREATE TABLE public.registry_source (
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    list_id uuid NOT NULL,
    base_url text NOT NULL,
    credentials bytea NOT NULL,
    state text NOT NULL,
    place text,
    fetched_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    problem text,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT registry_source_check CHECK (((problem IS NULL) = (failures = 0))),
    CONSTRAINT registry_source_failures_check CHECK ((failures >= 0)),
    CONSTRAINT registry_source_kind_check CHECK ((kind = ANY (ARRAY['ncmec'::text, 'stopncii'::text]))),
    CONSTRAINT registry_source_name_check CHECK ((name <> ''::text)),
    CONSTRAINT registry_source_state_check CHECK ((state = ANY (ARRAY['active'::text, 'stopped'::text])))
);
COMMENT ON TABLE public.registry_source IS 'Services of third parties from which lists are fetched.';
COMMENT ON COLUMN public.registry_source.credentials IS 'How we show who we are there, sealed with a key that is not in the database.';
COMMENT ON COLUMN public.registry_source.place IS 'Where the next pass begins, in the words of its kind; how far a pass is under way stands with its batch.';
COMMENT ON COLUMN public.registry_source.problem IS 'The code of what went wrong last; NULL since it went well.';
CREATE TABLE public.registry_subscribed_list (
    subscription_id uuid NOT NULL,
    origin_list_id uuid NOT NULL,
    list_id uuid NOT NULL,
    hub_state text NOT NULL,
    shared boolean NOT NULL,
    "position" bigint,
    chain bytea,
    CONSTRAINT registry_subscribed_list_chain_check CHECK ((octet_length(chain) = 32)),
    CONSTRAINT registry_subscribed_list_check CHECK ((num_nulls("position", chain) = ANY (ARRAY[0, 2]))),
    CONSTRAINT registry_subscribed_list_hub_state_check CHECK ((hub_state = ANY (ARRAY['quarantined'::text, 'trial'::text, 'active'::text, 'suspended'::text])))
);
COMMENT ON TABLE public.registry_subscribed_list IS 'The lists of a subscription, each with what the hub says of it.';
COMMENT ON COLUMN public.registry_subscribed_list.shared IS 'Whether the hub still shares it; one that it does not counts no more.';
COMMENT ON COLUMN public.registry_subscribed_list."position" IS 'How far a list has been read that is still read by itself, from the start on; NULL once it stands where the subscription does.';
CREATE TABLE public.registry_subscription (
    id uuid NOT NULL,
    hub_party_id uuid NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    chain bytea NOT NULL,
    hub_position bigint DEFAULT 0 NOT NULL,
    state text NOT NULL,
    fault text,
    problem text,
    state_at timestamp with time zone NOT NULL,
    last_heard_at timestamp with time zone,
    subscribed_by text NOT NULL,
    subscribed_at timestamp with time zone NOT NULL,
    CONSTRAINT registry_subscription_chain_check CHECK ((octet_length(chain) = 32)),
    CONSTRAINT registry_subscription_check CHECK (((fault IS NOT NULL) = (state = 'broken'::text))),
    CONSTRAINT registry_subscription_state_check CHECK ((state = ANY (ARRAY['following'::text, 'broken'::text, 'stopped'::text])))
);
COMMENT ON TABLE public.registry_subscription IS 'The installations whose stream of changes we follow, each with how far and with which chain.';
COMMENT ON COLUMN public.registry_subscription."position" IS 'The last change that was read and written here, in one transaction.';
COMMENT ON COLUMN public.registry_subscription.hub_position IS 'The last change that the hub had when it was last heard.';
COMMENT ON COLUMN public.registry_subscription.fault IS 'What was wrong with the page that was not believed.';
COMMENT ON COLUMN public.registry_subscription.problem IS 'Why it is broken, or why the hub is not heard now; words of ours, never of the other side.';
CREATE TABLE public.report (
    id bigint NOT NULL,
    source text NOT NULL,
    reporter_kind text NOT NULL,
    party_id uuid,
    reference_mac bytea,
    content_mac bytea NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    incident text NOT NULL,
    language text,
    country text,
    received_at timestamp with time zone NOT NULL,
    reported_at timestamp with time zone,
    incident_at timestamp with time zone,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    closing text,
    claimed_by uuid,
    claimed_at timestamp with time zone,
    opened_at timestamp with time zone,
    items integer NOT NULL,
    unseen integer NOT NULL,
    known integer NOT NULL,
    problems integer NOT NULL,
    facts jsonb NOT NULL,
    policy_version integer NOT NULL,
    points integer NOT NULL,
    rank integer NOT NULL,
    due_at timestamp with time zone,
    changes_at timestamp with time zone,
    expires_at timestamp with time zone,
    drawn_at timestamp with time zone,
    group_id bigint,
    case_number text,
    basis text DEFAULT 'intake'::text NOT NULL,
    basis_since timestamp with time zone DEFAULT now() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT report_check CHECK (((state = 'done'::text) = (closing IS NOT NULL))),
    CONSTRAINT report_check1 CHECK (((state = 'claimed'::text) = (claimed_by IS NOT NULL))),
    CONSTRAINT report_check2 CHECK (((claimed_by IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT report_content_mac_check CHECK ((octet_length(content_mac) = 32)),
    CONSTRAINT report_reference_mac_check CHECK ((octet_length(reference_mac) = 32)),
    CONSTRAINT report_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'claimed'::text, 'referred'::text, 'aside'::text, 'done'::text]))),
    CONSTRAINT report_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.report IS 'One report, from whatever form it came in. Who and what it is about lies in report_content.';
COMMENT ON COLUMN public.report.reference_mac IS 'By what a second delivery is known: a code of the reporter and its own number of the report.';
COMMENT ON COLUMN public.report.version IS 'How often it came in with other content, the first time included; the last one counts.';
COMMENT ON COLUMN public.report.opened_at IS 'When one of our people first opened it.';
COMMENT ON COLUMN public.report.facts IS 'What triage knows of it: counts, codes and times.';
COMMENT ON COLUMN public.report.rank IS 'What it is sorted by, the least first, by that version of the policy.';
COMMENT ON COLUMN public.report.changes_at IS 'When time alone changes its points.';
COMMENT ON COLUMN public.report.expires_at IS 'When the next evidence is gone that is still to be had.';
COMMENT ON COLUMN public.report.drawn_at IS 'When it was drawn at random below the line, to be opened all the same.';
COMMENT ON COLUMN public.report.group_id IS 'The lowest number of the reports that belong together; NULL where it is alone.';
COMMENT ON COLUMN public.report.basis IS 'On what it rests that we keep what it says about people; its term runs from `basis_since`.';
COMMENT ON COLUMN public.report.erased_at IS 'When what it says was erased. The row stays, for figures.';
CREATE TABLE public.report_assessed (
    file_id bigint NOT NULL,
    state text NOT NULL,
    since timestamp with time zone NOT NULL,
    outcome text,
    entry_id bigint,
    not_listed text,
    CONSTRAINT report_assessed_check CHECK (((state = 'stands'::text) = (outcome IS NOT NULL))),
    CONSTRAINT report_assessed_check1 CHECK (((entry_id IS NULL) OR (not_listed IS NULL))),
    CONSTRAINT report_assessed_state_check CHECK ((state = ANY (ARRAY['second'::text, 'third'::text, 'stands'::text])))
);
COMMENT ON TABLE public.report_assessed IS 'How far the assessment of a file is: whose answer it waits for, or what stands.';
COMMENT ON COLUMN public.report_assessed.entry_id IS 'The registry entry that was proposed because two people agreed.';
COMMENT ON COLUMN public.report_assessed.not_listed IS 'Why none was, although two people agreed: a code.';
CREATE TABLE public.report_assessment (
    id bigint NOT NULL,
    file_id bigint NOT NULL,
    report_id bigint NOT NULL,
    "position" integer NOT NULL,
    person_id uuid NOT NULL,
    stage text NOT NULL,
    class text NOT NULL,
    answers jsonb NOT NULL,
    questions integer NOT NULL,
    as_file bigint,
    at timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    CONSTRAINT report_assessment_position_check CHECK (("position" >= 0)),
    CONSTRAINT report_assessment_questions_check CHECK ((questions >= 0)),
    CONSTRAINT report_assessment_stage_check CHECK ((stage = ANY (ARRAY['first'::text, 'second'::text, 'third'::text])))
);
COMMENT ON TABLE public.report_assessment IS 'What one of our people answered about a file, by codes.';
COMMENT ON COLUMN public.report_assessment.report_id IS 'The report on which they worked when they answered.';
COMMENT ON COLUMN public.report_assessment.questions IS 'The version of the questions; 0 is the one that Vangnet comes with.';
COMMENT ON COLUMN public.report_assessment.as_file IS 'The file with which the person found it to be the same picture, where they answered about that one.';
ALTER TABLE public.report_assessment ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_assessment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_call (
    report_id bigint NOT NULL,
    person_id uuid NOT NULL,
    called_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.report_call IS 'Who was called for a report of present danger, and when.';
CREATE TABLE public.report_came (
    report_id bigint NOT NULL,
    delivery_id bigint NOT NULL,
    version integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT report_came_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.report_came IS 'With which delivery each version of a report came; the same version can come again.';
CREATE TABLE public.report_capacity (
    only_one boolean DEFAULT true NOT NULL,
    hours integer DEFAULT 40 NOT NULL,
    minutes_each integer DEFAULT 10 NOT NULL,
    CONSTRAINT report_capacity_hours_check CHECK (((hours >= 1) AND (hours <= 100000))),
    CONSTRAINT report_capacity_minutes_each_check CHECK (((minutes_each >= 1) AND (minutes_each <= 1440))),
    CONSTRAINT report_capacity_only_one_check CHECK (only_one)
);
COMMENT ON TABLE public.report_capacity IS 'How many hours of work there are in a week, and how many minutes a report takes.';
CREATE TABLE public.report_check_answer (
    report_id bigint NOT NULL,
    person_id uuid NOT NULL,
    class text NOT NULL,
    right_one boolean NOT NULL,
    at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.report_check_answer IS 'What somebody answered about a generated picture that was mixed in: seen by that person, and by others in sums of five people or more.';
CREATE TABLE public.report_clock (
    id bigint NOT NULL,
    report_id bigint NOT NULL,
    code bytea NOT NULL,
    holder_code bytea NOT NULL,
    kind text NOT NULL,
    regime text,
    regimes_version integer NOT NULL,
    sealed bytea,
    starts_at timestamp with time zone,
    expires_at timestamp with time zone,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    preservation_id bigint,
    CONSTRAINT report_clock_check CHECK (((regime IS NULL) = (expires_at IS NULL))),
    CONSTRAINT report_clock_code_check CHECK ((octet_length(code) = 32)),
    CONSTRAINT report_clock_holder_code_check CHECK ((octet_length(holder_code) = 32)),
    CONSTRAINT report_clock_regimes_version_check CHECK ((regimes_version > 0)),
    CONSTRAINT report_clock_state_check CHECK ((state = ANY (ARRAY['running'::text, 'requested'::text, 'secured'::text, 'expired'::text, 'dropped'::text])))
);
COMMENT ON TABLE public.report_clock IS 'Evidence that somebody else has, and when it is gone.';
COMMENT ON COLUMN public.report_clock.code IS 'By what the same evidence is known when a report comes again.';
COMMENT ON COLUMN public.report_clock.holder_code IS 'By what the clocks of one holder are found together.';
COMMENT ON COLUMN public.report_clock.regime IS 'By which law or assumption it ends; NULL where nobody knows, and then it has no end here.';
COMMENT ON COLUMN public.report_clock.sealed IS 'Who has it and what it is, sealed; NULL after it was erased.';
ALTER TABLE public.report_clock ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_clock_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_cluster (
    id bigint NOT NULL,
    leader bytea NOT NULL,
    CONSTRAINT report_cluster_id_check CHECK ((id > 0))
);
COMMENT ON TABLE public.report_cluster IS 'Clusters of pictures that look alike, by the picture that each began with. Numbered in the order in which they were committed.';
COMMENT ON COLUMN public.report_cluster.leader IS 'The true PDQ hash of that picture, sealed with a key that is not in the database.';
CREATE TABLE public.report_content (
    report_id bigint NOT NULL,
    version integer NOT NULL,
    part integer NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT report_content_part_check CHECK ((part >= 0)),
    CONSTRAINT report_content_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.report_content IS 'What a report says: part 0 without its items, each further part so many of them.';
COMMENT ON COLUMN public.report_content.sealed IS 'Sealed with a key that is not in the database.';
CREATE TABLE public.report_delivery (
    id bigint NOT NULL,
    source text NOT NULL,
    party_id uuid,
    handoff_id uuid,
    brought_by text NOT NULL,
    content_mac bytea NOT NULL,
    size_bytes bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    reports integer DEFAULT 0 NOT NULL,
    bad integer DEFAULT 0 NOT NULL,
    replaced_by bigint,
    case_number text,
    CONSTRAINT report_delivery_check CHECK (((state = 'repaired'::text) = (replaced_by IS NOT NULL))),
    CONSTRAINT report_delivery_content_mac_check CHECK ((octet_length(content_mac) = 32)),
    CONSTRAINT report_delivery_size_bytes_check CHECK ((size_bytes >= 0)),
    CONSTRAINT report_delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'taken'::text, 'partly'::text, 'unreadable'::text, 'again'::text, 'repaired'::text, 'set_aside'::text])))
);
COMMENT ON TABLE public.report_delivery IS 'What came in by one way at one time, whatever could be read of it.';
COMMENT ON COLUMN public.report_delivery.brought_by IS 'Who brought it: an actor, never a reporter.';
COMMENT ON COLUMN public.report_delivery.content_mac IS 'By what a second delivery of the same bytes is known: an HMAC with a key that is not in the database.';
COMMENT ON COLUMN public.report_delivery.bad IS 'How many parts of it could not be read.';
COMMENT ON COLUMN public.report_delivery.case_number IS 'The number that it shares with whoever handed it over.';
ALTER TABLE public.report_delivery ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_delivery_part (
    delivery_id bigint NOT NULL,
    "position" integer NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT report_delivery_part_position_check CHECK (("position" >= 0))
);
COMMENT ON TABLE public.report_delivery_part IS 'The bytes of a delivery as they came, sealed, in pieces. Those of a delivery that lies in a folder stay there.';
CREATE TABLE public.report_delivery_problem (
    delivery_id bigint NOT NULL,
    "position" integer NOT NULL,
    reason text NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT report_delivery_problem_position_check CHECK (("position" >= 0))
);
COMMENT ON TABLE public.report_delivery_problem IS 'What of a delivery could not be read, and why.';
COMMENT ON COLUMN public.report_delivery_problem.sealed IS 'Where in the delivery, and what to do; sealed, because names of files stand in it.';
CREATE TABLE public.report_desk (
    only_one boolean DEFAULT true NOT NULL,
    taken bigint DEFAULT 0 NOT NULL,
    CONSTRAINT report_desk_only_one_check CHECK (only_one)
);
COMMENT ON TABLE public.report_desk IS 'How many places of the order were taken so far: every so manieth goes to whoever waits longest.';
CREATE TABLE public.report_draw (
    report_id bigint NOT NULL,
    given_at timestamp with time zone NOT NULL,
    drawn boolean DEFAULT false NOT NULL,
    urgent boolean,
    answered_at timestamp with time zone,
    answered_by text,
    CONSTRAINT report_draw_check CHECK (((urgent IS NULL) = (answered_at IS NULL))),
    CONSTRAINT report_draw_check1 CHECK (((urgent IS NULL) = (answered_by IS NULL))),
    CONSTRAINT report_draw_check2 CHECK ((drawn OR (urgent IS NULL)))
);
COMMENT ON TABLE public.report_draw IS 'Reports that were below the line and got their one chance to be opened all the same.';
COMMENT ON COLUMN public.report_draw.urgent IS 'What whoever opened it says: whether it should not have waited.';
CREATE TABLE public.report_file (
    id bigint NOT NULL,
    medium_id uuid,
    media_type text,
    size_bytes bigint,
    hashes bytea,
    pdq_quality smallint,
    unhashable text,
    cluster_id bigint,
    first_seen_at timestamp with time zone NOT NULL,
    recognised_at timestamp with time zone,
    entry_id bigint,
    distance smallint,
    classification text,
    classified_at timestamp with time zone,
    viewed_at timestamp with time zone,
    CONSTRAINT report_file_pdq_quality_check CHECK (((pdq_quality >= 0) AND (pdq_quality <= 100)))
);
COMMENT ON TABLE public.report_file IS 'Each different file that reports hold or name, once, however often it came in.';
COMMENT ON COLUMN public.report_file.hashes IS 'Its digests and its true PDQ hash, sealed with a key that is not in the database.';
COMMENT ON COLUMN public.report_file.recognised_at IS 'When it was last looked up in the lists; NULL where it could not be.';
COMMENT ON COLUMN public.report_file.entry_id IS 'The listed entry that it is, or is within the radius of.';
COMMENT ON COLUMN public.report_file.classification IS 'What our own people agreed that it is; NULL while they did not.';
COMMENT ON COLUMN public.report_file.viewed_at IS 'When one of our people first opened it whole and unblurred; NULL while nobody did. Who it was is in report_look.';
CREATE TABLE public.report_file_digest (
    mac bytea NOT NULL,
    file_id bigint NOT NULL,
    CONSTRAINT report_file_digest_mac_check CHECK ((octet_length(mac) = 16))
);
COMMENT ON TABLE public.report_file_digest IS 'By what a file is known again: the first half of an HMAC of each digest, the key of which is not in the database.';
ALTER TABLE public.report_file ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.report_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_filter (
    id bigint NOT NULL,
    person_id uuid NOT NULL,
    name text NOT NULL,
    wanted jsonb NOT NULL,
    CONSTRAINT report_filter_name_check CHECK ((name <> ''::text))
);
COMMENT ON TABLE public.report_filter IS 'A choice of reports that somebody keeps under a name. It is a link, and holds codes.';
ALTER TABLE public.report_filter ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_filter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.report ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.report_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_investigated (
    report_id bigint NOT NULL,
    investigation_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL
);
COMMENT ON TABLE public.report_investigated IS 'Which reports led to which investigation.';
CREATE TABLE public.report_investigation (
    id bigint NOT NULL,
    code bytea NOT NULL,
    number bytea NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    opened_by text NOT NULL,
    CONSTRAINT report_investigation_code_check CHECK ((octet_length(code) = 32))
);
COMMENT ON TABLE public.report_investigation IS 'Investigations outside of Vangnet that reports led to.';
COMMENT ON COLUMN public.report_investigation.code IS 'By what the same number is known again.';
COMMENT ON COLUMN public.report_investigation.number IS 'The number that it has elsewhere, sealed.';
ALTER TABLE public.report_investigation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_investigation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_item (
    report_id bigint NOT NULL,
    "position" integer NOT NULL,
    kind text NOT NULL,
    file_id bigint,
    has_bytes boolean NOT NULL,
    supplemental boolean NOT NULL,
    viewed boolean,
    CONSTRAINT report_item_kind_check CHECK ((kind = ANY (ARRAY['file'::text, 'hash'::text, 'address'::text]))),
    CONSTRAINT report_item_position_check CHECK (("position" >= 0))
);
COMMENT ON TABLE public.report_item IS 'What a report holds, in the order of the report; what it says of each lies in report_content.';
COMMENT ON COLUMN public.report_item.has_bytes IS 'Whether the file itself came with the report, and not only its name.';
COMMENT ON COLUMN public.report_item.viewed IS 'Whether a person at the reporter viewed the file; NULL where it was not said.';
CREATE TABLE public.report_link (
    a bigint NOT NULL,
    b bigint NOT NULL,
    kind text NOT NULL,
    by text NOT NULL,
    shared integer NOT NULL,
    reports integer NOT NULL,
    bits_apart smallint,
    minutes_apart integer,
    roles_a text,
    roles_b text,
    held boolean DEFAULT false NOT NULL,
    CONSTRAINT report_link_check CHECK ((a < b)),
    CONSTRAINT report_link_reports_check CHECK ((reports > 1)),
    CONSTRAINT report_link_shared_check CHECK ((shared > 0))
);
COMMENT ON TABLE public.report_link IS 'Links that join two reports into one group. Those that only point are found anew whenever somebody looks.';
COMMENT ON COLUMN public.report_link.shared IS 'How many values of the kind they share.';
COMMENT ON COLUMN public.report_link.reports IS 'How many reports had the value when the link was found.';
COMMENT ON COLUMN public.report_link.held IS 'It would join two groups that a person keeps apart.';
CREATE TABLE public.report_link_deed (
    id bigint NOT NULL,
    kind text NOT NULL,
    link_kind text,
    value_kind text,
    value_code bytea,
    undoes bigint,
    stands boolean DEFAULT true NOT NULL,
    by text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT report_link_deed_check CHECK (((kind = 'undone'::text) = (undoes IS NOT NULL))),
    CONSTRAINT report_link_deed_check1 CHECK (((kind = 'dismissed'::text) = (value_code IS NOT NULL))),
    CONSTRAINT report_link_deed_check2 CHECK (((value_kind IS NULL) = (value_code IS NULL))),
    CONSTRAINT report_link_deed_check3 CHECK (((link_kind IS NULL) OR (kind = 'cut'::text))),
    CONSTRAINT report_link_deed_id_check CHECK ((id > 0)),
    CONSTRAINT report_link_deed_kind_check CHECK ((kind = ANY (ARRAY['cut'::text, 'dismissed'::text, 'merged'::text, 'split'::text, 'undone'::text]))),
    CONSTRAINT report_link_deed_value_code_check CHECK ((octet_length(value_code) = 16))
);
COMMENT ON TABLE public.report_link_deed IS 'What people did by hand to links and groups. Each can be undone, by another deed.';
COMMENT ON COLUMN public.report_link_deed.link_kind IS 'Which kind of link was cut; NULL where any.';
COMMENT ON COLUMN public.report_link_deed.stands IS 'Whether it holds: nobody undid it, or that was undone.';
COMMENT ON COLUMN public.report_link_deed.by IS 'An actor''s kind and id.';
CREATE TABLE public.report_link_deed_report (
    deed_id bigint NOT NULL,
    report_id bigint NOT NULL,
    side smallint NOT NULL,
    CONSTRAINT report_link_deed_report_side_check CHECK (((side >= 0) AND (side <= 2)))
);
COMMENT ON TABLE public.report_link_deed_report IS 'The reports that a deed names.';
COMMENT ON COLUMN public.report_link_deed_report.side IS '1 and 2 are the two sides of a split; 0 elsewhere.';
CREATE TABLE public.report_listing (
    class text NOT NULL,
    list_id uuid NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.report_listing IS 'To which of our own lists a file is proposed on whose class two people agree.';
CREATE TABLE public.report_look (
    id bigint NOT NULL,
    file_id bigint,
    report_id bigint NOT NULL,
    person_id uuid NOT NULL,
    step text NOT NULL,
    reason text NOT NULL,
    sealed bytea,
    at timestamp with time zone NOT NULL,
    shown_at timestamp with time zone,
    until_at timestamp with time zone,
    covered_at timestamp with time zone,
    CONSTRAINT report_look_check CHECK ((num_nulls(shown_at, until_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT report_look_check1 CHECK (((until_at > shown_at) AND (until_at <= (shown_at + '00:01:00'::interval)))),
    CONSTRAINT report_look_check2 CHECK (((covered_at IS NULL) OR (covered_at >= shown_at))),
    CONSTRAINT report_look_step_check CHECK ((step = ANY (ARRAY['blurred'::text, 'part'::text, 'whole'::text])))
);
COMMENT ON TABLE public.report_look IS 'What one of our people was shown, and for how long: for their own good. Others see sums of five people or more.';
COMMENT ON COLUMN public.report_look.file_id IS 'NULL for a generated picture that checks how the work is done.';
COMMENT ON COLUMN public.report_look.sealed IS 'Why a file that is known already was shown all the same, as the person typed it; sealed.';
COMMENT ON COLUMN public.report_look.shown_at IS 'When its pixels were sent; NULL where they could not be.';
COMMENT ON COLUMN public.report_look.until_at IS 'When it is covered by itself.';
CREATE TABLE public.report_look_choice (
    person_id uuid NOT NULL,
    seconds smallint NOT NULL,
    blur smallint NOT NULL,
    size text NOT NULL,
    CONSTRAINT report_look_choice_blur_check CHECK (((blur >= 1) AND (blur <= 5))),
    CONSTRAINT report_look_choice_seconds_check CHECK (((seconds >= 3) AND (seconds <= 60))),
    CONSTRAINT report_look_choice_size_check CHECK ((size = ANY (ARRAY['S'::text, 'M'::text, 'L'::text])))
);
COMMENT ON TABLE public.report_look_choice IS 'How somebody chose to be shown pictures; without a row, as Vangnet comes.';
ALTER TABLE public.report_look ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_look_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_note (
    id bigint NOT NULL,
    report_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    hand_over boolean DEFAULT false NOT NULL,
    read_at timestamp with time zone,
    sealed bytea NOT NULL
);
COMMENT ON TABLE public.report_note IS 'What our people write to each other about a report.';
COMMENT ON COLUMN public.report_note.hand_over IS 'Meant for whoever takes over; shown at the start of a shift until somebody read it.';
ALTER TABLE public.report_note ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_outcome (
    id bigint NOT NULL,
    investigation_id bigint NOT NULL,
    outcome text NOT NULL,
    people integer,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT report_outcome_people_check CHECK (((people >= 1) AND (people <= 1000)))
);
COMMENT ON TABLE public.report_outcome IS 'What an investigation came to: codes and counts, and nothing of any child.';
ALTER TABLE public.report_outcome ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_outcome_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_preservation (
    id bigint NOT NULL,
    report_id bigint NOT NULL,
    party_id uuid,
    regime text NOT NULL,
    regimes_version integer NOT NULL,
    language text NOT NULL,
    letter bytea,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    drafted_by text NOT NULL,
    sent_at timestamp with time zone,
    sent_how text,
    secured_at timestamp with time zone,
    secured_until timestamp with time zone,
    renewals integer DEFAULT 0 NOT NULL,
    CONSTRAINT report_preservation_check CHECK (((sent_at IS NULL) = (sent_how IS NULL))),
    CONSTRAINT report_preservation_check1 CHECK (((state <> 'secured'::text) OR (secured_until IS NOT NULL))),
    CONSTRAINT report_preservation_language_check CHECK ((language = ANY (ARRAY['nl'::text, 'en'::text]))),
    CONSTRAINT report_preservation_regimes_version_check CHECK ((regimes_version > 0)),
    CONSTRAINT report_preservation_renewals_check CHECK ((renewals >= 0)),
    CONSTRAINT report_preservation_state_check CHECK ((state = ANY (ARRAY['drafted'::text, 'sent'::text, 'secured'::text, 'refused'::text, 'gone'::text, 'lapsed'::text, 'dropped'::text])))
);
COMMENT ON TABLE public.report_preservation IS 'Requests to a provider not to erase what it has, until the law''s own way to ask for it is through.';
COMMENT ON COLUMN public.report_preservation.regime IS 'By which law it is asked, and so how long it holds.';
COMMENT ON COLUMN public.report_preservation.letter IS 'Recipient and text, sealed; NULL after it was erased.';
ALTER TABLE public.report_preservation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_preservation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_questions (
    version integer NOT NULL,
    document jsonb NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT report_questions_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.report_questions IS 'What is asked about each file; the last row holds. Without a row, the questions that Vangnet comes with.';
CREATE TABLE public.report_receipt (
    code_mac bytea NOT NULL,
    delivery_id bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT report_receipt_code_mac_check CHECK ((octet_length(code_mac) = 32))
);
COMMENT ON TABLE public.report_receipt IS 'By what somebody who reported on the public page can see whether the report was received, forwarded or handled.';
COMMENT ON COLUMN public.report_receipt.code_mac IS 'A code of the receipt, which only the reporter has.';
CREATE TABLE public.report_referral (
    id uuid NOT NULL,
    report_id bigint NOT NULL,
    party_id uuid NOT NULL,
    case_number text NOT NULL,
    version integer NOT NULL,
    reason text NOT NULL,
    shares text[] NOT NULL,
    note bytea,
    state text NOT NULL,
    state_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    sent_by text NOT NULL,
    CONSTRAINT report_referral_state_check CHECK ((state = ANY (ARRAY['sent'::text, 'answered'::text, 'returned'::text, 'taken_back'::text]))),
    CONSTRAINT report_referral_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.report_referral IS 'Reports that we handed to another party.';
COMMENT ON COLUMN public.report_referral.version IS 'Which version of the report went.';
COMMENT ON COLUMN public.report_referral.shares IS 'What of it went along: codes.';
COMMENT ON COLUMN public.report_referral.note IS 'What a colleague wrote to the other party, sealed.';
CREATE TABLE public.report_referral_answer (
    id bigint NOT NULL,
    party_id uuid NOT NULL,
    referral_id uuid NOT NULL,
    ours boolean NOT NULL,
    outcome text NOT NULL,
    at timestamp with time zone NOT NULL,
    handoff_id uuid NOT NULL
);
COMMENT ON TABLE public.report_referral_answer IS 'What became of a referred report, as we told the other party, or as it told us.';
COMMENT ON COLUMN public.report_referral_answer.ours IS 'We told it.';
ALTER TABLE public.report_referral_answer ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_referral_answer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_referral_part (
    referral_id uuid NOT NULL,
    part integer NOT NULL,
    handoff_id uuid NOT NULL,
    CONSTRAINT report_referral_part_part_check CHECK ((part > 0))
);
COMMENT ON TABLE public.report_referral_part IS 'With which hand-offs a referral went: most need one.';
CREATE TABLE public.report_referral_received (
    party_id uuid NOT NULL,
    referral_id uuid NOT NULL,
    case_number text NOT NULL,
    reason text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    delivery_id bigint NOT NULL
);
COMMENT ON TABLE public.report_referral_received IS 'Reports that another party handed to us; the report is read from the delivery.';
COMMENT ON COLUMN public.report_referral_received.referral_id IS 'The sender''s own id: unique for that party only.';
CREATE TABLE public.report_same (
    file_id bigint NOT NULL,
    other_id bigint NOT NULL,
    person_id uuid NOT NULL,
    same boolean NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT report_same_check CHECK ((file_id < other_id))
);
COMMENT ON TABLE public.report_same IS 'Whether somebody who saw both found two files to be the same picture.';
CREATE TABLE public.report_series (
    id bigint NOT NULL,
    code text NOT NULL,
    known_at timestamp with time zone NOT NULL,
    known_by text NOT NULL
);
COMMENT ON TABLE public.report_series IS 'Files that belong together, under a name that is a code and says nothing of anybody.';
CREATE TABLE public.report_series_file (
    series_id bigint NOT NULL,
    file_id bigint NOT NULL,
    at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.report_series_file IS 'Which files a series has: a report that holds one of them has to do with it.';
ALTER TABLE public.report_series ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_series_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_series_report (
    series_id bigint NOT NULL,
    report_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL
);
COMMENT ON TABLE public.report_series_report IS 'Reports that people put into a series.';
CREATE TABLE public.report_skill (
    person_id uuid NOT NULL,
    tag text NOT NULL,
    CONSTRAINT report_skill_tag_check CHECK ((tag <> ''::text))
);
COMMENT ON TABLE public.report_skill IS 'Which languages somebody reads and what they can do, so that reports can be given to who fits.';
CREATE TABLE public.report_step (
    id bigint NOT NULL,
    report_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    was text,
    state text NOT NULL,
    closing text,
    by text NOT NULL,
    reason text
);
COMMENT ON TABLE public.report_step IS 'What became of a report and when: its timeline, and the time that each step took.';
COMMENT ON COLUMN public.report_step.reason IS 'A code, where the step needs one.';
ALTER TABLE public.report_step ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.report_survey (
    only_one boolean DEFAULT true NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    line jsonb NOT NULL,
    CONSTRAINT report_survey_only_one_check CHECK (only_one)
);
COMMENT ON TABLE public.report_survey IS 'How far the work reaches and what stays below, as a job last counted it: no page counts a million reports.';
CREATE TABLE public.report_triage_policy (
    version integer NOT NULL,
    document jsonb NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT report_triage_policy_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.report_triage_policy IS 'By what reports are ordered; the last row holds. Without a row, the one that Vangnet comes with.';
CREATE TABLE public.report_value (
    report_id bigint NOT NULL,
    among integer NOT NULL,
    code bytea NOT NULL,
    kind text NOT NULL,
    by text NOT NULL,
    doubts text,
    roles text,
    seen bytea,
    hash bytea,
    CONSTRAINT report_value_code_check CHECK ((octet_length(code) = 16))
);
COMMENT ON TABLE public.report_value IS 'By what a report can be known to belong with another: each value that its last version holds, as a code. Without a foreign key, which would look at the same report for each of up to ten thousand values.';
COMMENT ON COLUMN public.report_value.among IS 'How many such values the report has.';
COMMENT ON COLUMN public.report_value.code IS 'The first half of an HMAC of kind and value, the key of which is not in the database.';
COMMENT ON COLUMN public.report_value.by IS 'By what the values are compared, such as sha256; empty for written ones.';
COMMENT ON COLUMN public.report_value.doubts IS 'Codes of what speaks against joining by it, with commas; NULL where nothing does.';
COMMENT ON COLUMN public.report_value.roles IS 'What those have to do with the report whose value it is, with commas.';
COMMENT ON COLUMN public.report_value.seen IS 'From when to when it was seen, pairs of microseconds since 1970; for addresses on the network.';
COMMENT ON COLUMN public.report_value.hash IS 'The hash of a picture, sealed.';
CREATE TABLE public.report_value_many (
    code bytea NOT NULL,
    kind text NOT NULL,
    reports bigint NOT NULL,
    common boolean NOT NULL,
    CONSTRAINT report_value_many_code_check CHECK ((octet_length(code) = 16))
);
COMMENT ON TABLE public.report_value_many IS 'Values that more reports have than such a value joins. Each other value is in so few that they are counted one by one.';
COMMENT ON COLUMN public.report_value_many.common IS 'Whether it joined reports before there were too many. What was common once stays so.';
CREATE TABLE public.report_watch (
    person_id uuid NOT NULL,
    "position" bigint NOT NULL,
    joined_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.report_watch IS 'Who is called for a report of present danger, in this order.';
ALTER TABLE public.report_watch ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.report_watch_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.retention_terms (
    version integer NOT NULL,
    document json NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT retention_terms_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.retention_terms IS 'How long what is kept, as somebody chose it. A version counts when it has stood for a week; until then the one before it.';
CREATE TABLE public.session (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL,
    stage text NOT NULL,
    means text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    whole_at timestamp with time zone,
    last_seen_at timestamp with time zone NOT NULL,
    user_agent text NOT NULL,
    CONSTRAINT session_check CHECK (((whole_at IS NOT NULL) = (stage = 'whole'::text))),
    CONSTRAINT session_stage_check CHECK ((stage = ANY (ARRAY['password_proven'::text, 'whole'::text])))
);
COMMENT ON TABLE public.session IS 'Browsers in which somebody is signed in. Ended ones are deleted; the audit trail has when.';
CREATE TABLE public.sign_in_link (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    digest bytea NOT NULL,
    uses_left integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT sign_in_link_uses_left_check CHECK ((uses_left >= 0))
);
COMMENT ON TABLE public.sign_in_link IS 'Links made on the console that sign somebody in.';
CREATE TABLE public.spent_challenge (
    digest bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.spent_challenge IS 'Passkey challenges that were answered, until they expire: an answer counts once.';
CREATE TABLE public.vault_choice (
    version integer NOT NULL,
    enabled boolean NOT NULL,
    basis text,
    reference text,
    chosen_by text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    CONSTRAINT vault_choice_check CHECK ((num_nulls(basis, reference) =
CASE
    WHEN enabled THEN 0
    ELSE 2
END)),
    CONSTRAINT vault_choice_version_check CHECK ((version > 0))
);
COMMENT ON TABLE public.vault_choice IS 'Whether media are taken into the vault, and on which legal basis; the last row holds. Without a row, no.';
CREATE TABLE public.vault_keeping (
    id bigint NOT NULL,
    medium_id uuid NOT NULL,
    record text NOT NULL,
    record_id text NOT NULL,
    basis text NOT NULL,
    since timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);
COMMENT ON TABLE public.vault_keeping IS 'Which record needs a medium, and on which basis. A medium is erased when the last of these has ended.';
COMMENT ON COLUMN public.vault_keeping.since IS 'Since when it rests on this basis: the term runs from here.';
ALTER TABLE public.vault_keeping ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.vault_keeping_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.vault_key (
    medium_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    CONSTRAINT vault_key_wrapped_check CHECK ((octet_length(wrapped) = 60))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='0');
COMMENT ON TABLE public.vault_key IS 'The key of each medium, sealed with one that is not in the database. Erasing a medium deletes its row.';
CREATE TABLE public.vault_medium (
    id uuid NOT NULL,
    state text NOT NULL,
    size_bytes bigint NOT NULL,
    media_type text NOT NULL,
    content_mac bytea,
    put_at timestamp with time zone NOT NULL,
    hold text,
    held_at timestamp with time zone,
    held_by text,
    erased_at timestamp with time zone,
    erase_reason text,
    CONSTRAINT vault_medium_check CHECK (((state = 'erased'::text) = (content_mac IS NULL))),
    CONSTRAINT vault_medium_check1 CHECK (((state = 'erased'::text) = (erased_at IS NOT NULL))),
    CONSTRAINT vault_medium_check2 CHECK ((num_nulls(erased_at, erase_reason) = ANY (ARRAY[0, 2]))),
    CONSTRAINT vault_medium_check3 CHECK ((num_nulls(hold, held_at, held_by) = ANY (ARRAY[0, 3]))),
    CONSTRAINT vault_medium_check4 CHECK (((state <> 'erased'::text) OR (hold IS NULL))),
    CONSTRAINT vault_medium_content_mac_check CHECK ((octet_length(content_mac) = 32)),
    CONSTRAINT vault_medium_size_bytes_check CHECK ((size_bytes >= 0)),
    CONSTRAINT vault_medium_state_check CHECK ((state = ANY (ARRAY['kept'::text, 'lost'::text, 'erased'::text])))
);
COMMENT ON TABLE public.vault_medium IS 'The media of the vault; their bytes lie sealed in files. The row of an erased one stays, for figures.';
COMMENT ON COLUMN public.vault_medium.state IS '`lost`: its file is gone or damaged.';
COMMENT ON COLUMN public.vault_medium.content_mac IS 'By what equal content is known: an HMAC with a key that is not in the database. Gone with the medium.';
COMMENT ON COLUMN public.vault_medium.hold IS 'Why it is not erased, whatever its terms say.';
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_prefix_key UNIQUE (prefix);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (kind, subject);
ALTER TABLE ONLY public.audit_event
    ADD CONSTRAINT audit_event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_export
    ADD CONSTRAINT audit_export_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_event_id_key UNIQUE (event_id);
ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY public.audit_unsealed
    ADD CONSTRAINT audit_unsealed_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.external_identity
    ADD CONSTRAINT external_identity_person_id_issuer_key UNIQUE (person_id, issuer);
ALTER TABLE ONLY public.external_identity
    ADD CONSTRAINT external_identity_pkey PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY public.gate_action
    ADD CONSTRAINT gate_action_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.gate_count
    ADD CONSTRAINT gate_count_pkey PRIMARY KEY (minute, provider_key, door, outcome, decision, reason);
ALTER TABLE ONLY public.gate_decision
    ADD CONSTRAINT gate_decision_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.gate_latency
    ADD CONSTRAINT gate_latency_pkey PRIMARY KEY (minute, door, up_to);
ALTER TABLE ONLY public.gate_list_count
    ADD CONSTRAINT gate_list_count_pkey PRIMARY KEY (minute, list_id, decision, shadow);
ALTER TABLE ONLY public.gate_match
    ADD CONSTRAINT gate_match_pkey PRIMARY KEY (decision_id, place);
ALTER TABLE ONLY public.gate_past_choice
    ADD CONSTRAINT gate_past_choice_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.gate_past_erased
    ADD CONSTRAINT gate_past_erased_pkey PRIMARY KEY (object_mac);
ALTER TABLE ONLY public.gate_past_list
    ADD CONSTRAINT gate_past_list_pkey PRIMARY KEY (kind, list_id);
ALTER TABLE ONLY public.gate_past_picture_erased
    ADD CONSTRAINT gate_past_picture_erased_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.gate_past_picture
    ADD CONSTRAINT gate_past_picture_pkey PRIMARY KEY (day, id);
ALTER TABLE ONLY public.gate_past_place
    ADD CONSTRAINT gate_past_place_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY public.gate_policy
    ADD CONSTRAINT gate_policy_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.gate_probe
    ADD CONSTRAINT gate_probe_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.gate_repeat
    ADD CONSTRAINT gate_repeat_pkey PRIMARY KEY (name_mac);
ALTER TABLE ONLY public.gate_report
    ADD CONSTRAINT gate_report_pkey PRIMARY KEY (decision_id, party_id);
ALTER TABLE ONLY public.gate_review
    ADD CONSTRAINT gate_review_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.gate_webhook_delivery
    ADD CONSTRAINT gate_webhook_delivery_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.gate_webhook
    ADD CONSTRAINT gate_webhook_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY public.gate_webhook_secret
    ADD CONSTRAINT gate_webhook_secret_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.handoff_received
    ADD CONSTRAINT handoff_received_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.handoff_received
    ADD CONSTRAINT handoff_received_sender_envelope_id_key UNIQUE (sender, envelope_id);
ALTER TABLE ONLY public.handoff_sent
    ADD CONSTRAINT handoff_sent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_person_id_key UNIQUE NULLS NOT DISTINCT (person_id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.job_failure
    ADD CONSTRAINT job_failure_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY public.migration_file
    ADD CONSTRAINT migration_file_pkey PRIMARY KEY (revision);
ALTER TABLE ONLY public.party_grant
    ADD CONSTRAINT party_grant_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party
    ADD CONSTRAINT party_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.passkey
    ADD CONSTRAINT passkey_credential_id_key UNIQUE (credential_id);
ALTER TABLE ONLY public.passkey
    ADD CONSTRAINT passkey_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_email_key UNIQUE (email);
ALTER TABLE ONLY public.person_password
    ADD CONSTRAINT person_password_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person_totp
    ADD CONSTRAINT person_totp_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_pkey PRIMARY KEY (person_id, digest);
ALTER TABLE ONLY public.registry_approval
    ADD CONSTRAINT registry_approval_pkey PRIMARY KEY (list_id, of, person);
ALTER TABLE ONLY public.registry_batch
    ADD CONSTRAINT registry_batch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_batch_problem
    ADD CONSTRAINT registry_batch_problem_pkey PRIMARY KEY (batch_id, "position");
ALTER TABLE ONLY public.registry_category
    ADD CONSTRAINT registry_category_list_id_origin_id_key UNIQUE (list_id, origin_id);
ALTER TABLE ONLY public.registry_category
    ADD CONSTRAINT registry_category_list_id_scheme_name_key UNIQUE (list_id, scheme, name);
ALTER TABLE ONLY public.registry_category
    ADD CONSTRAINT registry_category_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_change
    ADD CONSTRAINT registry_change_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.registry_choice
    ADD CONSTRAINT registry_choice_pkey PRIMARY KEY (list_id);
ALTER TABLE ONLY public.registry_collision
    ADD CONSTRAINT registry_collision_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_commit
    ADD CONSTRAINT registry_commit_first_seq_key UNIQUE (first_seq);
ALTER TABLE ONLY public.registry_commit
    ADD CONSTRAINT registry_commit_pkey PRIMARY KEY (last_seq);
ALTER TABLE ONLY public.registry_dispute
    ADD CONSTRAINT registry_dispute_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_entry
    ADD CONSTRAINT registry_entry_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_entry_suspension
    ADD CONSTRAINT registry_entry_suspension_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY public.registry_feedback
    ADD CONSTRAINT registry_feedback_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_known_good
    ADD CONSTRAINT registry_known_good_mac_key UNIQUE (mac);
ALTER TABLE ONLY public.registry_known_good
    ADD CONSTRAINT registry_known_good_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_list_count
    ADD CONSTRAINT registry_list_count_pkey PRIMARY KEY (list_id, category_id, state);
ALTER TABLE ONLY public.registry_list_day
    ADD CONSTRAINT registry_list_day_pkey PRIMARY KEY (list_id, day, state);
ALTER TABLE ONLY public.registry_list
    ADD CONSTRAINT registry_list_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_match_hour
    ADD CONSTRAINT registry_match_hour_pkey PRIMARY KEY (entry_id, hour);
ALTER TABLE ONLY public.registry_match
    ADD CONSTRAINT registry_match_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_opinion
    ADD CONSTRAINT registry_opinion_entry_id_by_party_by_person_key UNIQUE NULLS NOT DISTINCT (entry_id, by_party, by_person);
ALTER TABLE ONLY public.registry_proposer
    ADD CONSTRAINT registry_proposer_list_id_party_id_key UNIQUE NULLS NOT DISTINCT (list_id, party_id);
ALTER TABLE ONLY public.registry_sequence
    ADD CONSTRAINT registry_sequence_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.registry_source
    ADD CONSTRAINT registry_source_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registry_subscribed_list
    ADD CONSTRAINT registry_subscribed_list_list_id_key UNIQUE (list_id);
ALTER TABLE ONLY public.registry_subscribed_list
    ADD CONSTRAINT registry_subscribed_list_pkey PRIMARY KEY (subscription_id, origin_list_id);
ALTER TABLE ONLY public.registry_subscription
    ADD CONSTRAINT registry_subscription_hub_party_id_key UNIQUE (hub_party_id);
ALTER TABLE ONLY public.registry_subscription
    ADD CONSTRAINT registry_subscription_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_assessed
    ADD CONSTRAINT report_assessed_pkey PRIMARY KEY (file_id);
ALTER TABLE ONLY public.report_assessment
    ADD CONSTRAINT report_assessment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_call
    ADD CONSTRAINT report_call_pkey PRIMARY KEY (report_id, person_id);
ALTER TABLE ONLY public.report_came
    ADD CONSTRAINT report_came_pkey PRIMARY KEY (report_id, delivery_id, version);
ALTER TABLE ONLY public.report_capacity
    ADD CONSTRAINT report_capacity_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY public.report_check_answer
    ADD CONSTRAINT report_check_answer_pkey PRIMARY KEY (report_id, person_id);
ALTER TABLE ONLY public.report_clock
    ADD CONSTRAINT report_clock_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_clock
    ADD CONSTRAINT report_clock_report_id_code_key UNIQUE (report_id, code);
ALTER TABLE ONLY public.report_cluster
    ADD CONSTRAINT report_cluster_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_content
    ADD CONSTRAINT report_content_pkey PRIMARY KEY (report_id, version, part);
ALTER TABLE ONLY public.report_delivery_part
    ADD CONSTRAINT report_delivery_part_pkey PRIMARY KEY (delivery_id, "position");
ALTER TABLE ONLY public.report_delivery
    ADD CONSTRAINT report_delivery_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_delivery_problem
    ADD CONSTRAINT report_delivery_problem_pkey PRIMARY KEY (delivery_id, "position");
ALTER TABLE ONLY public.report_desk
    ADD CONSTRAINT report_desk_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY public.report_draw
    ADD CONSTRAINT report_draw_pkey PRIMARY KEY (report_id);
ALTER TABLE ONLY public.report_file_digest
    ADD CONSTRAINT report_file_digest_pkey PRIMARY KEY (mac);
ALTER TABLE ONLY public.report_file
    ADD CONSTRAINT report_file_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_filter
    ADD CONSTRAINT report_filter_person_id_name_key UNIQUE (person_id, name);
ALTER TABLE ONLY public.report_filter
    ADD CONSTRAINT report_filter_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_investigated
    ADD CONSTRAINT report_investigated_pkey PRIMARY KEY (report_id, investigation_id);
ALTER TABLE ONLY public.report_investigation
    ADD CONSTRAINT report_investigation_code_key UNIQUE (code);
ALTER TABLE ONLY public.report_investigation
    ADD CONSTRAINT report_investigation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_item
    ADD CONSTRAINT report_item_pkey PRIMARY KEY (report_id, "position");
ALTER TABLE ONLY public.report_link_deed
    ADD CONSTRAINT report_link_deed_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_link_deed_report
    ADD CONSTRAINT report_link_deed_report_pkey PRIMARY KEY (deed_id, report_id);
ALTER TABLE ONLY public.report_link
    ADD CONSTRAINT report_link_pkey PRIMARY KEY (a, b, kind);
ALTER TABLE ONLY public.report_listing
    ADD CONSTRAINT report_listing_pkey PRIMARY KEY (class);
ALTER TABLE ONLY public.report_look_choice
    ADD CONSTRAINT report_look_choice_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY public.report_look
    ADD CONSTRAINT report_look_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_note
    ADD CONSTRAINT report_note_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_outcome
    ADD CONSTRAINT report_outcome_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_preservation
    ADD CONSTRAINT report_preservation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_questions
    ADD CONSTRAINT report_questions_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.report_receipt
    ADD CONSTRAINT report_receipt_pkey PRIMARY KEY (code_mac);
ALTER TABLE ONLY public.report_referral_answer
    ADD CONSTRAINT report_referral_answer_handoff_id_key UNIQUE (handoff_id);
ALTER TABLE ONLY public.report_referral_answer
    ADD CONSTRAINT report_referral_answer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_referral_part
    ADD CONSTRAINT report_referral_part_handoff_id_key UNIQUE (handoff_id);
ALTER TABLE ONLY public.report_referral_part
    ADD CONSTRAINT report_referral_part_pkey PRIMARY KEY (referral_id, part);
ALTER TABLE ONLY public.report_referral
    ADD CONSTRAINT report_referral_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_referral_received
    ADD CONSTRAINT report_referral_received_delivery_id_key UNIQUE (delivery_id);
ALTER TABLE ONLY public.report_referral_received
    ADD CONSTRAINT report_referral_received_pkey PRIMARY KEY (party_id, referral_id);
ALTER TABLE ONLY public.report_same
    ADD CONSTRAINT report_same_pkey PRIMARY KEY (file_id, other_id, person_id);
ALTER TABLE ONLY public.report_series
    ADD CONSTRAINT report_series_code_key UNIQUE (code);
ALTER TABLE ONLY public.report_series_file
    ADD CONSTRAINT report_series_file_pkey PRIMARY KEY (file_id, series_id);
ALTER TABLE ONLY public.report_series
    ADD CONSTRAINT report_series_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_series_report
    ADD CONSTRAINT report_series_report_pkey PRIMARY KEY (report_id, series_id);
ALTER TABLE ONLY public.report_skill
    ADD CONSTRAINT report_skill_pkey PRIMARY KEY (person_id, tag);
ALTER TABLE ONLY public.report_step
    ADD CONSTRAINT report_step_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.report_survey
    ADD CONSTRAINT report_survey_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY public.report_triage_policy
    ADD CONSTRAINT report_triage_policy_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.report_value_many
    ADD CONSTRAINT report_value_many_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.report_value
    ADD CONSTRAINT report_value_pkey PRIMARY KEY (code, report_id);
ALTER TABLE ONLY public.report_watch
    ADD CONSTRAINT report_watch_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY public.retention_terms
    ADD CONSTRAINT retention_terms_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.spent_challenge
    ADD CONSTRAINT spent_challenge_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.vault_choice
    ADD CONSTRAINT vault_choice_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.vault_keeping
    ADD CONSTRAINT vault_keeping_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.vault_key
    ADD CONSTRAINT vault_key_pkey PRIMARY KEY (medium_id);
ALTER TABLE ONLY public.vault_medium
    ADD CONSTRAINT vault_medium_pkey PRIMARY KEY (id);
CREATE INDEX api_key_party ON public.api_key USING btree (party_id);
CREATE INDEX attempt_last_failed ON public.attempt USING btree (last_failed_at);
CREATE INDEX audit_event_action ON public.audit_event USING btree (action, at, id);
CREATE INDEX audit_event_actor ON public.audit_event USING btree (actor_kind, actor_id, at, id);
CREATE INDEX audit_event_at ON public.audit_event USING btree (at, id);
CREATE INDEX audit_event_record ON public.audit_event USING btree (record, record_id, at, id);
CREATE INDEX gate_action_decision ON public.gate_action USING btree (decision_id, id);
CREATE INDEX gate_decision_at ON public.gate_decision USING btree (at, id);
CREATE INDEX gate_decision_later ON public.gate_decision USING btree (at, id) WHERE (uploaded_at IS NOT NULL);
CREATE INDEX gate_decision_object ON public.gate_decision USING btree (object_id) WHERE (object_id IS NOT NULL);
CREATE INDEX gate_decision_unanswered ON public.gate_decision USING btree (at, id) WHERE ((answered_at IS NULL) AND ((decision <> 'allow'::text) OR (uploaded_at IS NOT NULL)));
CREATE INDEX gate_decision_untold ON public.gate_decision USING btree (at, id) WHERE (told_at IS NULL);
CREATE INDEX gate_match_entry ON public.gate_match USING btree (entry_id);
CREATE INDEX gate_past_md5 ON ONLY public.gate_past USING btree (md5_mac);
CREATE INDEX gate_past_object ON ONLY public.gate_past USING hash (object_id);
CREATE INDEX gate_past_picture_object ON ONLY public.gate_past_picture USING hash (object_id);
CREATE INDEX gate_past_sha1 ON ONLY public.gate_past USING btree (sha1_mac);
CREATE INDEX gate_past_sha256 ON ONLY public.gate_past USING btree (sha256_mac);
CREATE INDEX gate_probe_limited ON public.gate_probe USING btree (limited_until) WHERE (lifted_at IS NULL);
CREATE INDEX gate_probe_raised ON public.gate_probe USING btree (raised_at);
CREATE INDEX gate_repeat_at ON public.gate_repeat USING btree (at);
CREATE INDEX gate_webhook_delivery_decision ON public.gate_webhook_delivery USING btree (decision_id) WHERE (decision_id IS NOT NULL);
CREATE INDEX gate_webhook_delivery_due ON public.gate_webhook_delivery USING btree (next_try_at, id) WHERE (state = 'waiting'::text);
CREATE INDEX gate_webhook_delivery_made ON public.gate_webhook_delivery USING btree (made_at, id);
CREATE INDEX handoff_received_at ON public.handoff_received USING btree (received_at, id);
CREATE INDEX handoff_received_case ON public.handoff_received USING btree (case_number);
CREATE INDEX handoff_received_party ON public.handoff_received USING btree (party_id, received_at);
CREATE INDEX handoff_sent_at ON public.handoff_sent USING btree (sent_at, id);
CREATE INDEX handoff_sent_case ON public.handoff_sent USING btree (case_number);
CREATE INDEX handoff_sent_open ON public.handoff_sent USING btree (sent_at, id) WHERE (state = ANY (ARRAY['waiting'::text, 'refused'::text, 'unacknowledged'::text]));
CREATE INDEX handoff_sent_party ON public.handoff_sent USING btree (party_id, sent_at);
CREATE UNIQUE INDEX party_grant_open ON public.party_grant USING btree (party_id, "right") WHERE (withdrawn_at IS NULL);
CREATE UNIQUE INDEX party_public_key ON public.party USING btree (public_key) WHERE (state <> 'ended'::text);
CREATE INDEX passkey_person ON public.passkey USING btree (person_id);
CREATE INDEX registry_batch_list ON public.registry_batch USING btree (list_id, id);
CREATE UNIQUE INDEX registry_batch_running ON public.registry_batch USING btree (list_id, source_digest) WHERE (state = 'running'::text);
CREATE INDEX registry_change_entry ON public.registry_change USING btree (entry_id, seq) WHERE (entry_id IS NOT NULL);
CREATE INDEX registry_change_list ON public.registry_change USING btree (list_id, seq);
CREATE UNIQUE INDEX registry_collision_entry ON public.registry_collision USING btree (entry_id, against) WHERE (resolved_at IS NULL);
CREATE INDEX registry_collision_kept ON public.registry_collision USING btree (entry_id) WHERE (resolution = 'kept'::text);
CREATE INDEX registry_collision_list ON public.registry_collision USING btree (list_id, id);
CREATE INDEX registry_collision_open ON public.registry_collision USING btree (list_id, id) WHERE (resolved_at IS NULL);
CREATE INDEX registry_dispute_due ON public.registry_dispute USING btree (due_at, id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX registry_dispute_handoff ON public.registry_dispute USING btree (handoff_id) WHERE (handoff_id IS NOT NULL);
CREATE INDEX registry_dispute_list ON public.registry_dispute USING btree (list_id, opened_at);
CREATE UNIQUE INDEX registry_dispute_open ON public.registry_dispute USING btree (entry_id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX registry_entry_key ON public.registry_entry USING btree (key_mac) WHERE (state <> 'withdrawn'::text);
CREATE INDEX registry_entry_list ON public.registry_entry USING btree (list_id, id);
CREATE UNIQUE INDEX registry_entry_origin ON public.registry_entry USING btree (list_id, origin_id) WHERE (origin_id IS NOT NULL);
CREATE INDEX registry_entry_reference ON public.registry_entry USING btree (reference) WHERE (reference IS NOT NULL);
CREATE INDEX registry_entry_replaces ON public.registry_entry USING btree (replaces) WHERE (replaces IS NOT NULL);
CREATE INDEX registry_entry_state ON public.registry_entry USING btree (list_id, state, id) WHERE (state <> 'active'::text);
CREATE INDEX registry_entry_withdrawn ON public.registry_entry USING btree (key_mac) WHERE (state = 'withdrawn'::text);
CREATE INDEX registry_feedback_entry ON public.registry_feedback USING btree (entry_id, given_at);
CREATE INDEX registry_feedback_source ON public.registry_feedback USING btree (source_id, given_at);
CREATE INDEX registry_known_good_set ON public.registry_known_good USING btree (set_name, id);
CREATE UNIQUE INDEX registry_list_name ON public.registry_list USING btree (lower(name));
CREATE INDEX registry_match_entry ON public.registry_match USING btree (entry_id) WHERE (revised_seq IS NULL);
CREATE INDEX registry_match_hour_list ON public.registry_match_hour USING btree (list_id, hour);
CREATE INDEX registry_match_list ON public.registry_match USING btree (list_id) WHERE (revised_seq IS NULL);
CREATE INDEX registry_match_revised ON public.registry_match USING btree (revised_seq, id) WHERE (revised_seq IS NOT NULL);
CREATE INDEX registry_match_untold ON public.registry_match USING btree (revised_at) WHERE ((revised_seq IS NOT NULL) AND (told_at IS NULL));
CREATE UNIQUE INDEX registry_share_open ON public.registry_share USING btree (list_id, party_id) WHERE (withdrawn_at IS NULL);
CREATE INDEX registry_share_party ON public.registry_share USING btree (party_id);
CREATE INDEX registry_source_list ON public.registry_source USING btree (list_id);
CREATE UNIQUE INDEX registry_source_name ON public.registry_source USING btree (lower(name));
CREATE INDEX report_aside ON public.report USING btree (points, id) WHERE (state = 'aside'::text);
CREATE INDEX report_assessed_waiting ON public.report_assessed USING btree (since, file_id) WHERE (state <> 'stands'::text);
CREATE INDEX report_assessment_at ON public.report_assessment USING btree (at) WHERE (undone_at IS NULL);
CREATE UNIQUE INDEX report_assessment_person ON public.report_assessment USING btree (file_id, person_id) WHERE (undone_at IS NULL);
CREATE INDEX report_assessment_report ON public.report_assessment USING btree (report_id, person_id, id);
CREATE UNIQUE INDEX report_assessment_stage ON public.report_assessment USING btree (file_id, stage) WHERE (undone_at IS NULL);
CREATE INDEX report_basis ON public.report USING btree (basis, basis_since, id) WHERE (erased_at IS NULL);
CREATE INDEX report_came_delivery ON public.report_came USING btree (delivery_id);
CREATE INDEX report_case ON public.report USING btree (case_number) WHERE (case_number IS NOT NULL);
CREATE INDEX report_check_answer_person ON public.report_check_answer USING btree (person_id, at);
CREATE INDEX report_claimed ON public.report USING btree (claimed_by, claimed_at) WHERE (state = 'claimed'::text);
CREATE INDEX report_clock_next ON public.report_clock USING btree (expires_at, id) WHERE (state = ANY (ARRAY['running'::text, 'requested'::text]));
CREATE INDEX report_clock_preservation ON public.report_clock USING btree (preservation_id) WHERE (preservation_id IS NOT NULL);
CREATE INDEX report_clock_report ON public.report_clock USING btree (report_id, expires_at) WHERE (state = ANY (ARRAY['running'::text, 'requested'::text]));
CREATE INDEX report_content_mac ON public.report USING btree (content_mac);
CREATE INDEX report_delivery_content ON public.report_delivery USING btree (content_mac);
CREATE UNIQUE INDEX report_delivery_handoff ON public.report_delivery USING btree (handoff_id) WHERE (handoff_id IS NOT NULL);
CREATE INDEX report_delivery_open ON public.report_delivery USING btree (received_at, id) WHERE (state = ANY (ARRAY['waiting'::text, 'partly'::text, 'unreadable'::text]));
CREATE INDEX report_draw_drawn ON public.report_draw USING btree (given_at) WHERE drawn;
CREATE INDEX report_file_cluster ON public.report_file USING btree (cluster_id) WHERE (cluster_id IS NOT NULL);
CREATE INDEX report_file_digest_file ON public.report_file_digest USING btree (file_id);
CREATE INDEX report_file_medium ON public.report_file USING btree (medium_id) WHERE (medium_id IS NOT NULL);
CREATE INDEX report_group ON public.report USING btree (group_id) WHERE (group_id IS NOT NULL);
CREATE INDEX report_investigated_investigation ON public.report_investigated USING btree (investigation_id);
CREATE INDEX report_item_file ON public.report_item USING btree (file_id) WHERE (file_id IS NOT NULL);
CREATE INDEX report_link_b ON public.report_link USING btree (b);
CREATE INDEX report_link_deed_report_report ON public.report_link_deed_report USING btree (report_id);
CREATE INDEX report_link_deed_undoes ON public.report_link_deed USING btree (undoes) WHERE (undoes IS NOT NULL);
CREATE INDEX report_link_deed_value ON public.report_link_deed USING btree (value_code) WHERE (value_code IS NOT NULL);
CREATE INDEX report_link_held_a ON public.report_link USING btree (a) WHERE held;
CREATE INDEX report_link_held_b ON public.report_link USING btree (b) WHERE held;
CREATE INDEX report_look_at ON public.report_look USING btree (at);
CREATE INDEX report_look_file ON public.report_look USING btree (file_id, person_id) WHERE (file_id IS NOT NULL);
CREATE INDEX report_look_person ON public.report_look USING btree (person_id, at);
CREATE INDEX report_note_hand_over ON public.report_note USING btree (at) WHERE (hand_over AND (read_at IS NULL));
CREATE INDEX report_note_report ON public.report_note USING btree (report_id, id);
CREATE INDEX report_outcome_investigation ON public.report_outcome USING btree (investigation_id, id);
CREATE INDEX report_preservation_open ON public.report_preservation USING btree (state_at) WHERE (state = ANY (ARRAY['drafted'::text, 'sent'::text, 'secured'::text]));
CREATE INDEX report_preservation_report ON public.report_preservation USING btree (report_id);
CREATE INDEX report_received ON public.report USING btree (received_at, id);
CREATE UNIQUE INDEX report_reference ON public.report USING btree (reference_mac) WHERE (reference_mac IS NOT NULL);
CREATE INDEX report_referral_answer_referral ON public.report_referral_answer USING btree (party_id, referral_id, id);
CREATE INDEX report_referral_open ON public.report_referral USING btree (sent_at, id) WHERE (state = 'sent'::text);
CREATE INDEX report_referral_received_at ON public.report_referral_received USING btree (received_at);
CREATE INDEX report_referral_report ON public.report_referral USING btree (report_id);
CREATE INDEX report_referral_sent ON public.report_referral USING btree (sent_at, id);
CREATE INDEX report_series_file_series ON public.report_series_file USING btree (series_id);
CREATE INDEX report_series_report_series ON public.report_series_report USING btree (series_id);
CREATE INDEX report_step_report ON public.report_step USING btree (report_id, id);
CREATE INDEX report_value_report ON public.report_value USING btree (report_id, kind);
CREATE INDEX report_waiting_age ON public.report USING btree (received_at, id) WHERE (state = 'waiting'::text);
CREATE INDEX report_waiting_changes ON public.report USING btree (changes_at, id) WHERE ((state = 'waiting'::text) AND (changes_at IS NOT NULL));
CREATE INDEX report_waiting_expires ON public.report USING btree (expires_at, id) WHERE ((state = ANY (ARRAY['waiting'::text, 'claimed'::text])) AND (expires_at IS NOT NULL));
CREATE INDEX report_waiting_rank ON public.report USING btree (rank, received_at, id) WHERE (state = 'waiting'::text);
CREATE INDEX session_created ON public.session USING btree (created_at);
CREATE INDEX session_person ON public.session USING btree (person_id);
CREATE INDEX sign_in_link_person ON public.sign_in_link USING btree (person_id);
CREATE INDEX spent_challenge_expires ON public.spent_challenge USING btree (expires_at);
CREATE INDEX vault_keeping_of ON public.vault_keeping USING btree (record, record_id) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX vault_keeping_record ON public.vault_keeping USING btree (medium_id, record, record_id) WHERE (ended_at IS NULL);
CREATE INDEX vault_keeping_since ON public.vault_keeping USING btree (basis, since, id) WHERE (ended_at IS NULL);
CREATE INDEX vault_medium_apart ON public.vault_medium USING btree (id) WHERE ((state = 'lost'::text) OR (hold IS NOT NULL));
CREATE UNIQUE INDEX vault_medium_content ON public.vault_medium USING btree (content_mac) WHERE (state = 'kept'::text);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.external_identity
    ADD CONSTRAINT external_identity_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.gate_action
    ADD CONSTRAINT gate_action_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.gate_decision(id);
ALTER TABLE ONLY public.gate_match
    ADD CONSTRAINT gate_match_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.gate_decision(id);
ALTER TABLE ONLY public.gate_report
    ADD CONSTRAINT gate_report_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.gate_decision(id);
ALTER TABLE ONLY public.gate_report
    ADD CONSTRAINT gate_report_handoff_id_fkey FOREIGN KEY (handoff_id) REFERENCES public.handoff_sent(id);
ALTER TABLE ONLY public.gate_report
    ADD CONSTRAINT gate_report_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.gate_review
    ADD CONSTRAINT gate_review_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.gate_decision(id);
ALTER TABLE ONLY public.gate_webhook_delivery
    ADD CONSTRAINT gate_webhook_delivery_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES public.gate_decision(id);
ALTER TABLE ONLY public.handoff_received
    ADD CONSTRAINT handoff_received_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.handoff_sent
    ADD CONSTRAINT handoff_sent_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.party_grant
    ADD CONSTRAINT party_grant_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.passkey
    ADD CONSTRAINT passkey_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.person_password
    ADD CONSTRAINT person_password_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.person_totp
    ADD CONSTRAINT person_totp_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.registry_approval
    ADD CONSTRAINT registry_approval_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_batch
    ADD CONSTRAINT registry_batch_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_batch
    ADD CONSTRAINT registry_batch_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_batch_problem
    ADD CONSTRAINT registry_batch_problem_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.registry_batch(id);
ALTER TABLE ONLY public.registry_category
    ADD CONSTRAINT registry_category_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_change
    ADD CONSTRAINT registry_change_category_id_fkey FOREIGN KEY (category_id) REFERENCES public.registry_category(id);
ALTER TABLE ONLY public.registry_change
    ADD CONSTRAINT registry_change_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_change
    ADD CONSTRAINT registry_change_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_choice
    ADD CONSTRAINT registry_choice_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_collision
    ADD CONSTRAINT registry_collision_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_collision
    ADD CONSTRAINT registry_collision_known_good_id_fkey FOREIGN KEY (known_good_id) REFERENCES public.registry_known_good(id);
ALTER TABLE ONLY public.registry_collision
    ADD CONSTRAINT registry_collision_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_dispute
    ADD CONSTRAINT registry_dispute_by_party_fkey FOREIGN KEY (by_party) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_dispute
    ADD CONSTRAINT registry_dispute_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_dispute
    ADD CONSTRAINT registry_dispute_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_entry_suspension
    ADD CONSTRAINT registry_entry_suspension_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_feedback
    ADD CONSTRAINT registry_feedback_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_feedback
    ADD CONSTRAINT registry_feedback_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.registry_source(id);
ALTER TABLE ONLY public.registry_list_count
    ADD CONSTRAINT registry_list_count_category_id_fkey FOREIGN KEY (category_id) REFERENCES public.registry_category(id);
ALTER TABLE ONLY public.registry_list_count
    ADD CONSTRAINT registry_list_count_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_list_day
    ADD CONSTRAINT registry_list_day_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_list
    ADD CONSTRAINT registry_list_origin_party_id_fkey FOREIGN KEY (origin_party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_list
    ADD CONSTRAINT registry_list_supplier_party_id_fkey FOREIGN KEY (supplier_party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_match
    ADD CONSTRAINT registry_match_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_match_hour
    ADD CONSTRAINT registry_match_hour_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_match_hour
    ADD CONSTRAINT registry_match_hour_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_match
    ADD CONSTRAINT registry_match_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_opinion
    ADD CONSTRAINT registry_opinion_by_party_fkey FOREIGN KEY (by_party) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_opinion
    ADD CONSTRAINT registry_opinion_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.registry_entry(id);
ALTER TABLE ONLY public.registry_proposer
    ADD CONSTRAINT registry_proposer_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_proposer
    ADD CONSTRAINT registry_proposer_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_share
    ADD CONSTRAINT registry_share_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_share
    ADD CONSTRAINT registry_share_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.registry_source
    ADD CONSTRAINT registry_source_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_subscribed_list
    ADD CONSTRAINT registry_subscribed_list_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.registry_list(id);
ALTER TABLE ONLY public.registry_subscribed_list
    ADD CONSTRAINT registry_subscribed_list_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.registry_subscription(id);
ALTER TABLE ONLY public.registry_subscription
    ADD CONSTRAINT registry_subscription_hub_party_id_fkey FOREIGN KEY (hub_party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_assessed
    ADD CONSTRAINT report_assessed_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_assessment
    ADD CONSTRAINT report_assessment_as_file_fkey FOREIGN KEY (as_file) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_assessment
    ADD CONSTRAINT report_assessment_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_assessment
    ADD CONSTRAINT report_assessment_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_assessment
    ADD CONSTRAINT report_assessment_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_call
    ADD CONSTRAINT report_call_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_call
    ADD CONSTRAINT report_call_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_came
    ADD CONSTRAINT report_came_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.report_delivery(id);
ALTER TABLE ONLY public.report_came
    ADD CONSTRAINT report_came_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_check_answer
    ADD CONSTRAINT report_check_answer_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_check_answer
    ADD CONSTRAINT report_check_answer_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_claimed_by_fkey FOREIGN KEY (claimed_by) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_clock
    ADD CONSTRAINT report_clock_preservation_id_fkey FOREIGN KEY (preservation_id) REFERENCES public.report_preservation(id);
ALTER TABLE ONLY public.report_clock
    ADD CONSTRAINT report_clock_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_content
    ADD CONSTRAINT report_content_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_delivery_part
    ADD CONSTRAINT report_delivery_part_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.report_delivery(id);
ALTER TABLE ONLY public.report_delivery
    ADD CONSTRAINT report_delivery_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_delivery_problem
    ADD CONSTRAINT report_delivery_problem_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.report_delivery(id);
ALTER TABLE ONLY public.report_delivery
    ADD CONSTRAINT report_delivery_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES public.report_delivery(id);
ALTER TABLE ONLY public.report_draw
    ADD CONSTRAINT report_draw_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_file_digest
    ADD CONSTRAINT report_file_digest_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_file
    ADD CONSTRAINT report_file_medium_id_fkey FOREIGN KEY (medium_id) REFERENCES public.vault_medium(id);
ALTER TABLE ONLY public.report_filter
    ADD CONSTRAINT report_filter_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_investigated
    ADD CONSTRAINT report_investigated_investigation_id_fkey FOREIGN KEY (investigation_id) REFERENCES public.report_investigation(id);
ALTER TABLE ONLY public.report_investigated
    ADD CONSTRAINT report_investigated_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_item
    ADD CONSTRAINT report_item_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_item
    ADD CONSTRAINT report_item_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_link
    ADD CONSTRAINT report_link_a_fkey FOREIGN KEY (a) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_link
    ADD CONSTRAINT report_link_b_fkey FOREIGN KEY (b) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_link_deed_report
    ADD CONSTRAINT report_link_deed_report_deed_id_fkey FOREIGN KEY (deed_id) REFERENCES public.report_link_deed(id);
ALTER TABLE ONLY public.report_link_deed_report
    ADD CONSTRAINT report_link_deed_report_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_link_deed
    ADD CONSTRAINT report_link_deed_undoes_fkey FOREIGN KEY (undoes) REFERENCES public.report_link_deed(id);
ALTER TABLE ONLY public.report_look_choice
    ADD CONSTRAINT report_look_choice_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_look
    ADD CONSTRAINT report_look_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_look
    ADD CONSTRAINT report_look_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_look
    ADD CONSTRAINT report_look_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_note
    ADD CONSTRAINT report_note_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_outcome
    ADD CONSTRAINT report_outcome_investigation_id_fkey FOREIGN KEY (investigation_id) REFERENCES public.report_investigation(id);
ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_preservation
    ADD CONSTRAINT report_preservation_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_preservation
    ADD CONSTRAINT report_preservation_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_receipt
    ADD CONSTRAINT report_receipt_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.report_delivery(id);
ALTER TABLE ONLY public.report_referral_answer
    ADD CONSTRAINT report_referral_answer_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_referral_part
    ADD CONSTRAINT report_referral_part_referral_id_fkey FOREIGN KEY (referral_id) REFERENCES public.report_referral(id);
ALTER TABLE ONLY public.report_referral
    ADD CONSTRAINT report_referral_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_referral_received
    ADD CONSTRAINT report_referral_received_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.report_delivery(id);
ALTER TABLE ONLY public.report_referral_received
    ADD CONSTRAINT report_referral_received_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.report_referral
    ADD CONSTRAINT report_referral_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_same
    ADD CONSTRAINT report_same_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_same
    ADD CONSTRAINT report_same_other_id_fkey FOREIGN KEY (other_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_same
    ADD CONSTRAINT report_same_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_series_file
    ADD CONSTRAINT report_series_file_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.report_file(id);
ALTER TABLE ONLY public.report_series_file
    ADD CONSTRAINT report_series_file_series_id_fkey FOREIGN KEY (series_id) REFERENCES public.report_series(id);
ALTER TABLE ONLY public.report_series_report
    ADD CONSTRAINT report_series_report_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_series_report
    ADD CONSTRAINT report_series_report_series_id_fkey FOREIGN KEY (series_id) REFERENCES public.report_series(id);
ALTER TABLE ONLY public.report_skill
    ADD CONSTRAINT report_skill_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.report_step
    ADD CONSTRAINT report_step_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.report(id);
ALTER TABLE ONLY public.report_watch
    ADD CONSTRAINT report_watch_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.vault_keeping
    ADD CONSTRAINT vault_keeping_medium_id_fkey FOREIGN KEY (medium_id) REFERENCES public.vault_medium(id);
ALTER TABLE ONLY public.vault_key
    ADD CONSTRAINT vault_key_medium_id_fkey FOREIGN KEY (medium_id) REFERENCES public.vault_medium(id);
REVOKE ALL ON FUNCTION public.gate_past_add_day(day date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.gate_past_add_day(day date) TO vangnet_runtime;
REVOKE ALL ON FUNCTION public.gate_past_add_picture_day(day date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.gate_past_add_picture_day(day date) TO vangnet_runtime;
REVOKE ALL ON FUNCTION public.gate_past_drop_days(before date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.gate_past_drop_days(before date) TO vangnet_runtime;
REVOKE ALL ON FUNCTION public.gate_past_drop_picture_days(before date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.gate_past_drop_picture_days(before date) TO vangnet_runtime;
GRANT SELECT,INSERT,UPDATE ON TABLE public.api_key TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.attempt TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.audit_event TO vangnet_runtime;
GRANT SELECT,INSERT,UPDATE ON TABLE public.audit_export TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.audit_seal TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.audit_unsealed TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.external_identity TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_action TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_count TO vangnet_runtime;
GRANT UPDATE(checks) ON TABLE public.gate_count TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_decision TO vangnet_runtime;
GRANT UPDATE(told_at) ON TABLE public.gate_decision TO vangnet_runtime;
GRANT UPDATE(reported_at) ON TABLE public.gate_decision TO vangnet_runtime;
GRANT UPDATE(revised_at) ON TABLE public.gate_decision TO vangnet_runtime;
GRANT UPDATE(answered_at) ON TABLE public.gate_decision TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_latency TO vangnet_runtime;
GRANT UPDATE(answers) ON TABLE public.gate_latency TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_list_count TO vangnet_runtime;
GRANT UPDATE(matches) ON TABLE public.gate_list_count TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_match TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_past TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_past_choice TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_past_erased TO vangnet_runtime;
GRANT UPDATE(at) ON TABLE public.gate_past_erased TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.gate_past_list TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_past_picture TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_past_picture_erased TO vangnet_runtime;
GRANT SELECT ON TABLE public.gate_past_place TO vangnet_runtime;
GRANT UPDATE("position") ON TABLE public.gate_past_place TO vangnet_runtime;
GRANT UPDATE(altered) ON TABLE public.gate_past_place TO vangnet_runtime;
GRANT UPDATE(holder) ON TABLE public.gate_past_place TO vangnet_runtime;
GRANT UPDATE(held_at) ON TABLE public.gate_past_place TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_policy TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(uploader) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(sign) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(last_at) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(limited_until) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(matches) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(checks) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(decisions) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(lifted_at) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT UPDATE(lifted_by) ON TABLE public.gate_probe TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_repeat TO vangnet_runtime;
GRANT UPDATE(at) ON TABLE public.gate_repeat TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_report TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_review TO vangnet_runtime;
GRANT UPDATE(false_alarm) ON TABLE public.gate_review TO vangnet_runtime;
GRANT UPDATE(marked_by) ON TABLE public.gate_review TO vangnet_runtime;
GRANT UPDATE(marked_at) ON TABLE public.gate_review TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(url) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(events) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(chosen_by) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(silences) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT UPDATE(silent_until) ON TABLE public.gate_webhook TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(tries) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(last_tried_at) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(next_try_at) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(status) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT UPDATE(problem) ON TABLE public.gate_webhook_delivery TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.gate_webhook_secret TO vangnet_runtime;
GRANT UPDATE(ends_at) ON TABLE public.gate_webhook_secret TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.handoff_received TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(try_until) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(tries) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(last_tried_at) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(next_try_at) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(problem) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(outcome) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT UPDATE(receipt) ON TABLE public.handoff_sent TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.installation TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.invitation TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.job_failure TO vangnet_runtime;
GRANT SELECT ON TABLE public.migration_file TO vangnet_runtime;
GRANT SELECT,INSERT,UPDATE ON TABLE public.party TO vangnet_runtime;
GRANT SELECT,INSERT,UPDATE ON TABLE public.party_grant TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.passkey TO vangnet_runtime;
GRANT SELECT,INSERT,UPDATE ON TABLE public.person TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.person_password TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.person_totp TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.recovery_code TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.registry_approval TO vangnet_runtime;
GRANT UPDATE(at) ON TABLE public.registry_approval TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE("position") ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(checkpoint) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(taken) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(duplicates) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(skipped) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(collided) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(withdrawn) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(seen_at) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT UPDATE(finished_at) ON TABLE public.registry_batch TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_batch_problem TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_category TO vangnet_runtime;
GRANT UPDATE(classification) ON TABLE public.registry_category TO vangnet_runtime;
GRANT UPDATE(mapped_by) ON TABLE public.registry_category TO vangnet_runtime;
GRANT UPDATE(mapped_at) ON TABLE public.registry_category TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_change TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_choice TO vangnet_runtime;
GRANT UPDATE(enabled) ON TABLE public.registry_choice TO vangnet_runtime;
GRANT UPDATE(classifications) ON TABLE public.registry_choice TO vangnet_runtime;
GRANT UPDATE(radius) ON TABLE public.registry_choice TO vangnet_runtime;
GRANT UPDATE(chosen_by) ON TABLE public.registry_choice TO vangnet_runtime;
GRANT UPDATE(chosen_at) ON TABLE public.registry_choice TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_collision TO vangnet_runtime;
GRANT UPDATE(resolved_at) ON TABLE public.registry_collision TO vangnet_runtime;
GRANT UPDATE(resolved_by) ON TABLE public.registry_collision TO vangnet_runtime;
GRANT UPDATE(resolution) ON TABLE public.registry_collision TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_commit TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_dispute TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_dispute TO vangnet_runtime;
GRANT UPDATE(reviewer) ON TABLE public.registry_dispute TO vangnet_runtime;
GRANT UPDATE(answer) ON TABLE public.registry_dispute TO vangnet_runtime;
GRANT UPDATE(answered_at) ON TABLE public.registry_dispute TO vangnet_runtime;
GRANT UPDATE(handoff_id) ON TABLE public.registry_dispute TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_entry TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_entry TO vangnet_runtime;
GRANT UPDATE(withdrawn_at) ON TABLE public.registry_entry TO vangnet_runtime;
GRANT UPDATE(withdrawn_by) ON TABLE public.registry_entry TO vangnet_runtime;
GRANT UPDATE(withdrawn_why) ON TABLE public.registry_entry TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.registry_entry_suspension TO vangnet_runtime;
GRANT UPDATE(keeper_state) ON TABLE public.registry_entry_suspension TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_feedback TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_feedback TO vangnet_runtime;
GRANT UPDATE(problem) ON TABLE public.registry_feedback TO vangnet_runtime;
GRANT UPDATE(answered_at) ON TABLE public.registry_feedback TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_known_good TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(name) ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(state_by) ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(state_reason) ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(quorum) ON TABLE public.registry_list TO vangnet_runtime;
GRANT UPDATE(quorum_of) ON TABLE public.registry_list TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_list_count TO vangnet_runtime;
GRANT UPDATE(entries) ON TABLE public.registry_list_count TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_list_day TO vangnet_runtime;
GRANT UPDATE(entries) ON TABLE public.registry_list_day TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_match TO vangnet_runtime;
GRANT UPDATE(revised_seq) ON TABLE public.registry_match TO vangnet_runtime;
GRANT UPDATE(revised_at) ON TABLE public.registry_match TO vangnet_runtime;
GRANT UPDATE(revised_reason) ON TABLE public.registry_match TO vangnet_runtime;
GRANT UPDATE(told_at) ON TABLE public.registry_match TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_match_hour TO vangnet_runtime;
GRANT UPDATE(matches) ON TABLE public.registry_match_hour TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_opinion TO vangnet_runtime;
GRANT UPDATE(agrees) ON TABLE public.registry_opinion TO vangnet_runtime;
GRANT UPDATE(reason) ON TABLE public.registry_opinion TO vangnet_runtime;
GRANT UPDATE(at) ON TABLE public.registry_opinion TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.registry_proposer TO vangnet_runtime;
GRANT SELECT ON TABLE public.registry_sequence TO vangnet_runtime;
GRANT UPDATE(last) ON TABLE public.registry_sequence TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_share TO vangnet_runtime;
GRANT UPDATE(withdrawn_by) ON TABLE public.registry_share TO vangnet_runtime;
GRANT UPDATE(withdrawn_at) ON TABLE public.registry_share TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_source TO vangnet_runtime;
GRANT UPDATE(credentials) ON TABLE public.registry_source TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_source TO vangnet_runtime;
GRANT UPDATE(place) ON TABLE public.registry_source TO vangnet_runtime;
GRANT UPDATE(fetched_at) ON TABLE public.registry_source TO vangnet_runtime;
GRANT UPDATE(failures) ON TABLE public.registry_source TO vangnet_runtime;
GRANT UPDATE(problem) ON TABLE public.registry_source TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.registry_subscribed_list TO vangnet_runtime;
GRANT UPDATE(hub_state) ON TABLE public.registry_subscribed_list TO vangnet_runtime;
GRANT UPDATE(shared) ON TABLE public.registry_subscribed_list TO vangnet_runtime;
GRANT UPDATE("position") ON TABLE public.registry_subscribed_list TO vangnet_runtime;
GRANT UPDATE(chain) ON TABLE public.registry_subscribed_list TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE("position") ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(chain) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(hub_position) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(fault) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(problem) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(last_heard_at) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(subscribed_by) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT UPDATE(subscribed_at) ON TABLE public.registry_subscription TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(reference_mac) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(content_mac) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(version) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(incident) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(language) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(country) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(reported_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(incident_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(closing) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(claimed_by) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(claimed_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(opened_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(items) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(unseen) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(known) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(problems) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(facts) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(policy_version) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(points) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(rank) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(due_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(changes_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(expires_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(drawn_at) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(group_id) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(case_number) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(basis) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(basis_since) ON TABLE public.report TO vangnet_runtime;
GRANT UPDATE(erased_at) ON TABLE public.report TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_assessed TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.report_assessed TO vangnet_runtime;
GRANT UPDATE(since) ON TABLE public.report_assessed TO vangnet_runtime;
GRANT UPDATE(outcome) ON TABLE public.report_assessed TO vangnet_runtime;
GRANT UPDATE(entry_id) ON TABLE public.report_assessed TO vangnet_runtime;
GRANT UPDATE(not_listed) ON TABLE public.report_assessed TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_assessment TO vangnet_runtime;
GRANT UPDATE(undone_at) ON TABLE public.report_assessment TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_call TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_came TO vangnet_runtime;
GRANT SELECT ON TABLE public.report_capacity TO vangnet_runtime;
GRANT UPDATE(hours) ON TABLE public.report_capacity TO vangnet_runtime;
GRANT UPDATE(minutes_each) ON TABLE public.report_capacity TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_check_answer TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_clock TO vangnet_runtime;
GRANT UPDATE(sealed) ON TABLE public.report_clock TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.report_clock TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.report_clock TO vangnet_runtime;
GRANT UPDATE(preservation_id) ON TABLE public.report_clock TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_cluster TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_content TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_delivery TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.report_delivery TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.report_delivery TO vangnet_runtime;
GRANT UPDATE(reports) ON TABLE public.report_delivery TO vangnet_runtime;
GRANT UPDATE(bad) ON TABLE public.report_delivery TO vangnet_runtime;
GRANT UPDATE(replaced_by) ON TABLE public.report_delivery TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_delivery_part TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_delivery_problem TO vangnet_runtime;
GRANT SELECT ON TABLE public.report_desk TO vangnet_runtime;
GRANT UPDATE(taken) ON TABLE public.report_desk TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_draw TO vangnet_runtime;
GRANT UPDATE(drawn) ON TABLE public.report_draw TO vangnet_runtime;
GRANT UPDATE(urgent) ON TABLE public.report_draw TO vangnet_runtime;
GRANT UPDATE(answered_at) ON TABLE public.report_draw TO vangnet_runtime;
GRANT UPDATE(answered_by) ON TABLE public.report_draw TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(medium_id) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(media_type) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(size_bytes) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(hashes) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(pdq_quality) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(unhashable) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(cluster_id) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(recognised_at) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(entry_id) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(distance) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(classification) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(classified_at) ON TABLE public.report_file TO vangnet_runtime;
GRANT UPDATE(viewed_at) ON TABLE public.report_file TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_file_digest TO vangnet_runtime;
GRANT UPDATE(file_id) ON TABLE public.report_file_digest TO vangnet_runtime;
GRANT USAGE ON SEQUENCE public.report_file_id_seq TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_filter TO vangnet_runtime;
GRANT USAGE ON SEQUENCE public.report_id_seq TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_investigated TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_investigation TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_item TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_link TO vangnet_runtime;
GRANT UPDATE(held) ON TABLE public.report_link TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_link_deed TO vangnet_runtime;
GRANT UPDATE(stands) ON TABLE public.report_link_deed TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_link_deed_report TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_listing TO vangnet_runtime;
GRANT UPDATE(list_id) ON TABLE public.report_listing TO vangnet_runtime;
GRANT UPDATE(chosen_by) ON TABLE public.report_listing TO vangnet_runtime;
GRANT UPDATE(chosen_at) ON TABLE public.report_listing TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_look TO vangnet_runtime;
GRANT UPDATE(shown_at) ON TABLE public.report_look TO vangnet_runtime;
GRANT UPDATE(until_at) ON TABLE public.report_look TO vangnet_runtime;
GRANT UPDATE(covered_at) ON TABLE public.report_look TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_look_choice TO vangnet_runtime;
GRANT UPDATE(seconds) ON TABLE public.report_look_choice TO vangnet_runtime;
GRANT UPDATE(blur) ON TABLE public.report_look_choice TO vangnet_runtime;
GRANT UPDATE(size) ON TABLE public.report_look_choice TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_note TO vangnet_runtime;
GRANT UPDATE(read_at) ON TABLE public.report_note TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_outcome TO vangnet_runtime;
GRANT UPDATE(withdrawn_at) ON TABLE public.report_outcome TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(party_id) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(language) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(letter) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(sent_at) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(sent_how) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(secured_at) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(secured_until) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT UPDATE(renewals) ON TABLE public.report_preservation TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_questions TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_receipt TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_referral TO vangnet_runtime;
GRANT UPDATE(note) ON TABLE public.report_referral TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.report_referral TO vangnet_runtime;
GRANT UPDATE(state_at) ON TABLE public.report_referral TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_referral_answer TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_referral_part TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_referral_received TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_same TO vangnet_runtime;
GRANT UPDATE(same) ON TABLE public.report_same TO vangnet_runtime;
GRANT UPDATE(at) ON TABLE public.report_same TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_series TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_series_file TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_series_report TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_skill TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_step TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_survey TO vangnet_runtime;
GRANT UPDATE(counted_at) ON TABLE public.report_survey TO vangnet_runtime;
GRANT UPDATE(line) ON TABLE public.report_survey TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_triage_policy TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_value TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.report_value_many TO vangnet_runtime;
GRANT UPDATE(reports) ON TABLE public.report_value_many TO vangnet_runtime;
GRANT UPDATE(common) ON TABLE public.report_value_many TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.report_watch TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.retention_terms TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.session TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sign_in_link TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.spent_challenge TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.vault_choice TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.vault_keeping TO vangnet_runtime;
GRANT UPDATE(basis) ON TABLE public.vault_keeping TO vangnet_runtime;
GRANT UPDATE(since) ON TABLE public.vault_keeping TO vangnet_runtime;
GRANT UPDATE(ended_at) ON TABLE public.vault_keeping TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.vault_key TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(state) ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(content_mac) ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(hold) ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(held_at) ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(held_by) ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(erased_at) ON TABLE public.vault_medium TO vangnet_runtime;
GRANT UPDATE(erase_reason) ON TABLE public.vault_medium TO vangnet_runtime;
