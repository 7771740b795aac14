package app

import (
	"errors"
	"fmt"

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
