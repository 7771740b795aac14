package registry

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/awslabs/amazon-ecr-credential-helper/ecr-login/api"
	"github.com/chrismellard/docker-credential-acr-env/pkg/credhelper"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/google"
)

const (
	// ambientLife is how long credentials of the machine are used: less than the
	// shortest that a cloud gives. ambientRetry is how long none are asked for after
	// that did not work.
	ambientLife  = 30 * time.Minute
	ambientRetry = 5 * time.Minute
	// ambientWait bounds one attempt; off its cloud, a helper waits for a metadata
	// service that is not there.
	ambientWait = 20 * time.Second
	maxAmbient  = 256
)

// Ambient is the identity that a cloud gives to the machine, used for the registries
// of that cloud and no other: ECR, GAR and GCR, ACR. Nothing is asked, and no network
// used, before one of their hosts is.
//
// A machine without an identity asks anonymously, as some of their repositories are
// public. Should that be refused, [Ambient.Why] says what became of the identity.
type Ambient struct {
	clouds []cloud
	now    func() time.Time

	mu    sync.Mutex
	known map[string]ambientEntry
}

var (
	_ authn.Keychain        = (*Ambient)(nil)
	_ authn.ContextKeychain = (*Ambient)(nil)
)

// cloud gets credentials for the hosts that it owns.
type cloud struct {
	name  string
	hosts *regexp.Regexp // of the whole host
	login func(ctx context.Context, host string) (authn.Authenticator, error)
}

type ambientEntry struct {
	auth    authn.Authenticator
	err     error
	expires time.Time
}

// NewAmbient returns the identity of this machine, as the helpers of the registries
// find it in the environment.
func NewAmbient(now func() time.Time) *Ambient {
	return &Ambient{now: now, known: map[string]ambientEntry{}, clouds: []cloud{
		{"Amazon ECR", regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)$`), loginECR},
		{"Google Artifact Registry", regexp.MustCompile(`^([a-z0-9-]+\.)?gcr\.io$|^[a-z0-9-]+-docker\.pkg\.dev$`), loginGoogle},
		{"Azure Container Registry", regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+\.data)?\.azurecr\.(io|cn|de|us)$`), loginACR},
	}}
}

// Resolve implements authn.Keychain.
func (a *Ambient) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return a.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (a *Ambient) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	host := r.RegistryStr()
	for _, c := range a.clouds {
		if c.hosts.MatchString(host) {
			return a.entry(ctx, c, host).auth, nil
		}
	}
	return authn.Anonymous, nil
}

// Why says why requests to a host carry no identity of the machine, nil if they do or
// the host belongs to no cloud.
func (a *Ambient) Why(host string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[host].err
}

func (a *Ambient) entry(ctx context.Context, c cloud, host string) ambientEntry {
	a.mu.Lock()
	e, ok := a.known[host]
	a.mu.Unlock()
	if ok && a.now().Before(e.expires) {
		return e
	}
	// Outside the lock: one cloud that does not answer holds up no other. Two who ask
	// for the same host at the same time ask twice.
	auth, err := askCloud(ctx, c, host)
	e = ambientEntry{auth: auth, expires: a.now().Add(ambientLife)}
	if err != nil {
		e = ambientEntry{auth: authn.Anonymous, err: fmt.Errorf("identity for %s: %w", c.name, err), expires: a.now().Add(ambientRetry)}
	}
	if ctx.Err() != nil {
		return e // says nothing about the identity
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxAmbient {
		clear(a.known)
	}
	a.known[host] = e
	return e
}

// askCloud asks a cloud and waits no longer than ambientWait. The helpers take no
// context; one that is given up ends by its own timeouts.
func askCloud(ctx context.Context, c cloud, host string) (authn.Authenticator, error) {
	ctx, cancel := context.WithTimeout(ctx, ambientWait)
	defer cancel()
	type answer struct {
		auth authn.Authenticator
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil { // Amazon's panics over a configuration file that it cannot read
				done <- answer{err: fmt.Errorf("%v", r)}
			}
		}()
		auth, err := c.login(ctx, host)
		done <- answer{auth, err}
	}()
	select {
	case a := <-done:
		return a.auth, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("no answer within %s", ambientWait)
	}
}

func loginECR(_ context.Context, host string) (authn.Authenticator, error) {
	registry, err := api.ExtractRegistry(host)
	if err != nil {
		return nil, err
	}
	factory := api.DefaultClientFactory{}
	client := api.Client(nil)
	if registry.FIPS {
		if client, err = factory.NewClientWithFipsEndpoint(registry.Region); err != nil {
			return nil, err
		}
	} else {
		client = factory.NewClientFromRegion(registry.Region)
	}
	login, err := client.GetCredentials(host)
	if err != nil {
		return nil, err
	}
	return authn.FromConfig(authn.AuthConfig{Username: login.Username, Password: login.Password}), nil
}

func loginGoogle(ctx context.Context, _ string) (authn.Authenticator, error) {
	// Tokens are fetched with this context for as long as they are used.
	return google.NewEnvAuthenticator(context.WithoutCancel(ctx))
}

func loginACR(_ context.Context, host string) (authn.Authenticator, error) {
	username, secret, err := credhelper.NewACRCredentialsHelper().Get(host)
	if err != nil {
		return nil, err
	}
	return authn.FromConfig(authn.AuthConfig{Username: username, IdentityToken: secret}), nil
}
