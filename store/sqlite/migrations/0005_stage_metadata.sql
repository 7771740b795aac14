-- What steps noted about Stages.
CREATE TABLE stage_metadata (
	repo  INTEGER NOT NULL REFERENCES repo (id),
	stage TEXT    NOT NULL,
	key   TEXT    NOT NULL,
	value TEXT    NOT NULL,
	PRIMARY KEY (repo, stage, key)
) STRICT, WITHOUT ROWID;
