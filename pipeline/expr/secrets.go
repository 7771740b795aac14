package expr

import (
	"maps"
	"slices"
	"strconv"
)

// Secrets lists the names of the secrets that the strings of v mention, sorted and
// without repetition. v is as [EvaluateAny] takes it. The error is about a template that
// does not parse.
func Secrets(v any) ([]string, error) {
	names := map[string]bool{}
	if err := collectSecrets(v, names); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(names)), nil
}

func collectSecrets(v any, names map[string]bool) error {
	switch v := v.(type) {
	case string:
		refs, err := References(v)
		if err != nil {
			return err
		}
		for _, r := range refs {
			if r.Root == secretsName && !r.Call && r.Name() != "" {
				names[r.Name()] = true
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := collectSecrets(v[key], names); err != nil {
				return within("."+key, err)
			}
		}
	case []any:
		for i, item := range v {
			if err := collectSecrets(item, names); err != nil {
				return within("["+strconv.Itoa(i)+"]", err)
			}
		}
	}
	return nil
}
