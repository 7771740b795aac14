package kargofile

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// flag is a bool and where it stands.
type flag struct {
	value bool
	node  *yaml.Node
	path  string
}

// stage is a Stage as decoded: its canonical fields and its shorthand.
type stage struct {
	pipeline.Stage
	ref  ref
	node *yaml.Node
	path string
	// base is the name as written where a matrix makes several Stages of it.
	base string

	requests    []*request
	from        []ref
	soak        ref
	soakTime    pipeline.Duration
	autoPromote flag
	// autoRollback is what the shorthand means, which stands at rollback.
	autoRollback *pipeline.AutoRollback
	rollback     ref
	// steps are those of the template as written, and starts where in Steps those of
	// each one begin.
	steps  []stepItem
	starts []int
	// verification is the canonical form or the shorthand.
	verification *verification
	update       []*updateItem
	branch       string
}

func (d *decoder) stage(n *yaml.Node, path string, def defaults) *stage {
	s := &stage{node: n, path: path}
	d.current = s
	defer func() { d.current = nil }()
	s.PullRequest, s.Access, s.Concurrency = def.pullRequest, def.access, def.concurrency
	env := def.environment
	found := d.object(n, path, "a Stage", append([]field{
		{"name", d.name(&s.Name, &s.ref)},
		{"matrix", func(*yaml.Node, string) {}}, // see stagesOf
		{"labels", d.labels(&s.Labels)},
		{"vars", d.vars(&s.Vars, 0)},
		{"from", d.from(&s.from)},
		{"soak", func(n *yaml.Node, path string) {
			d.duration(&s.soakTime, 0)(n, path)
			s.soak = ref{"soak", n, path}
		}},
		{"autoPromote", func(n *yaml.Node, path string) {
			d.boolean(&s.autoPromote.value)(n, path)
			s.autoPromote.node, s.autoPromote.path = n, path
		}},
		{"autoRollback", func(n *yaml.Node, path string) {
			d.autoRollback(&s.autoRollback)(n, path)
			s.rollback = ref{"autoRollback", n, path}
		}},
		{"update", d.list(func(n *yaml.Node, path string) { s.update = append(s.update, d.updateItem(n, path)) })},
		{"branch", d.text(&s.branch, checkBranch)},
		{"requestedFreight", d.listUpTo(maxWarehouses, func(n *yaml.Node, path string) { s.requests = append(s.requests, d.request(n, path)) })},
		{"promotionTemplate", d.promotionTemplate(s)},
		{"pullRequest", d.pullRequest(&s.PullRequest)},
		{"approvals", d.approvals(&s.Approvals)},
		{"environment", d.environment(&env)},
		{"concurrency", d.concurrency(&s.Concurrency)},
		{"verification", d.verification(&s.verification)},
		{"verify", d.verify(&s.verification)},
		{"access", d.access(&s.Access)},
	}, notYet("repo", "shard", "targets")...)...)
	if found == nil {
		return s
	}
	d.checkStage(s, found)
	if found["update"] == nil && found["promotionTemplate"] == nil {
		d.controlFlow(s, found)
		return s
	}
	s.Environment = d.qualified(s.Name)
	if env != nil {
		s.Environment = env.name
	}
	return s
}

// checkStage refuses a Stage that lacks something or says it twice.
func (d *decoder) checkStage(s *stage, found map[string]*yaml.Node) {
	if found["name"] == nil {
		d.missing(s.node, s.path, "a Stage", "name")
	}
	for _, forms := range [][2]string{{"from", "requestedFreight"}, {"update", "promotionTemplate"}, {"verify", "verification"}} {
		if at := found[forms[0]]; at != nil && found[forms[1]] != nil {
			d.problem(at, join(s.path, forms[0])).message("a Stage has both %s and %s", forms[0], forms[1]).expected("one of them")
		}
	}
	if found["from"] == nil && found["requestedFreight"] == nil {
		d.problem(s.node, s.path).message("Stage %q takes Freight from nowhere", s.Name).expected("from or requestedFreight")
	}
	for f, expected := range map[string]string{"requestedFreight": "at least one request", "update": "at least one item, or no update at all"} {
		if list := found[f]; list != nil && list.Kind == yaml.SequenceNode && len(list.Content) == 0 {
			d.problem(list, join(s.path, f)).message("%s is empty", f).expected("%s", expected)
		}
	}
	if at := found["branch"]; at != nil && found["update"] == nil {
		d.problem(at, join(s.path, "branch")).message("branch says where update works, and there is no update").expected("update")
	}
}

// controlFlow takes from a Stage without steps what it cannot have.
func (d *decoder) controlFlow(s *stage, found map[string]*yaml.Node) {
	const message = "%s has no effect on a Stage that has no steps"
	for _, f := range []string{"pullRequest", "approvals", "environment", "concurrency", "autoPromote", "autoRollback"} {
		if at := found[f]; at != nil {
			d.problem(at, join(s.path, f)).message(message, f).expected("update or promotionTemplate")
		}
	}
	// Kargo ignores it as well.
	for _, f := range []string{"verification", "verify"} {
		if at := found[f]; at != nil {
			d.problem(at, join(s.path, f)).warning().message(message, f)
		}
	}
	s.PullRequest, s.Approvals, s.Concurrency, s.verification = pipeline.PullRequestPolicy{}, pipeline.Approvals{}, "", nil
}

// promotionTemplate reads the promotion template.
func (d *decoder) promotionTemplate(s *stage) reader {
	return func(n *yaml.Node, path string) {
		found := d.object(n, path, "promotionTemplate", field{"spec", func(n *yaml.Node, path string) {
			found := d.object(n, path, "spec",
				field{"vars", d.vars(&s.TemplateVars, 0)},
				field{"steps", func(n *yaml.Node, path string) {
					l := d.stepList(n)
					d.listUpTo(maxSteps, func(n *yaml.Node, path string) { s.steps = append(s.steps, d.step(n, path, l)) })(n, path)
				}},
			)
			if found != nil && found["steps"] == nil {
				d.missing(n, path, "a promotion template", "steps")
			}
			if list := found["steps"]; list != nil && list.Kind == yaml.SequenceNode && len(list.Content) == 0 {
				d.problem(list, join(path, "steps")).message("steps is empty").expected("at least one step, or no promotionTemplate")
			}
		}})
		if found != nil && found["spec"] == nil {
			d.missing(n, path, "promotionTemplate", "spec")
		}
	}
}

// stepAllow is what the vars of a step may use; its if adds status functions, its
// config also secrets.
const stepAllow = expr.AllowOutputs
