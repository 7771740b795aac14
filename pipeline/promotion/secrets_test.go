package promotion_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/pipeline/step"
)

// secrets are those of the repository; it counts how often each is read.
type secrets struct {
	mu     sync.Mutex
	values map[string]string
	read   map[string]int
	fault  error
}

func (s *secrets) Secret(_ context.Context, r pipeline.Repo, name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fault; err != nil {
		s.fault = nil
		return "", err
	}
	s.read[name]++
	value, ok := s.values[name]
	if !ok {
		return "", fmt.Errorf("%w: kargo secrets set %s %s", secret.ErrNotFound, r, name)
	}
	return value, nil
}

const token, password = "t0ken-value", "pa55word-value"

func newSecrets() *secrets {
	return &secrets{values: map[string]string{"TOKEN": token, "PASSWORD": password, "UNUSED": "unused"}, read: map[string]int{}}
}

type leakConfig struct {
	Say  string `json:"say"`
	How  string `json:"how,omitempty"`
	Look string `json:"look,omitempty"`
}

// leaky is a step that shows all it is told.
func leaky(t *testing.T, c *town) *[]string {
	t.Helper()
	var told []string
	def := step.Define("leaky", step.Remote, step.Doc{Secrets: true}, func(ctx context.Context, env step.Env, c leakConfig) (map[string]any, error) {
		told = append(told, c.Say)
		env.Log.InfoContext(ctx, "told", "value", c.Say, "err", errors.New(c.Say))
		if c.Look != "" {
			value, err := env.Secret(ctx, c.Look)
			if err != nil {
				return nil, err
			}
			told = append(told, value)
			c.Say += value
		}
		out := map[string]any{"said": c.Say, "encoded": base64.StdEncoding.EncodeToString([]byte("user:" + c.Say)), c.Say: true}
		err := fmt.Errorf("told %s", c.Say)
		switch c.How {
		case "fail":
			return out, &step.FailedError{Err: err, Terminal: true}
		case "skip":
			return out, &step.SkipError{Message: err.Error()}
		}
		return out, nil
	})
	reg, err := step.NewRegistry(append(step.Builtin(), def)...)
	c.ok(err)
	c.steps = reg
	return &told
}

// holds says whether anything that was stored holds the text.
func (c *town) holds(text string) bool {
	c.t.Helper()
	c.close()
	defer c.open()
	files, err := filepath.Glob(c.path + "*")
	c.ok(err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		c.ok(err)
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

func TestSecretsReachStepsAndNothingElse(t *testing.T) {
	t.Parallel()
	for how, phase := range map[string]pipeline.Phase{"": pipeline.Succeeded, "skip": pipeline.Succeeded, "fail": pipeline.Failed} {
		t.Run("a step that ends with "+how, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			var log bytes.Buffer
			c.log = slog.New(slog.NewTextHandler(&log, nil))
			c.secrets = newSecrets()
			told := leaky(t, c)
			c.queue(prod(
				use("leaky", config{"say": "Bearer ${{ secrets.TOKEN }}", "how": how, "look": "PASSWORD"}),
				say("after", config{"seen": "${{ outputs.leaky.said }}", "direct": "${{ secrets.TOKEN }}", "part": "${{ secrets.TOKEN[0:3] }}"}),
			), freight("1.0.1"))
			c.settle()
			p := c.wantPhase("prod-1", phase)
			if got := strings.Join(*told, " "); got != "Bearer "+token+" "+password {
				t.Errorf("the step was told %q", got)
			}
			for _, text := range []string{token, password, base64.StdEncoding.EncodeToString([]byte(token))[:8]} {
				if c.holds(text) {
					t.Errorf("%q is stored", text)
				}
				if strings.Contains(log.String(), text) {
					t.Errorf("%q is logged: %s", text, log.String())
				}
			}
			if !strings.Contains(string(p.Steps[0].Output), `"said":"Bearer ******"`) {
				t.Errorf("output %s", p.Steps[0].Output)
			}
			if phase == pipeline.Succeeded {
				if got := c.said("prod-1", 1); got["seen"] != "Bearer ******" || got["direct"] != "***" || got["part"] != "***" {
					t.Errorf("compose-output said %v", got)
				}
			}
			if n := c.secrets.read["UNUSED"]; n > 0 {
				t.Errorf("a secret that nobody mentions was read %d times", n)
			}
		})
	}
}

func TestSecretsOfOtherStepsAreHiddenToo(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.secrets = newSecrets()
	leaky(t, c)
	first := use("leaky", config{"say": "${{ secrets.TOKEN }}"})
	second := use("leaky", config{"say": "the service told " + token})
	second.As = "second"
	c.queue(prod(first, second), freight("1.0.1"))
	c.settle()
	c.wantPhase("prod-1", pipeline.Succeeded)
	if got := c.said("prod-1", 1)["said"]; got != "the service told ***" {
		t.Errorf("said %v", got)
	}
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	t.Run("one that is unknown ends the step and says how to set it", func(t *testing.T) {
		t.Parallel()
		for name, spec := range map[string]pipeline.StepSpec{
			"in a step that sees values": use("leaky", config{"say": "${{ secrets.MISSING }}"}),
			"in one that does not":       say("leaky", config{"say": "${{ secrets.MISSING }}"}),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newTown(t)
				c.secrets = newSecrets()
				leaky(t, c)
				c.queue(prod(spec), freight("1.0.1"))
				c.settle()
				c.wantPhase("prod-1", pipeline.Errored)
				want := "config: secret MISSING: there is no such secret: kargo secrets set acme/gitops MISSING"
				if got := c.promotion("prod-1").Steps[0].Message; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	})
	t.Run("a fault is waited out and costs no attempt", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.secrets = newSecrets()
		c.secrets.fault = &pipeline.TransientError{Err: errors.New("the database is locked")}
		leaky(t, c)
		c.queue(prod(use("leaky", config{"say": "${{ secrets.TOKEN }}"})), freight("1.0.1"))
		c.settle()
		if p := c.wantPhase("prod-1", pipeline.Succeeded); p.Steps[0].Errors != 0 {
			t.Errorf("%+v", p.Steps[0])
		}
	})
	t.Run("steps that write files take none", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.secrets = newSecrets()
		steps := promote()
		steps[editStep] = use("yaml-update", config{
			"path": "src/env/prod/kustomization.yaml", "updates": []any{config{"key": "images.0.newTag", "value": "${{ secrets.TOKEN }}"}},
		})
		c.queue(prod(steps...), freight("1.0.1"))
		c.settle()
		c.wantPhase("prod-1", pipeline.Errored)
		if got := c.promotion("prod-1").Steps[editStep].Message; !strings.Contains(got, "yaml-update takes no secrets, because what it writes can end up in Git") {
			t.Errorf("message %q", got)
		}
		if c.secrets.read["TOKEN"] > 0 {
			t.Error("the secret was read")
		}
	})
	t.Run("conditions and variables see none", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.secrets = newSecrets()
		conditional := say("conditional", config{"a": 1})
		conditional.If = "${{ secrets.TOKEN == 'x' }}"
		vars := say("vars", config{"a": 1})
		vars.Vars = []pipeline.Var{{Name: "v", Value: "${{ secrets.TOKEN }}"}}
		vars.If = "${{ always() }}"
		c.queue(prod(conditional, vars), freight("1.0.1"))
		c.settle()
		p := c.wantPhase("prod-1", pipeline.Errored)
		for i, s := range p.Steps {
			if !strings.Contains(s.Message, "secrets are available only in the config of a step") {
				t.Errorf("step %d: %s", i, s.Message)
			}
		}
	})
}

func TestPreviewsSeeNoSecrets(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	var told []string
	def := step.Define("writes", step.Workspace, step.Doc{Secrets: true}, func(_ context.Context, env step.Env, c leakConfig) (map[string]any, error) {
		told = append(told, c.Say)
		if env.Secret != nil {
			t.Error("the step can look secrets up")
		}
		return map[string]any{"said": c.Say}, nil
	})
	reg, err := step.NewRegistry(append(step.Builtin(), def)...)
	c.ok(err)
	p := pipeline.Promotion{ID: "prod-1", Repo: repo, Stage: prod(use("writes", config{"say": "${{ secrets.TOKEN }}"})), Freight: freight("1.0.1")}
	_, err = promotion.DryRun(t.Context(), reg, c.world.Ports(), p, promotion.Site{}, slog.New(slog.DiscardHandler))
	if err != nil || len(told) != 1 || told[0] != secret.Placeholder {
		t.Errorf("told %q, %v", told, err)
	}
	p.Stage = prod(use("yaml-update", config{"path": "a", "updates": []any{config{"key": "a", "value": "${{ secrets.TOKEN }}"}}}))
	if _, err := promotion.DryRun(t.Context(), reg, c.world.Ports(), p, promotion.Site{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "takes no secrets") {
		t.Errorf("%v", err)
	}
}

func TestTokensOfCallbacksReachStepsAndNothingElse(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	told := leaky(t, c)
	nobodyCalls := use("wait-for-callback", nil)
	nobodyCalls.If = "${{ false }}"
	c.queue(prod(
		use("leaky", config{"say": "call ${{ ctx.callbacks['wait-for-callback'] }}"}),
		nobodyCalls,
	), freight("1.0.1"))
	c.settle()
	const tail = "prod-1.wait-for-callback" // the token, in this world
	if got := strings.Join(*told, " "); got != "call https://kargo.example.com/callbacks/"+tail {
		t.Errorf("the step was told %q", got)
	}
	if got := c.said("prod-1", 0)["said"]; got != "call https://kargo.example.com/callbacks/***" {
		t.Errorf("said %v", got)
	}
	if c.holds("callbacks/" + tail) {
		t.Error("the token is stored")
	}
}
