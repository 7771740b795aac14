package store

import (
	"encoding/json"
	"time"
)

// RemoteObject is something the bot created on GitHub, such as a check run, a
// deployment or a comment.
type RemoteObject struct {
	// Kind and Key are ours: "deployment", "prod-142". Of what belongs to a Promotion
	// or VerificationRun, its id begins the Key, up to the end, a blank or "@".
	Kind, Key string
	// ID is GitHub's; 0 while creation was begun but is not known to have
	// happened.
	ID int64
	// Hash identifies the content last published.
	Hash    string
	BegunAt time.Time
}

// TagRecord caches what a registry said about one tag.
type TagRecord struct {
	Tag, Digest string
	Created     time.Time
	// Data is whatever else the caller wants to keep, as JSON.
	Data json.RawMessage
}
