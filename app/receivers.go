package app

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/kargo-app/kargo/handlers/registryhook"
)

// setReceivers reads the webhook receivers for registries: a YAML list. Secrets may
// stand in files of their own.
func setReceivers(c *Config, v string) error {
	var list []struct {
		Name              string `yaml:"name"`
		Kind              string `yaml:"kind"`
		Secret            string `yaml:"secret"`
		SecretFile        string `yaml:"secretFile"`
		When              string `yaml:"when"`
		URL               string `yaml:"url"`
		VirtualRepository string `yaml:"virtualRepository"`
	}
	if err := strictYAML(v, &list); err != nil {
		return err
	}
	var problems []error
	names := map[string]bool{}
	for _, e := range list {
		secret, err := valueOrFile("secret", e.Secret, e.SecretFile)
		if err != nil {
			problems = append(problems, fmt.Errorf("receiver %s: %w", e.Name, err))
			continue
		}
		r := registryhook.Receiver{
			Name: e.Name, Kind: registryhook.Kind(e.Kind), Secret: secret, When: e.When, URL: e.URL, VirtualRepository: e.VirtualRepository,
		}
		if err := r.Validate(); err != nil {
			problems = append(problems, err)
		}
		if names[r.Name] {
			problems = append(problems, fmt.Errorf("receiver %s is there twice", r.Name))
		}
		names[r.Name] = true
		c.RegistryWebhooks = append(c.RegistryWebhooks, r)
	}
	return errors.Join(problems...)
}

// strictYAML reads a list of settings. Its errors quote no part of it, which may be a
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
