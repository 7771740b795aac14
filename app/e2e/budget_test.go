package e2e_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/forge"
)

const (
	// budget is how many requests of GitHub's API one promotion may cost from the
	// webhook to the open pull request, goal what it shall cost.
	budget, goal = 12, 8
	// lifeGoal is the same to the merge with everything reported, of which
	// contentGoal may create content.
	lifeGoal, contentGoal = 16, 8
)

// TestBudget counts what a promotion of one file costs.
func TestBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), nil)
	files := kustomized("test")
	files[".kargo.yaml"] = strings.Replace(files[".kargo.yaml"], "    update:", "    approvals: {required: 1}\n    update:", 1)
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, files), w.start()); err != nil {
		t.Fatal(err)
	}
	w.settled("test")
	w.ResetTraffic()
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	w.must("pull request with everything on it", func() error {
		pr, err := w.pull(gitops, "test-2")
		if err != nil {
			return err
		}
		if len(pr.Comments) == 0 {
			return errors.New("no comment yet")
		}
		return w.WaitDelivered(t.Context())
	})
	opened := requests(w.Requests())
	report(t, "from the webhook to the open pull request", opened)
	if len(opened) > budget {
		t.Errorf("%d requests to the open pull request, at most %d are allowed", len(opened), budget)
	}
	if len(opened) > goal {
		t.Logf("the goal of %d requests is missed by %d", goal, len(opened)-goal)
	}

	if err := w.Review(gitops, 1, "ben", forge.Approved, ""); err != nil {
		t.Fatal(err)
	}
	w.must("merge", func() error { return w.kept(gitops, "test-2") })
	if err := w.WaitDelivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole := requests(w.Requests())
	report(t, "from the approval to the end", whole[len(opened):])
	writes := slices.DeleteFunc(slices.Clone(whole), func(r string) bool { return !strings.HasPrefix(r, "POST /") && !strings.HasPrefix(r, "PUT ") })
	t.Logf("whole life: %d requests (goal %d), %d of them creating content (goal %d); git: %+v", len(whole), lifeGoal, len(writes), contentGoal, w.GitTraffic())
}

// requests leaves out those for tokens.
func requests(all []forge.Request) []string {
	var out []string
	for _, r := range all {
		if r.Route != "/app/installations/{installation_id}/access_tokens" {
			out = append(out, fmt.Sprintf("%s %s %d", r.Method, r.Path, r.Status))
		}
	}
	return out
}

func report(t *testing.T, what string, requests []string) {
	t.Helper()
	t.Logf("%s: %d requests\n  %s", what, len(requests), strings.Join(requests, "\n  "))
}

// TestChainNeedsNoInterval promotes through four Stages while every interval is
// ten minutes: each Stage is brought on its way by what happened in the one
// before.
func TestChainNeedsNoInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), nil)
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, kustomized("a", "b", "c", "d")), w.start()); err != nil {
		t.Fatal(err)
	}
	w.settled("d")
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	w.must("the whole chain", func() error {
		return errors.Join(w.kept(gitops, "a-2"), w.kept(gitops, "b-2"), w.kept(gitops, "c-2"), w.kept(gitops, "d-2"), w.holds("d", "1.1.0"))
	})
}
