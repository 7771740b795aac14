package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
)

// openLocal opens the clone around a .kargo.yaml. It uses the variables that
// GitHub Actions sets too.
func (e *env) openLocal(ctx context.Context, file string) (*app.Local, error) {
	return app.OpenLocal(ctx, filepath.Dir(file), e.localOptions())
}

func (e *env) localOptions() app.LocalOptions {
	var insecure []string
	for host := range strings.SplitSeq(e.getenv("KARGO_INSECURE_REGISTRIES"), ",") {
		if host = strings.TrimSpace(host); host != "" {
			insecure = append(insecure, host)
		}
	}
	return app.LocalOptions{
		InsecureRegistries: insecure,
		ServerURL:          e.getenv("GITHUB_SERVER_URL"),
		Token:              e.getenv("GITHUB_TOKEN"),
		Now:                func() time.Time { return time.Now().UTC() },
	}
}

// environmentHelp says what openLocal takes from the environment.
const environmentHelp = "\n\nPrivate repositories on GitHub are read with GITHUB_TOKEN (GITHUB_SERVER_URL names another host than\n" +
	"https://github.com), private registries with the credentials that docker login stored.\n" +
	"KARGO_INSECURE_REGISTRIES lists registries that speak plain HTTP."

// hint says what may be missing when a repository cannot be read.
func (e *env) hint(err error) error {
	if e.getenv("GITHUB_TOKEN") == "" && (errors.Is(err, gitrepo.ErrDenied) || errors.Is(err, gitrepo.ErrNotFound)) {
		return fmt.Errorf("%w\nGITHUB_TOKEN is not set; private repositories on GitHub need it", err)
	}
	return err
}

func unknownWarehouse(p pipeline.Pipeline, got string) error {
	names := make([]string, len(p.Warehouses))
	for i, w := range p.Warehouses {
		names[i] = w.Name
	}
	if m := pipeline.DidYouMean(got, names); m != "" {
		return fmt.Errorf("there is no Warehouse %q; did you mean %q?", got, m)
	}
	return fmt.Errorf("there is no Warehouse %q; Warehouses: %s", got, strings.Join(names, ", "))
}
