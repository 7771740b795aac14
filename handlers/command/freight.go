package command

import (
	"regexp"
	"strings"
)

// FreightKind says how a person referred to Freight.
type FreightKind string

// The ways to refer to Freight.
const (
	// FreightDefault: not mentioned; each verb has its own default.
	FreightDefault FreightKind = ""
	// FreightAlias: by its friendly name.
	FreightAlias FreightKind = "alias"
	// FreightID: by its id, or a prefix of at least 7 hex digits. An alias may
	// look the same, so callers that find no id look for an alias.
	FreightID FreightKind = "id"
	// FreightArtifact: by one artifact in it, as "web@1.9.3".
	FreightArtifact FreightKind = "artifact"
	// FreightLatest: the newest that the Stage may take.
	FreightLatest FreightKind = "latest"
	// FreightThis: the one that holds the change of the pull request commented on.
	FreightThis FreightKind = "this"
	// FreightPrevious: the one verified in the Stage before the current one.
	FreightPrevious FreightKind = "previous"
)

// FreightRef is a reference to Freight that was not looked up yet.
type FreightRef struct {
	Kind FreightKind
	// Text is the alias, the id in lower case, or the whole reference as typed.
	Text string
	// Artifact and Version are set for FreightArtifact. Version is a tag, a
	// version or a digest.
	Artifact, Version string
}

var freightID = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

// ParseFreight classifies one argument. It never fails: what is nothing else is
// an alias.
func ParseFreight(text string) FreightRef {
	switch kind := FreightKind(strings.ToLower(text)); kind {
	case FreightDefault:
		return FreightRef{}
	case FreightLatest, FreightThis, FreightPrevious:
		return FreightRef{Kind: kind, Text: string(kind)}
	default: // not a word with a meaning of its own
	}
	if name, version, ok := strings.Cut(text, "@"); ok && name != "" && version != "" {
		return FreightRef{Kind: FreightArtifact, Text: text, Artifact: name, Version: version}
	}
	if freightID.MatchString(text) {
		return FreightRef{Kind: FreightID, Text: strings.ToLower(text)}
	}
	return FreightRef{Kind: FreightAlias, Text: text}
}

// String returns the reference as it is typed in a command.
func (f FreightRef) String() string { return f.Text }
