package app

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/kargo-app/kargo/pipeline"
)

// readConfigFile reads the YAML file with settings, if there is one. Lists of plain
// values are joined by commas; other lists stay YAML.
func readConfigFile(flags *pflag.FlagSet, getenv func(string) string) (map[string]string, error) {
	path := getenv("KARGO_CONFIG")
	if f := flags.Lookup("config"); f != nil && f.Changed {
		path = f.Value.String()
	}
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	var raw map[string]any
	if err := strictYAML(string(data), &raw); err != nil {
		return nil, fmt.Errorf("config file %s: %w", path, err)
	}
	values := make(map[string]string, len(raw))
	for key, v := range raw {
		name := settingName(key)
		switch v := v.(type) {
		case nil:
		case []any:
			if slices.ContainsFunc(v, func(e any) bool { _, ok := e.(map[string]any); return ok }) {
				text, err := yaml.Marshal(v)
				if err != nil {
					return nil, fmt.Errorf("config file %s: %s: %w", path, key, err)
				}
				values[name] = string(text)
				continue
			}
			parts := make([]string, len(v))
			for i, e := range v {
				parts[i] = fmt.Sprint(e)
			}
			values[name] = strings.Join(parts, ",")
		case map[string]any:
			return nil, fmt.Errorf("config file %s: %s: expected a single value", path, key)
		default:
			values[name] = fmt.Sprint(v)
		}
	}
	return values, nil
}

// settingName returns the name of the setting that a key means: registryWebhooks,
// registry_webhooks and KARGO_REGISTRY_WEBHOOKS are all registry-webhooks.
func settingName(key string) string {
	var b strings.Builder
	for i, r := range key {
		if unicode.IsUpper(r) && i > 0 && unicode.IsLower(rune(key[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.TrimPrefix(strings.ReplaceAll(b.String(), "_", "-"), "kargo-")
}

func unknownKeys(rest map[string]string) []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	var problems []string
	for key := range rest {
		p := fmt.Sprintf("config file: unknown setting %q", key)
		if m := pipeline.DidYouMean(key, names); m != "" {
			p += fmt.Sprintf("; did you mean %q?", m)
		}
		problems = append(problems, p)
	}
	return problems
}

// strictYAML reads settings. Its errors quote no part of it, which may be a
// secret.
func strictYAML(text string, v any) error {
	if err := yaml.UnmarshalWithOptions([]byte(text), v, yaml.Strict()); err != nil {
		return errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	return nil
}

// valueOrFile returns a value, or what is in the file that is named instead.
func valueOrFile(field, value, file string) (string, error) {
	switch {
	case value != "" && file != "":
		return "", fmt.Errorf("%s and %sFile are both given; use one", field, field)
	case file == "":
		return value, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
