-- Our own people and how they sign in, the parties we know, and API keys.
-- Whatever proves who somebody is, is kept as a digest, a password hash, or sealed with keys that are not in the database.

CREATE TABLE installation (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id         uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('provider', 'hotline', 'police', 'authority')),
    party_name text NOT NULL CHECK (party_name <> ''),
    language   text NOT NULL CHECK (language IN ('nl', 'en')),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE installation IS 'Whose installation this is. One row, written at set-up.';
GRANT SELECT, INSERT ON installation TO vangnet_runtime;

-- --- people ---

CREATE TABLE person (
    id                     uuid PRIMARY KEY,
    name                   text NOT NULL CHECK (name <> ''),
    email                  text NOT NULL UNIQUE,
    language               text NOT NULL CHECK (language IN ('nl', 'en')),
    theme                  text NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    roles                  text[] NOT NULL,
    state                  text NOT NULL CHECK (state IN ('invited', 'active', 'left')),
    invited_at             timestamptz NOT NULL,
    joined_at              timestamptz,
    left_at                timestamptz,
    enrolment_ends_at      timestamptz,
    second_factor_reset_at timestamptz
);
COMMENT ON TABLE person IS 'Our own people. The row of somebody who left stays, because the audit trail names it by id.';
COMMENT ON COLUMN person.email IS 'In small letters, so that UNIQUE holds whatever the case it was typed in.';
COMMENT ON COLUMN person.enrolment_ends_at IS 'Until when the password alone allows to set up a second factor.';
GRANT SELECT, INSERT, UPDATE ON person TO vangnet_runtime;

-- Each way to prove who one is has a table of its own: leaving deletes rows, and no column is ever half empty.

CREATE TABLE person_password (
    person_id  uuid PRIMARY KEY REFERENCES person,
    hash       text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE person_password IS 'The passwords of those who have one.';
COMMENT ON TABLE person_password IS 'Passwords, as hashes that take long to compute. Deleted when somebody leaves.';
COMMENT ON COLUMN person_password.hash IS 'argon2id with its salt and parameters.';

CREATE TABLE person_totp (
    person_id     uuid PRIMARY KEY REFERENCES person,
    sealed_secret bytea NOT NULL,
    last_step     bigint NOT NULL,
    confirmed_at  timestamptz NOT NULL
);
COMMENT ON TABLE person_totp IS 'Authenticator apps, at most one a person; the secret is sealed with the installation''s keys.';
COMMENT ON TABLE person_totp IS 'Authenticator apps: one a person, its secret sealed with a key that is not in the database.';
COMMENT ON COLUMN person_totp.last_step IS 'The 30-second step of the last code that was taken; none counts twice.';

CREATE TABLE passkey (
    id            uuid PRIMARY KEY,
    person_id     uuid NOT NULL REFERENCES person,
    credential_id bytea NOT NULL UNIQUE,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    name          text NOT NULL,
    added_at      timestamptz NOT NULL,
    last_used_at  timestamptz
);
COMMENT ON TABLE passkey IS 'Passkeys (WebAuthn): the public half of key pairs on people''s devices.';
COMMENT ON TABLE passkey IS 'The public halves of people''s passkeys.';
CREATE INDEX passkey_person ON passkey (person_id);

CREATE TABLE recovery_code (
    person_id uuid NOT NULL REFERENCES person,
    digest    bytea NOT NULL,
    PRIMARY KEY (person_id, digest)
);
COMMENT ON TABLE recovery_code IS 'Unused recovery codes, as SHA-256 of 80 random bits; a used one is deleted.';

CREATE TABLE external_identity (
    issuer    text NOT NULL,
    subject   text NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (person_id, issuer)
);
COMMENT ON TABLE external_identity IS 'Who somebody is at the party''s own identity provider (OpenID Connect).';

CREATE TABLE spent_challenge (
    digest     bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE spent_challenge IS 'Passkey challenges that were answered, until they expire: an answer counts once.';
CREATE INDEX spent_challenge_expires ON spent_challenge (expires_at);

CREATE TABLE invitation (
    id         uuid PRIMARY KEY,
    person_id  uuid UNIQUE NULLS NOT DISTINCT REFERENCES person,
    digest     bytea NOT NULL UNIQUE,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE invitation IS 'Open invitations, at most one a person; deleted when accepted or replaced.';
COMMENT ON COLUMN invitation.person_id IS 'Empty for the first administrator, who says who they are when they accept.';

CREATE TABLE sign_in_link (
    id         uuid PRIMARY KEY,
    person_id  uuid NOT NULL REFERENCES person,
    digest     bytea NOT NULL UNIQUE,
    uses_left  integer NOT NULL CHECK (uses_left >= 0),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE sign_in_link IS 'Links made on the console that sign somebody in.';
CREATE INDEX sign_in_link_person ON sign_in_link (person_id);

CREATE TABLE session (
    id           uuid PRIMARY KEY,
    digest       bytea NOT NULL UNIQUE,
    person_id    uuid NOT NULL REFERENCES person,
    stage        text NOT NULL CHECK (stage IN ('password_proven', 'whole')),
    means        text NOT NULL,
    created_at   timestamptz NOT NULL,
    whole_at     timestamptz CHECK ((whole_at IS NOT NULL) = (stage = 'whole')),
    last_seen_at timestamptz NOT NULL,
    user_agent   text NOT NULL
);
COMMENT ON TABLE session IS 'Browsers in which somebody is signed in. Ended ones are deleted; the audit trail has when.';
CREATE INDEX session_person ON session (person_id);
CREATE INDEX session_created ON session (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    person_password, person_totp, passkey, sign_in_link, session TO vangnet_runtime;
GRANT SELECT, INSERT, DELETE ON recovery_code, external_identity, spent_challenge, invitation TO vangnet_runtime;

CREATE TABLE attempt (
    kind           text NOT NULL,
    subject        bytea NOT NULL,
    failures       integer NOT NULL,
    last_failed_at timestamptz NOT NULL,
    blocked_until  timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
);
COMMENT ON TABLE attempt IS 'Failed attempts, to slow down guessing. Forgotten after a day at most.';
COMMENT ON COLUMN attempt.subject IS 'SHA-256 of an e-mail address, a network address, or an id of ours.';
CREATE INDEX attempt_last_failed ON attempt (last_failed_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON attempt TO vangnet_runtime;

-- --- parties ---

CREATE TABLE party (
    id                    uuid PRIMARY KEY,
    name                  text NOT NULL CHECK (name <> ''),
    kind                  text NOT NULL CHECK (kind IN ('provider', 'hotline', 'police', 'authority', 'partner')),
    state                 text NOT NULL CHECK (state IN ('proposed', 'known', 'ended')),
    contact_name          text,
    contact_email         text,
    base_url              text,
    public_key            bytea CHECK (length(public_key) = 32),
    introduced_at         timestamptz NOT NULL,
    accepted_by           text,
    accepted_at           timestamptz CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    ended_by              text,
    ended_at              timestamptz CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    legal_basis           text,
    legal_basis_reference text,
    legal_basis_ends_on   date,
    CHECK (num_nulls(legal_basis, legal_basis_reference, legal_basis_ends_on) IN (0, 3)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK (state <> 'known' OR accepted_at IS NOT NULL)
);
COMMENT ON TABLE party IS 'Other organisations: those that introduced themselves, those we know, and those with which it ended.';
COMMENT ON COLUMN party.accepted_by IS 'The actor who vouches for it, as kind and id of the audit trail.';
COMMENT ON COLUMN party.legal_basis_ends_on IS 'The last day on which it holds, in the Netherlands.';
-- A key stands for one party at a time; after an end the same organisation can come back under a new row.
CREATE UNIQUE INDEX party_public_key ON party (public_key) WHERE state <> 'ended';
GRANT SELECT, INSERT, UPDATE ON party TO vangnet_runtime;

CREATE TABLE party_grant (
    id           uuid PRIMARY KEY,
    party_id     uuid NOT NULL REFERENCES party,
    "right"      text NOT NULL,
    given_by     text NOT NULL,
    given_at     timestamptz NOT NULL,
    until        date,
    withdrawn_at timestamptz
);
COMMENT ON TABLE party_grant IS 'Rights that we gave to parties, withdrawn ones included.';
CREATE UNIQUE INDEX party_grant_open ON party_grant (party_id, "right") WHERE withdrawn_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON party_grant TO vangnet_runtime;

CREATE TABLE api_key (
    id           uuid PRIMARY KEY,
    prefix       text NOT NULL UNIQUE,
    digest       bytea NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    party_id     uuid REFERENCES party,
    scopes       text[] NOT NULL,
    issued_at    timestamptz NOT NULL,
    issued_by    text NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
COMMENT ON TABLE api_key IS 'Keys of our own programs, or of a party''s. Revoked and expired ones stay, to be recognised.';
COMMENT ON COLUMN api_key.digest IS 'SHA-256 of a secret of 256 random bits.';
CREATE INDEX api_key_party ON api_key (party_id);
GRANT SELECT, INSERT, UPDATE ON api_key TO vangnet_runtime;
