-- The gate: what it decided on matches, how often it decided anything, and the policy that it follows.

CREATE TABLE gate_policy (
    version   integer PRIMARY KEY CHECK (version > 0),
    document  jsonb NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL
);
COMMENT ON TABLE gate_policy IS 'Every policy that was chosen; the last one holds. Without a row, the starting set does.';
GRANT SELECT, INSERT ON gate_policy TO vangnet_runtime;

CREATE TABLE gate_decision (
    id             uuid PRIMARY KEY,
    at             timestamptz NOT NULL,
    kept_at        timestamptz NOT NULL,
    door           text NOT NULL,
    provider_key   uuid,
    object_id      text,
    outcome        text NOT NULL CHECK (outcome IN ('match', 'no_match', 'unhashable', 'unavailable')),
    decision       text NOT NULL CHECK (decision IN ('allow', 'hold', 'block')),
    reason         text,
    checked        text[] NOT NULL,
    index_version  bigint NOT NULL,
    policy_version integer NOT NULL,
    sealed         bytea NOT NULL,
    told_at        timestamptz,
    reported_at    timestamptz,
    revised_at     timestamptz
);
COMMENT ON TABLE gate_decision IS 'Decisions that rest on a match, one row each. Everything else that the gate decides is counted only.';
COMMENT ON COLUMN gate_decision.id IS 'The check''s id: the same upload under the same name has the same, so it is kept once.';
COMMENT ON COLUMN gate_decision.kept_at IS 'Later than `at` where the database was away and the decision waited in the spool.';
COMMENT ON COLUMN gate_decision.provider_key IS 'The API key that asked; NULL for a door without log-in.';
COMMENT ON COLUMN gate_decision.object_id IS 'The provider''s own name for the upload.';
COMMENT ON COLUMN gate_decision.sealed IS 'The file''s digests, sealed: they are those of listed material.';
COMMENT ON COLUMN gate_decision.told_at IS 'When the registry was told which entries it rests on.';
COMMENT ON COLUMN gate_decision.reported_at IS 'When its report was signed for everybody whom the policy names.';
COMMENT ON COLUMN gate_decision.revised_at IS 'When an entry that it rests on ceased to stand.';
CREATE INDEX gate_decision_at ON gate_decision (at, id);
CREATE INDEX gate_decision_object ON gate_decision (object_id) WHERE object_id IS NOT NULL;
CREATE INDEX gate_decision_untold ON gate_decision (at, id) WHERE told_at IS NULL;
GRANT SELECT, INSERT ON gate_decision TO vangnet_runtime;
GRANT UPDATE (told_at, reported_at, revised_at) ON gate_decision TO vangnet_runtime;

CREATE TABLE gate_match (
    decision_id    uuid NOT NULL REFERENCES gate_decision,
    place          smallint NOT NULL,
    list_id        uuid NOT NULL,
    list_name      text NOT NULL,
    entry_id       bigint NOT NULL,
    classification text NOT NULL,
    algorithm      text NOT NULL,
    distance       smallint NOT NULL,
    view           text NOT NULL,
    shadow         boolean NOT NULL,
    PRIMARY KEY (decision_id, place)
);
COMMENT ON TABLE gate_match IS 'The listed entries on which a decision rests, as they were then.';
COMMENT ON COLUMN gate_match.shadow IS 'It was counted and decided nothing.';
CREATE INDEX gate_match_entry ON gate_match (entry_id);
GRANT SELECT, INSERT ON gate_match TO vangnet_runtime;

CREATE TABLE gate_report (
    decision_id uuid NOT NULL REFERENCES gate_decision,
    party_id    uuid NOT NULL REFERENCES party,
    handoff_id  uuid NOT NULL REFERENCES handoff_sent,
    PRIMARY KEY (decision_id, party_id)
);
COMMENT ON TABLE gate_report IS 'Which hand-off reported a decision to whom: one each.';
GRANT SELECT, INSERT ON gate_report TO vangnet_runtime;

CREATE TABLE gate_count (
    minute       timestamptz NOT NULL,
    provider_key text NOT NULL,
    door         text NOT NULL,
    outcome      text NOT NULL,
    decision     text NOT NULL,
    reason       text NOT NULL,
    checks       bigint NOT NULL CHECK (checks > 0),
    PRIMARY KEY (minute, provider_key, door, outcome, decision, reason)
);
COMMENT ON TABLE gate_count IS 'How many checks came to what, by the minute and the key: all that is kept of uploads that match nothing.';
COMMENT ON COLUMN gate_count.provider_key IS 'The id of the API key, or nothing for a door without log-in.';
GRANT SELECT, INSERT ON gate_count TO vangnet_runtime;
GRANT UPDATE (checks) ON gate_count TO vangnet_runtime;

CREATE TABLE gate_list_count (
    minute   timestamptz NOT NULL,
    list_id  uuid NOT NULL,
    decision text NOT NULL,
    shadow   boolean NOT NULL,
    matches  bigint NOT NULL CHECK (matches > 0),
    PRIMARY KEY (minute, list_id, decision, shadow)
);
COMMENT ON TABLE gate_list_count IS 'How many checks matched which list, by the minute; those in the shadow are counted here only.';
GRANT SELECT, INSERT ON gate_list_count TO vangnet_runtime;
GRANT UPDATE (matches) ON gate_list_count TO vangnet_runtime;

-- Not logged: after a crash of the server it is empty, and a repeated upload is checked anew under the same id.
CREATE UNLOGGED TABLE gate_repeat (
    name_mac  bytea PRIMARY KEY CHECK (octet_length(name_mac) = 32),
    bytes_mac bytea NOT NULL CHECK (octet_length(bytes_mac) = 32),
    at        timestamptz NOT NULL
);
COMMENT ON TABLE gate_repeat IS
    'Idempotency keys of the last day. `bytes_mac` is bound to the name: it cannot be searched for a file.';
CREATE INDEX gate_repeat_at ON gate_repeat (at);
GRANT SELECT, INSERT, DELETE ON gate_repeat TO vangnet_runtime;
GRANT UPDATE (at) ON gate_repeat TO vangnet_runtime;
