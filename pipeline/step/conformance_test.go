package step_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
	"github.com/kargo-app/kargo/pipeline/jira/jiratest"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

// conforming holds for every step a Promotion in which it is the last one.
func conforming() map[string][]pipeline.StepSpec {
	whole := promotion()
	after := func(n int, s ...pipeline.StepSpec) []pipeline.StepSpec {
		return append(slices.Clone(whole[:n]), s...)
	}
	all := map[string][]pipeline.StepSpec{
		"git-clone":           whole[:1],
		"git-clear":           after(1, use("git-clear", config{"path": "src"})),
		"kustomize-set-image": whole[:2],
		"yaml-update": after(1, use("yaml-update", config{
			"path":    "src/env/prod/values.yaml",
			"updates": []any{config{"key": "image.tag", "value": "1.9.3"}},
		})),
		"tar": after(1, use("tar", config{"inPath": "src", "outPath": "out/src.tgz"})),
		"untar": after(1, use("tar", config{"inPath": "src/env", "outPath": "env.tar"}),
			use("untar", config{"inPath": "env.tar", "outPath": "src"})),
		"yaml-merge": after(1, use("yaml-merge", config{
			"inFiles": []any{"src/env/prod/values.yaml", "src/env/prod/kustomization.yaml"}, "outFile": "src/out.yaml",
		})),
		"yaml-parse": after(1, use("yaml-parse", config{
			"path":    "src/env/prod/values.yaml",
			"outputs": []any{config{"name": "tag", "fromExpression": "image.tag"}},
		})),
		"json-update": after(1, wrote("a.json", `{"a": 1}`), use("json-update", config{
			"path": "a.json", "updates": []any{config{"key": "b.-1", "value": "x"}},
		})),
		"json-parse": after(1, wrote("a.json", `{"a": 1}`), use("json-parse", config{
			"path": "a.json", "outputs": []any{config{"name": "a", "fromExpression": "a"}},
		})),
		"toml-update": after(1, wrote("a.toml", "a = 1\n"), use("toml-update", config{
			"path": "a.toml", "updates": []any{config{"key": "a", "value": "x"}},
		})),
		"toml-parse": after(1, wrote("a.toml", "a = 1\n"), use("toml-parse", config{
			"path": "a.toml", "outputs": []any{config{"name": "a", "fromExpression": "a"}},
		})),
		"hcl-update": after(1, wrote("a.tf", "a = 1\n"), use("hcl-update", config{
			"path": "a.tf", "updates": []any{config{"key": "a", "value": "x"}},
		})),
		"file-write":        after(1, use("file-write", config{"path": "src/new.txt", "contents": "x"})),
		"kustomize-build":   {sources(), use("kustomize-build", config{"path": "src/env/app", "outPath": "out"})},
		"helm-update-chart": {sources(), use("helm-update-chart", config{"path": "src/charts/all"})},
		"helm-template": {sources(), use("helm-template", config{
			"path": "src/charts/web", "outPath": "out", "releaseName": "web",
			"setValues": []any{config{"key": "tag", "value": "1.9.3"}},
		})},
		"copy": after(1, use("copy", config{"inPath": "src/env/prod", "outPath": "src/env/copy"})),
		"patch": after(1, use("patch", config{"items": []any{
			config{"directory": config{"from": "src/env/prod", "to": "src/env/copy"}},
			config{"string": config{"from": "src/env/prod/values.yaml", "key": "image.tag", "to": "src/env/prod/kustomization.yaml", "toKey": "images.0.newTag"}},
		}})),
		"delete":          after(1, use("delete", config{"path": "src/env"})),
		"git-commit":      whole[:3],
		"git-tag":         after(3, use("git-tag", config{"path": "src", "tag": "v2", "message": "two"})),
		"git-push":        whole[:4],
		"github-push":     after(3, use("github-push", config{"path": "src", "targetBranch": "main"})),
		"git-open-pr":     whole[:5],
		"git-merge-pr":    whole,
		"git-wait-for-pr": after(5, use("git-wait-for-pr", config{"repoURL": repoURL, "prNumber": 1})),
		"http":            {use("http", config{"url": "https://api.example/releases", "method": "POST", "body": "{}"})},
		"http-download":   {use("http-download", config{"url": "https://files.example/crds.yaml", "outPath": "crds.yaml"})},
		"argocd-update":   {use("argocd-update", config{"apps": []any{config{"name": "web", "sources": []any{config{"repoURL": repoURL, "desiredRevision": "abc", "updateTargetRevision": true}}}}})},
		"argocd-wait":     {use("argocd-wait", config{"apps": []any{config{"name": "web"}}})},
		"oci-download":    after(1, use("oci-download", config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "src/bundle.tgz", "allowOverwrite": true})),
		"oci-push":        {use("oci-push", config{"srcRef": "ghcr.io/acme/web:1", "destRef": "ghcr.io/acme/web:prod"})},
		"run":             after(1, use("run", config{"module": "src/README.md"})),
		"send-message":    {use("send-message", config{"channel": config{"name": "hook"}, "message": "hello"})},
		"jira": {use("jira", config{
			"credentials": config{"secretName": "jira"}, "createIssue": config{"projectKey": "OPS", "summary": "Release"},
		})},
		"compose-output": {use("compose-output", config{"answer": 42})},
		"fail":           {use("fail", config{"message": "no"})},
		"set-metadata": {use("set-metadata", config{"updates": []any{config{
			"kind": "Freight", "name": freightName, "values": config{"ticket": "OPS-7"},
		}}})},
		"wait-for-approval":  {use("wait-for-approval", config{})},
		"get-user-input":     {use("get-user-input", config{"schema": config{"type": "object"}})},
		"record-audit-event": {use("record-audit-event", config{"message": "it happened"})},
		"wait-for-callback":  {use("wait-for-callback", config{})},
		"set-freight-alias":  {use("set-freight-alias", config{"name": freightName, "alias": "release-42"})},
	}
	maps.Copy(all, conformingOnGitHub())
	return all
}

// world is what can be seen from outside, and of the Workspace.
type world struct {
	Branches map[string]map[string]string
	Logs     map[string][]string
	Pulls    []step.PullRequest
	Files    map[string]string
	Notes    map[string]map[string]any
	Aliases  map[string]string
	// Done are the requests that a service acted on, by their idempotency keys.
	Done   map[string]string
	Events map[string]step.AuditEvent
	Issues map[int]steptest.IssueThread
	Runs   []actions.Run
	// Syncs are the operations of an Argo CD Application.
	Syncs int
	Jira  []jiratest.Issue
}

func (b *bench) observe() world {
	b.t.Helper()
	w := world{Branches: map[string]map[string]string{}, Logs: map[string][]string{}, Pulls: b.world.Pulls.All(), Files: b.files("."), Notes: map[string]map[string]any{}, Aliases: maps.Clone(b.world.Notes.Aliases), Done: b.acts(), Issues: b.world.Issues.All(), Runs: slices.Clone(b.world.Workflows.Runs), Jira: b.jira.Issues()}
	for id, values := range b.world.Notes.Values {
		w.Notes[id] = maps.Clone(values)
	}
	w.Events, w.Syncs = maps.Clone(b.world.Events), b.argo.Syncs("web")
	for _, name := range b.world.Branches(repoURL) {
		w.Branches[name] = b.world.Files(repoURL, name)
		w.Logs[name] = b.world.Log(repoURL, name)
	}
	for i := range w.Pulls {
		// Which of two equal commits it is makes no difference.
		w.Pulls[i].Head = ""
	}
	return w
}

func TestRunningTwiceGivesTheSameWorld(t *testing.T) {
	t.Parallel()
	for _, def := range step.Builtin() {
		t.Run(def.Name(), func(t *testing.T) {
			t.Parallel()
			specs, ok := conforming()[def.Name()]
			if !ok {
				t.Fatal("the step is missing from the conformance test")
			}
			last := len(specs) - 1
			b := newBench(t, specs...)
			b.upTo(last)
			first, err := b.try(t.Context(), last)
			if err != nil {
				t.Fatal(err)
			}
			want := b.observe()

			b.crash(last)
			second, err := b.try(t.Context(), last)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, b.observe()); diff != "" {
				t.Errorf("the second run left something else (-first +second):\n%s", diff)
			}
			if first.Phase != second.Phase {
				t.Errorf("first %s (%s), then %s (%s)", first.Phase, first.Message, second.Phase, second.Message)
			}

			if def.Kind() == step.Workspace {
				b.p.Apply(last, second, b.world.Now)
				b.crash(last + 1)
				if diff := cmp.Diff(want, b.observe()); diff != "" {
					t.Errorf("the replay left something else (-first +replay):\n%s", diff)
				}
			}
		})
	}
}

func TestStepsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	for name, specs := range conforming() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := len(specs) - 1
			b := newBench(t, specs...)
			b.upTo(last)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			res, err := b.try(ctx, last)
			switch {
			case errors.Is(err, context.Canceled):
			case err != nil:
				t.Errorf("error %v, want context.Canceled", err)
			case res.Phase == pipeline.Running && kind(t, specs[last].Uses) == step.Remote:
				// Nor has what only waits anything to end.
			case res.Phase != pipeline.Succeeded:
				// What needs nothing from outside may come to its end.
				t.Errorf("phase %s (%s), want an error or success", res.Phase, res.Message)
			}
		})
	}
}

func TestUnknownFieldIsPermanent(t *testing.T) {
	t.Parallel()
	for name := range conforming() {
		if name == "compose-output" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs := conforming()[name] // of its own, because it is modified
			last := len(specs) - 1
			b := newBench(t, specs...)
			b.upTo(last)
			b.p.Stage.Steps[last].Config["nonsense"] = true
			res := b.run(last)
			if res.Phase != pipeline.Failed || !res.Terminal || !strings.Contains(res.Message, `unknown field "nonsense"`) {
				t.Errorf("got %s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
			}
		})
	}
}

func TestDocumentedExampleIsValid(t *testing.T) {
	t.Parallel()
	reg, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, def := range step.Builtin() {
		t.Run(def.Name(), func(t *testing.T) {
			t.Parallel()
			var spec struct {
				Uses, As, If string
				Config       map[string]any
			}
			dec := yaml.NewDecoder(strings.NewReader(def.Doc().Example))
			dec.KnownFields(true)
			if err := dec.Decode(&spec); err != nil {
				t.Fatal(err)
			}
			if spec.Uses != def.Name() {
				t.Errorf("the example uses %q", spec.Uses)
			}
			if err := reg.CheckConfig(spec.Uses, spec.Config); err != nil {
				t.Error(err)
			}
		})
	}
}

func kind(t *testing.T, name string) step.Kind {
	t.Helper()
	for _, def := range step.Builtin() {
		if def.Name() == name {
			return def.Kind()
		}
	}
	t.Fatalf("no step %s", name)
	return 0
}
