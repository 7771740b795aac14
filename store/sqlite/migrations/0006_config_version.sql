-- Counts how often the pipelines of a repository were replaced: what was decoded of them counts while it stays the same.
ALTER TABLE repo ADD COLUMN config_version INTEGER NOT NULL DEFAULT 0;
