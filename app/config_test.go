package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kargo-app/kargo/app"
)

// privateKey is an App's key as GitHub hands it out.
func privateKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func load(t *testing.T, args []string, env map[string]string) (app.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	app.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return app.LoadConfig(flags, func(name string) string { return env[name] })
}

func required(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"KARGO_GITHUB_APP_ID": "12", "KARGO_GITHUB_PRIVATE_KEY": privateKey(t), "KARGO_GITHUB_WEBHOOK_SECRET": "s",
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, required(t))
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != ":8080" || c.GitHubURL != "https://github.com" || c.DatabasePath != filepath.Join("data", "kargo.db") ||
		c.LogFormat != "text" || c.ReconcileInterval != 5*time.Minute || c.RedeliveryInterval != 5*time.Minute || c.PollInterval != time.Minute {
		t.Errorf("defaults = %+v", c)
	}
}

func TestFlagWinsOverEnvironmentWinsOverFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kargo.yaml")
	content := "addr: 127.0.0.1:1\npoll-interval: 10s\nKARGO_DATA_DIR: /from/file\ninsecure-registries: [a, b]\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	env := required(t)
	env["KARGO_CONFIG"] = file
	env["KARGO_ADDR"] = "127.0.0.1:2"
	env["KARGO_POLL_INTERVAL"] = "20s"
	c, err := load(t, []string{"--poll-interval", "30s"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.PollInterval != 30*time.Second {
		t.Errorf("poll interval = %s, want the flag's", c.PollInterval)
	}
	if c.Addr != "127.0.0.1:2" {
		t.Errorf("addr = %s, want the environment's", c.Addr)
	}
	if c.DataDir != "/from/file" || c.DatabasePath != "/from/file/kargo.db" {
		t.Errorf("data dir = %s, database %s, want the file's", c.DataDir, c.DatabasePath)
	}
	if strings.Join(c.InsecureRegistries, " ") != "a b" {
		t.Errorf("insecure registries = %v", c.InsecureRegistries)
	}
}

func TestAllConfigProblemsAreReportedAtOnceAndNoSecret(t *testing.T) {
	t.Parallel()
	_, err := load(t, []string{"--addr", "nonsense"}, map[string]string{
		"KARGO_GITHUB_URL":         "http://github.example.com",
		"KARGO_GITHUB_APP_ID":      "twelve",
		"KARGO_GITHUB_PRIVATE_KEY": "top-secret-key",
		"KARGO_DATABASE_URL":       "postgres://u:hunter2@db/kargo",
		"KARGO_LOG_LEVEL":          "loud",
		"KARGO_POLL_INTERVAL":      "soon",
	})
	var problems *app.ConfigError
	if !errors.As(err, &problems) {
		t.Fatalf("err = %v, want a ConfigError", err)
	}
	for _, want := range []string{
		"--addr", "KARGO_GITHUB_URL", "KARGO_GITHUB_APP_ID", "KARGO_GITHUB_PRIVATE_KEY",
		"KARGO_DATABASE_URL", "KARGO_LOG_LEVEL", "KARGO_POLL_INTERVAL", "KARGO_GITHUB_WEBHOOK_SECRET",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not reported in:\n%v", want, err)
		}
	}
	for _, secret := range []string{"top-secret-key", "hunter2"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %s", secret)
		}
	}
}

func TestConfigValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, variable, value, wantErr string }{
		{"loopback may be plain http", "KARGO_GITHUB_URL", "http://127.0.0.1:3000", ""},
		{"IPv6 loopback may be plain http", "KARGO_GITHUB_URL", "http://[::1]:3000", ""},
		{"another host may not", "KARGO_GITHUB_URL", "http://ghes.local", "loopback"},
		{"no path in the GitHub URL", "KARGO_GITHUB_URL", "https://ghes.local/api/v3", "without a path"},
		{"PEM with escaped line breaks", "KARGO_GITHUB_PRIVATE_KEY", `KEY`, ""},
		{"sqlite URL", "KARGO_DATABASE_URL", "sqlite:///tmp/x.db", ""},
		{"foreign database", "KARGO_DATABASE_URL", "mysql://db/x", "not supported"},
		{"interval below a second", "KARGO_RECONCILE_INTERVAL", "10ms", "at least a second"},
		{"empty webhook secret", "KARGO_GITHUB_WEBHOOK_SECRET", "", "required"},
		{"key twice", "KARGO_GITHUB_PRIVATE_KEY_FILE", "/nowhere", "use one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := required(t)
			value := tt.value
			if value == "KEY" {
				value = strings.ReplaceAll(strings.TrimSpace(env["KARGO_GITHUB_PRIVATE_KEY"]), "\n", `\n`)
			}
			env[tt.variable] = value
			_, err := load(t, nil, env)
			switch {
			case tt.wantErr == "" && err != nil:
				t.Errorf("err = %v, want none", err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Errorf("err = %v, want %q in it", err, tt.wantErr)
			}
		})
	}
}

func TestUnknownKeyInConfigFileIsAnErrorWithASuggestion(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kargo.yaml")
	if err := os.WriteFile(file, []byte("pol-interval: 10s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load(t, []string{"--config", file}, required(t))
	if err == nil || !strings.Contains(err.Error(), `did you mean "poll-interval"?`) {
		t.Errorf("err = %v", err)
	}
}
