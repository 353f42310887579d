-- The registry: hash lists, their entries and what became of them, and the stream of changes that others follow.

-- --- lists ---

CREATE TABLE registry_list (
    id                uuid PRIMARY KEY,
    name              text NOT NULL CHECK (name <> ''),
    supplier_party_id uuid REFERENCES party,
    origin_party_id   uuid REFERENCES party,
    origin_list_id    uuid CHECK ((origin_list_id IS NULL) = (origin_party_id IS NULL)),
    state             text NOT NULL CHECK (state IN ('quarantined', 'trial', 'active', 'suspended')),
    state_at          timestamptz NOT NULL,
    state_by          text NOT NULL,
    state_reason      text,
    quorum            smallint NOT NULL DEFAULT 1 CHECK (quorum BETWEEN 1 AND 9),
    quorum_of         text NOT NULL DEFAULT 'people' CHECK (quorum_of IN ('people', 'parties')),
    created_at        timestamptz NOT NULL,
    created_by        text NOT NULL
);
COMMENT ON TABLE registry_list IS 'Hash lists: our own, our suppliers'', and those that we follow at another installation.';
COMMENT ON COLUMN registry_list.supplier_party_id IS 'Who supplies it; NULL for ourselves.';
COMMENT ON COLUMN registry_list.origin_party_id IS 'The installation at which we follow it; NULL where it is kept here.';
COMMENT ON COLUMN registry_list.origin_list_id IS 'Its id there.';
COMMENT ON COLUMN registry_list.state_by IS 'The actor who brought it there, as kind and id of the audit trail.';
COMMENT ON COLUMN registry_list.quorum IS 'How many must agree before an entry is active; who proposes it counts as one.';
CREATE UNIQUE INDEX registry_list_name ON registry_list (lower(name));
GRANT SELECT, INSERT ON registry_list TO vangnet_runtime;
GRANT UPDATE (name, state, state_at, state_by, state_reason, quorum, quorum_of) ON registry_list TO vangnet_runtime;

CREATE TABLE registry_category (
    id             integer GENERATED ALWAYS AS IDENTITY (MAXVALUE 8388607) PRIMARY KEY,
    list_id        uuid NOT NULL REFERENCES registry_list,
    scheme         text NOT NULL CHECK (scheme <> ''),
    name           text NOT NULL CHECK (name <> ''),
    classification text CHECK (classification IN ('baseline', 'national', 'investigative', 'other')),
    mapped_by      text,
    mapped_at      timestamptz,
    origin_id      integer,
    UNIQUE (list_id, scheme, name),
    UNIQUE (list_id, origin_id),
    CHECK (num_nulls(mapped_by, mapped_at) IN (0, 2)),
    CHECK (classification IS NULL OR mapped_at IS NOT NULL)
);
COMMENT ON TABLE registry_category IS 'A supplier''s own categories, list by list, each with what a curator says that it means.';
COMMENT ON COLUMN registry_category.id IS 'Twenty-three bits: it is a part of the ids in the index of listed hashes.';
COMMENT ON COLUMN registry_category.origin_id IS 'Its id at the installation at which we follow the list.';
COMMENT ON COLUMN registry_category.classification IS 'NULL while nobody mapped it: its entries are stored and never count.';
GRANT SELECT, INSERT ON registry_category TO vangnet_runtime;
GRANT UPDATE (classification, mapped_by, mapped_at) ON registry_category TO vangnet_runtime;

CREATE TABLE registry_list_count (
    list_id     uuid NOT NULL REFERENCES registry_list,
    category_id integer NOT NULL REFERENCES registry_category,
    state       text NOT NULL,
    entries     bigint NOT NULL CHECK (entries >= 0),
    PRIMARY KEY (list_id, category_id, state)
);
COMMENT ON TABLE registry_list_count IS
    'How many entries a list has, by category and state: kept with every change, so that no page counts ten million rows.';
GRANT SELECT, INSERT ON registry_list_count TO vangnet_runtime;
GRANT UPDATE (entries) ON registry_list_count TO vangnet_runtime;

CREATE TABLE registry_list_day (
    list_id uuid NOT NULL REFERENCES registry_list,
    day     date NOT NULL,
    state   text NOT NULL,
    entries bigint NOT NULL,
    PRIMARY KEY (list_id, day, state)
);
COMMENT ON TABLE registry_list_day IS 'The counts of a list as they were last on each day (UTC) on which they changed, for the graph.';
GRANT SELECT, INSERT ON registry_list_day TO vangnet_runtime;
GRANT UPDATE (entries) ON registry_list_day TO vangnet_runtime;

CREATE TABLE registry_approval (
    list_id uuid NOT NULL REFERENCES registry_list,
    of      text NOT NULL CHECK (of IN ('activate', 'export')),
    person  text NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (list_id, of, person)
);
COMMENT ON TABLE registry_approval IS
    'Who agreed that a list is activated or exported: two people must. Removed when used, and when the list changes.';
GRANT SELECT, INSERT, DELETE ON registry_approval TO vangnet_runtime;
GRANT UPDATE (at) ON registry_approval TO vangnet_runtime;

-- --- the order of changes ---

CREATE TABLE registry_sequence (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last     bigint NOT NULL CHECK (last >= 0)
);
COMMENT ON TABLE registry_sequence IS
    'The last sequence number. Taken last in a transaction and held to its end, so numbers have no gap and follow the commits.';
INSERT INTO registry_sequence (last) VALUES (0);
GRANT SELECT ON registry_sequence TO vangnet_runtime;
GRANT UPDATE (last) ON registry_sequence TO vangnet_runtime;

CREATE TABLE registry_commit (
    last_seq  bigint PRIMARY KEY,
    first_seq bigint NOT NULL UNIQUE,
    chain     bytea NOT NULL CHECK (octet_length(chain) = 32),
    at        timestamptz NOT NULL,
    list_ids  uuid[] NOT NULL CHECK (cardinality(list_ids) > 0),
    digests   bytea NOT NULL,
    CHECK (first_seq BETWEEN 1 AND last_seq),
    CHECK (octet_length(digests) = 32 * cardinality(list_ids))
);
COMMENT ON TABLE registry_commit IS 'One row for each piece of the stream that came about at once; pages of the feed end where one ends.';
COMMENT ON COLUMN registry_commit.chain IS 'SHA-256 of the chain before, the numbers, the time and the digests.';
COMMENT ON COLUMN registry_commit.digests IS
    'For each of list_ids, in its order, the digest of its changes: what a follower gets who may not see that list.';
GRANT SELECT, INSERT ON registry_commit TO vangnet_runtime;

-- --- batches ---

CREATE TABLE registry_batch (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list_id        uuid NOT NULL REFERENCES registry_list,
    party_id       uuid REFERENCES party,
    format         text NOT NULL,
    source_digest  bytea NOT NULL CHECK (octet_length(source_digest) = 32),
    position       bigint NOT NULL DEFAULT 0,
    checkpoint     text,
    taken          bigint NOT NULL DEFAULT 0,
    duplicates     bigint NOT NULL DEFAULT 0,
    skipped        bigint NOT NULL DEFAULT 0,
    collided       bigint NOT NULL DEFAULT 0,
    withdrawn      bigint NOT NULL DEFAULT 0,
    state          text NOT NULL CHECK (state IN ('running', 'done', 'abandoned')),
    started_by     text NOT NULL,
    started_at     timestamptz NOT NULL,
    seen_at        timestamptz NOT NULL,
    finished_at    timestamptz CHECK ((finished_at IS NULL) = (state = 'running'))
);
COMMENT ON TABLE registry_batch IS 'Sources that were read into a list, each with how far it was read and what became of its rows.';
COMMENT ON COLUMN registry_batch.party_id IS 'On whose behalf it was read; NULL for ourselves.';
COMMENT ON COLUMN registry_batch.source_digest IS 'SHA-256 of the file: only the same source is read on with. Of the address for a service.';
COMMENT ON COLUMN registry_batch.position IS 'The last row or item that was dealt with; written with what came of it.';
COMMENT ON COLUMN registry_batch.checkpoint IS 'Where a third party''s service is to be asked on, in its own words.';
COMMENT ON COLUMN registry_batch.seen_at IS 'When it last came on.';
-- One reading of a source at a time.
CREATE UNIQUE INDEX registry_batch_running ON registry_batch (list_id, source_digest) WHERE state = 'running';
CREATE INDEX registry_batch_list ON registry_batch (list_id, id);
GRANT SELECT, INSERT ON registry_batch TO vangnet_runtime;
GRANT UPDATE (position, checkpoint, taken, duplicates, skipped, collided, withdrawn, state, seen_at, finished_at)
    ON registry_batch TO vangnet_runtime;

CREATE TABLE registry_batch_problem (
    batch_id integer NOT NULL REFERENCES registry_batch,
    position bigint NOT NULL,
    field    text NOT NULL,
    problem  text NOT NULL,
    PRIMARY KEY (batch_id, position)
);
COMMENT ON TABLE registry_batch_problem IS 'The first rows of a batch that were not taken, and why; the others are only counted.';
COMMENT ON COLUMN registry_batch_problem.problem IS 'Words of ours, never a value of the row.';
GRANT SELECT, INSERT ON registry_batch_problem TO vangnet_runtime;

-- --- entries ---

-- No foreign keys here: they are checked row by row, at ten million rows for half of the time. Nothing that an entry points to
-- is ever deleted, and the program could not.
CREATE TABLE registry_entry (
    id           bigint PRIMARY KEY,
    list_id      uuid NOT NULL,
    key_mac      uuid NOT NULL,
    added_at     timestamptz NOT NULL,
    category_id  integer NOT NULL,
    batch_id     integer,
    media_kind   text NOT NULL CHECK (media_kind IN ('image', 'video')),
    state        text NOT NULL CHECK (state IN ('proposed', 'active', 'disputed', 'suspended', 'withdrawn')),
    sealed       bytea NOT NULL,
    reference    text,
    note         text,
    added_state  text NOT NULL CHECK (added_state IN ('proposed', 'active', 'suspended')),
    added_by     text,
    origin_id    bigint,
    replaces     bigint,
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawn_why text,
    CHECK (num_nulls(withdrawn_at, withdrawn_by) IN (0, 2)),
    CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL)),
    CHECK (num_nulls(batch_id, added_by) = 1)
);
COMMENT ON TABLE registry_entry IS 'Listed pictures and videos. An entry''s hashes never change: a correction withdraws it and adds another.';
COMMENT ON COLUMN registry_entry.id IS 'The sequence number of its addition.';
COMMENT ON COLUMN registry_entry.added_state IS 'The state in which it was added, as the signed stream says it for ever.';
COMMENT ON COLUMN registry_entry.key_mac IS 'A MAC of the list and the entry''s strongest hash: finds the same again without opening anything.';
COMMENT ON COLUMN registry_entry.sealed IS 'Its hashes, sealed with a key that is not in the database.';
COMMENT ON COLUMN registry_entry.reference IS 'The supplier''s own name for it.';
COMMENT ON COLUMN registry_entry.added_by IS 'Who added it by itself; NULL where a batch did.';
COMMENT ON COLUMN registry_entry.origin_id IS 'Its id at the installation at which we follow the list.';
COMMENT ON COLUMN registry_entry.replaces IS 'The entry of which it is the correction.';
CREATE UNIQUE INDEX registry_entry_key ON registry_entry (key_mac) WHERE state <> 'withdrawn';
-- What was withdrawn here does not come back with the supplier's next file.
CREATE INDEX registry_entry_withdrawn ON registry_entry (key_mac) WHERE state = 'withdrawn';
CREATE INDEX registry_entry_list ON registry_entry (list_id, id);
CREATE INDEX registry_entry_state ON registry_entry (list_id, state, id) WHERE state <> 'active';
CREATE INDEX registry_entry_reference ON registry_entry (reference) WHERE reference IS NOT NULL;
CREATE UNIQUE INDEX registry_entry_origin ON registry_entry (list_id, origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX registry_entry_replaces ON registry_entry (replaces) WHERE replaces IS NOT NULL;
GRANT SELECT, INSERT ON registry_entry TO vangnet_runtime;
GRANT UPDATE (state, withdrawn_at, withdrawn_by, withdrawn_why) ON registry_entry TO vangnet_runtime;

CREATE TABLE registry_change (
    seq         bigint PRIMARY KEY,
    kind        text NOT NULL,
    list_id     uuid NOT NULL REFERENCES registry_list,
    entry_id    bigint REFERENCES registry_entry,
    category_id integer REFERENCES registry_category,
    value       text,
    reason      text,
    at          timestamptz NOT NULL,
    actor       text NOT NULL
);
COMMENT ON TABLE registry_change IS
    'All changes but additions, which are the entries themselves: the two together, in order of their numbers, are the stream.';
COMMENT ON COLUMN registry_change.value IS 'What it is from now on: a state, a classification, a name.';
COMMENT ON COLUMN registry_change.reason IS 'Why, in the words of whoever did it.';
CREATE INDEX registry_change_list ON registry_change (list_id, seq);
CREATE INDEX registry_change_entry ON registry_change (entry_id, seq) WHERE entry_id IS NOT NULL;
GRANT SELECT, INSERT ON registry_change TO vangnet_runtime;

CREATE TABLE registry_opinion (
    entry_id  bigint NOT NULL REFERENCES registry_entry,
    by_party  uuid REFERENCES party,
    by_person text NOT NULL,
    agrees    boolean NOT NULL,
    reason    text,
    at        timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (entry_id, by_party, by_person)
);
COMMENT ON TABLE registry_opinion IS 'Who says that an entry belongs on its list, or does not; the last word of each.';
COMMENT ON COLUMN registry_opinion.by_party IS 'For which party; NULL for ourselves.';
GRANT SELECT, INSERT ON registry_opinion TO vangnet_runtime;
GRANT UPDATE (agrees, reason, at) ON registry_opinion TO vangnet_runtime;

-- --- safeguards ---

CREATE TABLE registry_known_good (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL,
    set_name text NOT NULL,
    mac      uuid NOT NULL UNIQUE,
    sealed   bytea NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL
);
COMMENT ON TABLE registry_known_good IS 'Harmless pictures that are found everywhere and must never be listed: default pictures, icons, emoji.';
COMMENT ON COLUMN registry_known_good.name IS 'The file''s name inside its set.';
COMMENT ON COLUMN registry_known_good.mac IS 'A MAC of the file''s digest: the same file is kept once.';
CREATE INDEX registry_known_good_set ON registry_known_good (set_name, id);
GRANT SELECT, INSERT ON registry_known_good TO vangnet_runtime;

CREATE TABLE registry_collision (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list_id       uuid NOT NULL REFERENCES registry_list,
    entry_id      bigint NOT NULL REFERENCES registry_entry,
    against       text NOT NULL CHECK (against IN ('known_good', 'flood')),
    known_good_id bigint REFERENCES registry_known_good,
    algorithm     text,
    distance      smallint,
    found_at      timestamptz NOT NULL,
    resolved_at   timestamptz,
    resolved_by   text,
    resolution    text CHECK (resolution IN ('withdrawn', 'kept')),
    CHECK (num_nulls(resolved_at, resolved_by, resolution) IN (0, 3)),
    CHECK ((against = 'known_good') = (known_good_id IS NOT NULL))
);
COMMENT ON TABLE registry_collision IS 'Entries that a safeguard stopped, until a person decides: withdrawn, or kept after all.';
CREATE INDEX registry_collision_open ON registry_collision (list_id, id) WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX registry_collision_entry ON registry_collision (entry_id, against) WHERE resolved_at IS NULL;
CREATE INDEX registry_collision_kept ON registry_collision (entry_id) WHERE resolution = 'kept';
CREATE INDEX registry_collision_list ON registry_collision (list_id, id);
GRANT SELECT, INSERT ON registry_collision TO vangnet_runtime;
GRANT UPDATE (resolved_at, resolved_by, resolution) ON registry_collision TO vangnet_runtime;

-- --- what entries did ---

CREATE TABLE registry_match (
    id             uuid PRIMARY KEY,
    list_id        uuid NOT NULL REFERENCES registry_list,
    entry_id       bigint NOT NULL REFERENCES registry_entry,
    reference      text NOT NULL,
    distance       smallint NOT NULL CHECK (distance BETWEEN 0 AND 256),
    at             timestamptz NOT NULL,
    revised_seq    bigint,
    revised_at     timestamptz,
    revised_reason text,
    told_at        timestamptz,
    CHECK (num_nulls(revised_seq, revised_at) IN (0, 2))
);
COMMENT ON TABLE registry_match IS 'Decisions that rested on an entry, so that they can be revised when the entry does not stand.';
COMMENT ON COLUMN registry_match.reference IS 'The name of the decision at whoever made it; what was decided on is not known here.';
COMMENT ON COLUMN registry_match.revised_seq IS 'The change by which its entry ceased to stand; what is asked for page by page.';
CREATE INDEX registry_match_entry ON registry_match (entry_id) WHERE revised_seq IS NULL;
CREATE INDEX registry_match_list ON registry_match (list_id) WHERE revised_seq IS NULL;
CREATE INDEX registry_match_revised ON registry_match (revised_seq, id) WHERE revised_seq IS NOT NULL;
CREATE INDEX registry_match_untold ON registry_match (revised_at) WHERE revised_seq IS NOT NULL AND told_at IS NULL;
GRANT SELECT, INSERT ON registry_match TO vangnet_runtime;
GRANT UPDATE (revised_seq, revised_at, revised_reason, told_at) ON registry_match TO vangnet_runtime;

CREATE TABLE registry_match_hour (
    entry_id bigint NOT NULL REFERENCES registry_entry,
    hour     timestamptz NOT NULL,
    list_id  uuid NOT NULL REFERENCES registry_list,
    matches  bigint NOT NULL CHECK (matches > 0),
    PRIMARY KEY (entry_id, hour)
);
COMMENT ON TABLE registry_match_hour IS 'How often each entry matched, by the hour: for the flood stop, the trial and the graphs.';
CREATE INDEX registry_match_hour_list ON registry_match_hour (list_id, hour);
GRANT SELECT, INSERT ON registry_match_hour TO vangnet_runtime;
GRANT UPDATE (matches) ON registry_match_hour TO vangnet_runtime;

CREATE TABLE registry_dispute (
    id          uuid PRIMARY KEY,
    list_id     uuid NOT NULL REFERENCES registry_list,
    entry_id    bigint NOT NULL REFERENCES registry_entry,
    by_party    uuid REFERENCES party,
    by_person   text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    opened_at   timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('open', 'upheld', 'withdrawn', 'corrected')),
    reviewer    text,
    answer      text,
    answered_at timestamptz,
    entry_state text NOT NULL,
    handoff_id  uuid,
    CHECK (num_nulls(reviewer, answer, answered_at) IN (0, 3)),
    CHECK ((state = 'open') = (answered_at IS NULL))
);
COMMENT ON TABLE registry_dispute IS 'Entries that somebody contests, and what a reviewer answered.';
COMMENT ON COLUMN registry_dispute.by_party IS 'Which party contests it; NULL for ourselves.';
COMMENT ON COLUMN registry_dispute.entry_state IS 'The entry''s state before, to which it returns where the listing is upheld.';
COMMENT ON COLUMN registry_dispute.handoff_id IS 'The hand-off with which it came, or with which we sent it on.';
CREATE UNIQUE INDEX registry_dispute_open ON registry_dispute (entry_id) WHERE state = 'open';
CREATE INDEX registry_dispute_due ON registry_dispute (due_at, id) WHERE state = 'open';
CREATE INDEX registry_dispute_list ON registry_dispute (list_id, opened_at);
CREATE UNIQUE INDEX registry_dispute_handoff ON registry_dispute (handoff_id) WHERE handoff_id IS NOT NULL;
GRANT SELECT, INSERT ON registry_dispute TO vangnet_runtime;
GRANT UPDATE (state, reviewer, answer, answered_at, handoff_id) ON registry_dispute TO vangnet_runtime;

-- --- who follows what, and what counts here ---

CREATE TABLE registry_share (
    list_id      uuid NOT NULL REFERENCES registry_list,
    party_id     uuid NOT NULL REFERENCES party,
    given_by     text NOT NULL,
    given_at     timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz,
    CHECK (num_nulls(withdrawn_by, withdrawn_at) IN (0, 2))
);
COMMENT ON TABLE registry_share IS 'Which party may follow which of our lists, and might before.';
CREATE UNIQUE INDEX registry_share_open ON registry_share (list_id, party_id) WHERE withdrawn_at IS NULL;
CREATE INDEX registry_share_party ON registry_share (party_id);
GRANT SELECT, INSERT ON registry_share TO vangnet_runtime;
GRANT UPDATE (withdrawn_by, withdrawn_at) ON registry_share TO vangnet_runtime;

CREATE TABLE registry_subscription (
    id            uuid PRIMARY KEY,
    hub_party_id  uuid NOT NULL UNIQUE REFERENCES party,
    position      bigint NOT NULL DEFAULT 0,
    chain         bytea NOT NULL CHECK (octet_length(chain) = 32),
    hub_position  bigint NOT NULL DEFAULT 0,
    state         text NOT NULL CHECK (state IN ('following', 'broken', 'stopped')),
    fault         text CHECK ((fault IS NOT NULL) = (state = 'broken')),
    problem       text,
    state_at      timestamptz NOT NULL,
    last_heard_at timestamptz,
    subscribed_by text NOT NULL,
    subscribed_at timestamptz NOT NULL
);
COMMENT ON TABLE registry_subscription IS 'The installations whose stream of changes we follow, each with how far and with which chain.';
COMMENT ON COLUMN registry_subscription.position IS 'The last change that was read and written here, in one transaction.';
COMMENT ON COLUMN registry_subscription.hub_position IS 'The last change that the hub had when it was last heard.';
COMMENT ON COLUMN registry_subscription.fault IS 'What was wrong with the page that was not believed.';
COMMENT ON COLUMN registry_subscription.problem IS 'Why it is broken, or why the hub is not heard now; words of ours, never of the other side.';
GRANT SELECT, INSERT ON registry_subscription TO vangnet_runtime;
GRANT UPDATE (position, chain, hub_position, state, fault, problem, state_at, last_heard_at, subscribed_by, subscribed_at)
    ON registry_subscription TO vangnet_runtime;

CREATE TABLE registry_subscribed_list (
    subscription_id uuid NOT NULL REFERENCES registry_subscription,
    origin_list_id  uuid NOT NULL,
    list_id         uuid NOT NULL UNIQUE REFERENCES registry_list,
    hub_state       text NOT NULL CHECK (hub_state IN ('quarantined', 'trial', 'active', 'suspended')),
    shared          boolean NOT NULL,
    position        bigint,
    chain           bytea CHECK (octet_length(chain) = 32),
    PRIMARY KEY (subscription_id, origin_list_id),
    CHECK (num_nulls(position, chain) IN (0, 2))
);
COMMENT ON TABLE registry_subscribed_list IS 'The lists of a subscription, each with what the hub says of it.';
COMMENT ON COLUMN registry_subscribed_list.shared IS 'Whether the hub still shares it; one that it does not counts no more.';
COMMENT ON COLUMN registry_subscribed_list.position IS
    'How far a list has been read that is still read by itself, from the start on; NULL once it stands where the subscription does.';
GRANT SELECT, INSERT, DELETE ON registry_subscribed_list TO vangnet_runtime;
GRANT UPDATE (hub_state, shared, position, chain) ON registry_subscribed_list TO vangnet_runtime;

CREATE TABLE registry_entry_suspension (
    entry_id     bigint PRIMARY KEY REFERENCES registry_entry,
    keeper_state text NOT NULL CHECK (keeper_state IN ('proposed', 'active', 'disputed', 'suspended')),
    at           timestamptz NOT NULL
);
COMMENT ON TABLE registry_entry_suspension IS 'Entries of followed lists that are suspended here, whatever the hub says of them.';
COMMENT ON COLUMN registry_entry_suspension.keeper_state IS 'What the hub says of it: its state once the suspension is lifted.';
GRANT SELECT, INSERT, DELETE ON registry_entry_suspension TO vangnet_runtime;
GRANT UPDATE (keeper_state) ON registry_entry_suspension TO vangnet_runtime;

CREATE TABLE registry_choice (
    list_id         uuid PRIMARY KEY REFERENCES registry_list,
    enabled         boolean NOT NULL,
    classifications text[] NOT NULL,
    radius          smallint NOT NULL CHECK (radius BETWEEN 0 AND 64),
    chosen_by       text NOT NULL,
    chosen_at       timestamptz NOT NULL
);
COMMENT ON TABLE registry_choice IS 'What this installation lets decide of each list; without a row, the list as it is.';
GRANT SELECT, INSERT ON registry_choice TO vangnet_runtime;
GRANT UPDATE (enabled, classifications, radius, chosen_by, chosen_at) ON registry_choice TO vangnet_runtime;

-- --- third parties' services ---

CREATE TABLE registry_source (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (name <> ''),
    kind        text NOT NULL CHECK (kind IN ('ncmec', 'stopncii')),
    list_id     uuid NOT NULL REFERENCES registry_list,
    base_url    text NOT NULL,
    credentials bytea NOT NULL,
    state       text NOT NULL CHECK (state IN ('active', 'stopped')),
    place       text,
    fetched_at  timestamptz,
    failures    integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    problem     text CHECK ((problem IS NULL) = (failures = 0)),
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL
);
COMMENT ON TABLE registry_source IS 'Services of third parties from which lists are fetched.';
COMMENT ON COLUMN registry_source.credentials IS 'How we show who we are there, sealed with a key that is not in the database.';
COMMENT ON COLUMN registry_source.place IS
    'Where the next pass begins, in the words of its kind; how far a pass is under way stands with its batch.';
COMMENT ON COLUMN registry_source.problem IS 'The code of what went wrong last; NULL since it went well.';
CREATE UNIQUE INDEX registry_source_name ON registry_source (lower(name));
CREATE INDEX registry_source_list ON registry_source (list_id);
GRANT SELECT, INSERT ON registry_source TO vangnet_runtime;
GRANT UPDATE (credentials, state, place, fetched_at, failures, problem) ON registry_source TO vangnet_runtime;

CREATE TABLE registry_feedback (
    id          uuid PRIMARY KEY,
    source_id   uuid NOT NULL REFERENCES registry_source,
    entry_id    bigint NOT NULL REFERENCES registry_entry,
    agrees      boolean NOT NULL,
    reason      text,
    state       text NOT NULL CHECK (state IN ('waiting', 'sent', 'refused')),
    problem     text,
    given_by    text NOT NULL,
    given_at    timestamptz NOT NULL,
    answered_at timestamptz CHECK ((answered_at IS NULL) = (state = 'waiting')),
    CHECK (agrees OR reason IS NOT NULL)
);
COMMENT ON TABLE registry_feedback IS 'What we told a third party of its entries, and whether it took it.';
COMMENT ON COLUMN registry_feedback.reason IS 'Why not, by the name that the third party has for it.';
CREATE INDEX registry_feedback_entry ON registry_feedback (entry_id, given_at);
CREATE INDEX registry_feedback_source ON registry_feedback (source_id, given_at);
GRANT SELECT, INSERT ON registry_feedback TO vangnet_runtime;
GRANT UPDATE (state, problem, answered_at) ON registry_feedback TO vangnet_runtime;
