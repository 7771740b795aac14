package promotion_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

// parked is a town whose Promotion waits, and that Promotion.
func parked(t *testing.T) (*town, *pipeline.Promotion) {
	t.Helper()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	c.hold()
	c.must()
	p := c.promotion("prod-1")
	c.host.calls = nil
	return c, &p
}

func TestPublisherWritesOnlyChanges(t *testing.T) {
	t.Parallel()
	c, p := parked(t)
	for range 3 {
		c.ok(c.publisher().Report(t.Context(), p))
	}
	if len(c.host.calls) != 0 {
		t.Errorf("saying the same again took %v", c.host.calls)
	}
	p.Steps[mergeStep].Message = "1 of 2 approvals"
	c.ok(c.publisher().Report(t.Context(), p))
	if got := c.host.calls; len(got) != 2 || got["update-check"] != 1 || got["update-comment"] != 1 {
		t.Errorf("another reason to wait took %v", got)
	}
}

func TestPublisherCreatesAfterACrash(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for _, op := range []string{"create-check", "create-deployment", "set-status", "create-comment"} {
			c := newTown(t)
			c.queue(prod(), freight("1.0.1"))
			c.hold()
			c.host.fault = func(o string, a bool) error {
				if o == op && a == after {
					return errors.New("connection reset")
				}
				return nil
			}
			c.must()
			c.host.fault = nil
			p := c.promotion("prod-1")
			c.ok(c.publisher().Report(t.Context(), &p))
			if len(c.host.checks) != 1 || len(c.host.deployments) != 1 || len(c.host.comments) != 1 {
				t.Errorf("%s, after %v: %d check runs, %d Deployments, %d comments", op, after, len(c.host.checks), len(c.host.deployments), len(c.host.comments))
			}
			if got := c.host.deployments[0].states; !slices.Equal(got, []string{"in_progress"}) {
				t.Errorf("%s, after %v: states %q", op, after, got)
			}
		}
	}
}

func TestPublisherWaitsForWhatIsOnTheWire(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	c.hold()
	c.host.fault = func(op string, after bool) error {
		if op == "create-deployment" && !after {
			return errors.New("killed while waiting for the answer")
		}
		return nil
	}
	c.must()
	c.host.fault = nil
	p := c.promotion("prod-1")
	c.world.Now = c.world.Now.Add(time.Second)
	u := c.publisher()
	u.Started = c.world.Now
	if after, ok := pipeline.IsTransient(u.Report(t.Context(), &p)); !ok || after <= 0 || after > 9*time.Second {
		t.Errorf("looks again after %v, %v", after, ok)
	}
	// The request of the process that died arrives.
	if d, ok := report.DeploymentOf(&p); ok {
		c.host.deployments = append(c.host.deployments, deployment{Deployment: d})
	}
	c.world.Now = c.world.Now.Add(9 * time.Second)
	c.ok(u.Report(t.Context(), &p))
	if n := len(c.host.deployments); n != 1 {
		t.Errorf("%d Deployments", n)
	}
}

func TestPublisherDoesNotLookWhereNothingCanBe(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(prod(), freight("1.0.1"))
	c.settle()
	for _, op := range []string{"find-check", "find-deployment", "find-status", "find-comment"} {
		if n := c.host.calls[op]; n != 0 {
			t.Errorf("%s was asked %d times although nothing can exist yet", op, n)
		}
	}
}

func TestPublisherFailsApart(t *testing.T) {
	t.Parallel()
	c, p := parked(t)
	p.Steps[mergeStep].Message = "something else"
	c.host.fault = func(op string, _ bool) error {
		if op == "update-check" {
			return &pipeline.TransientError{RetryAfter: time.Minute, Err: errors.New("rate limit")}
		}
		return nil
	}
	err := c.publisher().Report(t.Context(), p)
	if after, ok := pipeline.IsTransient(err); !ok || after != time.Minute {
		t.Errorf("error %v", err)
	}
	if c.host.calls["update-comment"] != 1 {
		t.Error("the comment waits for the check run")
	}
}

func TestPublisherWithoutEnvironment(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage := prod()
	stage.Environment = ""
	c.queue(stage, freight("1.0.1"))
	c.settle()
	if len(c.host.deployments) != 0 || len(c.host.comments) != 1 {
		t.Errorf("%d Deployments, %d comments", len(c.host.deployments), len(c.host.comments))
	}
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	const marker = "<!-- kargo:v1 reply=1 -->"
	say := func(body string) { c.ok(c.publisher().Upsert(context.Background(), repo, 7, marker, marker+body)) }
	say("one")
	say("one")
	say("two")
	if len(c.host.comments) != 1 || c.host.comments[0].body != marker+"two" || c.host.calls["update-comment"] != 1 {
		t.Errorf("comments %+v after %v", c.host.comments, c.host.calls)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	for tag, unchanged := range map[string]bool{"1.0.0": true, "1.0.1": false} {
		c := newTown(t)
		tip := c.world.Tip(repoURL, "main")
		view, err := promotion.DryRun(t.Context(), c.steps, c.world.Ports(), pipeline.Promotion{
			ID: "prod-0", Repo: repo, Pipeline: "web", Stage: prod(), Freight: freight(tag), Collection: []pipeline.Freight{freight(tag)},
		}, promotion.Site{ServerURL: "https://github.com", DefaultBranch: "main"}, c.engine().Log)
		c.ok(err)
		if view.Unchanged() != unchanged || view.Commits != 1 {
			t.Errorf("%s: unchanged %v after %d commits", tag, view.Unchanged(), view.Commits)
		}
		if !slices.Equal(view.Skipped, []string{"git-push", "git-open-pr", "git-merge-pr"}) {
			t.Errorf("%s: left out %q", tag, view.Skipped)
		}
		if c.world.Tip(repoURL, "main") != tip || len(c.world.Branches(repoURL)) != 1 || len(c.world.Pulls.All()) != 0 {
			t.Errorf("%s: the preview left something outside", tag)
		}
	}
}

func TestDryRunErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step pipeline.StepSpec
		want string
	}{
		"an unknown step":                        {use("dance", nil), `step dance: unknown step "dance"`},
		"a step that fails":                      {use("fail", config{"message": "no"}), ""},
		"a bad expression":                       {use("git-clone", config{"repoURL": "${{ ( }}"}), "step git-clone: config: "},
		"a bad condition":                        {pipeline.StepSpec{Uses: "git-clone", As: "x", If: "${{ 1 }}"}, "step x: if: "},
		"without git-commit it is not unchanged": {use("compose-output", config{"x": 1}), ""},
	}
	for name, tt := range tests {
		c := newTown(t)
		view, err := promotion.DryRun(t.Context(), c.steps, c.world.Ports(), pipeline.Promotion{
			ID: "prod-0", Repo: repo, Stage: prod(tt.step), Freight: freight("1.0.1"),
		}, promotion.Site{ServerURL: "https://github.com", DefaultBranch: "main"}, c.engine().Log)
		if view.Unchanged() {
			t.Errorf("%s: it says that nothing would change", name)
		}
		if tt.want != "" && (err == nil || len(err.Error()) < len(tt.want) || err.Error()[:len(tt.want)] != tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// followers are those who follow Freight.
type followers struct {
	c *town
	// asked are their issues.
	asked []int
	seen  []string
}

func (f *followers) Journey(_ context.Context, p *pipeline.Promotion) (string, map[int]*pipeline.Promotion, error) {
	f.seen = append(f.seen, p.ID+" "+p.Stage.Name+" "+p.Freight.Version())
	asked := map[int]*pipeline.Promotion{}
	for _, n := range f.asked {
		asked[n] = nil
	}
	if own := p.OwnPull().Number; own != 0 {
		asked[own] = p
	}
	return "it is verified", asked, nil
}

func (f *followers) Past(_ context.Context, r pipeline.Repo, id string) (*pipeline.Promotion, error) {
	p, err := f.c.db.Promotion(context.Background(), r.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &p, err
}

func TestFollowersHearOfTheVerification(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(verifiedProd(), freight("1.0.1"))
	c.must()
	run := c.run("prod-v1")
	run.Collection = append(run.Collection, freight("1.0.2"))
	f := &followers{c: c, asked: []int{17}}
	p := c.publisher()
	p.Journeys, p.History = f, f
	c.ok(p.ReportVerification(t.Context(), &run))
	if want := []string{"prod-1 prod 1.0.1", " prod 1.0.2"}; !slices.Equal(f.seen, want) {
		t.Errorf("asked about %q, want %q", f.seen, want)
	}
	told := map[int]bool{}
	for _, comment := range c.host.comments {
		told[comment.number] = told[comment.number] || strings.HasSuffix(comment.body, "it is verified")
	}
	if !told[1] || !told[17] {
		t.Errorf("comments %+v", c.host.comments)
	}
	run.Promotion = "prod-99"
	f.seen = nil
	c.ok(p.ReportVerification(t.Context(), &run))
	if want := []string{" prod 1.0.1", " prod 1.0.2"}; !slices.Equal(f.seen, want) {
		t.Errorf("of a Promotion that is gone it asks about %q, want %q", f.seen, want)
	}
}
