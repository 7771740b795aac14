package registry_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kargo-app/kargo/app/registry"
)

// The clouds' own libraries, against servers on this machine that answer as their
// clouds do.

func TestAmazonsIdentity(t *testing.T) {
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("X-Amz-Target"), "GetAuthorizationToken") || !strings.Contains(r.Header.Get("Authorization"), "AKIDTEST") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"authorizationData": []map[string]any{{
			"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:from the cloud")),
			"expiresAt":          time.Now().Add(12 * time.Hour).Unix(),
			"proxyEndpoint":      "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
		}}})
	}))
	defer cloud.Close()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_ECR_DISABLE_CACHE", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL", cloud.URL)
	a := registry.NewAmbient(time.Now)
	if got := passwordOf(t, a, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web"); got != "AWS:from the cloud" {
		t.Errorf("account %q, %v", got, a.Why("123456789012.dkr.ecr.eu-west-1.amazonaws.com"))
	}
}

func TestGooglesIdentity(t *testing.T) {
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"from the cloud","token_type":"Bearer","expires_in":3600}`))
	}))
	defer cloud.Close()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "kargo@example.iam.gserviceaccount.com", "token_uri": cloud.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	a := registry.NewAmbient(time.Now)
	if got := passwordOf(t, a, "europe-west1-docker.pkg.dev/project/repo/web"); got != "_token:from the cloud" {
		t.Errorf("account %q, %v", got, a.Why("europe-west1-docker.pkg.dev"))
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file+".missing")
	a = registry.NewAmbient(time.Now)
	if got := passwordOf(t, a, "gcr.io/project/web"); got != ":" || a.Why("gcr.io") == nil {
		t.Errorf("account %q, %v", got, a.Why("gcr.io"))
	}
}

func passwordOf(t *testing.T, a *registry.Ambient, repository string) string {
	t.Helper()
	repo, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := a.Resolve(repo)
	if err != nil {
		t.Fatal(err)
	}
	config, err := auth.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	return config.Username + ":" + config.Password
}
