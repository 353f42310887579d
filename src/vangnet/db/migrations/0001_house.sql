-- What every part stands on: which migrations ran, which installation this is, and the audit trail.

CREATE TABLE migration_file (
    revision   text PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE migration_file IS 'The SQL files that made this schema, each with the digest it had then.';
GRANT SELECT ON migration_file TO vangnet_runtime;

CREATE TABLE audit_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    actor_kind  text NOT NULL,
    actor_id    text NOT NULL,
    action      text NOT NULL,
    record      text NOT NULL,
    record_id   text NOT NULL,
    details     json NOT NULL
);
COMMENT ON TABLE audit_event IS 'Who did what to which record. Written in the transaction of the deed, never changed.';
COMMENT ON COLUMN audit_event.action IS 'The permission that was used, such as party:add.';
COMMENT ON COLUMN audit_event.details IS
    'Ids, states and counts; no personal data. json, not jsonb: the chain is made of exactly these bytes.';
CREATE INDEX audit_event_at ON audit_event (at, id);
CREATE INDEX audit_event_record ON audit_event (record, record_id, at, id);
CREATE INDEX audit_event_actor ON audit_event (actor_kind, actor_id, at, id);
CREATE INDEX audit_event_action ON audit_event (action, at, id);

-- No foreign key: it would lock each new event once more, and an event that vanishes while it waits is sealed as vanished.
-- A queue is vacuumed by what passed through it, not by its size, which is nearly always nothing.
CREATE TABLE audit_unsealed (
    event_id bigint PRIMARY KEY
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE audit_unsealed IS 'Events that wait for the sealer. Filled with the event, emptied as it is chained.';

CREATE TABLE audit_seal (
    position  bigint PRIMARY KEY,
    event_id  bigint NOT NULL UNIQUE,
    leaf      bytea NOT NULL CHECK (octet_length(leaf) = 32),
    chain     bytea NOT NULL CHECK (octet_length(chain) = 32),
    sealed_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_seal IS 'The chain of events, one link each, from position 1. Only the sealer appends to it.';
COMMENT ON COLUMN audit_seal.leaf IS 'SHA-256 of the event''s encoding.';
COMMENT ON COLUMN audit_seal.chain IS 'SHA-256 of the chain before, the position, the time of sealing and the leaf.';

-- For people and alarms only: what proves anything is in the files of heads.
CREATE TABLE audit_export (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position      bigint,
    sealed_at     timestamptz,
    problem       text,
    failing_since timestamptz
);
COMMENT ON TABLE audit_export IS 'The last head that was exported, and why none can be, so that no page waits for the folder of heads.';

-- Append-only for the program. The owner can do anything, which is why heads of the chain are kept outside the database.
GRANT SELECT, INSERT ON audit_event, audit_seal TO vangnet_runtime;
GRANT SELECT, INSERT, DELETE ON audit_unsealed TO vangnet_runtime;
GRANT SELECT, INSERT, UPDATE ON audit_export TO vangnet_runtime;
