package pipeline

import "strings"

// SecretName is the name under which the value of one key of Kargo's Secret is stored
// here: both in capitals, joined by an underscore, and whatever else they have made one.
// An empty key leaves the name alone.
func SecretName(name, key string) string {
	if key != "" {
		name += "_" + key
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		return "_" + name
	}
	return name
}
