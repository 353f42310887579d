-- What was handed to other installations and taken from them, and what became of jobs that failed.

CREATE TABLE handoff_sent (
    id            uuid PRIMARY KEY,
    party_id      uuid NOT NULL REFERENCES party,
    case_number   text NOT NULL,
    kind          text NOT NULL,
    sent_at       timestamptz NOT NULL,
    body          bytea NOT NULL,
    state         text NOT NULL CHECK (state IN ('waiting', 'acknowledged', 'refused', 'unacknowledged', 'given_up')),
    state_at      timestamptz NOT NULL,
    try_until     timestamptz NOT NULL,
    tries         integer NOT NULL DEFAULT 0,
    last_tried_at timestamptz,
    next_try_at   timestamptz,
    problem       text,
    outcome       text,
    receipt       bytea,
    CHECK ((state = 'acknowledged') = (receipt IS NOT NULL)),
    CHECK ((state = 'acknowledged') = (outcome IS NOT NULL))
);
COMMENT ON TABLE handoff_sent IS 'Envelopes that we signed, each until and after its receipt.';
COMMENT ON COLUMN handoff_sent.id IS 'The id inside the envelope.';
COMMENT ON COLUMN handoff_sent.body IS 'What is sent, byte for byte, at every try: the envelope and its signature.';
COMMENT ON COLUMN handoff_sent.sent_at IS 'When it was signed; state_at says since when it is acknowledged, refused or neither.';
COMMENT ON COLUMN handoff_sent.try_until IS 'After this the worker stops trying by itself.';
COMMENT ON COLUMN handoff_sent.problem IS 'Why the last try failed, or why it was refused: a code, never words of the other side.';
COMMENT ON COLUMN handoff_sent.receipt IS 'The recipient''s receipt as it came, with its signature.';
CREATE INDEX handoff_sent_at ON handoff_sent (sent_at, id);
CREATE INDEX handoff_sent_party ON handoff_sent (party_id, sent_at);
CREATE INDEX handoff_sent_case ON handoff_sent (case_number);
CREATE INDEX handoff_sent_open ON handoff_sent (sent_at, id) WHERE state IN ('waiting', 'refused', 'unacknowledged');

CREATE TABLE handoff_received (
    id          uuid PRIMARY KEY,
    party_id    uuid NOT NULL REFERENCES party,
    sender      bytea NOT NULL CHECK (length(sender) = 32),
    envelope_id uuid NOT NULL,
    case_number text NOT NULL,
    kind        text NOT NULL,
    sent_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    body        bytea NOT NULL,
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),
    outcome     text NOT NULL,
    receipt     bytea NOT NULL,
    UNIQUE (sender, envelope_id)
);
COMMENT ON TABLE handoff_received IS 'Envelopes that were taken. Its UNIQUE constraint is what takes each of them once.';
COMMENT ON COLUMN handoff_received.sender IS 'The public key that signed it: an id is the sender''s own, so it is unique only per sender.';
COMMENT ON COLUMN handoff_received.body IS 'What came, byte for byte: anyone with the sender''s key can verify it.';
COMMENT ON COLUMN handoff_received.receipt IS 'What we answered; whoever sends the same again gets the same bytes.';
CREATE INDEX handoff_received_at ON handoff_received (received_at, id);
CREATE INDEX handoff_received_party ON handoff_received (party_id, received_at);
CREATE INDEX handoff_received_case ON handoff_received (case_number);

GRANT SELECT, INSERT ON handoff_sent TO vangnet_runtime;
GRANT UPDATE (state, state_at, try_until, tries, last_tried_at, next_try_at, problem, outcome, receipt)
    ON handoff_sent TO vangnet_runtime;
GRANT SELECT, INSERT ON handoff_received TO vangnet_runtime;

CREATE TABLE job_failure (
    job_id    bigint PRIMARY KEY,
    failures  integer NOT NULL CHECK (failures > 0),
    code      text NOT NULL,
    problem   text NOT NULL,
    incident  text,
    failed_at timestamptz NOT NULL
);
COMMENT ON TABLE job_failure IS 'Why a job failed last, in words that identify nobody, and how often it has.';
COMMENT ON COLUMN job_failure.job_id IS 'A row of procrastinate_jobs. No foreign key: those tables are made and upgraded apart.';
COMMENT ON COLUMN job_failure.incident IS 'The id under which the log holds more, where nobody foresaw the failure.';
GRANT SELECT, INSERT, UPDATE, DELETE ON job_failure TO vangnet_runtime;
