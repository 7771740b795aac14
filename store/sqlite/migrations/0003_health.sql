-- What the checks said last that the newest success of a Stage registered.
CREATE TABLE health (
	repo       INTEGER NOT NULL REFERENCES repo (id),
	stage      TEXT    NOT NULL,
	promotion  TEXT    NOT NULL,
	state      TEXT    NOT NULL CHECK (state IN ('Healthy', 'NotApplicable', 'Progressing', 'Unknown', 'Unhealthy')),
	issues     TEXT    NOT NULL,
	since      INTEGER NOT NULL,
	checked_at INTEGER NOT NULL,
	wake       INTEGER,
	wake_on    TEXT    NOT NULL,
	PRIMARY KEY (repo, stage)
) STRICT, WITHOUT ROWID;

-- The events that tell of a change of health.
CREATE TABLE health_wait (
	event TEXT    NOT NULL,
	repo  INTEGER NOT NULL,
	stage TEXT    NOT NULL,
	PRIMARY KEY (event, repo, stage),
	FOREIGN KEY (repo, stage) REFERENCES health (repo, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX health_wait_stage ON health_wait (repo, stage);
