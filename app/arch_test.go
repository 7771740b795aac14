package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kargo-app/kargo/"

// layers says which of our packages each of our packages may import. Arrows point
// inward only: nothing imports what stands further out.
var layers = map[string][]string{
	"pipeline":          {},
	"pipeline/expr":     {},
	"pipeline/tree":     {},
	"pipeline/secret":   {},
	"pipeline/report":   {"pipeline"},
	"pipeline/actions":  {"pipeline"},
	"pipeline/argocd":   {"pipeline"},
	"pipeline/discover": {"pipeline", "pipeline/expr"},
	"pipeline/jira":     {},
	"pipeline/step": {
		"pipeline", "pipeline/actions", "pipeline/argocd", "pipeline/expr", "pipeline/jira", "pipeline/report", "pipeline/secret", "pipeline/tree",
		"manifest/edit", "manifest/render",
	},
	"pipeline/verify":    {"pipeline", "pipeline/actions", "pipeline/argocd", "pipeline/expr", "pipeline/secret"},
	"pipeline/promotion": {"pipeline", "pipeline/expr", "pipeline/report", "pipeline/secret", "pipeline/step", "pipeline/tree"},
	"pipeline/reconcile": {"pipeline", "pipeline/discover", "manifest/kargofile", "store"},
	"pipeline/simulate": {
		"pipeline", "pipeline/discover", "pipeline/expr", "pipeline/promotion", "pipeline/step", "pipeline/tree", "pipeline/verify",
		"manifest/kargofile", "handlers/bind", "handlers/command",
	},
	"manifest/appmanifest":  {},
	"manifest/edit":         {},
	"manifest/kargocrd":     {"pipeline"},
	"manifest/kargofile":    {"pipeline", "pipeline/expr"},
	"manifest/render":       {},
	"manifest/scaffold":     {},
	"store":                 {"pipeline"},
	"store/sqlite":          {"pipeline", "store"},
	"handlers":              {"pipeline", "pipeline/report", "handlers/bind", "handlers/command", "store"},
	"handlers/bind":         {"pipeline", "handlers/command"},
	"handlers/command":      {"pipeline"},
	"handlers/registryhook": {"pipeline", "pipeline/expr"},
	"app/gitrepo":           {"pipeline/tree"},
	"app/registry":          {"pipeline", "pipeline/discover", "pipeline/step"},
	"app/vault":             {},
	"app/outbound":          {},
	"app/smtp":              {"pipeline", "pipeline/step"},
	"app/cloudwatch":        {"pipeline/verify"},
	"app/ghapp":             {"pipeline", "pipeline/actions", "pipeline/promotion", "pipeline/report", "pipeline/step", "pipeline/tree", "pipeline/verify", "app/gitrepo"},
	"app/renderer":          {"manifest/render"},
	"app/sandbox":           {"pipeline/step", "pipeline/tree"},
	"app/trial": {
		"pipeline", "pipeline/expr", "pipeline/promotion", "pipeline/report", "pipeline/secret", "pipeline/step", "pipeline/tree",
		"manifest/kargofile", "app/gitrepo",
	},
	"app/forge":             {},
	"app/forge/ociregistry": {},
	"app":                   {"*"},
	"app/cli":               {"*"},
	"app/demo":              {"*"},
	"app/cmd/kargo":         {"app/cli"},
	"app/cmd/benchtable":    {},
}

// testOnly packages exist for tests; nothing that is shipped may import them.
var testOnly = []string{"pipeline/jira/jiratest", "pipeline/argocd/argocdtest", "pipeline/step/steptest", "store/storetest", "app/forge/openapi", "app/e2e"}

// outermost packages may import everything, and only one another may import them.
var outermost = []string{"app", "app/cli", "app/demo", "app/cmd/kargo"}

// purity lists what the pure packages must not reach for.
var purity = map[string][]string{
	"pipeline":           {"os", "net", "net/http", "database/sql", "os/exec", "log/slog"},
	"pipeline/secret":    {"os", "net", "net/http", "database/sql", "os/exec"},
	"pipeline/expr":      {"os", "net", "net/http", "database/sql", "os/exec"},
	"pipeline/report":    {"os", "net", "net/http", "database/sql", "os/exec"},
	"manifest/edit":      {"os", "net", "net/http", "database/sql", "os/exec"},
	"manifest/kargocrd":  {"os", "net", "net/http", "database/sql", "os/exec"},
	"manifest/kargofile": {"os", "net", "net/http", "database/sql", "os/exec"},
	"manifest/render":    {"os", "net", "net/http", "database/sql", "os/exec"},
	"manifest/scaffold":  {"os", "net", "net/http", "database/sql", "os/exec"},
	"handlers/command":   {"os", "net", "net/http", "database/sql", "os/exec"},
}

func TestImportsPointInward(t *testing.T) {
	t.Parallel()
	for name, imports := range packages(t) {
		if slices.Contains(testOnly, name) {
			continue
		}
		allowed, listed := layers[name]
		if !listed {
			t.Errorf("package %s is not in the table of layers", name)
			continue
		}
		for _, path := range imports {
			if slices.Contains(purity[name], path) {
				t.Errorf("%s is pure and must not import %s", name, path)
			}
			ours, ok := strings.CutPrefix(path, module)
			if !ok {
				continue
			}
			switch {
			case slices.Contains(testOnly, ours):
				t.Errorf("%s imports %s, which is for tests", name, ours)
			case slices.Contains(outermost, ours) && !slices.Contains(outermost, name):
				t.Errorf("%s imports %s, which stands further out", name, ours)
			case !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*"):
				t.Errorf("%s imports %s; it may import %v", name, ours, allowed)
			}
		}
	}
}

// packages lists our packages with what their shipped files import.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "../...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string][]string{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p.Imports
	}
	if len(found) < 15 {
		t.Fatalf("go list found %d packages only", len(found))
	}
	return found
}
