-- Which reports belong together, and why.

CREATE TABLE report_value (
    report_id bigint NOT NULL,
    among     integer NOT NULL,
    code      bytea NOT NULL CHECK (octet_length(code) = 16),
    kind      text NOT NULL,
    by        text NOT NULL,
    doubts    text,
    roles     text,
    seen      bytea,
    hash      bytea,
    PRIMARY KEY (code, report_id)
);
COMMENT ON TABLE report_value IS 'By what a report can be known to belong with another: each value that its last version holds, as a code. Without a foreign key, which would look at the same report for each of up to ten thousand values.';
COMMENT ON COLUMN report_value.code IS 'The first half of an HMAC of kind and value, the key of which is not in the database.';
COMMENT ON COLUMN report_value.among IS 'How many such values the report has.';
COMMENT ON COLUMN report_value.by IS 'By what the values are compared, such as sha256; empty for written ones.';
COMMENT ON COLUMN report_value.doubts IS 'Codes of what speaks against joining by it, with commas; NULL where nothing does.';
COMMENT ON COLUMN report_value.roles IS 'What those have to do with the report whose value it is, with commas.';
COMMENT ON COLUMN report_value.seen IS 'From when to when it was seen, pairs of microseconds since 1970; for addresses on the network.';
COMMENT ON COLUMN report_value.hash IS 'The hash of a picture, sealed.';
CREATE INDEX report_value_report ON report_value (report_id, kind);
GRANT SELECT, INSERT, DELETE ON report_value TO vangnet_runtime;

CREATE TABLE report_value_many (
    code    bytea PRIMARY KEY CHECK (octet_length(code) = 16),
    kind    text NOT NULL,
    reports bigint NOT NULL,
    common  boolean NOT NULL
);
COMMENT ON TABLE report_value_many IS 'Values that more reports have than such a value joins. Each other value is in so few that they are counted one by one.';
COMMENT ON COLUMN report_value_many.common IS 'Whether it joined reports before there were too many. What was common once stays so.';
GRANT SELECT, INSERT ON report_value_many TO vangnet_runtime;
GRANT UPDATE (reports, common) ON report_value_many TO vangnet_runtime;

CREATE TABLE report_link (
    a             bigint NOT NULL REFERENCES report,
    b             bigint NOT NULL REFERENCES report,
    kind          text NOT NULL,
    by            text NOT NULL,
    shared        integer NOT NULL CHECK (shared > 0),
    reports       integer NOT NULL CHECK (reports > 1),
    bits_apart    smallint,
    minutes_apart integer,
    roles_a       text,
    roles_b       text,
    held          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (a, b, kind),
    CHECK (a < b)
);
COMMENT ON TABLE report_link IS 'Links that join two reports into one group. Those that only point are found anew whenever somebody looks.';
COMMENT ON COLUMN report_link.shared IS 'How many values of the kind they share.';
COMMENT ON COLUMN report_link.reports IS 'How many reports had the value when the link was found.';
COMMENT ON COLUMN report_link.held IS 'It would join two groups that a person keeps apart.';
CREATE INDEX report_link_b ON report_link (b);
CREATE INDEX report_link_held_a ON report_link (a) WHERE held;
CREATE INDEX report_link_held_b ON report_link (b) WHERE held;
GRANT SELECT, INSERT, DELETE ON report_link TO vangnet_runtime;
GRANT UPDATE (held) ON report_link TO vangnet_runtime;

CREATE TABLE report_link_deed (
    id         bigint PRIMARY KEY CHECK (id > 0),
    kind       text NOT NULL CHECK (kind IN ('cut', 'dismissed', 'merged', 'split', 'undone')),
    link_kind  text,
    value_kind text,
    value_code bytea CHECK (octet_length(value_code) = 16),
    undoes     bigint REFERENCES report_link_deed,
    stands     boolean NOT NULL DEFAULT true,
    by         text NOT NULL,
    at         timestamptz NOT NULL,
    CHECK ((kind = 'undone') = (undoes IS NOT NULL)),
    CHECK ((kind = 'dismissed') = (value_code IS NOT NULL)),
    CHECK ((value_kind IS NULL) = (value_code IS NULL)),
    CHECK (link_kind IS NULL OR kind = 'cut')
);
COMMENT ON TABLE report_link_deed IS 'What people did by hand to links and groups. Each can be undone, by another deed.';
COMMENT ON COLUMN report_link_deed.link_kind IS 'Which kind of link was cut; NULL where any.';
COMMENT ON COLUMN report_link_deed.stands IS 'Whether it holds: nobody undid it, or that was undone.';
COMMENT ON COLUMN report_link_deed.by IS 'An actor''s kind and id.';
CREATE INDEX report_link_deed_value ON report_link_deed (value_code) WHERE value_code IS NOT NULL;
CREATE INDEX report_link_deed_undoes ON report_link_deed (undoes) WHERE undoes IS NOT NULL;
GRANT SELECT, INSERT ON report_link_deed TO vangnet_runtime;
GRANT UPDATE (stands) ON report_link_deed TO vangnet_runtime;

CREATE TABLE report_link_deed_report (
    deed_id   bigint NOT NULL REFERENCES report_link_deed,
    report_id bigint NOT NULL REFERENCES report,
    side      smallint NOT NULL CHECK (side BETWEEN 0 AND 2),
    PRIMARY KEY (deed_id, report_id)
);
COMMENT ON TABLE report_link_deed_report IS 'The reports that a deed names.';
COMMENT ON COLUMN report_link_deed_report.side IS '1 and 2 are the two sides of a split; 0 elsewhere.';
CREATE INDEX report_link_deed_report_report ON report_link_deed_report (report_id);
GRANT SELECT, INSERT ON report_link_deed_report TO vangnet_runtime;

CREATE TABLE report_cluster (
    id     bigint PRIMARY KEY CHECK (id > 0),
    leader bytea NOT NULL
);
COMMENT ON TABLE report_cluster IS 'Clusters of pictures that look alike, by the picture that each began with. Numbered in the order in which they were committed.';
COMMENT ON COLUMN report_cluster.leader IS 'The true PDQ hash of that picture, sealed with a key that is not in the database.';
GRANT SELECT, INSERT ON report_cluster TO vangnet_runtime;
