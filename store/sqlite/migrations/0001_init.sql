-- Times are microseconds since 1970 in UTC, passed in by the caller; NULL means never.

CREATE TABLE delivery (
	guid        TEXT    NOT NULL PRIMARY KEY CHECK (guid <> ''),
	event       TEXT    NOT NULL,
	body        BLOB    NOT NULL,
	received_at INTEGER NOT NULL,
	done_at     INTEGER,
	failed_at   INTEGER,
	attempts    INTEGER NOT NULL DEFAULT 0,
	last_error  TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX delivery_age ON delivery (received_at);

-- Free: due is set, leased_until and claimed_due are not. Claimed: leased_until is set, claimed_due is what due was, and
-- due is NULL until somebody asks for the job again.
CREATE TABLE work (
	kind         TEXT    NOT NULL CHECK (kind IN ('delivery', 'reconcile', 'stage')),
	key          TEXT    NOT NULL CHECK (key <> ''),
	due          INTEGER,
	leased_until INTEGER,
	claimed_due  INTEGER,
	attempts     INTEGER NOT NULL DEFAULT 0,
	token        INTEGER NOT NULL,
	-- The newest signal that the holder of the claim can have seen.
	signal_seq   INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (kind, key),
	CHECK (due IS NOT NULL OR leased_until IS NOT NULL),
	CHECK ((leased_until IS NULL) = (claimed_due IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX work_free ON work (kind, due) WHERE leased_until IS NULL;
CREATE INDEX work_leased ON work (leased_until) WHERE leased_until IS NOT NULL;

-- The greatest token of any finished job. A job that comes back starts from it, so tokens of one key never repeat.
CREATE TABLE fence (
	one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	token INTEGER NOT NULL
) STRICT;
INSERT INTO fence (one, token) VALUES (1, 0);
CREATE TRIGGER work_fence AFTER DELETE ON work BEGIN
	UPDATE fence SET token = max(token, OLD.token);
END;

-- Events that happened lately, for Promotions that were about to wait for them.
CREATE TABLE signal (
	seq   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	event TEXT    NOT NULL UNIQUE,
	at    INTEGER NOT NULL
) STRICT;
CREATE INDEX signal_age ON signal (at);

CREATE TABLE repo (
	id             INTEGER NOT NULL PRIMARY KEY,
	installation   INTEGER NOT NULL,
	owner          TEXT    NOT NULL COLLATE NOCASE,
	name           TEXT    NOT NULL COLLATE NOCASE,
	default_branch TEXT    NOT NULL,
	private        INTEGER NOT NULL CHECK (private IN (0, 1)),
	removed        INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)),
	updated_at     INTEGER NOT NULL,
	config_sha     TEXT    NOT NULL DEFAULT '',
	config_blob    TEXT    NOT NULL DEFAULT '',
	pipeline       TEXT,
	seen_sha       TEXT    NOT NULL DEFAULT '',
	seen_blob      TEXT    NOT NULL DEFAULT '',
	problems       TEXT
) STRICT;
-- Not unique: GitHub may give a name to another repository before the bot hears of the rename.
CREATE INDEX repo_name ON repo (owner, name);
CREATE INDEX repo_installation ON repo (installation);

CREATE TABLE warehouse (
	repo          INTEGER NOT NULL REFERENCES repo (id),
	name          TEXT    NOT NULL,
	spec          TEXT    NOT NULL,
	due           INTEGER NOT NULL,
	discovered_at INTEGER,
	error         TEXT    NOT NULL DEFAULT '',
	discovery     TEXT,
	hints         INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (repo, name)
) STRICT;

CREATE TABLE subscription (
	repo      INTEGER NOT NULL,
	warehouse TEXT    NOT NULL,
	kind      TEXT    NOT NULL,
	url       TEXT    NOT NULL,
	PRIMARY KEY (kind, url, repo, warehouse),
	FOREIGN KEY (repo, warehouse) REFERENCES warehouse (repo, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_warehouse ON subscription (repo, warehouse);

CREATE TABLE freight (
	repo          INTEGER NOT NULL REFERENCES repo (id),
	id            TEXT    NOT NULL,
	alias         TEXT    NOT NULL,
	warehouse     TEXT    NOT NULL,
	discovered_at INTEGER NOT NULL,
	artifacts     TEXT    NOT NULL,
	PRIMARY KEY (repo, id),
	UNIQUE (repo, alias)
) STRICT;

CREATE TABLE mark (
	repo          INTEGER NOT NULL,
	stage         TEXT    NOT NULL,
	freight       TEXT    NOT NULL,
	warehouse     TEXT    NOT NULL,
	verified_at   INTEGER,
	approved_at   INTEGER,
	current_since INTEGER,
	longest_soak  INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (repo, stage, freight),
	FOREIGN KEY (repo, freight) REFERENCES freight (repo, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mark_current ON mark (repo, stage, warehouse) WHERE current_since IS NOT NULL;

CREATE TABLE hold (
	repo       INTEGER NOT NULL,
	stage      TEXT    NOT NULL,
	warehouse  TEXT    NOT NULL,
	freight    TEXT    NOT NULL,
	promotion  TEXT    NOT NULL,
	actor      TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (repo, stage, warehouse),
	FOREIGN KEY (repo, freight) REFERENCES freight (repo, id)
) STRICT, WITHOUT ROWID;

-- Pipeline name, vars and Stage as Promotions saw them, once for all Promotions that saw the same.
CREATE TABLE spec (
	hash BLOB NOT NULL PRIMARY KEY,
	body TEXT NOT NULL
) STRICT;

CREATE TABLE promotion (
	repo            INTEGER NOT NULL REFERENCES repo (id),
	id              TEXT    NOT NULL,
	-- Given at creation, never changed.
	stage           TEXT    NOT NULL,
	seq             INTEGER NOT NULL CHECK (seq > 0),
	freight         TEXT    NOT NULL,
	collection      TEXT    NOT NULL,
	spec            BLOB    NOT NULL REFERENCES spec (hash),
	config_sha      TEXT    NOT NULL,
	reason          TEXT    NOT NULL,
	actor           TEXT    NOT NULL,
	source          INTEGER NOT NULL,
	hold_intent     TEXT    NOT NULL CHECK (hold_intent IN ('', 'hold', 'resume')),
	created_at      INTEGER NOT NULL,
	-- Written by whoever asks for the end.
	abort_requested TEXT    NOT NULL DEFAULT '',
	-- Written by the holder of the Stage's job.
	phase           TEXT    NOT NULL CHECK (phase IN ('Pending', 'Running', 'Succeeded', 'Aborted', 'Failed', 'Errored')),
	message         TEXT    NOT NULL DEFAULT '',
	started_at      INTEGER,
	finished_at     INTEGER,
	previous        TEXT,
	rewinds         INTEGER NOT NULL DEFAULT 0,
	steps           TEXT    NOT NULL,
	pull            INTEGER,
	reported        INTEGER NOT NULL DEFAULT 0 CHECK (reported IN (0, 1)),
	-- The newest finished one of its Stage and Freight.
	newest          INTEGER NOT NULL DEFAULT 0 CHECK (newest IN (0, 1)),
	PRIMARY KEY (repo, id),
	UNIQUE (repo, stage, seq),
	FOREIGN KEY (repo, freight) REFERENCES freight (repo, id),
	FOREIGN KEY (repo, previous) REFERENCES freight (repo, id)
) STRICT;
CREATE UNIQUE INDEX promotion_running ON promotion (repo, stage) WHERE phase = 'Running';
CREATE UNIQUE INDEX promotion_open ON promotion (repo, stage, freight) WHERE phase IN ('Pending', 'Running');
CREATE UNIQUE INDEX promotion_newest ON promotion (repo, stage, freight) WHERE newest = 1;
CREATE INDEX promotion_unreported ON promotion (repo, stage, seq) WHERE reported = 0;
CREATE INDEX promotion_created ON promotion (repo, created_at, seq);
CREATE INDEX promotion_pull ON promotion (repo, pull, created_at, seq) WHERE pull IS NOT NULL;

-- The events that the running step of a Promotion waits for.
CREATE TABLE wait (
	event     TEXT    NOT NULL,
	repo      INTEGER NOT NULL,
	promotion TEXT    NOT NULL,
	stage     TEXT    NOT NULL,
	PRIMARY KEY (event, repo, promotion),
	FOREIGN KEY (repo, promotion) REFERENCES promotion (repo, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX wait_promotion ON wait (repo, promotion);

CREATE TABLE intent (
	seq         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	repo        INTEGER NOT NULL REFERENCES repo (id),
	id          TEXT    NOT NULL,
	received_at INTEGER NOT NULL,
	body        TEXT    NOT NULL,
	resolved_at INTEGER,
	promotion   TEXT    NOT NULL DEFAULT '',
	-- NULL unless refused.
	message     TEXT,
	hint        TEXT    NOT NULL DEFAULT '',
	answered_at INTEGER,
	UNIQUE (repo, id),
	CHECK (answered_at IS NULL OR resolved_at IS NOT NULL)
) STRICT;
CREATE INDEX intent_open ON intent (repo, received_at) WHERE answered_at IS NULL;

CREATE TABLE remote (
	repo     INTEGER NOT NULL REFERENCES repo (id),
	kind     TEXT    NOT NULL,
	key      TEXT    NOT NULL,
	id       INTEGER NOT NULL DEFAULT 0,
	hash     TEXT    NOT NULL DEFAULT '',
	begun_at INTEGER NOT NULL,
	PRIMARY KEY (repo, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
	url     TEXT    NOT NULL,
	tag     TEXT    NOT NULL,
	digest  TEXT    NOT NULL,
	created INTEGER,
	data    TEXT,
	PRIMARY KEY (url, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
	key   TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
