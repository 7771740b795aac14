package e2e_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/ociregistry"
	"github.com/kargo-app/kargo/handlers/registryhook"
)

const (
	appID     = 42
	org       = "acme"
	gitops    = org + "/gitops"
	secret    = "it is a secret"
	bot       = "kargo[bot]"
	imageName = org + "/web"
	// placeholder stands for the image repository in files that tests write.
	placeholder = "IMAGE"
	// patience bounds every wait. Nothing comes close to it except on a machine
	// that does ten other things.
	patience = time.Minute
)

// appKey is shared: making one is slow and nothing depends on its value.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// roles are the people of the organisation.
var roles = map[string]string{"dora": "admin", "ana": "maintain", "ben": "write", "carl": "read"}

// world is GitHub, a registry, and the server under test.
type world struct {
	*forge.Server
	tb       testing.TB
	url      string
	registry *ociregistry.Registry
	// image is the image repository that pipelines watch, on host.
	image, host string
	// installation is that of the App on the organisation.
	installation int64
	// site is a service that pipelines ask.
	site *site
	argo *argo
	// office is where people are told.
	office *office
	// receivers are the registries' webhooks.
	receivers []registryhook.Receiver
	// settings are the server's, by the names of the environment.
	settings map[string]string
	log      *journal
	server   *process
}

// newWorld makes a world without a repository and without a running server.
// front wraps GitHub, nil for nothing.
func newWorld(tb testing.TB, dir string, front func(http.Handler) http.Handler) *world {
	tb.Helper()
	w := &world{tb: tb, registry: ociregistry.New(ociregistry.Options{PageSize: 100}), log: &journal{}}
	s, err := forge.New(forge.Options{Dir: dir, App: forge.App{ID: appID, Slug: "kargo", PublicKey: &appKey().PublicKey}})
	if err != nil {
		tb.Fatal(err)
	}
	w.Server = s
	var handler http.Handler = s
	if front != nil {
		handler = front(s)
	}
	github, registry := httptest.NewServer(handler), httptest.NewServer(w.registry)
	tb.Cleanup(registry.Close)
	tb.Cleanup(github.Close)
	w.host = strings.TrimPrefix(registry.URL, "http://")
	w.url, w.image, w.site = github.URL, w.host+"/"+imageName, newSite(tb)
	s.SetBaseURL(w.url)
	w.argo, w.office = newArgo(tb, w), newOffice(tb)
	w.settings = map[string]string{
		"KARGO_ADDR": "127.0.0.1:0", "KARGO_GITHUB_URL": w.url, "KARGO_GITHUB_APP_ID": fmt.Sprint(appID),
		"KARGO_GITHUB_WEBHOOK_SECRET": secret, "KARGO_GITHUB_PRIVATE_KEY": privateKey(),
		"KARGO_INSECURE_REGISTRIES": w.host, "KARGO_OUTBOUND_ALLOW": strings.Join([]string{
			w.site.host(), strings.TrimPrefix(w.argo.url, "http://"), strings.TrimPrefix(w.office.jiraURL, "http://"), w.office.mailServer,
		}, ","),
		"KARGO_DATA_DIR": filepath.Join(tb.TempDir(), "data"), "KARGO_LOG_LEVEL": "debug",
		"KARGO_RENDER_MEMORY": "128",
		"KARGO_SECRET_KEY":    "a key of more than thirty-two characters",
		// What happens here happens by webhook, or the test fails by running out of
		// patience.
		"KARGO_RECONCILE_INTERVAL": "10m", "KARGO_REDELIVERY_INTERVAL": "10m", "KARGO_POLL_INTERVAL": "10m",
	}
	ctx, stop := context.WithCancel(context.Background())
	var delivering sync.WaitGroup
	delivering.Go(func() { _ = s.Run(ctx) })
	tb.Cleanup(func() { stop(); delivering.Wait() })
	tb.Cleanup(func() {
		if w.server != nil {
			w.server.kill()
		}
		for _, never := range []string{"DATA RACE", "panicked", "panic:"} {
			if strings.Contains(w.log.String(), never) {
				tb.Errorf("the server's log contains %q", never)
			}
		}
		if tb.Failed() {
			tb.Logf("server log:\n%s", w.log)
		}
	})
	return w
}

func privateKey() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())}))
}

// found creates a repository and, with the first one, the organisation on which the App
// is installed. IMAGE in files stands for the image repository, REGISTRY for the host of
// the registry, SITE, ARGOCD and JIRA for the addresses of a service, of Argo CD and of a
// Jira, MAILPORT for the port of a mail server, GITHUB for the address of GitHub.
func (w *world) found(name string, files map[string]string) error {
	filled := make(map[string]string, len(files))
	for path, content := range files {
		filled[path] = w.fill(content)
	}
	owner, short, _ := strings.Cut(name, "/")
	first := len(w.Repositories()) == 0
	if first {
		w.CreateOrg(owner, "dora", "ana", "ben", "carl")
	}
	if err := w.CreateRepo(forge.RepoOptions{Owner: owner, Name: short, Files: filled}); err != nil {
		return err
	}
	for user, role := range roles {
		if err := w.SetRole(name, user, role); err != nil {
			return err
		}
	}
	if !first {
		return w.AddToInstallation(w.installation, name)
	}
	var err error
	w.installation, err = w.Install(owner)
	return err
}

func (w *world) fill(s string) string {
	return strings.NewReplacer(placeholder, w.image, "REGISTRY", w.host, "SITE", w.site.URL, "ARGOCD", w.argo.url, "GITHUB", w.url,
		"JIRA", w.office.jiraURL, "MAILPORT", w.office.mailServer[strings.LastIndexByte(w.office.mailServer, ':')+1:]).Replace(s)
}

// start starts the server and points the App's webhook at it.
func (w *world) start() error {
	env := make([]string, 0, len(w.settings))
	for k, v := range w.settings {
		env = append(env, k+"="+v)
	}
	p, err := launch(env, w.log)
	if err != nil {
		return err
	}
	w.server = p
	w.SetWebhook("http://"+p.addr+"/webhooks/github", secret)
	return nil
}

// crash kills the server.
func (w *world) crash() {
	w.server.kill()
	w.server = nil
}

// set changes settings of servers that start from now on.
func (w *world) set(settings map[string]string) { maps.Copy(w.settings, settings) }

// publish pushes an image version and, unless quietly, lets GitHub tell of it.
func (w *world) publish(tag string, quietly bool) error {
	digest, err := w.registry.Push(ociregistry.Image{Repository: imageName, Tag: tag, Content: tag, Created: time.Now()})
	if err != nil || quietly {
		return err
	}
	host, _, _ := strings.Cut(w.image, "/")
	return w.PublishPackage(w.Repositories()[0], "ben", forge.Package{Name: "web", Registry: host, Tag: tag, Digest: digest})
}

// eventually waits until what f looks at is as it should be; f returns what is
// still wrong.
func eventually(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for tick := 10 * time.Millisecond; ; tick = min(tick+tick/8, 200*time.Millisecond) {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; %w", context.Cause(ctx), err)
		case <-time.After(tick):
		}
	}
}

// must waits until f is satisfied and ends the test if it never is.
func (w *world) must(what string, f func() error) {
	w.tb.Helper()
	if err := eventually(w.tb.Context(), f); err != nil {
		w.tb.Fatalf("%s: %v\n%s", what, err, w.describe())
	}
}
