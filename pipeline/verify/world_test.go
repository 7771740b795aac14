package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/pipeline/verify"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const merged = "0123456789abcdef0123456789abcdef01234567"

// world runs one Verification on a clock that moves only when told to.
type world struct {
	t       *testing.T
	runner  *verify.Runner
	now     time.Time
	run     pipeline.VerificationRun
	saved   []pipeline.VerificationRun
	saveErr error
	secrets map[string]string
	env     expr.Env
	envErr  error
}

func newWorld(t *testing.T, v pipeline.Verification) *world {
	t.Helper()
	w := &world{t: t, now: epoch, secrets: map[string]string{}}
	w.run = pipeline.VerificationRun{
		ID: "prod-v1", Repo: pipeline.Repo{ID: 7, Owner: "acme", Name: "gitops"}, Pipeline: "web",
		Stage: pipeline.Stage{Name: "prod", Verification: &v}, Commit: merged, CommitRepo: "acme/gitops",
		Phase: pipeline.VerificationPending,
	}
	w.runner = &verify.Runner{
		Providers: map[string]verify.Provider{},
		Env:       func(context.Context, *pipeline.VerificationRun) (expr.Env, error) { return w.env, w.envErr },
		Secrets:   secrets(w.secrets),
		Now:       func() time.Time { return w.now },
		Log:       slog.New(slog.DiscardHandler),
	}
	return w
}

type secrets map[string]string

func (s secrets) Secret(_ context.Context, _ pipeline.Repo, name string) (string, error) {
	value, ok := s[name]
	if !ok {
		return "", secret.ErrNotFound
	}
	return value, nil
}

// save keeps a copy, as a store does.
func (w *world) save(_ context.Context, run pipeline.VerificationRun) error {
	if w.saveErr != nil {
		return w.saveErr
	}
	w.saved = append(w.saved, clone(w.t, run))
	return nil
}

func clone(t *testing.T, run pipeline.VerificationRun) pipeline.VerificationRun {
	t.Helper()
	raw, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var out pipeline.VerificationRun
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// advance makes one pass, and stores the run as a caller does.
func (w *world) advance() {
	w.t.Helper()
	if err := w.runner.Advance(w.t.Context(), &w.run, w.save); err != nil {
		w.t.Fatal(err)
	}
	w.run = clone(w.t, w.run)
}

// finish goes from one wake time to the next until the run has ended.
func (w *world) finish() {
	w.t.Helper()
	for range 200 {
		w.advance()
		if w.run.Phase.Terminal() {
			return
		}
		if w.run.WakeAt.IsZero() && len(w.run.WakeOn) == 0 {
			w.t.Fatalf("neither over nor waiting: %+v", w.run)
		}
		if !w.run.WakeAt.After(w.now) {
			w.t.Fatalf("wakes at %s, it is %s", w.run.WakeAt, w.now)
		}
		w.now = w.run.WakeAt
	}
	w.t.Fatalf("does not end: %+v", w.run)
}

func (w *world) metric(i int) pipeline.MetricRun { return w.run.Metrics[i] }

// script answers the looks at a metric in turn, the last one for ever.
type script struct {
	mu    sync.Mutex
	steps []any // an Outcome, an error, a func(verify.Look) (verify.Outcome, error), or a value
	looks []verify.Look
	ended int
}

func (s *script) Measure(_ context.Context, in verify.Look) (verify.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := s.steps[min(len(s.looks), len(s.steps)-1)]
	s.looks = append(s.looks, in)
	switch step := step.(type) {
	case verify.Outcome:
		return step, nil
	case error:
		return verify.Outcome{}, step
	case func(verify.Look) (verify.Outcome, error):
		return step(in)
	default:
		return verify.Outcome{Value: step}, nil
	}
}

func (s *script) End(context.Context, verify.Look) error { s.ended++; return nil }

// phases makes outcomes of S, F, I and E: successful, failed, inconclusive, an error.
func phases(letters string) *script {
	s := &script{}
	for _, l := range letters {
		switch l {
		case 'S':
			s.steps = append(s.steps, verify.Outcome{Phase: pipeline.VerificationSuccessful})
		case 'F':
			s.steps = append(s.steps, verify.Outcome{Phase: pipeline.VerificationFailed, Message: "it broke"})
		case 'I':
			s.steps = append(s.steps, verify.Outcome{Phase: pipeline.VerificationInconclusive})
		case 'E':
			s.steps = append(s.steps, errors.New("no answer"))
		}
	}
	return s
}

func metric(name string, change ...func(*pipeline.Metric)) pipeline.Metric {
	m := pipeline.Metric{Name: name, Provider: pipeline.Provider{Kind: name}}
	for _, c := range change {
		c(&m)
	}
	return m
}

func one(m pipeline.Metric) pipeline.Verification {
	return pipeline.Verification{Metrics: []pipeline.Metric{m}}
}

func ptr[T any](v T) *T { return &v }

// client sends requests to a server of the test. Metrics share it, and are measured at
// the same time.
type client struct{}

func (client) Do(req *http.Request) (*http.Response, error) { return http.DefaultClient.Do(req) }
