package promotion_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/promotion"
)

// say is a step that shows what expressions stand for.
func say(as string, values config) pipeline.StepSpec {
	return pipeline.StepSpec{Uses: "compose-output", As: as, Config: values}
}

// said is what the step at an index showed.
func (c *town) said(id string, i int) map[string]any {
	c.t.Helper()
	s := c.promotion(id).Steps[i]
	if s.Phase != pipeline.Succeeded {
		c.t.Fatalf("step %d is %s: %s", i, s.Phase, s.Message)
	}
	var out map[string]any
	c.ok(json.Unmarshal(s.Output, &out))
	return out
}

func TestExpressionsInTasks(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	vars := func(as string, taskVars ...pipeline.Var) pipeline.StepSpec {
		s := say(as, config{
			"a": "${{ vars.a }}", "b": "${{ vars.b }}", "c": "${{ vars.c }}", "d": "${{ vars.d }}", "e": "${{ vars.e }}",
		})
		s.TaskVars = taskVars
		s.Vars = []pipeline.Var{{Name: "e", Value: "step"}}
		return s
	}
	task := []pipeline.Var{{Name: "d", Value: "task"}, {Name: "e", Value: "task"}}
	steps := []pipeline.StepSpec{
		say("plain", config{"n": 1}),
		vars("deploy::vars", task...),
		say("deploy::look", config{
			"own":     "${{ task.outputs.vars.d }}",
			"foreign": "${{ task.outputs.plain ?? 'nothing' }}",
			"outside": "${{ outputs.plain.n }}",
			"status":  "${{ status('vars') }}",
			"other":   "${{ quote(status('plain')) }}",
		}),
		say("deploy::more", config{"d": "more", "extra": true}),
		say("last", config{
			"task":   "${{ outputs.deploy }}",
			"within": "${{ outputs['deploy::look'].own }}",
			"tasks":  "${{ task.outputs.vars ?? 'nothing' }}",
			"status": "${{ status('deploy::vars') }}",
			"plain":  "${{ status('plain') }}",
		}),
		vars("after"),
	}
	stage := prod(steps...)
	stage.Vars = []pipeline.Var{{Name: "b", Value: "stage"}, {Name: "c", Value: "stage"}, {Name: "d", Value: "stage"}}
	stage.TemplateVars = []pipeline.Var{{Name: "c", Value: "template"}, {Name: "d", Value: "template"}}
	c.apply(pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
		Repo: repo, Pipeline: "web", Stage: stage, Freight: freight("1.0.1"), CreatedAt: c.world.Now,
		Vars: []pipeline.Var{{Name: "a", Value: "pipeline"}, {Name: "b", Value: "pipeline"}},
	})})
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
	for i, want := range map[int]map[string]any{
		1: {"a": "pipeline", "b": "stage", "c": "template", "d": "task", "e": "step"},
		2: {"own": "task", "foreign": "nothing", "outside": 1.0, "status": "Succeeded", "other": ""},
		4: {
			"task": map[string]any{
				"a": "pipeline", "b": "stage", "c": "template", "d": "more", "e": "step", "extra": true,
				"own": "task", "foreign": "nothing", "outside": 1.0, "status": "Succeeded", "other": "",
			},
			"within": "task", "tasks": "nothing", "status": "", "plain": "Succeeded",
		},
		5: {"a": "pipeline", "b": "stage", "c": "template", "d": "template", "e": "step"},
	} {
		if diff := cmp.Diff(want, c.said("prod-1", i)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}

// qualified is Freight and a Stage of an included pipeline.
func qualified() (pipeline.Freight, pipeline.Stage) {
	f := freight("1.0.1")
	f.Warehouse, f.Alias = "shop/web", "shop-1"
	f.ID = pipeline.FreightID(f)
	s := prod()
	s.Name, s.Environment = "shop/prod", "shop/prod"
	s.Requests = []pipeline.FreightRequest{{Origin: "shop/web", Direct: true}}
	return f, s
}

func TestStageOfAnIncludedPipeline(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	f, stage := qualified()
	stage.Steps = append([]pipeline.StepSpec{say("look", config{
		"stage": "${{ ctx.stage }}", "project": "${{ ctx.project }}", "promotion": "${{ ctx.promotion }}",
		"origin": "${{ ctx.targetFreight.origin.name }}", "tag": `${{ quote(imageFrom("ghcr.io/acme/web", warehouse("web")).Tag) }}`,
		"rollback": "${{ ctx.meta.promotion.rollback }}",
	})}, stage.Steps...)
	c.apply(pipeline.CreateFreight{Freight: f}, pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
		Repo: repo, Pipeline: "shop", Stage: stage, Freight: f, CreatedAt: c.world.Now, Rollback: true, Reason: "rolled back by ana",
	})})
	c.hold()
	_, err := c.advanceStage("shop/prod")
	c.ok(err)
	want := map[string]any{
		"stage": "prod", "project": "shop", "promotion": "shop/prod-1", "origin": "web", "tag": "1.0.1", "rollback": true,
	}
	if diff := cmp.Diff(want, c.said("shop/prod-1", 0)); diff != "" {
		t.Errorf("expressions (-want +got):\n%s", diff)
	}
	pull := c.world.Pulls.All()[0]
	if pull.HeadRef != "kargo/shop/prod/shop/prod-1" || !strings.Contains(pull.Title, "(shop/prod): web 1.0.1") {
		t.Errorf("pull request from %s: %s", pull.HeadRef, pull.Title)
	}
	if d := c.host.deployments[0]; d.Environment != "shop/prod" || d.Payload.Stage != "shop/prod" || d.Payload.Promotion != "shop/prod-1" || !d.Payload.Rollback {
		t.Errorf("Deployment %+v", d)
	}
	c.green()
	c.sleep()
	_, err = c.advanceStage("shop/prod")
	c.ok(err)
	c.wantPhase("shop/prod-1", pipeline.Succeeded)
	if b := c.world.Branches(repoURL); len(b) != 1 {
		t.Errorf("branches %q are left", b)
	}
	if got := len(c.host.comments); got != 1 {
		t.Errorf("%d comments", got)
	}
}

func TestStepMetas(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	steps := []pipeline.StepSpec{
		{Uses: "fail", As: "one", ContinueOnError: true},
		{Uses: "compose-output", As: "o", Config: config{
			"status": "${{ stepMetas.one.Status }}", "errors": "${{ stepMetas.one.ErrorCount }}",
			"forgiven": "${{ stepMetas.one.ContinueOnError }}", "alias": "${{ stepMetas['one'].Alias }}",
			"later": "${{ stepMetas.o == nil }}",
		}},
	}
	c.queue(prod(steps...), freight("1.0.1"))
	c.settle()
	want := map[string]any{"status": "Failed", "errors": 1.0, "forgiven": true, "alias": "one", "later": true}
	if diff := cmp.Diff(want, c.said("prod-1", 1)); diff != "" {
		t.Errorf("stepMetas (-want +got):\n%s", diff)
	}
}

func TestVerificationEnv(t *testing.T) {
	t.Parallel()
	f, stage := qualified()
	f.Metadata = map[string]any{"ticket": "OPS-7"}
	stage.Vars = []pipeline.Var{{Name: "url", Value: "https://${{ ctx.stage }}.${{ vars.domain }}"}}
	stage.TemplateVars = []pipeline.Var{{Name: "hidden", Value: "x"}}
	run := &pipeline.VerificationRun{
		ID: "shop/prod-v3", Repo: repo, Pipeline: "shop", Stage: stage, Vars: []pipeline.Var{{Name: "domain", Value: "example.com"}},
		Collection: []pipeline.Freight{f}, Promotion: "shop/prod-1", Commit: "c0ffee",
	}
	env, err := promotion.VerificationEnv(run, promotion.Site{ServerURL: "https://github.com", DefaultBranch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]any{
		"${{ vars.url }}":    "https://prod.example.com",
		"${{ ctx.project }}": "shop",
		"${{ ctx.commit }}":  "c0ffee",
		`${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}`:      "1.0.1",
		`${{ freightMetadata("` + f.ID + `").ticket }}`:        "OPS-7",
		"${{ vars.hidden ?? 'hidden' }}":                       "hidden",
		"${{ github.repository }} ${{ github.defaultBranch }}": "acme/gitops main",
	} {
		if got, err := expr.EvaluateAny(expression, env); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", expression, got, err, want)
		}
	}
	run.Vars = []pipeline.Var{{Name: "bad", Value: "${{ 1 + }}"}}
	if _, err := promotion.VerificationEnv(run, promotion.Site{}); err == nil {
		t.Error("no error")
	}
}

func TestMetadataIsReadAsItIs(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	note := use("set-metadata", config{"updates": []any{config{
		"kind": "Freight", "name": "${{ ctx.targetFreight.name }}", "values": config{"ticket": "OPS-7"},
	}}})
	look := func(as string) pipeline.StepSpec {
		return say(as, config{"ticket": "${{ freightMetadata(ctx.targetFreight.name)?.ticket ?? 'none' }}"})
	}
	c.queue(prod(look("before"), note, look("after")), freight("1.0.1"))
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
	if before, after := c.said("prod-1", 0)["ticket"], c.said("prod-1", 2)["ticket"]; before != "none" || after != "OPS-7" {
		t.Errorf("ticket %v before, %v after", before, after)
	}
}
