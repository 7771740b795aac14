package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/kargo-app/kargo/app"
)

const appID = 4711

// operator is who runs the server: it has registered the App and knows its
// secrets.
type operator struct {
	key    *rsa.PrivateKey
	secret string
}

func newOperator() (operator, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return operator{}, fmt.Errorf("generate the App's key: %w", err)
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return operator{key: key, secret: hex.EncodeToString(secret)}, nil
}

// config is the server's configuration, read from an environment as `kargo serve`
// reads it.
func (o operator) config(githubURL, pageURL, registry, dataDir string) (app.Config, error) {
	env := map[string]string{
		"KARGO_ADDR":                  "127.0.0.1:0",
		"KARGO_PUBLIC_URL":            pageURL,
		"KARGO_DATA_DIR":              dataDir,
		"KARGO_GITHUB_URL":            githubURL,
		"KARGO_GITHUB_APP_ID":         strconv.Itoa(appID),
		"KARGO_GITHUB_WEBHOOK_SECRET": o.secret,
		"KARGO_GITHUB_PRIVATE_KEY": string(pem.EncodeToMemory(&pem.Block{
			Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(o.key),
		})),
		"KARGO_INSECURE_REGISTRIES": registry,
	}
	return app.LoadConfig(pflag.NewFlagSet("demo", pflag.ContinueOnError), func(name string) string { return env[name] })
}
