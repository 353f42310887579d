-- What people answered about files, and what they saw of them.
--
-- Nothing here says what a picture shows but codes; what a person typed lies sealed.

ALTER TABLE report_file ADD COLUMN viewed_at timestamptz;
COMMENT ON COLUMN report_file.viewed_at IS 'When one of our people first opened it whole and unblurred; NULL while nobody did. Who it was is in report_look.';
GRANT UPDATE (viewed_at) ON report_file TO vangnet_runtime;

CREATE TABLE report_look (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id    bigint REFERENCES report_file,
    report_id  bigint NOT NULL REFERENCES report,
    person_id  uuid NOT NULL REFERENCES person,
    step       text NOT NULL CHECK (step IN ('blurred', 'part', 'whole')),
    reason     text NOT NULL,
    sealed     bytea,
    at         timestamptz NOT NULL,
    shown_at   timestamptz,
    until_at   timestamptz,
    covered_at timestamptz,
    CHECK (num_nulls(shown_at, until_at) IN (0, 2)),
    CHECK (until_at > shown_at AND until_at <= shown_at + interval '60 seconds'),
    CHECK (covered_at IS NULL OR covered_at >= shown_at)
);
COMMENT ON TABLE report_look IS 'What one of our people was shown, and for how long: for their own good. Others see sums of five people or more.';
COMMENT ON COLUMN report_look.file_id IS 'NULL for a generated picture that checks how the work is done.';
COMMENT ON COLUMN report_look.sealed IS 'Why a file that is known already was shown all the same, as the person typed it; sealed.';
COMMENT ON COLUMN report_look.shown_at IS 'When its pixels were sent; NULL where they could not be.';
COMMENT ON COLUMN report_look.until_at IS 'When it is covered by itself.';
CREATE INDEX report_look_person ON report_look (person_id, at);
CREATE INDEX report_look_file ON report_look (file_id, person_id) WHERE file_id IS NOT NULL;
CREATE INDEX report_look_at ON report_look (at);
GRANT SELECT, INSERT ON report_look TO vangnet_runtime;
GRANT UPDATE (shown_at, until_at, covered_at) ON report_look TO vangnet_runtime;

CREATE TABLE report_look_choice (
    person_id uuid PRIMARY KEY REFERENCES person,
    seconds   smallint NOT NULL CHECK (seconds BETWEEN 3 AND 60),
    blur      smallint NOT NULL CHECK (blur BETWEEN 1 AND 5),
    size      text NOT NULL CHECK (size IN ('S', 'M', 'L'))
);
COMMENT ON TABLE report_look_choice IS 'How somebody chose to be shown pictures; without a row, as Vangnet comes.';
GRANT SELECT, INSERT ON report_look_choice TO vangnet_runtime;
GRANT UPDATE (seconds, blur, size) ON report_look_choice TO vangnet_runtime;

CREATE TABLE report_questions (
    version   integer PRIMARY KEY CHECK (version > 0),
    document  jsonb NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL
);
COMMENT ON TABLE report_questions IS 'What is asked about each file; the last row holds. Without a row, the questions that Vangnet comes with.';
GRANT SELECT, INSERT ON report_questions TO vangnet_runtime;

CREATE TABLE report_assessment (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id   bigint NOT NULL REFERENCES report_file,
    report_id bigint NOT NULL REFERENCES report,
    position  integer NOT NULL CHECK (position >= 0),
    person_id uuid NOT NULL REFERENCES person,
    stage     text NOT NULL CHECK (stage IN ('first', 'second', 'third')),
    class     text NOT NULL,
    answers   jsonb NOT NULL,
    questions integer NOT NULL CHECK (questions >= 0),
    as_file   bigint REFERENCES report_file,
    at        timestamptz NOT NULL,
    undone_at timestamptz
);
COMMENT ON TABLE report_assessment IS 'What one of our people answered about a file, by codes.';
COMMENT ON COLUMN report_assessment.report_id IS 'The report on which they worked when they answered.';
COMMENT ON COLUMN report_assessment.questions IS 'The version of the questions; 0 is the one that Vangnet comes with.';
COMMENT ON COLUMN report_assessment.as_file IS 'The file with which the person found it to be the same picture, where they answered about that one.';
CREATE UNIQUE INDEX report_assessment_person ON report_assessment (file_id, person_id) WHERE undone_at IS NULL;
CREATE UNIQUE INDEX report_assessment_stage ON report_assessment (file_id, stage) WHERE undone_at IS NULL;
CREATE INDEX report_assessment_report ON report_assessment (report_id, person_id, id);
CREATE INDEX report_assessment_at ON report_assessment (at) WHERE undone_at IS NULL;
GRANT SELECT, INSERT ON report_assessment TO vangnet_runtime;
GRANT UPDATE (undone_at) ON report_assessment TO vangnet_runtime;

CREATE TABLE report_assessed (
    file_id    bigint PRIMARY KEY REFERENCES report_file,
    state      text NOT NULL CHECK (state IN ('second', 'third', 'stands')),
    since      timestamptz NOT NULL,
    outcome    text,
    entry_id   bigint,
    not_listed text,
    CHECK ((state = 'stands') = (outcome IS NOT NULL)),
    CHECK (entry_id IS NULL OR not_listed IS NULL)
);
COMMENT ON TABLE report_assessed IS 'How far the assessment of a file is: whose answer it waits for, or what stands.';
COMMENT ON COLUMN report_assessed.entry_id IS 'The registry entry that was proposed because two people agreed.';
COMMENT ON COLUMN report_assessed.not_listed IS 'Why none was, although two people agreed: a code.';
CREATE INDEX report_assessed_waiting ON report_assessed (since, file_id) WHERE state <> 'stands';
GRANT SELECT, INSERT, DELETE ON report_assessed TO vangnet_runtime;
GRANT UPDATE (state, since, outcome, entry_id, not_listed) ON report_assessed TO vangnet_runtime;

CREATE TABLE report_same (
    file_id   bigint NOT NULL REFERENCES report_file,
    other_id  bigint NOT NULL REFERENCES report_file,
    person_id uuid NOT NULL REFERENCES person,
    same      boolean NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (file_id, other_id, person_id),
    CHECK (file_id < other_id)
);
COMMENT ON TABLE report_same IS 'Whether somebody who saw both found two files to be the same picture.';
GRANT SELECT, INSERT, DELETE ON report_same TO vangnet_runtime;
GRANT UPDATE (same, at) ON report_same TO vangnet_runtime;

CREATE TABLE report_listing (
    class     text PRIMARY KEY,
    list_id   uuid NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL
);
COMMENT ON TABLE report_listing IS 'To which of our own lists a file is proposed on whose class two people agree.';
GRANT SELECT, INSERT ON report_listing TO vangnet_runtime;
GRANT UPDATE (list_id, chosen_by, chosen_at) ON report_listing TO vangnet_runtime;

CREATE TABLE report_check_answer (
    report_id bigint NOT NULL REFERENCES report,
    person_id uuid NOT NULL REFERENCES person,
    class     text NOT NULL,
    right_one boolean NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (report_id, person_id)
);
COMMENT ON TABLE report_check_answer IS 'What somebody answered about a generated picture that was mixed in: seen by that person, and by others in sums of five people or more.';
CREATE INDEX report_check_answer_person ON report_check_answer (person_id, at);
GRANT SELECT, INSERT ON report_check_answer TO vangnet_runtime;
