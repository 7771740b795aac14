package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// directly is a repository in which every Stage takes images from the Warehouse by
// itself and pushes to main without a pull request.
func directly(stages ...string) map[string]string {
	files := kustomized(stages...)
	var b strings.Builder
	b.WriteString("apiVersion: kargo/v1\nwarehouses:\n  - name: web\n    subscriptions:\n      - image: {repoURL: IMAGE}\nstages:\n")
	for _, s := range stages {
		fmt.Fprintf(&b, `  - name: %[1]s
    from: web
    autoPromote: true
    promotionTemplate:
      spec:
        steps:
          - uses: git-clone
            config: {repoURL: "${{ github.repoURL }}", checkout: [{branch: main, path: src}]}
          - uses: kustomize-set-image
            config: {path: src/env/%[1]s}
          - uses: git-commit
            config: {path: src, message: Promote to %[1]s}
          - uses: git-push
            config: {path: src}
`, s)
	}
	files[".kargo.yaml"] = b.String()
	return files
}

// TestStagesPushOneBranch lets many Stages push to one branch at the same time.
func TestStagesPushOneBranch(t *testing.T) {
	t.Parallel()
	const stages = 12
	var names []string
	for i := range stages {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	w := newWorld(t, t.TempDir(), nil)
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, directly(names...)), w.start()); err != nil {
		t.Fatal(err)
	}
	for _, s := range names {
		w.settled(s)
	}
	w.ResetTraffic()
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	w.must("all Stages hold the new version", func() error {
		var errs []error
		for _, s := range names {
			errs = append(errs, w.holds(s, "1.1.0"))
		}
		return errors.Join(errs...)
	})
	commits, err := w.Commits(gitops, "main")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range names {
		n := 0
		for _, c := range commits {
			if strings.Contains(c.Message, "\nKargo-Promotion: "+s+"-2\n") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d commits of %s on main, want 1", n, s)
		}
	}
	updates := 0
	for _, r := range w.Requests() {
		if r.Method != http.MethodPatch || !strings.Contains(r.Route, "/git/refs/") {
			continue
		}
		updates++
		if r.Status != http.StatusOK {
			t.Errorf("a push lost a race against another one of the same server: %+v", r)
		}
	}
	t.Logf("%d pushes took %d updates of the branch", stages, updates)
}
