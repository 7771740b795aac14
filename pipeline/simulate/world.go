package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
)

// world is one run of a scenario: what there is, and everything that moves it.
type world struct {
	sc  *Scenario
	p   pipeline.Pipeline
	s   pipeline.Snapshot
	now time.Time
	// names are the ids of Freight by the names that the scenario gives it.
	names map[string]string
	// called is the other way round.
	called map[string]string

	// decideAt is when to decide again, stageAt when the engine looks at a Stage
	// again; zero is for "not before something happens".
	decideAt time.Time
	stageAt  map[string]time.Time
	// touched are the Stages that the engine has to look at now, stale the
	// Warehouses to discover.
	touched map[string]bool
	stale   map[string]bool
	// reported are the ends that were told; dead says that the process crashed.
	reported map[string]bool
	dead     bool
	comments int

	answers answers
	host    *host
	sources *sources
	engine  *promotion.Engine
	log     log
}

// Bounds on what one event may lead to.
const (
	maxRounds = 100
	maxStops  = 20_000
)

func newWorld(sc *Scenario) (*world, error) {
	w := &world{
		sc: sc, p: sc.pipeline, now: sc.begin(), names: map[string]string{}, called: map[string]string{},
		stageAt: map[string]time.Time{}, touched: map[string]bool{}, stale: map[string]bool{}, reported: map[string]bool{},
	}
	w.s = pipeline.Snapshot{
		Repo: sc.repo, ConfigSHA: commitID("config"),
		Discoveries: map[string]pipeline.Discovery{}, Matches: map[string]string{},
	}
	w.answers = newAnswers(sc.Script)
	w.host = newHost(w)
	w.sources = newSources(w)
	registry, err := w.registry()
	if err != nil {
		return nil, err
	}
	w.engine = &promotion.Engine{
		Steps:    registry,
		Ports:    step.Ports{Git: w.host, Pulls: w.host, Gates: w.host, Queues: w.host, Now: w.clock, PollInterval: never},
		Verifier: newVerifier(w), Reporter: silence{}, ServerURL: serverURL, PublicURL: publicURL,
		DefaultBranch: func(context.Context, pipeline.Repo) (string, error) { return defaultBranch, nil },
		Log:           slog.New(slog.DiscardHandler),
	}
	return w, w.begin()
}

const (
	serverURL     = "https://github.com"
	publicURL     = "https://kargo.example"
	defaultBranch = "main"
)

// site is where everything runs, as expressions see it.
func (w *world) site() promotion.Site {
	return promotion.Site{ServerURL: serverURL, PublicURL: publicURL, DefaultBranch: defaultBranch}
}

func (w *world) clock() time.Time { return w.now }

func (w *world) repoURL() string { return serverURL + "/" + w.s.Repo.String() + ".git" }

// freight finds Freight by the name that the scenario gives it, its alias or its
// id.
func (w *world) freight(name string) (pipeline.Freight, bool) {
	if id, ok := w.names[name]; ok {
		return w.s.FreightByID(id)
	}
	f, err := w.s.ResolveFreight(name)
	return f, err == nil
}

// call gives Freight a name.
func (w *world) call(name, id string) {
	w.names[name], w.called[id] = id, name
}

// name is what the scenario calls Freight.
func (w *world) name(id string) string {
	if name, ok := w.called[id]; ok {
		return name
	}
	if f, ok := w.s.FreightByID(id); ok {
		return strings.Replace(f.Headline(), " ", "@", 1)
	}
	return pipeline.Short(id)
}

// joinNames lists names for people.
func joinNames(names []string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

func (w *world) nameAll(all []pipeline.Freight) []string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = w.name(f.ID)
	}
	return names
}

// settle lets everything happen that follows at this moment.
func (w *world) settle(ctx context.Context) error {
	for range maxRounds {
		if err := w.discover(ctx); err != nil {
			return err
		}
		decided := w.decide()
		ran, err := w.run(ctx)
		if err != nil {
			return err
		}
		if !decided && !ran {
			return nil
		}
	}
	return fmt.Errorf("what follows does not come to an end within %d rounds", maxRounds)
}

// decide decides once and reports whether anything came of it.
func (w *world) decide() bool {
	actions := pipeline.Decide(w.p, w.s, w.now)
	before := w.s
	w.s = pipeline.Apply(w.p, w.s, actions, w.now)
	w.decideAt = time.Time{}
	lines := make([]string, 0, len(actions))
	for _, a := range actions {
		if wake, ok := a.(pipeline.Wake); ok {
			w.decideAt = wake.At.UTC()
			continue
		}
		lines = append(lines, w.line(a))
		w.touch(a)
		w.note(a)
	}
	for i := len(before.Promotions); i < len(w.s.Promotions); i++ {
		w.log.started(w.s.Promotions[i].ID)
	}
	w.log.decision(w.now, lines, w.decideAt)
	return len(lines) > 0
}

// touch lets the engine look at the Stages that an action concerns.
func (w *world) touch(a pipeline.Action) {
	switch a := a.(type) {
	case pipeline.StartPromotion:
		w.touched[a.Promotion.Stage.Name] = true
	case pipeline.StartVerification:
		w.touched[a.Run.Stage.Name] = true
	case pipeline.AbortPromotion:
		w.touchPromotion(a.Promotion)
	case pipeline.RetryPromotion:
		w.touchPromotion(a.Promotion)
	case pipeline.ApprovePromotion:
		w.touchPromotion(a.Promotion)
	case pipeline.AnswerPromotion:
		w.touchPromotion(a.Promotion)
	case pipeline.StopVerification:
		for i := range w.s.Verifications {
			if w.s.Verifications[i].ID == a.Run {
				w.touched[w.s.Verifications[i].Stage.Name] = true
			}
		}
	case pipeline.FreezePipeline, pipeline.ThawPipeline:
		w.touchAll()
	}
}

func (w *world) touchPromotion(id string) {
	if pr := w.promotion(id); pr != nil {
		w.touched[pr.Stage.Name] = true
	}
}

// touchAll is for what may concern every Promotion that has not ended.
func (w *world) touchAll() {
	for i := range w.s.Promotions {
		if !w.s.Promotions[i].Phase.Terminal() {
			w.touched[w.s.Promotions[i].Stage.Name] = true
		}
	}
}

func (w *world) promotion(id string) *pipeline.Promotion {
	i := slices.IndexFunc(w.s.Promotions, func(pr pipeline.Promotion) bool { return pr.ID == id })
	if i < 0 {
		return nil
	}
	return &w.s.Promotions[i]
}

// run lets the engine look at the Stages that are due, and reports whether there
// were any.
func (w *world) run(ctx context.Context) (bool, error) {
	if w.dead {
		return false, nil
	}
	var due []string
	for stage := range w.touched {
		due = append(due, stage)
	}
	for stage, at := range w.stageAt {
		if !at.IsZero() && !at.After(w.now) && !w.touched[stage] {
			due = append(due, stage)
		}
	}
	slices.Sort(due)
	for _, stage := range due {
		delete(w.touched, stage)
		delete(w.stageAt, stage)
		within, cancel := context.WithCancelCause(ctx)
		w.answers.crash = cancel
		next, err := w.engine.Advance(within, &ledger{w: w, stage: stage})
		cancel(nil)
		switch {
		case errors.Is(context.Cause(within), errCrash) && ctx.Err() == nil:
			w.dead = true
			w.log.notef(w.now, "the process died")
			return true, nil
		case err != nil:
			return false, fmt.Errorf("advance %s: %w", stage, err)
		}
		if !next.IsZero() {
			w.stageAt[stage] = next.UTC()
		}
	}
	return len(due) > 0, nil
}

// signal wakes what waits for an event.
func (w *world) signal(key string) {
	for i := range w.s.Promotions {
		pr := &w.s.Promotions[i]
		if j := pr.Next(); pr.Phase == pipeline.Running && j >= 0 && slices.Contains(pr.Steps[j].WakeOn, key) {
			w.touched[pr.Stage.Name] = true
		}
	}
	for i := range w.s.Verifications {
		run := &w.s.Verifications[i]
		if !run.Phase.Terminal() && slices.Contains(run.WakeOn, key) {
			w.touched[run.Stage.Name] = true
		}
	}
}
