-- Rows that others refer to are moved to new tables here, so this runs without foreign keys, which are checked at its end.

-- A repository has several pipelines. Names of an included one's Warehouses and Stages begin with its own: "shop/test";
-- the pipeline is '' for those without a slash.
ALTER TABLE repo ADD COLUMN included TEXT;

-- What only counts of a Stage: numbers that are never given twice, and how often its marks and its history changed, so
-- that readers can tell whether what they remember still holds. Rows are never deleted.
CREATE TABLE stage (
	repo          INTEGER NOT NULL REFERENCES repo (id),
	name          TEXT    NOT NULL,
	pipeline      TEXT    NOT NULL GENERATED ALWAYS AS (substr(name, 1, max(instr(name, '/') - 1, 0))) STORED,
	promotions    INTEGER NOT NULL DEFAULT 0,
	verifications INTEGER NOT NULL DEFAULT 0,
	marked        INTEGER NOT NULL DEFAULT 0,
	changed       INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (repo, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX stage_pipeline ON stage (repo, pipeline, name);
INSERT INTO stage (repo, name, promotions)
SELECT repo, stage, max(seq) FROM (
	SELECT repo, stage, seq FROM promotion
	UNION ALL
	SELECT repo, stage, 0 FROM mark
) GROUP BY repo, stage;

-- Freight that was deleted stays while history names it, but its alias is free.
CREATE TABLE freight_2 (
	repo          INTEGER NOT NULL REFERENCES repo (id),
	id            TEXT    NOT NULL,
	alias         TEXT    NOT NULL,
	warehouse     TEXT    NOT NULL,
	pipeline      TEXT    NOT NULL GENERATED ALWAYS AS (substr(warehouse, 1, max(instr(warehouse, '/') - 1, 0))) STORED,
	discovered_at INTEGER NOT NULL,
	artifacts     TEXT    NOT NULL,
	deleted_at    INTEGER,
	PRIMARY KEY (repo, id)
) STRICT;
INSERT INTO freight_2 (repo, id, alias, warehouse, discovered_at, artifacts)
SELECT repo, id, alias, warehouse, discovered_at, artifacts FROM freight;
DROP TABLE freight;
ALTER TABLE freight_2 RENAME TO freight;
CREATE UNIQUE INDEX freight_alias ON freight (repo, pipeline, alias) WHERE deleted_at IS NULL;
CREATE INDEX freight_deleted ON freight (repo) WHERE deleted_at IS NOT NULL;

CREATE TABLE freight_metadata (
	repo    INTEGER NOT NULL,
	freight TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	value   TEXT    NOT NULL,
	PRIMARY KEY (repo, freight, key),
	FOREIGN KEY (repo, freight) REFERENCES freight (repo, id)
) STRICT, WITHOUT ROWID;

ALTER TABLE mark ADD COLUMN left_at INTEGER;
UPDATE mark SET left_at = (
	SELECT max(p.finished_at) FROM promotion AS p
	WHERE p.repo = mark.repo AND p.stage = mark.stage AND p.previous = mark.freight AND p.phase = 'Succeeded')
WHERE current_since IS NULL;
CREATE INDEX mark_freight ON mark (repo, freight);

-- One that a person asked for has neither Freight nor Promotion.
CREATE TABLE hold_2 (
	repo       INTEGER NOT NULL REFERENCES repo (id),
	stage      TEXT    NOT NULL,
	warehouse  TEXT    NOT NULL,
	freight    TEXT,
	promotion  TEXT,
	actor      TEXT    NOT NULL,
	reason     TEXT    NOT NULL DEFAULT '',
	created_at INTEGER NOT NULL,
	PRIMARY KEY (repo, stage, warehouse),
	FOREIGN KEY (repo, freight) REFERENCES freight (repo, id)
) STRICT, WITHOUT ROWID;
INSERT INTO hold_2 (repo, stage, warehouse, freight, promotion, actor, created_at)
SELECT repo, stage, warehouse, nullif(freight, ''), nullif(promotion, ''), actor, created_at FROM hold;
DROP TABLE hold;
ALTER TABLE hold_2 RENAME TO hold;

CREATE TABLE freeze (
	repo     INTEGER NOT NULL REFERENCES repo (id),
	pipeline TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	actor    TEXT    NOT NULL,
	since    INTEGER,
	until    INTEGER,
	PRIMARY KEY (repo, pipeline)
) STRICT, WITHOUT ROWID;

ALTER TABLE promotion ADD COLUMN rollback INTEGER NOT NULL DEFAULT 0 CHECK (rollback IN (0, 1));
ALTER TABLE promotion ADD COLUMN abort_as TEXT NOT NULL DEFAULT '';
ALTER TABLE promotion ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
CREATE INDEX promotion_spec ON promotion (spec);

-- Approvals given by command, in order.
CREATE TABLE promotion_approval (
	seq       INTEGER NOT NULL PRIMARY KEY,
	repo      INTEGER NOT NULL,
	promotion TEXT    NOT NULL,
	login     TEXT    NOT NULL,
	head      TEXT    NOT NULL,
	body      TEXT    NOT NULL,
	UNIQUE (repo, promotion, login, head),
	FOREIGN KEY (repo, promotion) REFERENCES promotion (repo, id)
) STRICT;

CREATE TABLE verification (
	repo            INTEGER NOT NULL REFERENCES repo (id),
	id              TEXT    NOT NULL,
	-- Given at creation, never changed.
	stage           TEXT    NOT NULL,
	seq             INTEGER NOT NULL CHECK (seq > 0),
	collection      TEXT    NOT NULL,
	-- The same for the same Freight in any order.
	collection_key  TEXT    NOT NULL,
	spec            BLOB    NOT NULL REFERENCES spec (hash),
	promotion       TEXT    NOT NULL,
	commit_id       TEXT    NOT NULL,
	commit_repo     TEXT    NOT NULL,
	again           INTEGER NOT NULL CHECK (again IN (0, 1)),
	actor           TEXT    NOT NULL,
	reason          TEXT    NOT NULL,
	created_at      INTEGER NOT NULL,
	-- Written by whoever asks for the end.
	abort_requested TEXT    NOT NULL DEFAULT '',
	-- Written by the holder of the Stage's job.
	phase           TEXT    NOT NULL CHECK (phase IN ('Pending', 'Running', 'Successful', 'Failed', 'Error', 'Aborted', 'Inconclusive')),
	state           TEXT    NOT NULL,
	started_at      INTEGER,
	finished_at     INTEGER,
	wake            INTEGER,
	reported        INTEGER NOT NULL DEFAULT 0 CHECK (reported IN (0, 1)),
	-- The newest finished one of its Stage and collection.
	newest          INTEGER NOT NULL DEFAULT 0 CHECK (newest IN (0, 1)),
	PRIMARY KEY (repo, id),
	UNIQUE (repo, stage, seq)
) STRICT;
CREATE UNIQUE INDEX verification_open ON verification (repo, stage) WHERE phase IN ('Pending', 'Running');
CREATE UNIQUE INDEX verification_newest ON verification (repo, stage, collection_key) WHERE newest = 1;
CREATE INDEX verification_unreported ON verification (repo, stage, seq) WHERE reported = 0;
CREATE INDEX verification_spec ON verification (spec);

-- The events that a VerificationRun waits for.
CREATE TABLE verification_wait (
	event        TEXT    NOT NULL,
	repo         INTEGER NOT NULL,
	verification TEXT    NOT NULL,
	stage        TEXT    NOT NULL,
	PRIMARY KEY (event, repo, verification),
	FOREIGN KEY (repo, verification) REFERENCES verification (repo, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX verification_wait_verification ON verification_wait (repo, verification);

ALTER TABLE intent ADD COLUMN pipeline TEXT NOT NULL DEFAULT '';
ALTER TABLE intent ADD COLUMN verification TEXT NOT NULL DEFAULT '';
ALTER TABLE intent ADD COLUMN freight TEXT NOT NULL DEFAULT '';
CREATE INDEX intent_answered ON intent (repo, answered_at) WHERE answered_at IS NOT NULL;

-- Encrypted by the caller.
CREATE TABLE secret (
	repo       INTEGER NOT NULL REFERENCES repo (id),
	name       TEXT    NOT NULL CHECK (name <> ''),
	ciphertext BLOB    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (repo, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential (
	repo       INTEGER NOT NULL REFERENCES repo (id),
	kind       TEXT    NOT NULL CHECK (kind IN ('git', 'image', 'chart')),
	url        TEXT    NOT NULL CHECK (url <> ''),
	regex      INTEGER NOT NULL CHECK (regex IN (0, 1)),
	username   TEXT    NOT NULL,
	ciphertext BLOB    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (repo, kind, url)
) STRICT, WITHOUT ROWID;

-- Whatever a snapshot shows of a Stage counts its changes.
CREATE TRIGGER mark_inserted AFTER INSERT ON mark BEGIN
	INSERT INTO stage (repo, name, marked) VALUES (NEW.repo, NEW.stage, 1)
	ON CONFLICT (repo, name) DO UPDATE SET marked = marked + 1;
END;
CREATE TRIGGER mark_updated AFTER UPDATE ON mark BEGIN
	UPDATE stage SET marked = marked + 1 WHERE repo = NEW.repo AND name = NEW.stage;
END;
CREATE TRIGGER mark_deleted AFTER DELETE ON mark BEGIN
	UPDATE stage SET marked = marked + 1 WHERE repo = OLD.repo AND name = OLD.stage;
END;
CREATE TRIGGER promotion_inserted AFTER INSERT ON promotion BEGIN
	INSERT INTO stage (repo, name, promotions, changed) VALUES (NEW.repo, NEW.stage, NEW.seq, 1)
	ON CONFLICT (repo, name) DO UPDATE SET promotions = max(promotions, excluded.promotions), changed = changed + 1;
END;
CREATE TRIGGER promotion_updated AFTER UPDATE ON promotion BEGIN
	UPDATE stage SET changed = changed + 1 WHERE repo = NEW.repo AND name = NEW.stage;
END;
CREATE TRIGGER promotion_deleted AFTER DELETE ON promotion BEGIN
	UPDATE stage SET changed = changed + 1 WHERE repo = OLD.repo AND name = OLD.stage;
END;
CREATE TRIGGER promotion_approved AFTER INSERT ON promotion_approval BEGIN
	UPDATE stage SET changed = changed + 1
	WHERE repo = NEW.repo AND name = (SELECT p.stage FROM promotion AS p WHERE p.repo = NEW.repo AND p.id = NEW.promotion);
END;
CREATE TRIGGER verification_inserted AFTER INSERT ON verification BEGIN
	INSERT INTO stage (repo, name, verifications, changed) VALUES (NEW.repo, NEW.stage, NEW.seq, 1)
	ON CONFLICT (repo, name) DO UPDATE SET verifications = max(verifications, excluded.verifications), changed = changed + 1;
END;
CREATE TRIGGER verification_updated AFTER UPDATE ON verification BEGIN
	UPDATE stage SET changed = changed + 1 WHERE repo = NEW.repo AND name = NEW.stage;
END;
CREATE TRIGGER verification_deleted AFTER DELETE ON verification BEGIN
	UPDATE stage SET changed = changed + 1 WHERE repo = OLD.repo AND name = OLD.stage;
END;
