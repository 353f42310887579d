-- Media at rest, why each is kept, and how long that may be.

CREATE TABLE vault_choice (
    version   integer PRIMARY KEY CHECK (version > 0),
    enabled   boolean NOT NULL,
    basis     text,
    reference text,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL,
    CHECK (num_nulls(basis, reference) = CASE WHEN enabled THEN 0 ELSE 2 END)
);
COMMENT ON TABLE vault_choice IS 'Whether media are taken into the vault, and on which legal basis; the last row holds. Without a row, no.';
GRANT SELECT, INSERT ON vault_choice TO vangnet_runtime;

CREATE TABLE vault_medium (
    id           uuid PRIMARY KEY,
    state        text NOT NULL CHECK (state IN ('kept', 'lost', 'erased')),
    size_bytes   bigint NOT NULL CHECK (size_bytes >= 0),
    media_type   text NOT NULL,
    content_mac  bytea CHECK (octet_length(content_mac) = 32),
    put_at       timestamptz NOT NULL,
    hold         text,
    held_at      timestamptz,
    held_by      text,
    erased_at    timestamptz,
    erase_reason text,
    CHECK ((state = 'erased') = (content_mac IS NULL)),
    CHECK ((state = 'erased') = (erased_at IS NOT NULL)),
    CHECK (num_nulls(erased_at, erase_reason) IN (0, 2)),
    CHECK (num_nulls(hold, held_at, held_by) IN (0, 3)),
    CHECK (state <> 'erased' OR hold IS NULL)
);
COMMENT ON TABLE vault_medium IS 'The media of the vault; their bytes lie sealed in files. The row of an erased one stays, for figures.';
COMMENT ON COLUMN vault_medium.state IS '`lost`: its file is gone or damaged.';
COMMENT ON COLUMN vault_medium.content_mac IS 'By what equal content is known: an HMAC with a key that is not in the database. Gone with the medium.';
COMMENT ON COLUMN vault_medium.hold IS 'Why it is not erased, whatever its terms say.';
CREATE UNIQUE INDEX vault_medium_content ON vault_medium (content_mac) WHERE state = 'kept';
CREATE INDEX vault_medium_apart ON vault_medium (id) WHERE state = 'lost' OR hold IS NOT NULL;
GRANT SELECT, INSERT ON vault_medium TO vangnet_runtime;
GRANT UPDATE (state, content_mac, hold, held_at, held_by, erased_at, erase_reason) ON vault_medium TO vangnet_runtime;

-- A table of its own, vacuumed soon, so that a destroyed key does not stay in the file of the table for long.
CREATE TABLE vault_key (
    medium_id uuid PRIMARY KEY REFERENCES vault_medium,
    wrapped   bytea NOT NULL CHECK (octet_length(wrapped) = 60)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
COMMENT ON TABLE vault_key IS 'The key of each medium, sealed with one that is not in the database. Erasing a medium deletes its row.';
GRANT SELECT, INSERT, DELETE ON vault_key TO vangnet_runtime;

CREATE TABLE vault_keeping (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    medium_id uuid NOT NULL REFERENCES vault_medium,
    record    text NOT NULL,
    record_id text NOT NULL,
    basis     text NOT NULL,
    since     timestamptz NOT NULL,
    ended_at  timestamptz
);
COMMENT ON TABLE vault_keeping IS 'Which record needs a medium, and on which basis. A medium is erased when the last of these has ended.';
COMMENT ON COLUMN vault_keeping.since IS 'Since when it rests on this basis: the term runs from here.';
CREATE UNIQUE INDEX vault_keeping_record ON vault_keeping (medium_id, record, record_id) WHERE ended_at IS NULL;
CREATE INDEX vault_keeping_of ON vault_keeping (record, record_id) WHERE ended_at IS NULL;
CREATE INDEX vault_keeping_since ON vault_keeping (basis, since, id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT ON vault_keeping TO vangnet_runtime;
GRANT UPDATE (basis, since, ended_at) ON vault_keeping TO vangnet_runtime;

CREATE TABLE retention_terms (
    version   integer PRIMARY KEY CHECK (version > 0),
    document  json NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL
);
COMMENT ON TABLE retention_terms IS 'How long what is kept, as somebody chose it. A version counts when it has stood for a week; until then the one before it.';
GRANT SELECT, INSERT ON retention_terms TO vangnet_runtime;
