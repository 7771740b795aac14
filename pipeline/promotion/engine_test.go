package promotion_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
)

const kustomization = "env/prod/kustomization.yaml"

func TestHappyPath(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	c.hold()
	next := c.must()
	if want := c.world.Now.Add(c.world.PollInterval); !next.Equal(want) {
		t.Errorf("it looks again at %v, want the poll at %v", next, want)
	}
	p := c.wantPhase("prod-1", pipeline.Running)
	if got, want := p.WaitingOn(), "required checks are not done: ci"; got != want {
		t.Errorf("it waits for %q, want %q", got, want)
	}
	if got := c.host.deployments[0].states; !slices.Equal(got, []string{"in_progress"}) {
		t.Errorf("Deployment states while waiting: %q", got)
	}
	c.green()
	if n, err := c.db.Wake(t.Context(), []string{pipeline.PullEvent(repo, 1)}, c.world.Now); err != nil || n != 1 {
		t.Fatalf("the pull request's event wakes %d Stages, %v", n, err)
	}
	if next := c.must(); !next.IsZero() {
		t.Errorf("done, and yet it looks again at %v", next)
	}
	c.wantPhase("prod-1", pipeline.Succeeded)
	c.judge(false, false)
	want := "# the images of prod\nimages:\n  - name: ghcr.io/acme/web\n    newTag: 1.0.1 # current\n"
	if diff := cmp.Diff(want, c.world.Files(repoURL, "main")[kustomization]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := c.world.Pulls.All()[0].Title, "promote(prod): web 1.0.1"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	message := c.world.Log(repoURL, "main")[0]
	for _, want := range []string{"promote(prod): web 1.0.1 (#1)", "Kargo-Stage: prod", "Kargo-Promotion: prod-1", "Kargo-Actor: kargo"} {
		if !strings.Contains(message, want) {
			t.Errorf("merge message %q lacks %q", message, want)
		}
	}
}

func TestPreviousIsWhatWasCurrent(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.apply(pipeline.AdoptFreight{Stage: "prod", Freight: freight("1.0.0").ID})
	c.queue(prod(), freight("1.0.1"))
	c.settle()
	p := c.wantPhase("prod-1", pipeline.Succeeded)
	if p.Previous == nil || p.Previous.ID != freight("1.0.0").ID {
		t.Errorf("previous %+v", p.Previous)
	}
	if got, want := c.world.Pulls.All()[0].Title, "promote(prod): web 1.0.0 → 1.0.1"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

func TestFilesThatHoldItAlready(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.0"))
	before := c.world.Tip(repoURL, "main")
	c.settle()
	p := c.wantPhase("prod-1", pipeline.Succeeded)
	if p.Changed() {
		t.Error("it says that it changed something")
	}
	if n := len(c.world.Pulls.All()); n != 0 {
		t.Errorf("%d pull requests", n)
	}
	if len(c.host.checks)+len(c.host.deployments)+len(c.host.comments) != 0 {
		t.Errorf("it shows %+v", c.host)
	}
	if c.world.Tip(repoURL, "main") != before || len(c.world.Branches(repoURL)) != 1 {
		t.Error("it left commits")
	}
	cur, err := c.db.CurrentFreight(t.Context(), repo.ID, "prod", "web")
	if err != nil || cur == nil || cur.ID != freight("1.0.0").ID {
		t.Errorf("current is %v, %v", cur, err)
	}
}

// phases of all steps of a Promotion.
func (c *town) phases(id string) []pipeline.Phase {
	c.t.Helper()
	var out []pipeline.Phase
	for _, s := range c.promotion(id).Steps {
		out = append(out, s.Phase)
	}
	return out
}

func TestConditions(t *testing.T) {
	t.Parallel()
	fail := use("fail", config{"message": "on purpose"})
	when := func(cond string) pipeline.StepSpec {
		return pipeline.StepSpec{Uses: "compose-output", As: "last", If: cond, Config: config{"ran": true}}
	}
	const ok, skip, failed, broken = pipeline.Succeeded, pipeline.Skipped, pipeline.Failed, pipeline.Errored
	forgiven := fail
	forgiven.ContinueOnError = true
	tests := map[string]struct {
		steps  []pipeline.StepSpec
		phases []pipeline.Phase
		want   pipeline.Phase
		// message is part of what the Promotion or its last step says.
		message string
	}{
		"after a failure the rest is skipped":       {[]pipeline.StepSpec{fail, when("")}, []pipeline.Phase{failed, skip}, failed, "step 1 (fail): on purpose"},
		"always() runs after a failure":             {[]pipeline.StepSpec{fail, when("${{ always() }}")}, []pipeline.Phase{failed, ok}, failed, "step 1 (fail): on purpose"},
		"failure() runs after a failure":            {[]pipeline.StepSpec{fail, when("${{ failure() }}")}, []pipeline.Phase{failed, ok}, failed, "on purpose"},
		"failure() does not run otherwise":          {[]pipeline.StepSpec{when("${{ failure() }}")}, []pipeline.Phase{skip}, ok, ""},
		"continueOnError goes on":                   {[]pipeline.StepSpec{forgiven, when("")}, []pipeline.Phase{failed, ok}, ok, ""},
		"a false condition skips":                   {[]pipeline.StepSpec{when("${{ ctx.stage == 'test' }}")}, []pipeline.Phase{skip}, ok, ""},
		"a condition that is no bool is an error":   {[]pipeline.StepSpec{when("${{ 'perhaps' }}")}, []pipeline.Phase{broken}, broken, "if: "},
		"a condition that does not compile":         {[]pipeline.StepSpec{when("${{ ( }}"), when("")}, []pipeline.Phase{broken, skip}, broken, "if: "},
		"an unknown step errors when it is reached": {[]pipeline.StepSpec{when(""), use("dance", nil)}, []pipeline.Phase{ok, broken}, broken, `unknown step "dance"`},
		"an unknown step that is skipped is none":   {[]pipeline.StepSpec{{Uses: "dance", As: "x", If: "${{ false }}"}}, []pipeline.Phase{skip}, ok, ""},
		"config that does not evaluate is an error": {[]pipeline.StepSpec{use("compose-output", config{"x": "${{ 1 / }}"})}, []pipeline.Phase{broken}, broken, "config: "},
		"a var that does not evaluate is an error": {
			[]pipeline.StepSpec{{Uses: "compose-output", As: "x", Vars: []pipeline.Var{{Name: "v", Value: "${{ ( }}"}}}, when("${{ always() }}")},
			[]pipeline.Phase{broken, ok},
			broken, "var v: ",
		},
		"config of the wrong form is a failure": {[]pipeline.StepSpec{use("git-commit", config{"odd": 1})}, []pipeline.Phase{failed}, failed, "config of git-commit"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			c.queue(prod(tt.steps...), freight("1.0.1"))
			c.settle()
			p := c.wantPhase("prod-1", tt.want)
			if diff := cmp.Diff(tt.phases, c.phases("prod-1")); diff != "" {
				t.Errorf("phases (-want +got):\n%s", diff)
			}
			if !strings.Contains(p.Message, tt.message) {
				t.Errorf("message %q, want %q", p.Message, tt.message)
			}
			if tt.want == pipeline.Succeeded {
				return
			}
			if cur, err := c.db.CurrentFreight(t.Context(), repo.ID, "prod", "web"); err != nil || cur != nil {
				t.Errorf("a failure made %v current, %v", cur, err)
			}
			if len(c.host.checks) != 1 || c.host.checks[0].Conclusion != "failure" || c.host.checks[0].SHA != "c0ffee" {
				t.Errorf("a failure without pull request shows %+v", c.host.checks)
			}
		})
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage := prod(
		pipeline.StepSpec{Uses: "compose-output", As: "first", Config: config{"n": 1}},
		pipeline.StepSpec{
			Uses: "compose-output", As: "second", Vars: []pipeline.Var{{Name: "inner", Value: "${{ outputs.first.n + 1 }}"}},
			Config: config{
				"vars":    "${{ vars.a + vars.b + vars.c }}",
				"inner":   "${{ vars.inner }}",
				"image":   `${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}`,
				"context": "${{ ctx.stage + ' ' + ctx.promotion + ' ' + ctx.targetFreight.alias + ' ' + github.defaultBranch }}",
			},
		},
	)
	stage.Vars = []pipeline.Var{{Name: "b", Value: "stage-"}, {Name: "c", Value: "stage-"}}
	stage.TemplateVars = []pipeline.Var{{Name: "c", Value: "${{ ctx.stage }}"}}
	c.apply(pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
		Repo: repo, Pipeline: "web", Stage: stage, Freight: freight("1.0.1"), CreatedAt: c.world.Now,
		Vars: []pipeline.Var{{Name: "a", Value: "pipeline-"}, {Name: "b", Value: "pipeline-"}, {Name: "c", Value: "pipeline-"}},
	})})
	c.settle()
	var got config
	if err := json.Unmarshal(c.wantPhase("prod-1", pipeline.Succeeded).Steps[1].Output, &got); err != nil {
		t.Fatal(err)
	}
	want := config{"vars": "pipeline-stage-prod", "inner": 2.0, "image": "1.0.1", "context": "prod prod-1 alias-1.0.1 main"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestQueue(t *testing.T) {
	t.Parallel()
	t.Run("runs one after the other, in order", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.queue(prod(), freight("1.0.2"))
		c.hold()
		c.must()
		c.wantPhase("prod-1", pipeline.Running)
		c.wantPhase("prod-2", pipeline.Pending)
		if n := len(c.world.Pulls.All()); n != 1 {
			t.Errorf("%d pull requests while the first waits", n)
		}
		c.green()
		c.settle()
		c.wantPhase("prod-1", pipeline.Succeeded)
		p := c.wantPhase("prod-2", pipeline.Succeeded)
		if p.Previous == nil || p.Previous.ID != freight("1.0.1").ID {
			t.Errorf("the second follows %+v", p.Previous)
		}
		if c.commits("prod-1") != 1 || c.commits("prod-2") != 1 {
			t.Errorf("commits %d and %d", c.commits("prod-1"), c.commits("prod-2"))
		}
	})
	t.Run("goes on after a failure, which may be what the next one repairs", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(use("fail", config{"message": "no"})), freight("1.0.1"))
		c.queue(prod(), freight("1.0.2"))
		c.settle()
		c.wantPhase("prod-1", pipeline.Failed)
		c.wantPhase("prod-2", pipeline.Succeeded)
	})
	t.Run("an abort of a queued Promotion does not wait its turn", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.queue(prod(), freight("1.0.2"))
		c.hold()
		c.must()
		c.abort("prod-2")
		c.must()
		c.wantPhase("prod-1", pipeline.Running)
		c.wantPhase("prod-2", pipeline.Aborted)
	})
	t.Run("a Promotion sees what those before it brought of other origins", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		api := pipeline.Freight{Warehouse: "api", Alias: "api", DiscoveredAt: c.world.Now, Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/api", Tag: "2"}}}
		api.ID = pipeline.FreightID(api)
		c.apply(pipeline.CreateFreight{Freight: api})
		stage := prod(pipeline.StepSpec{Uses: "compose-output", As: "see", Config: config{
			"web": `${{ quote(imageFrom("ghcr.io/acme/web")?.Tag ?? 'none') }}`, "api": `${{ quote(imageFrom("ghcr.io/acme/api")?.Tag ?? 'none') }}`,
		}})
		stage.Requests = append(stage.Requests, pipeline.FreightRequest{Origin: "api", Direct: true})
		c.queue(stage, api)
		c.queue(stage, freight("1.0.1"))
		c.settle()
		if got, want := string(c.promotion("prod-1").Steps[0].Output), `{"api":"2","web":"none"}`; got != want {
			t.Errorf("the first saw %s, want %s", got, want)
		}
		if got, want := string(c.promotion("prod-2").Steps[0].Output), `{"api":"2","web":"1.0.1"}`; got != want {
			t.Errorf("the second saw %s, want %s", got, want)
		}
	})
}

func TestGestures(t *testing.T) {
	t.Parallel()
	waiting := func(t *testing.T) *town {
		t.Helper()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		c.sleep()
		return c
	}
	t.Run("closing the pull request aborts", func(t *testing.T) {
		t.Parallel()
		c := waiting(t)
		c.ok(c.world.Pulls.Close(t.Context(), repoURL, 1, "no thanks"))
		c.settle()
		p := c.wantPhase("prod-1", pipeline.Aborted)
		if !strings.Contains(p.Message, "closed without being merged") {
			t.Errorf("message %q", p.Message)
		}
		if got := c.world.Branches(repoURL); len(got) != 1 {
			t.Errorf("branches %q are left", got)
		}
		c.judgeChecks(c.world.Pulls.All()[0].Head, "cancelled")
		if got := c.world.Pulls.Comments[1]; !slices.Equal(got, []string{"no thanks"}) {
			t.Errorf("comments %q", got)
		}
	})
	t.Run("merging by hand completes", func(t *testing.T) {
		t.Parallel()
		c := waiting(t)
		_, err := c.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{Title: "by hand"})
		c.ok(err)
		c.settle()
		c.wantPhase("prod-1", pipeline.Succeeded)
		c.judge(true, false)
	})
	t.Run("a draft holds", func(t *testing.T) {
		t.Parallel()
		c := waiting(t)
		c.world.Pulls.SetDraft(1, true)
		c.green()
		c.must()
		p := c.wantPhase("prod-1", pipeline.Running)
		if !strings.Contains(p.WaitingOn(), "is a draft") {
			t.Errorf("it waits for %q", p.WaitingOn())
		}
		c.world.Pulls.SetDraft(1, false)
		c.sleep()
		c.settle()
		c.wantPhase("prod-1", pipeline.Succeeded)
	})
}

func TestAbort(t *testing.T) {
	t.Parallel()
	t.Run("before anything happened leaves nothing", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.abort("prod-1")
		c.settle()
		c.judge(false, true)
		if len(c.world.Pulls.All()) != 0 {
			t.Error("a pull request was opened")
		}
	})
	t.Run("closes the pull request and says why", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		c.abort("prod-1")
		c.settle()
		c.judge(false, true)
		if got := c.world.Pulls.Comments[1]; !slices.Equal(got, []string{"aborted by ana"}) {
			t.Errorf("comments %q", got)
		}
	})
	t.Run("comes too late after a merge", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		_, err := c.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{Title: "by hand"})
		c.ok(err)
		c.abort("prod-1")
		c.settle()
		c.judge(true, true)
	})
	t.Run("loses against a merge that happens meanwhile", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		c.abort("prod-1")
		c.world.Fault = func(op string, after bool) error {
			if op == "close" && !after {
				c.world.Fault = nil
				_, err := c.world.Pulls.Merge(context.Background(), repoURL, 1, step.MergeRequest{Title: "by hand"})
				return err
			}
			return nil
		}
		c.settle()
		c.judge(true, true)
	})
	t.Run("in another Stage's repository is not mixed up", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		const other = "https://github.com/acme/other.git"
		c.world.Repository(other)
		c.world.Write(other, "main", "start", map[string]string{"a": "1"})
		c.world.Write(other, "topic", "start", map[string]string{"a": "1"})
		c.world.Write(other, "topic", "change", map[string]string{"a": "2"})
		pr, err := c.world.Pulls.Create(t.Context(), other, step.NewPullRequest{Head: "topic", Base: "main"})
		c.ok(err)
		c.queue(prod(use("git-wait-for-pr", config{"repoURL": other, "prNumber": pr.Number})), freight("1.0.1"))
		c.must()
		if len(c.host.comments)+len(c.host.checks)+len(c.host.deployments) != 0 {
			t.Errorf("it writes about another repository's pull request in its own: %+v", c.host)
		}
		c.abort("prod-1")
		c.settle()
		c.wantPhase("prod-1", pipeline.Aborted)
	})
}

func TestRewind(t *testing.T) {
	t.Parallel()
	tag := func(v string) map[string]string {
		return map[string]string{kustomization: "# the images of prod\nimages:\n  - name: ghcr.io/acme/web\n    newTag: " + v + " # current\n"}
	}
	t.Run("a conflict starts over on the new base with the same pull request", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		first := c.world.Pulls.All()[0].Head
		c.world.Write(repoURL, "main", "hotfix", tag("0.9.9"))
		c.green()
		c.sleep()
		c.settle()
		p := c.wantPhase("prod-1", pipeline.Succeeded)
		c.judge(false, false)
		if p.Rewinds != 1 || c.world.Pulls.All()[0].Head == first {
			t.Errorf("%d rewinds", p.Rewinds)
		}
	})
	t.Run("when the base holds it by now the pull request is closed", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		c.world.Write(repoURL, "main", "by hand", map[string]string{
			kustomization: tag("1.0.1")[kustomization], "README.md": "x\n",
		})
		c.world.Pulls.State = "behind"
		c.green()
		c.sleep()
		c.settle()
		c.wantPhase("prod-1", pipeline.Succeeded)
		pr := c.world.Pulls.All()[0]
		if pr.Open || pr.Merged || c.commits("prod-1") != 0 || len(c.world.Branches(repoURL)) != 1 {
			t.Errorf("left behind: %+v, branches %q", pr, c.world.Branches(repoURL))
		}
	})
	t.Run("does not go on for ever", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.world.Pulls.State = "behind"
		c.settle()
		p := c.wantPhase("prod-1", pipeline.Failed)
		if !strings.Contains(p.Message, "must be up to date") {
			t.Errorf("message %q", p.Message)
		}
		if !c.world.Pulls.All()[0].Open {
			t.Error("after a failure the pull request should stay for people to look at")
		}
	})
}

func TestTransientFaultsCostNothing(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"checkout", "commit", "push", "create", "get", "merge"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			c.queue(prod(), freight("1.0.1"))
			faults := 0
			c.world.Fault = func(o string, after bool) error {
				if o == op && after == (op != "checkout" && op != "get") && faults < 3 {
					faults++
					return &pipeline.TransientError{RetryAfter: 90 * time.Second, Err: errors.New("502")}
				}
				return nil
			}
			start := c.world.Now
			c.settle()
			c.wantPhase("prod-1", pipeline.Succeeded)
			c.judge(false, false)
			if faults == 0 {
				t.Errorf("%s was never called", op)
			}
			if waited := c.world.Now.Sub(start); waited < time.Duration(faults)*90*time.Second {
				t.Errorf("waited %s in all although each of %d times 90s were asked for", waited, faults)
			}
		})
	}
}

func TestRestartWithOnlyTheMergeLeftReadsNoFiles(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	c.hold()
	c.must()
	var ops []string
	c.world.Fault = func(op string, after bool) error {
		if !after {
			ops = append(ops, op)
		}
		return nil
	}
	c.close()
	c.open()
	c.sleep()
	c.must()
	if !slices.Equal(ops, []string{"get"}) {
		t.Errorf("a look at the pull request took %q", ops)
	}
	before := len(ops)
	c.green()
	c.sleep()
	c.settle()
	if got := ops[before:]; !slices.Equal(got, []string{"get", "merge", "delete-branch"}) {
		t.Errorf("the merge took %q", got)
	}
}

func TestLostWorkspaceIsReplayed(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	lost := false
	c.world.Fault = func(op string, after bool) error {
		if op == "push" && !after && !lost {
			lost = true
			return errors.New("power cut")
		}
		return nil
	}
	c.wrap = func(l promotion.Ledger) promotion.Ledger { return dropAfter{l, "power cut"} }
	if _, err := c.advance(); err == nil {
		t.Fatal("the pass came to its end")
	}
	c.wrap = nil
	// The base moves: the replay must stand on what was cloned then.
	c.world.Write(repoURL, "main", "other", map[string]string{"README.md": "x\n"})
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
	c.judge(false, false)
	if got := c.promotion("prod-1").Steps[cloneStep].Attempts; got != 1 {
		t.Errorf("git-clone was begun %d times", got)
	}
}

// dropAfter is a ledger whose process dies when a step says something.
type dropAfter struct {
	promotion.Ledger
	message string
}

func (d dropAfter) Save(ctx context.Context, p pipeline.Promotion) error {
	for _, s := range p.Steps {
		if strings.Contains(s.Message, d.message) {
			return errors.New("dead")
		}
	}
	return d.Ledger.Save(ctx, p)
}

func TestAStepThatIsNotRecordedDoesNotRun(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	c.world.Fault = func(op string, _ bool) error { t.Errorf("%s was called", op); return nil }
	c.wrap = func(l promotion.Ledger) promotion.Ledger { return refusing{l} }
	if _, err := c.advance(); err == nil {
		t.Error("no error")
	}
	c.world.Fault = nil
}

// refusing is a ledger that cannot record that a step runs.
type refusing struct{ promotion.Ledger }

func (r refusing) Save(ctx context.Context, p pipeline.Promotion) error {
	if p.Steps[0].Attempts > 0 {
		return errors.New("disk full")
	}
	return r.Ledger.Save(ctx, p)
}

func TestStepTimeout(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	slow := step.Define("slow", step.Remote, step.Doc{Summary: "Takes long once.", Example: "uses: slow"},
		func(ctx context.Context, env step.Env, _ struct{}) (struct{}, error) {
			if env.Attempt > 1 {
				return struct{}{}, nil
			}
			<-ctx.Done()
			return struct{}{}, ctx.Err()
		})
	reg, err := step.NewRegistry(slow)
	c.ok(err)
	c.steps, c.timeout = reg, time.Millisecond
	c.queue(prod(use("slow", nil)), freight("1.0.1"))
	next := c.must()
	if !next.After(c.world.Now) {
		t.Errorf("it looks again at %v", next)
	}
	s := c.wantPhase("prod-1", pipeline.Running).Steps[0]
	if s.Faults != 1 || s.Errors != 0 || !strings.Contains(s.Message, "stopped after 1ms") {
		t.Errorf("%+v", s)
	}
	c.sleep()
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
}

func TestTheEndOfTheServerIsNoOutcome(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	ctx, cancel := context.WithCancel(t.Context())
	c.world.Fault = func(op string, after bool) error {
		if op == "checkout" {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	j, ok, err := c.db.Claim(t.Context(), []store.WorkKind{store.WorkStage}, c.world.Now, time.Hour)
	if err != nil || !ok {
		t.Fatal(err)
	}
	if _, err := c.engine().Advance(ctx, ledger{db: c.db, job: j, stage: "prod", now: func() time.Time { return c.world.Now }}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if s := c.promotion("prod-1").Steps[0]; s.Phase != pipeline.Running || s.Errors+s.Faults != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPullRequestThatNobodyWaitsForStaysOpen(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(promote()[:mergeStep]...), freight("1.0.1"))
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
	if pr := c.world.Pulls.All()[0]; !pr.Open || len(c.world.Branches(repoURL)) != 2 {
		t.Errorf("pull request %+v, branches %q", pr, c.world.Branches(repoURL))
	}
}

func TestReportsAreRetried(t *testing.T) {
	t.Parallel()
	down := errors.New("no permission")
	tests := map[string]struct {
		err error
		// wait is how long after the end the second try comes, given the first.
		wait time.Duration
	}{
		"a refusal at the poll":           {err: down, wait: 5 * time.Minute},
		"a fault as soon as it is wanted": {err: &pipeline.TransientError{RetryAfter: time.Minute, Err: down}, wait: time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			c.queue(prod(), freight("1.0.1"))
			c.host.fault = func(op string, _ bool) error {
				if op == "create-comment" {
					return tt.err
				}
				return nil
			}
			next := c.must()
			c.wantPhase("prod-1", pipeline.Succeeded)
			if want := c.world.Now.Add(tt.wait); !next.Equal(want) {
				t.Errorf("tries again at %v, want %v", next, want)
			}
			if len(c.host.checks) != 1 || len(c.host.deployments) != 1 {
				t.Error("what works is not shown")
			}
			c.host.fault = nil
			c.sleep()
			c.settle()
			c.judge(false, false)
		})
	}
	t.Run("and given up after a day", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.host.fault = func(op string, _ bool) error {
			if op == "create-comment" {
				return down
			}
			return nil
		}
		start := c.world.Now
		c.settle()
		if took := c.world.Now.Sub(start); took < 24*time.Hour || took > 48*time.Hour {
			t.Errorf("given up after %s", took)
		}
		if n := c.host.calls["find-comment"]; n > 30 {
			t.Errorf("%d tries", n)
		}
	})
	t.Run("the next Promotion does not wait for them", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.queue(prod(), freight("1.0.2"))
		c.host.fault = func(op string, _ bool) error {
			if op == "set-status" {
				return down
			}
			return nil
		}
		c.must()
		c.wantPhase("prod-2", pipeline.Succeeded)
	})
}
