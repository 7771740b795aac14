//go:build conformance

package e2e_test

import (
	"errors"
	"net/http"
	"os"
	"testing"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/openapi"
)

// TestConformance holds every request of the server's, and every answer of the
// simulator's, against GitHub's OpenAPI description, which KARGO_OPENAPI names:
// generated/api.github.com.json of the npm package @octokit/openapi.
func TestConformance(t *testing.T) {
	t.Parallel()
	description, err := openapi.Load(os.Getenv("KARGO_OPENAPI"))
	if err != nil {
		t.Fatal(err)
	}
	var report openapi.Report
	w := newWorld(t, t.TempDir(), func(next http.Handler) http.Handler { return description.Handler(next, &report) })
	files := kustomized("test", "staging", "prod")
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, files)); err != nil {
		t.Fatal(err)
	}
	if err := w.ProtectBranch(gitops, "main", forge.Protection{RequiredChecks: []string{"build"}, RequiredReviews: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	w.settled("prod")
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	for _, promotion := range []string{"test-2", "staging-2"} {
		w.must("pull request", func() error { _, err := w.pull(gitops, promotion); return err })
		pr, err := w.pull(gitops, promotion)
		if err != nil {
			t.Fatal(err)
		}
		for _, say := range []string{"/kargo status", "/promote nowhere", "/kargo why prod"} {
			if _, err := w.CommentOn(gitops, pr.Number, "ben", say); err != nil {
				t.Fatal(err)
			}
		}
		_, err = w.SetCheck(gitops, pr.HeadSHA, "ci", "build", "success")
		if err := errors.Join(err, w.Review(gitops, pr.Number, "ben", forge.Approved, "")); err != nil {
			t.Fatal(err)
		}
		w.must("merge", func() error { return w.kept(gitops, promotion) })
	}
	// What comes after a crash asks other questions.
	w.must("pull request", func() error { _, err := w.pull(gitops, "prod-2"); return err })
	w.crash()
	w.Inject(forge.BadGateway(http.MethodPost, "/repos/*/*/check-runs", true), forge.BadGateway(http.MethodPost, "/repos/*/*/pulls", true),
		forge.BadGateway(http.MethodPost, "/repos/*/*/deployments", true), forge.BadGateway(http.MethodPost, "/repos/*/*/issues/*/comments", true))
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	pr, err := w.pull(gitops, "prod-2")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.ClosePullRequest(gitops, pr.Number, "ana"); err != nil {
		t.Fatal(err)
	}
	if err := w.publish("1.2.0", false); err != nil {
		t.Fatal(err)
	}
	w.must("pull request", func() error { _, err := w.pull(gitops, "test-3"); return err })
	if err := w.WaitDelivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range report.Problems() {
		t.Error(p)
	}
	t.Logf("%d exchanges", report.Exchanges())
	if report.Exchanges() < 50 {
		t.Errorf("%d exchanges only", report.Exchanges())
	}
}
