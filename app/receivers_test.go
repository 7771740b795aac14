package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/handlers/registryhook"
	"github.com/kargo-app/kargo/pipeline"
)

const hookSecret = "correct horse battery"

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReceiversAreReadFromTheFile(t *testing.T) {
	t.Parallel()
	env := required(t)
	env["KARGO_CONFIG"] = write(t, `
registryWebhooks:
  - {name: hub, kind: dockerhub, secret: `+hookSecret+`}
  - {name: frog, kind: artifactory, secretFile: `+write(t, hookSecret+"\n")+`, virtualRepository: docker}
  - name: own
    kind: generic
    secret: `+hookSecret+`
    when: request.body.kind == "push"
    url: request.body.repository
`)
	c, err := load(t, nil, env)
	if err != nil {
		t.Fatal(err)
	}
	want := []registryhook.Receiver{
		{Name: "hub", Kind: registryhook.DockerHub, Secret: hookSecret},
		{Name: "frog", Kind: registryhook.Artifactory, Secret: hookSecret, VirtualRepository: "docker"},
		{Name: "own", Kind: registryhook.Generic, Secret: hookSecret, When: `request.body.kind == "push"`, URL: "request.body.repository"},
	}
	if diff := cmp.Diff(want, c.RegistryWebhooks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAccountsAreReadFromTheFile(t *testing.T) {
	t.Parallel()
	env := required(t)
	password := write(t, "hunter2\n")
	env["KARGO_CONFIG"] = write(t, `
registryCredentials:
  - {url: ghcr.io/acme, username: bot, password: hunter2}
  - {url: "https://charts\\.example\\.com/.*", regex: true, kind: chart, username: bot, passwordFile: `+password+`}
`)
	c, err := load(t, nil, env)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.RegistryCredentials) != 2 || c.RegistryCredentials[1].Kind != pipeline.ChartArtifact || !c.RegistryCredentials[1].Regex {
		t.Fatalf("accounts %+v", c.RegistryCredentials)
	}
	for i, account := range c.RegistryCredentials {
		if got, err := account.Password(t.Context()); err != nil || got != "hunter2" {
			t.Errorf("password %d: %q, %v", i, got, err)
		}
	}
	if err := os.WriteFile(password, []byte("renewed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := c.RegistryCredentials[1].Password(t.Context()); err != nil || got != "renewed" {
		t.Errorf("a password that was replaced: %q, %v", got, err)
	}
}

func TestSettingsOfRegistriesThatAreWrong(t *testing.T) {
	t.Parallel()
	const secret = "very secret indeed"
	tests := map[string]struct{ variable, value, want string }{
		"a receiver with a field that does not exist": {"KARGO_REGISTRY_WEBHOOKS", "[{name: a, kind: quay, secrt: " + secret + "}]", "unknown field"},
		"a receiver of an unknown kind":               {"KARGO_REGISTRY_WEBHOOKS", "[{name: a, kind: qay, secret: " + secret + "}]", `did you mean "quay"?`},
		"two receivers of one name":                   {"KARGO_REGISTRY_WEBHOOKS", "[{name: a, kind: quay, secret: " + secret + "}, {name: a, kind: acr, secret: " + secret + "}]", "is there twice"},
		"a secret in two places":                      {"KARGO_REGISTRY_WEBHOOKS", "[{name: a, kind: quay, secret: " + secret + ", secretFile: x}]", "secret and secretFile are both given"},
		"receivers that are no list":                  {"KARGO_REGISTRY_WEBHOOKS", "secret: " + secret, "KARGO_REGISTRY_WEBHOOKS"},
		"an account without an address":               {"KARGO_REGISTRY_CREDENTIALS", "[{username: a, password: " + secret + "}]", "needs the address"},
		"an account without a password":               {"KARGO_REGISTRY_CREDENTIALS", "[{url: ghcr.io, username: a}]", "either password or passwordFile"},
		"an account in an address":                    {"KARGO_REGISTRY_CREDENTIALS", "[{url: 'a:b@ghcr.io', password: " + secret + "}]", "parts that do not belong"},
		"an account of an unknown kind":               {"KARGO_REGISTRY_CREDENTIALS", "[{url: ghcr.io, kind: helm, password: " + secret + "}]", "none of image, chart, git"},
		"an expression that is none":                  {"KARGO_REGISTRY_CREDENTIALS", "[{url: '(', regex: true, password: " + secret + "}]", "no regular expression"},
		"a key that is short":                         {"KARGO_SECRET_KEY", "secret", "at least 32 characters"},
		"a file of keys that is not there":            {"KARGO_SECRET_KEY_FILE", "/does/not/exist", "no such file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := required(t)
			env[tt.variable] = tt.value
			_, err := load(t, nil, env)
			var bad *app.ConfigError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error quotes a secret: %v", err)
			}
		})
	}
}

func TestAFileThatIsNoYAMLIsNotQuoted(t *testing.T) {
	t.Parallel()
	env := required(t)
	env["KARGO_CONFIG"] = write(t, "github-webhook-secret: hunter2\naddr: [\n")
	if _, err := load(t, nil, env); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

// TestOperationsGuideExamplesAreValid reads the examples of the operations guide as
// the server would.
func TestOperationsGuideExamplesAreValid(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, hookSecret)
	read := 0
	for part := range strings.SplitSeq(string(guide), "```yaml\n") {
		example, _, ok := strings.Cut(part, "```")
		if !ok || !strings.HasPrefix(example, "registry") {
			continue
		}
		env := required(t)
		env["KARGO_CONFIG"] = write(t, regexp.MustCompile(`/run/secrets/\w+`).ReplaceAllString(example, file))
		c, err := load(t, nil, env)
		if err != nil {
			t.Error(err)
		}
		read += len(c.RegistryCredentials) + len(c.RegistryWebhooks)
	}
	if read != 4 {
		t.Errorf("read %d accounts and receivers", read)
	}
	for _, kind := range registryhook.Kinds() {
		if !strings.Contains(string(guide), "\n| `"+string(kind)+"` |") {
			t.Errorf("the guide does not tell how to set up %s", kind)
		}
	}
}
