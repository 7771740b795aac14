package app

import (
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/spf13/pflag"

	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/handlers/registryhook"
)

// Config is how the server is run. Every setting has one name, written three
// ways: --github-app-id, KARGO_GITHUB_APP_ID, and github-app-id in the YAML file
// given by --config. A flag wins over the environment, which wins over the file.
type Config struct {
	// Addr is where webhooks and pages are served, MetricsAddr where metrics are;
	// empty means together with the rest.
	Addr, MetricsAddr string
	// PublicURL is how people reach the server; links are left out without it.
	PublicURL string
	// DataDir holds the SQLite database unless DatabasePath is elsewhere.
	DataDir, DatabasePath string
	// GitHubURL is the Git host without a trailing slash.
	GitHubURL     string
	AppID         int64
	PrivateKey    *rsa.PrivateKey
	WebhookSecret []byte
	LogLevel      slog.Level
	LogFormat     string
	// InsecureRegistries may be asked over plain HTTP.
	InsecureRegistries []string
	// RegistryCredentials are accounts that all pipelines may use.
	RegistryCredentials []registry.Login
	// RegistryWebhooks are what registries may call.
	RegistryWebhooks []registryhook.Receiver
	// SecretKey holds the keys that stored secrets are encrypted with, one a line, the
	// first for new ones; empty means that none can be stored.
	SecretKey string
	// OutboundAllow is what pipelines may reach besides public addresses.
	OutboundAllow outbound.Allow
	// OCIPushLimit is how many bytes oci-push copies between repositories at most; 0
	// forbids it, a negative limit is none.
	OCIPushLimit int64
	// RemoteBases are what kustomizations may take bases of.
	RemoteBases remoteBases
	// RenderMemory is how many bytes rendering manifests for one Promotion may occupy.
	RenderMemory int64
	// ReconcileInterval is how often a repository is looked at without any event,
	// RedeliveryInterval how often failed deliveries are looked for, PollInterval
	// how long a Promotion waits for an event before it looks itself.
	ReconcileInterval, RedeliveryInterval, PollInterval time.Duration
}

// setting is one configuration value under its one name.
type setting struct {
	name, value, usage string
	set                func(c *Config, value string) error
}

// settings is the list of all settings with their defaults.
func settings() []setting {
	str := func(field func(*Config) *string) func(*Config, string) error {
		return func(c *Config, v string) error { *field(c) = v; return nil }
	}
	duration := func(field func(*Config) *time.Duration) func(*Config, string) error {
		return func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < time.Second {
				return fmt.Errorf("%q is not a duration of at least a second, such as 5m", v)
			}
			*field(c) = d
			return nil
		}
	}
	return []setting{
		{"addr", ":8080", "address to serve webhooks on", addr(func(c *Config) *string { return &c.Addr })},
		{"metrics-addr", "", "separate address for /metrics (default: with the rest)", addr(func(c *Config) *string { return &c.MetricsAddr })},
		{"public-url", "", "how this server is reached, for links and by outside systems that call back (`POST /callbacks/TOKEN`)", setPublicURL},
		{"data-dir", "./data", "directory for the database", str(func(c *Config) *string { return &c.DataDir })},
		{"database-url", "", "SQLite database file (default: kargo.db in the data directory)", setDatabase},
		{"github-url", "https://github.com", "GitHub host; any other is addressed as GitHub Enterprise Server", setGitHubURL},
		{"github-app-id", "", "id of the GitHub App (required)", setAppID},
		{"github-private-key", "", "private key of the App, PEM", setPrivateKey},
		{"github-private-key-file", "", "file with the private key of the App", setPrivateKeyFile},
		{"github-webhook-secret", "", "secret of the App's webhook (required)", func(c *Config, v string) error {
			c.WebhookSecret = []byte(v)
			return nil
		}},
		{"log-level", "info", "debug, info, warn or error", func(c *Config, v string) error {
			if c.LogLevel.UnmarshalText([]byte(v)) != nil {
				return fmt.Errorf("%q is none of debug, info, warn, error", v)
			}
			return nil
		}},
		{"log-format", "text", "text or json", func(c *Config, v string) error {
			if v != "text" && v != "json" {
				return fmt.Errorf("%q is neither text nor json", v)
			}
			c.LogFormat = v
			return nil
		}},
		{"insecure-registries", "", "registries that may be asked over plain HTTP, separated by commas", func(c *Config, v string) error {
			for host := range strings.SplitSeq(v, ",") {
				if host = strings.TrimSpace(host); host != "" {
					c.InsecureRegistries = append(c.InsecureRegistries, host)
				}
			}
			return nil
		}},
		{"registry-credentials", "", "accounts for registries and chart repositories, a YAML list", setRegistryCredentials},
		{"registry-webhooks", "", "receivers of registries' webhooks, a YAML list", setReceivers},
		{"secret-key", "", "keys that stored secrets are encrypted with, one a line, the first for new ones", setSecretKey},
		{"secret-key-file", "", "file with the keys that stored secrets are encrypted with", setSecretKeyFile},
		{"outbound-allow", "", "hosts, host:port or address ranges that pipelines may reach although they are not public, separated by commas", setOutboundAllow},
		{"oci-push-limit", "1024", "MiB that oci-push copies between repositories at most; 0 forbids it, -1 is no limit", setOCIPushLimit},
		{"remote-bases", "", "hosts, organisations or repositories that kustomizations may take pinned bases of (`github.com/acme`), separated by commas", setRemoteBases},
		{"render-memory", "1024", "MiB that rendering manifests for one promotion may occupy", setRenderMemory},
		{"reconcile-interval", "5m", "how often a repository is looked at without any event", duration(func(c *Config) *time.Duration { return &c.ReconcileInterval })},
		{"redelivery-interval", "5m", "how often failed webhook deliveries are looked for", duration(func(c *Config) *time.Duration { return &c.RedeliveryInterval })},
		{"poll-interval", "1m", "what stands behind pull request and check webhooks", duration(func(c *Config) *time.Duration { return &c.PollInterval })},
	}
}

func setOutboundAllow(c *Config, v string) (err error) {
	c.OutboundAllow, err = outbound.ParseAllow(strings.Split(v, ","))
	return err
}

func setOCIPushLimit(c *Config, v string) error {
	mib, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not a number of MiB", v)
	}
	c.OCIPushLimit = mib << 20
	return nil
}

func setRenderMemory(c *Config, v string) error {
	mib, err := strconv.ParseInt(v, 10, 32)
	if err != nil || mib < 64 {
		return fmt.Errorf("%q is not a number of MiB of at least 64", v)
	}
	c.RenderMemory = mib << 20
	return nil
}

// envName is a setting's name in the environment.
func envName(name string) string {
	return "KARGO_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// AddFlags adds one flag for every setting, and --config.
func AddFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "YAML file with settings (KARGO_CONFIG)")
	for _, s := range settings() {
		flags.String(s.name, s.value, s.usage+" ("+envName(s.name)+")")
	}
}

// ConfigError lists everything that is wrong with a configuration.
type ConfigError struct{ Problems []string }

// Error implements error.
func (e *ConfigError) Error() string {
	return "configuration:\n  " + strings.Join(e.Problems, "\n  ")
}

// LoadConfig reads the configuration from flags made by [AddFlags], the
// environment and the file. All problems are reported at once, as a
// *ConfigError; no secret is ever part of a message.
func LoadConfig(flags *pflag.FlagSet, getenv func(string) string) (Config, error) {
	return loadSettings(flags, getenv, func(string) bool { return true }, missing)
}

// loadSettings reads the settings that are wanted; missing says which required ones
// are not given.
func loadSettings(
	flags *pflag.FlagSet, getenv func(string) string, wanted func(name string) bool, missing func(Config, map[string]string) []string,
) (Config, error) {
	var c Config
	var problems []string
	file, err := readConfigFile(flags, getenv)
	if err != nil {
		problems = append(problems, err.Error())
	}
	given := map[string]string{}
	for _, s := range settings() {
		if !wanted(s.name) {
			delete(file, s.name)
			continue
		}
		value, source := s.value, ""
		if v, ok := file[s.name]; ok {
			value, source = v, "config file: "+s.name
		}
		if v := getenv(envName(s.name)); v != "" {
			value, source = v, envName(s.name)
		}
		if f := flags.Lookup(s.name); f != nil && f.Changed {
			value, source = f.Value.String(), "--"+s.name
		}
		delete(file, s.name)
		given[s.name] = value
		if value == "" && source == "" {
			continue
		}
		if err := s.set(&c, value); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", source, err))
		}
	}
	problems = append(problems, unknownKeys(file)...)
	problems = append(problems, missing(c, given)...)
	if len(problems) > 0 {
		return Config{}, &ConfigError{Problems: problems}
	}
	if c.DatabasePath == "" {
		c.DatabasePath = filepath.Join(c.DataDir, "kargo.db")
	}
	return c, nil
}

// AddSomeFlags adds the flags of some settings, and --config, for commands that need
// no more of the configuration.
func AddSomeFlags(flags *pflag.FlagSet, names ...string) {
	flags.String("config", "", "the server's YAML file with settings (KARGO_CONFIG)")
	for _, s := range settings() {
		if slices.Contains(names, s.name) {
			flags.String(s.name, s.value, s.usage+" ("+envName(s.name)+")")
		}
	}
}

// LoadSome is [LoadConfig] for some settings: it reads them from wherever the server
// does, and requires none of the others.
func LoadSome(flags *pflag.FlagSet, getenv func(string) string, names ...string) (Config, error) {
	wanted := func(name string) bool { return slices.Contains(names, name) }
	return loadSettings(flags, getenv, wanted, func(Config, map[string]string) []string { return nil })
}

func missing(c Config, given map[string]string) []string {
	var problems []string
	need := func(name, what string) {
		problems = append(problems, fmt.Sprintf("--%s (%s) is required: %s", name, envName(name), what))
	}
	if given["github-app-id"] == "" {
		need("github-app-id", "the App's settings page shows it")
	}
	switch key, file := given["github-private-key"] != "", given["github-private-key-file"] != ""; {
	case key && file:
		problems = append(problems, "--github-private-key and --github-private-key-file are both given; use one")
	case !key && !file:
		need("github-private-key-file", "the App's settings page makes one; KARGO_GITHUB_PRIVATE_KEY holds the key itself")
	}
	if len(c.WebhookSecret) == 0 {
		need("github-webhook-secret", "without it anybody could send webhooks")
	}
	return problems
}

func addr(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if _, _, err := net.SplitHostPort(v); v != "" && err != nil {
			return fmt.Errorf("%q is not an address such as :8080 or 127.0.0.1:8080", v)
		}
		*field(c) = v
		return nil
	}
}

func setPublicURL(c *Config, v string) error {
	u, err := url.Parse(v)
	if v != "" && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
		return fmt.Errorf("%q is not a URL such as https://kargo.example.com", v)
	}
	c.PublicURL = strings.TrimSuffix(v, "/")
	return nil
}

func setDatabase(c *Config, v string) error {
	scheme, rest, found := strings.Cut(v, ":")
	switch {
	case v == "":
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return fmt.Errorf("PostgreSQL is not available in this version; leave it out for SQLite in the data directory")
	case found && (scheme == "sqlite" || scheme == "file"):
		c.DatabasePath = strings.TrimPrefix(rest, "//")
	case found && strings.HasPrefix(rest, "//"):
		return fmt.Errorf("scheme %q is not supported; use a file name or sqlite:///path", scheme)
	default:
		c.DatabasePath = v
	}
	return nil
}

// setGitHubURL allows plain http for loopback only, because tokens travel there.
func setGitHubURL(c *Config, v string) error {
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%q is not a URL such as https://github.example.com", v)
	case u.Path != "" && u.Path != "/":
		return fmt.Errorf("%q must be the host alone, without a path", v)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("%q: plain http is allowed for loopback only", v)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q: the scheme must be https", v)
	}
	c.GitHubURL = u.Scheme + "://" + u.Host
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func setAppID(c *Config, v string) error {
	id, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if v != "" && (err != nil || id <= 0) {
		return fmt.Errorf("%q is not a number", v)
	}
	c.AppID = id
	return nil
}

// setPrivateKey also takes a PEM whose line breaks arrived as \n, as they do
// through many secret stores.
func setPrivateKey(c *Config, v string) error {
	if v == "" {
		return nil
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(strings.ReplaceAll(v, `\n`, "\n")))
	if err != nil {
		return fmt.Errorf("not an RSA private key in PEM form (%w)", err)
	}
	c.PrivateKey = key
	return nil
}

func setPrivateKeyFile(c *Config, v string) error {
	if v == "" {
		return nil
	}
	data, err := os.ReadFile(v)
	if err != nil {
		return err
	}
	return setPrivateKey(c, string(data))
}
