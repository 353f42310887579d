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
CREATE INDEX api_key_party ON public.api_key USING btree (party_id);
CREATE INDEX attempt_last_failed ON public.attempt USING btree (last_failed_at);
CREATE INDEX audit_event_action ON public.audit_event USING btree (action, at, id);
CREATE INDEX audit_event_actor ON public.audit_event USING btree (actor_kind, actor_id, at, id);
CREATE INDEX audit_event_at ON public.audit_event USING btree (at, id);
CREATE INDEX audit_event_record ON public.audit_event USING btree (record, record_id, at, id);
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
CREATE INDEX session_created ON public.session USING btree (created_at);
CREATE INDEX session_person ON public.session USING btree (person_id);
CREATE INDEX sign_in_link_person ON public.sign_in_link USING btree (person_id);
CREATE INDEX spent_challenge_expires ON public.spent_challenge USING btree (expires_at);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party(id);
ALTER TABLE ONLY public.external_identity
    ADD CONSTRAINT external_identity_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
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
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person(id);
GRANT SELECT,INSERT,UPDATE ON TABLE public.api_key TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.attempt TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.audit_event TO vangnet_runtime;
GRANT SELECT,INSERT,UPDATE ON TABLE public.audit_export TO vangnet_runtime;
GRANT SELECT,INSERT ON TABLE public.audit_seal TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.audit_unsealed TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.external_identity TO vangnet_runtime;
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
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.session TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sign_in_link TO vangnet_runtime;
GRANT SELECT,INSERT,DELETE ON TABLE public.spent_challenge TO vangnet_runtime;
