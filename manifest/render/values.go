package render

import (
	"errors"
	"fmt"
	"io/fs"

	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// SetValue is one value as on Helm's command line.
type SetValue struct {
	// Key is a path such as "image.tag" or "hosts[0].name".
	Key string
	// Value is read like that of --set: "true", "null" and numbers are what they look
	// like, "{a,b}" is a list, a comma begins another assignment. With Literal it is
	// read like that of --set-literal: text as it stands.
	Value   string
	Literal bool
}

// values merges everything that overrides the chart's own.
func (t Template) values(s *source) (map[string]any, error) {
	values := map[string]any{}
	for _, p := range t.ValuesFiles {
		data, err := s.readFile(p)
		if t.IgnoreMissingValuesFiles && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("values file %s: %w", p, err)
		}
		if err := checkAliases(data); err != nil {
			return nil, fmt.Errorf("values file %s: %w", p, err)
		}
		more := map[string]any{}
		if err := yaml.Unmarshal(data, &more); err != nil {
			return nil, fmt.Errorf("values file %s: %w", p, err)
		}
		values = mergeValues(values, more)
	}
	// Literal values win, wherever they stand.
	for _, literal := range []bool{false, true} {
		for _, v := range t.Set {
			if v.Literal != literal {
				continue
			}
			parse := strvals.ParseInto
			if literal {
				parse = strvals.ParseLiteralInto
			}
			if err := parse(v.Key+"="+v.Value, values); err != nil {
				return nil, fmt.Errorf("set %s: %w", v.Key, err)
			}
		}
	}
	return values, nil
}

// mergeValues returns a with b over it: maps merge, everything else is replaced.
func mergeValues(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		over, isMap := v.(map[string]any)
		under, wasMap := out[k].(map[string]any)
		if isMap && wasMap {
			v = mergeValues(under, over)
		}
		out[k] = v
	}
	return out
}
