package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kargo-app/kargo/app/registry"
)

// askAzure makes the test binary print who it is for a registry, and end: proxies and
// trusted certificates are read once in the life of a process.
const askAzure = "KARGO_TEST_ASK_AZURE"

func TestMain(m *testing.M) {
	repository := os.Getenv(askAzure)
	if repository == "" {
		os.Exit(m.Run())
	}
	repo, err := name.NewRepository(repository)
	if err != nil {
		panic(err)
	}
	a := registry.NewAmbient(time.Now)
	auth, err := a.Resolve(repo)
	if err != nil {
		panic(err)
	}
	config, err := auth.Authorization()
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s:%s:%s (%v)", config.Username, config.Password, config.IdentityToken, a.Why(repo.RegistryStr()))
}

// azure is Azure as a workload with a federated token sees it: a directory that gives
// tokens for that one, and a registry that exchanges those.
type azure struct {
	directory *httptest.Server
	proxy     *httptest.Server
	authority string // file with the certificate of the registry
}

func startAzure(t *testing.T, host string) azure {
	t.Helper()
	directory := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tenant/oauth2/token" || r.FormValue("client_id") != "client" || r.FormValue("client_assertion") != "of the workload" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"of the directory","token_type":"Bearer","expires_in":"3600","expires_on":"%d","not_before":"0","resource":"r"}`,
			time.Now().Add(time.Hour).Unix())
	}))
	t.Cleanup(directory.Close)
	reg := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth2/exchange" || r.FormValue("grant_type") != "access_token" || r.FormValue("service") != host ||
			r.FormValue("tenant") != "tenant" || r.FormValue("access_token") != "of the directory" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"refresh_token":"of the registry"}`))
	}))
	certificate, authority := certify(t, host)
	reg.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	reg.StartTLS()
	t.Cleanup(reg.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host+":443" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnel(w, reg.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	return azure{directory, proxy, authority}
}

// certify makes a certificate for a host, and a file by which it is trusted.
func certify(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// tunnel joins a client of a proxy with the address that it is led to.
func tunnel(w http.ResponseWriter, to string) {
	up, err := (&net.Dialer{Timeout: 5 * time.Second}).Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	down, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = up.Close()
		return
	}
	go func() {
		_, _ = io.Copy(up, down)
		_ = up.Close()
	}()
	_, _ = io.Copy(down, up)
	_ = down.Close()
}

func TestAzuresIdentity(t *testing.T) {
	t.Parallel()
	const host = "acme.azurecr.io"
	cloud := startAzure(t, host)
	environment, err := json.Marshal(map[string]string{
		"name": "AzureTestCloud", "activeDirectoryEndpoint": cloud.directory.URL + "/", "resourceManagerEndpoint": "https://management.example/",
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cloud.json")
	if err := os.WriteFile(file, environment, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ assertion, want string }{
		"a workload that Azure knows reads with a token of the registry":  {"of the workload", "<token>::of the registry (<nil>)"},
		"one that it does not know asks anonymously, and the reason kept": {"of another", ":: (identity for Azure Container Registry:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = []string{
				askAzure + "=" + host + "/web", "HTTPS_PROXY=" + cloud.proxy.URL, "SSL_CERT_FILE=" + cloud.authority, "SSL_CERT_DIR=/nonexistent", "HOME=/nonexistent",
				"AZURE_ENVIRONMENT=AZURESTACKCLOUD", "AZURE_ENVIRONMENT_FILEPATH=" + file,
				"AZURE_CLIENT_ID=client", "AZURE_TENANT_ID=tenant", "AZURE_FEDERATED_TOKEN=" + tt.assertion,
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("account %q, %v; want %q", out, err, tt.want)
			}
		})
	}
}
