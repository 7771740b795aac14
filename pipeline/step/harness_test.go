package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
	"github.com/kargo-app/kargo/pipeline/jira/jiratest"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
	"github.com/kargo-app/kargo/pipeline/tree"
)

const repoURL = "https://github.com/acme/gitops.git"

// freightName is the id of the Freight that is promoted.
const freightName = "0123456789012345678901234567890123456789"

type config = map[string]any

// use is one step of a test's Promotion.
func use(uses string, c config) pipeline.StepSpec {
	return pipeline.StepSpec{Uses: uses, As: uses, Config: c}
}

// wrote is a step that leaves a file.
func wrote(path, contents string) pipeline.StepSpec {
	return pipeline.StepSpec{Uses: "file-write", As: "write", Config: config{"path": path, "contents": contents, "overwrite": true}}
}

// bench runs the steps of one Promotion in a World, as an engine would.
type bench struct {
	t     *testing.T
	world *steptest.World
	p     *pipeline.Promotion
	ws    *tree.Workspace
	steps *step.Registry
	// closure is what the Env says of the Stage.
	closure func(context.Context) (pipeline.Closure, error)
	// histories is nil for none.
	histories step.Histories
	// argo is at https://argocd.example, and the secrets ARGOCD_SERVER and ARGOCD_TOKEN
	// lead there.
	argo *argocdtest.Server
	mu   sync.Mutex
	done map[string]string
	// fault keeps secrets from being read.
	fault error
	// jira is at jira.example.
	jira *jiratest.Server
}

func newBench(t *testing.T, specs ...pipeline.StepSpec) *bench {
	t.Helper()
	w := steptest.New()
	w.Repository(repoURL)
	w.Write(repoURL, "main", "start", map[string]string{
		"env/prod/kustomization.yaml": "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.2 # current\n",
		"env/prod/values.yaml":        "image:\n  tag: 1.9.2 # current\nreplicas: 2\n",
		"env/prod/notes.md":           "notes\n",
		"README.md":                   "hello\n",
	})
	addSources(w)
	reg, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, world: w, ws: tree.NewWorkspace(), steps: reg, done: map[string]string{}, jira: &jiratest.Server{DataCenter: true}}
	w.Web.Serve("jira.example", b.jira.ServeHTTP)
	w.Web.Serve("acme.atlassian.net", b.jira.ServeHTTP)
	b.argo = newArgo(t, w)
	w.Web.Serve("api.example", b.api)
	b.jira = &jiratest.Server{DataCenter: true}
	w.Web.Serve("jira.example", b.jira.ServeHTTP)
	w.Web.Serve("acme.atlassian.net", b.jira.ServeHTTP)
	w.Web.Serve("files.example", func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, "the file "+r.URL.Path) })
	p := pipeline.NewPromotion(pipeline.Promotion{
		ID: "prod-142", Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}, Pipeline: "web",
		Stage: pipeline.Stage{Name: "prod", Steps: specs},
		Freight: pipeline.Freight{
			ID: freightName, Alias: "bold-otter", Warehouse: "web",
			Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3"}},
		},
		Reason: "promoted by ana", Actor: "ana",
		Channels: []pipeline.MessageChannel{
			{Name: "hook", HTTP: &pipeline.HTTPChannel{URL: "https://api.example/hook"}},
			{Name: "mail", SMTP: &pipeline.SMTPChannel{
				Host: "smtp.acme.dev", From: "Kargo <kargo@acme.dev>", To: []string{"ops@acme.dev", "ana@acme.dev"},
				Username: "SMTP_USERNAME", Password: "SMTP_PASSWORD",
			}},
			{Name: "relay", SMTP: &pipeline.SMTPChannel{Host: "relay.acme.dev", TLS: "none", From: "kargo@acme.dev"}},
			{Name: "releases", Slack: &pipeline.SlackChannel{Token: "SLACK_TOKEN", ChannelID: "C1"}},
			{Name: "teams", HTTP: &pipeline.HTTPChannel{
				URLSecret: "TEAMS_URL", Method: "PUT",
				Headers: []pipeline.ChannelHeader{{Name: "X-Plain", Value: "p"}, {Name: "X-Key", Secret: "TEAMS_KEY"}},
			}},
		},
	})
	p.Start(w.Now, nil)
	b.p = &p
	return b
}

// api is a service that does what it is asked for once for each idempotency key.
func (b *bench) api(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	key := r.Header.Get("Idempotency-Key")
	if _, ok := b.done[key]; !ok {
		b.done[key] = r.Method + " " + r.URL.Path + " " + string(body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"id": 7}`)
}

// secret gives every secret a value of its own.
func (b *bench) secret(_ context.Context, name string) (string, error) {
	if b.fault != nil {
		return "", b.fault
	}
	switch name {
	case "TEAMS_URL":
		return "https://svc.example/teams\n", nil
	case "ARGOCD_SERVER":
		return "https://argocd.example\n", nil
	case "MISSING":
		return "", errors.New("there is no secret MISSING")
	case "JIRA_DOMAIN", "PAT_DOMAIN":
		return "https://jira.example/", nil
	case "CLOUD_DOMAIN":
		return "acme.atlassian.net\n", nil
	case "SLACK_DOMAIN":
		return "ftp://slack.example", nil
	case "JIRA_USERNAME", "CLOUD_USERNAME":
		return jiratest.Username, nil
	case "JIRA_PASSWORD", "CLOUD_PASSWORD", "PAT_PASSWORD":
		return jiratest.Password, nil
	case "PAT_USERNAME", "NONE_DOMAIN":
		return "", fmt.Errorf("%w: kargo secrets set acme/gitops %s", secret.ErrNotFound, name)
	}
	return "value-of-" + name, nil
}

// acts is what api did.
func (b *bench) acts() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.done)
}

func (b *bench) env(i int) step.Env {
	s := b.p.Steps[i]
	ports := b.world.Ports()
	ports.Histories = b.histories
	return step.Env{
		Ports: ports, Promotion: b.p, Index: i, Workspace: b.ws,
		Attempt: s.Attempts, Prior: s.Output, Closure: b.closure, Secret: b.secret, Log: slog.New(slog.DiscardHandler),
		Record: func(ctx context.Context, output any) error {
			raw, err := json.Marshal(output)
			b.p.Steps[i].Output = raw
			return errors.Join(ctx.Err(), err, b.world.Recorded())
		},
	}
}

// try runs step i and returns its result without recording it, as when the
// process dies right after.
func (b *bench) try(ctx context.Context, i int) (pipeline.StepResult, error) {
	b.t.Helper()
	def, ok := b.steps.Lookup(b.p.Stage.Steps[i].Uses)
	if !ok {
		b.t.Fatalf("no step %s", b.p.Stage.Steps[i].Uses)
	}
	b.p.Begin(i, b.world.Now)
	return def.Run(ctx, b.env(i), b.p.Stage.Steps[i].Config)
}

// run runs step i once and records the result.
func (b *bench) run(i int) pipeline.StepResult {
	b.t.Helper()
	res, err := b.try(b.t.Context(), i)
	if err != nil {
		b.t.Fatalf("step %d: %v", i, err)
	}
	b.p.Apply(i, res, b.world.Now)
	return res
}

// want runs step i and checks how it ends.
func (b *bench) want(i int, phase pipeline.Phase) pipeline.StepResult {
	b.t.Helper()
	res := b.run(i)
	if res.Phase != phase {
		b.t.Fatalf("step %d (%s) ended %s: %s; want %s", i, b.p.Stage.Steps[i].Uses, res.Phase, res.Message, phase)
	}
	return res
}

// upTo runs the steps before i, which must succeed or be skipped.
func (b *bench) upTo(i int) {
	b.t.Helper()
	for j := range i {
		if res := b.run(j); res.Phase != pipeline.Succeeded && res.Phase != pipeline.Skipped {
			b.t.Fatalf("step %d (%s) ended %s: %s", j, b.p.Stage.Steps[j].Uses, res.Phase, res.Message)
		}
	}
}

// crash loses the Workspace and replays what is needed to run step i.
func (b *bench) crash(i int) {
	b.t.Helper()
	b.ws = tree.NewWorkspace()
	for j := range i {
		def, _ := b.steps.Lookup(b.p.Stage.Steps[j].Uses)
		if !def.Replays() || !b.p.Steps[j].Phase.Terminal() {
			continue
		}
		env := b.env(j)
		env.Replaying = true
		res, err := def.Run(b.t.Context(), env, b.p.Stage.Steps[j].Config)
		if err != nil || (res.Phase != pipeline.Succeeded && res.Phase != pipeline.Skipped) {
			b.t.Fatalf("replay of step %d: %v %s %s", j, err, res.Phase, res.Message)
		}
	}
}

// output decodes what step i recorded.
func output[T any](b *bench, i int) T {
	b.t.Helper()
	var out T
	if err := json.Unmarshal(b.p.Steps[i].Output, &out); err != nil {
		b.t.Fatalf("output %q of step %d: %v", b.p.Steps[i].Output, i, err)
	}
	return out
}

// files returns the content beneath a directory of the Workspace.
func (b *bench) files(dir string) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	infos, err := b.ws.ReadDir(b.t.Context(), dir)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, i := range infos {
		p := path.Join(dir, i.Name)
		if i.Mode.IsDir() {
			maps.Copy(out, b.files(p))
			continue
		}
		data, err := b.ws.ReadFile(b.t.Context(), p)
		if err != nil {
			b.t.Fatal(err)
		}
		out[p] = string(data)
	}
	return out
}

// The steps of a whole Promotion, for tests of its later ones.
func promotion() []pipeline.StepSpec {
	return []pipeline.StepSpec{
		use("git-clone", config{"repoURL": repoURL, "checkout": []any{config{"branch": "main", "path": "src"}}}),
		use("kustomize-set-image", config{"path": "src/env/prod"}),
		use("git-commit", config{"path": "src", "message": "Promote"}),
		use("git-push", config{"path": "src", "generateTargetBranch": true}),
		use("git-open-pr", config{"repoURL": repoURL, "sourceBranch": "kargo/prod/prod-142", "targetBranch": "main"}),
		use("git-merge-pr", config{"repoURL": repoURL, "prNumber": 1, "wait": true}),
	}
}

// Indices into promotion.
const (
	cloneStep = iota
	editStep
	commitStep
	pushStep
	openStep
	mergeStep
)
