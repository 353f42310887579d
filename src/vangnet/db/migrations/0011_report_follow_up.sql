-- What follows from reports: referrals and their outcome, evidence that will be gone, requests to preserve it, what became
-- of investigations, and series.
--
-- Whom a clock or a letter is about, what a colleague wrote beside a referral, and the number of an investigation lie sealed
-- with a key that is not in the database. What is counted and sorted lies here as it is.

ALTER TABLE report_delivery ADD COLUMN case_number text;
COMMENT ON COLUMN report_delivery.case_number IS 'The number that it shares with whoever handed it over.';

-- --- referrals ---

CREATE TABLE report_referral (
    id          uuid PRIMARY KEY,
    report_id   bigint NOT NULL REFERENCES report,
    party_id    uuid NOT NULL REFERENCES party,
    case_number text NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    reason      text NOT NULL,
    shares      text[] NOT NULL,
    note        bytea,
    state       text NOT NULL CHECK (state IN ('sent', 'answered', 'returned', 'taken_back')),
    state_at    timestamptz NOT NULL,
    sent_at     timestamptz NOT NULL,
    sent_by     text NOT NULL
);
COMMENT ON TABLE report_referral IS 'Reports that we handed to another party.';
COMMENT ON COLUMN report_referral.version IS 'Which version of the report went.';
COMMENT ON COLUMN report_referral.shares IS 'What of it went along: codes.';
COMMENT ON COLUMN report_referral.note IS 'What a colleague wrote to the other party, sealed.';
CREATE INDEX report_referral_report ON report_referral (report_id);
CREATE INDEX report_referral_sent ON report_referral (sent_at, id);
CREATE INDEX report_referral_open ON report_referral (sent_at, id) WHERE state = 'sent';
GRANT SELECT, INSERT ON report_referral TO vangnet_runtime;
GRANT UPDATE (note, state, state_at) ON report_referral TO vangnet_runtime;

CREATE TABLE report_referral_part (
    referral_id uuid NOT NULL REFERENCES report_referral,
    part        integer NOT NULL CHECK (part > 0),
    handoff_id  uuid NOT NULL UNIQUE,
    PRIMARY KEY (referral_id, part)
);
COMMENT ON TABLE report_referral_part IS 'With which hand-offs a referral went: most need one.';
GRANT SELECT, INSERT ON report_referral_part TO vangnet_runtime;

CREATE TABLE report_referral_received (
    party_id    uuid NOT NULL REFERENCES party,
    referral_id uuid NOT NULL,
    case_number text NOT NULL,
    reason      text NOT NULL,
    received_at timestamptz NOT NULL,
    delivery_id bigint NOT NULL UNIQUE REFERENCES report_delivery,
    PRIMARY KEY (party_id, referral_id)
);
COMMENT ON TABLE report_referral_received IS 'Reports that another party handed to us; the report is read from the delivery.';
COMMENT ON COLUMN report_referral_received.referral_id IS 'The sender''s own id: unique for that party only.';
CREATE INDEX report_referral_received_at ON report_referral_received (received_at);
GRANT SELECT, INSERT ON report_referral_received TO vangnet_runtime;

CREATE TABLE report_referral_answer (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id    uuid NOT NULL REFERENCES party,
    referral_id uuid NOT NULL,
    ours        boolean NOT NULL,
    outcome     text NOT NULL,
    at          timestamptz NOT NULL,
    handoff_id  uuid NOT NULL UNIQUE
);
COMMENT ON TABLE report_referral_answer IS 'What became of a referred report, as we told the other party, or as it told us.';
COMMENT ON COLUMN report_referral_answer.ours IS 'We told it.';
CREATE INDEX report_referral_answer_referral ON report_referral_answer (party_id, referral_id, id);
GRANT SELECT, INSERT ON report_referral_answer TO vangnet_runtime;

-- --- requests to preserve evidence, and its clocks ---

CREATE TABLE report_preservation (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id       bigint NOT NULL REFERENCES report,
    party_id        uuid REFERENCES party,
    regime          text NOT NULL,
    regimes_version integer NOT NULL CHECK (regimes_version > 0),
    language        text NOT NULL CHECK (language IN ('nl', 'en')),
    letter          bytea,
    state           text NOT NULL CHECK (state IN ('drafted', 'sent', 'secured', 'refused', 'gone', 'lapsed', 'dropped')),
    state_at        timestamptz NOT NULL,
    drafted_at      timestamptz NOT NULL,
    drafted_by      text NOT NULL,
    sent_at         timestamptz,
    sent_how        text,
    secured_at      timestamptz,
    secured_until   timestamptz,
    renewals        integer NOT NULL DEFAULT 0 CHECK (renewals >= 0),
    CHECK ((sent_at IS NULL) = (sent_how IS NULL)),
    CHECK (state <> 'secured' OR secured_until IS NOT NULL)
);
COMMENT ON TABLE report_preservation IS 'Requests to a provider not to erase what it has, until the law''s own way to ask for it is through.';
COMMENT ON COLUMN report_preservation.letter IS 'Recipient and text, sealed; NULL after it was erased.';
COMMENT ON COLUMN report_preservation.regime IS 'By which law it is asked, and so how long it holds.';
CREATE INDEX report_preservation_report ON report_preservation (report_id);
CREATE INDEX report_preservation_open ON report_preservation (state_at) WHERE state IN ('drafted', 'sent', 'secured');
GRANT SELECT, INSERT ON report_preservation TO vangnet_runtime;
GRANT UPDATE (
    party_id, language, letter, state, state_at, sent_at, sent_how, secured_at, secured_until, renewals
) ON report_preservation TO vangnet_runtime;

CREATE TABLE report_clock (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id       bigint NOT NULL REFERENCES report,
    code            bytea NOT NULL CHECK (octet_length(code) = 32),
    holder_code     bytea NOT NULL CHECK (octet_length(holder_code) = 32),
    kind            text NOT NULL,
    regime          text,
    regimes_version integer NOT NULL CHECK (regimes_version > 0),
    sealed          bytea,
    starts_at       timestamptz,
    expires_at      timestamptz,
    state           text NOT NULL CHECK (state IN ('running', 'requested', 'secured', 'expired', 'dropped')),
    state_at        timestamptz NOT NULL,
    preservation_id bigint REFERENCES report_preservation,
    UNIQUE (report_id, code),
    CHECK ((regime IS NULL) = (expires_at IS NULL))
);
COMMENT ON TABLE report_clock IS 'Evidence that somebody else has, and when it is gone.';
COMMENT ON COLUMN report_clock.code IS 'By what the same evidence is known when a report comes again.';
COMMENT ON COLUMN report_clock.holder_code IS 'By what the clocks of one holder are found together.';
COMMENT ON COLUMN report_clock.regime IS 'By which law or assumption it ends; NULL where nobody knows, and then it has no end here.';
COMMENT ON COLUMN report_clock.sealed IS 'Who has it and what it is, sealed; NULL after it was erased.';
CREATE INDEX report_clock_next ON report_clock (expires_at, id) WHERE state IN ('running', 'requested');
CREATE INDEX report_clock_report ON report_clock (report_id, expires_at) WHERE state IN ('running', 'requested');
CREATE INDEX report_clock_preservation ON report_clock (preservation_id) WHERE preservation_id IS NOT NULL;
GRANT SELECT, INSERT ON report_clock TO vangnet_runtime;
GRANT UPDATE (sealed, state, state_at, preservation_id) ON report_clock TO vangnet_runtime;

-- --- investigations, their outcomes, and series ---

CREATE TABLE report_investigation (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code      bytea NOT NULL UNIQUE CHECK (octet_length(code) = 32),
    number    bytea NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL
);
COMMENT ON TABLE report_investigation IS 'Investigations outside of Vangnet that reports led to.';
COMMENT ON COLUMN report_investigation.code IS 'By what the same number is known again.';
COMMENT ON COLUMN report_investigation.number IS 'The number that it has elsewhere, sealed.';
GRANT SELECT, INSERT ON report_investigation TO vangnet_runtime;

CREATE TABLE report_investigated (
    report_id        bigint NOT NULL REFERENCES report,
    investigation_id bigint NOT NULL REFERENCES report_investigation,
    at               timestamptz NOT NULL,
    by               text NOT NULL,
    PRIMARY KEY (report_id, investigation_id)
);
COMMENT ON TABLE report_investigated IS 'Which reports led to which investigation.';
CREATE INDEX report_investigated_investigation ON report_investigated (investigation_id);
GRANT SELECT, INSERT, DELETE ON report_investigated TO vangnet_runtime;

CREATE TABLE report_outcome (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    investigation_id bigint NOT NULL REFERENCES report_investigation,
    outcome          text NOT NULL,
    people           integer CHECK (people BETWEEN 1 AND 1000),
    at               timestamptz NOT NULL,
    by               text NOT NULL,
    withdrawn_at     timestamptz
);
COMMENT ON TABLE report_outcome IS 'What an investigation came to: codes and counts, and nothing of any child.';
CREATE INDEX report_outcome_investigation ON report_outcome (investigation_id, id);
GRANT SELECT, INSERT ON report_outcome TO vangnet_runtime;
GRANT UPDATE (withdrawn_at) ON report_outcome TO vangnet_runtime;

CREATE TABLE report_series (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code     text NOT NULL UNIQUE,
    known_at timestamptz NOT NULL,
    known_by text NOT NULL
);
COMMENT ON TABLE report_series IS 'Files that belong together, under a name that is a code and says nothing of anybody.';
GRANT SELECT, INSERT ON report_series TO vangnet_runtime;

CREATE TABLE report_series_file (
    series_id bigint NOT NULL REFERENCES report_series,
    file_id   bigint NOT NULL REFERENCES report_file,
    at        timestamptz NOT NULL,
    PRIMARY KEY (file_id, series_id)
);
COMMENT ON TABLE report_series_file IS 'Which files a series has: a report that holds one of them has to do with it.';
CREATE INDEX report_series_file_series ON report_series_file (series_id);
GRANT SELECT, INSERT, DELETE ON report_series_file TO vangnet_runtime;

CREATE TABLE report_series_report (
    series_id bigint NOT NULL REFERENCES report_series,
    report_id bigint NOT NULL REFERENCES report,
    at        timestamptz NOT NULL,
    by        text NOT NULL,
    PRIMARY KEY (report_id, series_id)
);
COMMENT ON TABLE report_series_report IS 'Reports that people put into a series.';
CREATE INDEX report_series_report_series ON report_series_report (series_id);
GRANT SELECT, INSERT, DELETE ON report_series_report TO vangnet_runtime;
