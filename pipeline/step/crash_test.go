package step_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

// TestKilledAnywhere stops a Promotion before and after each of its effects, in
// each step, without recording the step's outcome and with the Workspace lost.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"checkout", "commit", "push", "create", "get", "merge"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after %v", op, after), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, promotion()...)
				hit := false
				killed := errors.New("killed")
				b.world.Fault = func(o string, a bool) error {
					if hit || o != op || a != after {
						return nil
					}
					hit = true
					return killed
				}
				for i := 0; i >= 0; i = b.p.Next() {
					res, err := b.try(t.Context(), i)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(res.Message, killed.Error()) {
						b.crash(i)
						continue
					}
					b.p.Apply(i, res, b.world.Now)
					if phase := b.p.Steps[i].Phase; phase != pipeline.Succeeded {
						t.Fatalf("step %d ended %s: %s", i, phase, res.Message)
					}
					// Every step may find the Workspace lost.
					b.crash(i + 1)
				}
				if replayed := after && (op == "checkout" || op == "get"); !hit && !replayed {
					t.Errorf("the Promotion came to its end without %s", op)
				}

				pulls := b.world.Pulls.All()
				if len(pulls) != 1 || !pulls[0].Merged {
					t.Errorf("pull requests %+v, want one, merged", pulls)
				}
				ours := slices.DeleteFunc(b.world.Log(repoURL, "main"), func(m string) bool {
					return !strings.Contains(m, "\nKargo-Promotion: prod-142\n")
				})
				if len(ours) != 1 {
					t.Errorf("%d commits of the Promotion on main, want 1", len(ours))
				}
				if got, want := b.p.MergeCommit(), b.world.Tip(repoURL, "main"); got != want {
					t.Errorf("merge commit %s recorded, main is at %s", got, want)
				}
			})
		}
	}
}
