package step

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// patchState is what stands in a place: the empty text for nothing, the mode and the
// name of a file's blob, or a value as JSON behind an equals sign.
type patchState string

func fileState(m tree.Mode, h tree.Hash) patchState {
	if m == 0 {
		return ""
	}
	return patchState(m.String() + " " + h.String())
}

func valueState(v any) patchState { return patchState("=" + jsonText(v)) }

// digest stands for a state in records.
func (s patchState) digest() string {
	if s == "" {
		return "absent"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// maxShownValue bounds a value in outputs, in characters.
const maxShownValue = 200

// value is a value as people read it: texts that cannot be taken for anything else
// without quotes.
func (s patchState) value() string {
	if s == "" {
		return ""
	}
	text := string(s[1:])
	if plain := strings.Trim(text, `"`); len(text) > 2 && text[0] == '"' && !strings.Contains(plain, `\`) && !looksTyped(plain) {
		text = plain
	}
	return truncate(oneLine(text), maxShownValue)
}

// looksTyped reports whether a text could be taken for a number or a word of YAML.
func looksTyped(s string) bool {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off":
		return true
	}
	return strings.Trim(s, "0123456789") == "" || strings.TrimSpace(s) != s
}

// patchVerdict is what is to become of one value or file.
type patchVerdict int

const (
	// patchSame: the target is what the source is.
	patchSame patchVerdict = iota
	// patchWrite: nobody but the Stage wrote the target.
	patchWrite
	// patchKeep: it was decided before that the target stays.
	patchKeep
	// patchDrifted: somebody edited the target.
	patchDrifted
)

// verdict decides about one value or file. managed is false when the Stage published
// nothing there before; published is what it may have published last.
func (u *patchUnit) verdict(managed bool) patchVerdict {
	switch {
	case u.head == u.want:
		return patchSame
	case u.before != nil && u.before.Promoted == u.want.digest():
		return patchKeep
	case u.before != nil:
		return patchDrifted
	case !managed:
		return patchWrite
	}
	for _, s := range u.published {
		if s == u.head {
			return patchWrite
		}
	}
	return patchDrifted
}
