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
    details     jsonb NOT NULL
);
COMMENT ON TABLE audit_event IS 'Who did what to which record. Written in the transaction of the deed, never changed.';
COMMENT ON COLUMN audit_event.action IS 'The permission that was used, such as party:add.';
COMMENT ON COLUMN audit_event.details IS 'Ids, states and counts. No personal data.';
CREATE INDEX audit_event_record ON audit_event (record, record_id, id);
CREATE INDEX audit_event_actor ON audit_event (actor_id, id);

CREATE TABLE audit_unsealed (
    event_id bigint PRIMARY KEY REFERENCES audit_event
);
COMMENT ON TABLE audit_unsealed IS 'Events that wait for the sealer. Filled with the event, emptied as it is chained.';

CREATE TABLE audit_seal (
    position  bigint PRIMARY KEY,
    event_id  bigint NOT NULL UNIQUE,
    leaf      bytea NOT NULL,
    chain     bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_seal IS 'The chain: chain = SHA-256(chain before || position || leaf), leaf = SHA-256(event).';

GRANT SELECT, INSERT ON audit_event, audit_seal TO vangnet_runtime;
GRANT SELECT, INSERT, DELETE ON audit_unsealed TO vangnet_runtime;
