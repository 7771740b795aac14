package ghapp_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// stage is one of many Stages that push to main; its commit is stored already.
type stage struct {
	id  string
	git *ghapp.Git
	c   *tree.Checkout
}

// stages prepares n Stages that all begin at the same commit and change a file of
// their own each.
func (w *world) stages(n int, git func(i int) *ghapp.Git) []stage {
	w.t.Helper()
	out := make([]stage, n)
	for i := range out {
		s := stage{id: fmt.Sprintf("stage%d-1", i), git: git(i)}
		s.c = must(s.git.Checkout(w.t.Context(), w.repoURL, step.Ref{Branch: "main"}))(w.t)
		w.commit(s.c, "promote\n\nKargo-Promotion: "+s.id+"\n", map[string]*string{"env/" + s.id: forge.Text(s.id)})
		out[i] = s
	}
	w.ResetTraffic()
	return out
}

// pushAll pushes all at once and checks that every Stage's commit is on main once,
// and is the one that its push returned.
func (w *world) pushAll(tb testing.TB, all []stage) {
	tb.Helper()
	results := make([]step.PushResult, len(all))
	var pushing sync.WaitGroup
	for i, s := range all {
		pushing.Go(func() {
			var err error
			results[i], err = s.git.Push(tb.Context(), s.c, step.PushRequest{Branch: "main", Promotion: s.id, Attempts: 100})
			if err != nil {
				tb.Errorf("%s: %v", s.id, err)
			}
		})
	}
	pushing.Wait()
	commits, err := w.Commits(gitops, "main")
	if err != nil {
		tb.Fatal(err)
	}
	for i, s := range all {
		var own []string
		for _, c := range commits {
			if strings.Contains(c.Message, "Kargo-Promotion: "+s.id+"\n") {
				own = append(own, c.SHA)
			}
		}
		if len(own) != 1 || own[0] != results[i].Commit {
			tb.Errorf("%s: main holds %v, the push returned %s", s.id, own, results[i].Commit)
		}
		if got, err := w.File(gitops, "main", "env/"+s.id); err != nil || got != s.id {
			tb.Errorf("%s: %q, %v", s.id, got, err)
		}
		if n := len(s.c.Pending()); n != 0 {
			tb.Errorf("%s: %d commits are pending", s.id, n)
		}
	}
}

// updates counts the updates of branches and those of them that GitHub refused.
func (w *world) updates() (all, refused int) {
	for _, r := range w.Requests() {
		if r.Method == http.MethodPatch && strings.Contains(r.Route, "/git/refs/") {
			all++
			if r.Status != http.StatusOK {
				refused++
			}
		}
	}
	return all, refused
}

func TestStagesThatPushToOneBranchDoNotRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.stages(20, func(int) *ghapp.Git { return w.git })
	w.pushAll(t, all)
	updates, refused := w.updates()
	if refused != 0 || updates > 20 {
		t.Errorf("%d updates of which %d were refused", updates, refused)
	}
	t.Logf("20 pushes took %d updates", updates)
}

// One of those who share an update conflicts with another: it alone fails.
func TestConflictInALaneIsOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.stages(6, func(int) *ghapp.Git { return w.git })
	ours := w.change(webV2())
	must(w.Push(gitops, "main", "bob", "v3", map[string]*string{"apps/web/values.yaml": forge.Text("image: v3\n")}))(t)
	var failing sync.WaitGroup
	failing.Go(func() {
		if _, err := w.git.Push(t.Context(), ours, sharedPush); err == nil || !strings.Contains(err.Error(), "apps/web/values.yaml") {
			t.Errorf("got %v, want a conflict", err)
		}
	})
	w.pushAll(t, all)
	failing.Wait()
}

// A branch that wants pull requests refuses everybody, and everybody is told why.
func TestRefusalInALaneIsEverybodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.stages(4, func(int) *ghapp.Git { return w.git })
	if err := w.ProtectBranch(gitops, "main", forge.Protection{PullRequestOnly: true}); err != nil {
		t.Fatal(err)
	}
	var pushing sync.WaitGroup
	for _, s := range all {
		pushing.Go(func() {
			_, err := s.git.Push(t.Context(), s.c, step.PushRequest{Branch: "main", Promotion: s.id, Attempts: 3})
			if err == nil || !strings.Contains(err.Error(), "through a pull request") {
				t.Errorf("%s: %v", s.id, err)
			}
		})
	}
	pushing.Wait()
}

// BenchmarkStagesPushOneBranch pushes from 20 Stages to one branch at once: within one
// server, whose lane gives each its turn, and from as many servers, which race each
// other.
func BenchmarkStagesPushOneBranch(b *testing.B) {
	for _, mode := range []string{"lane", "race"} {
		b.Run(mode, func(b *testing.B) {
			var requests, updates, refused, n int
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b)
				all := w.stages(20, func(int) *ghapp.Git {
					if mode == "lane" {
						return w.git
					}
					app := must(ghapp.New(w.options))(b)
					return app.Git(gitrepo.New(app.ReaderOptions(gitrepo.Options{})))
				})
				b.StartTimer()
				w.pushAll(b, all)
				b.StopTimer()
				u, r := w.updates()
				for _, n := range w.RequestCounts() {
					requests += n
				}
				updates, refused, n = updates+u, refused+r, n+1
				b.StartTimer()
			}
			b.ReportMetric(float64(requests)/float64(n), "requests/op")
			b.ReportMetric(float64(updates)/float64(n), "updates/op")
			b.ReportMetric(float64(refused)/float64(n), "refused/op")
		})
	}
}
