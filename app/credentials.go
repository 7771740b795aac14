package app

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
)

// setRegistryCredentials reads the accounts that all pipelines of the server may use:
// a YAML list. A password that stands in a file is read when it is needed, so that it
// can be replaced.
func setRegistryCredentials(c *Config, v string) error {
	var list []struct {
		Kind         string `yaml:"kind"`
		URL          string `yaml:"url"`
		Regex        bool   `yaml:"regex"`
		Username     string `yaml:"username"`
		Password     string `yaml:"password"`
		PasswordFile string `yaml:"passwordFile"`
	}
	if err := strictYAML(v, &list); err != nil {
		return err
	}
	var problems []error
	for _, e := range list {
		kind := pipeline.ArtifactKind(e.Kind)
		err := checkCredential(kind, e.URL, e.Regex)
		if err == nil && (e.Password == "") == (e.PasswordFile == "") {
			err = errors.New("give it either password or passwordFile")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("credentials for %q: %w", e.URL, err))
			continue
		}
		c.RegistryCredentials = append(c.RegistryCredentials, registry.Login{
			Kind: kind, URL: e.URL, Regex: e.Regex, Username: e.Username,
			Password: func(context.Context) (string, error) { return valueOrFile("password", e.Password, e.PasswordFile) },
		})
	}
	return errors.Join(problems...)
}

// maxCredentialURL bounds the address or expression of an account, in bytes.
const maxCredentialURL = 512

// checkCredential says what is wrong with what an account is for. No kind means images
// and charts alike.
func checkCredential(kind pipeline.ArtifactKind, url string, regex bool) error {
	switch kind {
	case pipeline.GitArtifact, pipeline.ImageArtifact, pipeline.ChartArtifact, "":
	default:
		return fmt.Errorf("kind %q is none of image, chart, git", kind)
	}
	switch {
	case url == "":
		return errors.New("it needs the address that it is for")
	case len(url) > maxCredentialURL:
		return fmt.Errorf("the address is longer than %d bytes", maxCredentialURL)
	case regex:
		if _, err := regexp.Compile(url); err != nil {
			return fmt.Errorf("the address is no regular expression: %w", err)
		}
	case strings.ContainsAny(url, " \t\r\n@?#"):
		return errors.New("the address has blanks or parts that do not belong there, such as a user name, a digest or a query")
	}
	return nil
}

// openRegistries returns the client of registries and chart repositories. It asks with
// the accounts of the configuration, then with Docker's, then with the identity of the
// machine where a registry belongs to its cloud.
func openRegistries(o registry.Options, accounts []registry.Login, now func() time.Time) (*registry.Client, error) {
	images, err := registry.NewLogins(pipeline.ImageArtifact, accounts)
	if err != nil {
		return nil, err
	}
	charts, err := registry.NewLogins(pipeline.ChartArtifact, accounts)
	if err != nil {
		return nil, err
	}
	o.Now = now
	o.Keychain = registry.Chain{authn.DefaultKeychain, registry.NewAmbient(now)}
	return registry.New(o).With("", images, charts), nil
}
