package promotion_test

import (
	"context"
	"encoding/json"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// patchedProd is a Stage that promotes what is in test.
func patchedProd() pipeline.Stage {
	steps := promote()
	steps[editStep] = use("patch", config{"items": []any{
		config{"string": config{"from": "src/env/test/values.yaml", "key": "tag", "to": "src/env/prod/values.yaml"}},
		config{"directory": config{"from": "src/env/test/config", "to": "src/env/prod/config"}},
	}})
	return prod(steps...)
}

// past is step.Past on the real database.
type past struct{ c *town }

func (k past) Earlier(ctx context.Context, p *pipeline.Promotion, limit int) ([]pipeline.Promotion, error) {
	return k.c.db.EarlierPromotions(ctx, repo.ID, p.Stage.Name, p.Seq, limit)
}

// editedByHand lets a first Promotion come to its end, and a person edit what it brought;
// then the next one is queued.
func (c *town) editedByHand() {
	c.t.Helper()
	write := func(message string, files map[string]string) {
		c.world.WriteAs(&tree.Person{Name: "ben", Email: "ben@example.com"}, repoURL, "main", message, files)
	}
	write("environments", map[string]string{
		"env/test/values.yaml": "tag: 1\n", "env/test/config/a": "1\n", "env/test/config/b": "1\n", "env/prod/values.yaml": "tag: 0\n",
	})
	c.green()
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
	write("next", map[string]string{"env/test/values.yaml": "tag: 2\n", "env/test/config/b": "2\n"})
	write("by hand", map[string]string{"env/prod/config/a": "edited\n", "env/prod/values.yaml": "tag: 7\n"})
	c.hold()
	c.parks = 0
	c.queue(patchedProd(), freight("1.0.2"))
}

// answerDrift answers what is asked, once.
func (c *town) answerDrift() {
	c.t.Helper()
	p := c.promotion("prod-2")
	if _, alias, asked := p.Asked(); asked && len(p.Answers) == 0 {
		c.apply(pipeline.AnswerPromotion{Promotion: p.ID, Answer: pipeline.Answer{
			Step: alias, Actor: pipeline.Actor{Login: "ana", Role: "admin"}, Values: map[string]string{"drift": "adopt"}, At: c.world.Now,
		}})
	}
}

// judgePatched requires that what was adopted is kept, and one of everything else.
func (c *town) judgePatched() {
	c.t.Helper()
	p := c.promotion("prod-2")
	if p.Phase != pipeline.Succeeded {
		c.t.Errorf("it is %s: %s", p.Phase, p.Message)
	}
	files := c.world.Files(repoURL, "main")
	for name, want := range map[string]string{"env/prod/values.yaml": "tag: 7\n", "env/prod/config/a": "edited\n", "env/prod/config/b": "2\n"} {
		if files[name] != want {
			c.t.Errorf("%s is %q, want %q", name, files[name], want)
		}
	}
	if n := c.commits("prod-2"); n != 1 {
		c.t.Errorf("%d commits", n)
	}
	if pulls := c.world.Pulls.All(); len(pulls) != 2 || !pulls[1].Merged {
		c.t.Errorf("pull requests %+v", pulls)
	}
	var out step.PatchOutput
	c.ok(json.Unmarshal(p.Steps[editStep].Output, &out))
	if len(out.Drift) != 2 || len(out.Adopted) != 2 || out.DecidedBy != "ana" || out.Question != nil {
		c.t.Errorf("output %+v", out)
	}
	if len(p.Answers) != 1 {
		c.t.Errorf("%d answers: it asked more than once", len(p.Answers))
	}
}
