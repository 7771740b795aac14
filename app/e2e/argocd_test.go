package e2e_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
)

// argoToken is the one that Argo CD takes.
const argoToken = "eyJhbGciOiJIUzI1NiJ9.ZTJl.c2lnbmF0dXJl"

// argo is an Argo CD that syncs from the world's repositories.
type argo struct {
	*argocdtest.Server
	url string
}

func newArgo(tb testing.TB, w *world) *argo {
	tb.Helper()
	a := &argo{Server: argocdtest.New(argoToken, time.Now)}
	a.Resolve = func(repoURL, target string) string {
		repo := strings.TrimSuffix(strings.TrimPrefix(repoURL, w.url+"/"), ".git")
		commits, err := w.Commits(repo, target)
		if err != nil || len(commits) == 0 {
			return ""
		}
		return commits[0].SHA
	}
	server := httptest.NewServer(a)
	tb.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// actOnArgo adds Applications, or says how their syncs end.
func actOnArgo(s *scene, ts *testscript.TestScript, args []string) error {
	switch {
	case args[0] == "add" && len(args) == 2:
		return s.argo.Add(s.fill(ts.ReadFile(args[1])))
	case args[0] == "end" && len(args) == 4:
		s.argo.EndWith(args[1], args[2], args[3])
		return nil
	}
	return errors.New("usage: argocd add FILE | argocd end NAME PHASE HEALTH")
}

// syncedIs looks at how often an Application was synced, and to what.
func syncedIs(s *scene, args []string) error {
	if err := count(s.argo.Syncs(args[0]), args[2]); err != nil {
		return err
	}
	commits, err := s.Commits(s.repo, args[1])
	if err != nil {
		return err
	}
	if app := s.argo.Application(args[0]); !strings.Contains(app, commits[0].SHA) {
		return fmt.Errorf("it is not at %s: %s", commits[0].SHA, app)
	}
	return nil
}

// addSecret runs kargo secrets set beside the server.
func addSecret(s *scene, _ *testscript.TestScript, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(s.tb.Context(), self, "secrets", "set", s.repo, args[0])
	cmd.Stdin = strings.NewReader(s.fill(args[1]) + "\n")
	cmd.Env = []string{asKargo + "=1", "HOME=/nonexistent"}
	for _, name := range []string{"KARGO_DATA_DIR", "KARGO_SECRET_KEY"} {
		cmd.Env = append(cmd.Env, name+"="+s.settings[name])
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kargo secrets set: %w\n%s", err, out)
	}
	return nil
}
