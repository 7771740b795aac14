package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// atOnce bounds how many metrics of a run are measured at the same time.
	atOnce = 8
	// longestText bounds each text that is kept of a measurement, in bytes.
	longestText = 1 << 10
)

// kept is how a MetricRun's State is stored: what the provider wants to remember,
// and the events that the measurement waits for.
type kept struct {
	On    []string        `json:"on,omitempty"`
	State json.RawMessage `json:"state,omitempty"`
}

func unpack(raw json.RawMessage) kept {
	var k kept
	if json.Unmarshal(raw, &k) != nil {
		return kept{}
	}
	return k
}

func pack(state any, on []string) (json.RawMessage, error) {
	k := kept{On: on}
	if state != nil {
		raw, err := json.Marshal(state)
		if err != nil {
			return nil, fmt.Errorf("state of the measurement: %w", err)
		}
		k.State = raw
	}
	return json.Marshal(k)
}

// measure takes all measurements that are due.
func (p *pass) measure(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, m := range p.run.Stage.Verification.Metrics {
		mr := &p.run.Metrics[i]
		if mr.Phase.Terminal() {
			continue
		}
		late := deadline(m, mr)
		expired := !late.IsZero() && !p.now.Before(late)
		// Which event has come is not known here, so whoever waits for one looks.
		waits := inFlight(mr) != nil && len(unpack(mr.State).On) > 0
		if !waits && !expired && p.now.Before(mr.Due) {
			continue
		}
		group.Go(func() error { return p.one(ctx, i) })
	}
	return group.Wait()
}

// one takes, or goes on with, one measurement, and assesses its metric.
func (p *pass) one(ctx context.Context, i int) error {
	m, mr := p.run.Stage.Verification.Metrics[i], &p.run.Metrics[i]
	p.lazy.mu.Lock()
	begin(mr, p.now)
	p.lazy.mu.Unlock()
	filled, out, err := p.look(ctx, i)

	p.lazy.mu.Lock()
	defer p.lazy.mu.Unlock()
	var stop *stopError
	if errors.As(err, &stop) || ctx.Err() != nil {
		return fmt.Errorf("metric %s of %s: %w", m.Name, p.run.ID, errors.Join(err, ctx.Err()))
	}
	open := begin(mr, p.now)
	if after, transient := pipeline.IsTransient(err); transient {
		open.Message = p.text(err.Error())
		mr.Message, mr.Due = open.Message, p.now.Add(max(after, errorRetry))
	} else if err == nil && out.Wait != nil {
		err = p.wait(m, mr, open, out)
	} else if err == nil {
		p.done(filled, mr, *open, out)
	}
	if _, transient := pipeline.IsTransient(err); err != nil && !transient {
		p.failed(m, mr, *open, err)
	}
	p.settle(m, mr, isPermanent(err))
	p.r.Log.DebugContext(ctx, "verification metric measured", "verification", p.run.ID, "metric", m.Name, "phase", string(mr.Phase))
	return nil
}

// look asks the provider. A panic is an error like any other. The metric comes back
// with arguments in its conditions.
func (p *pass) look(ctx context.Context, i int) (m pipeline.Metric, out Outcome, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = Permanent(fmt.Errorf("internal error: provider %s panicked: %v", m.Provider.Kind, cause))
		}
	}()
	m = p.run.Stage.Verification.Metrics[i]
	provider, ok := p.r.Providers[m.Provider.Kind]
	if !ok {
		return m, out, Permanent(fmt.Errorf("there is no provider %q; known are %s",
			m.Provider.Kind, strings.Join(slices.Sorted(maps.Keys(p.r.Providers)), ", ")))
	}
	if m, err = p.fill(ctx, m); err != nil {
		return m, out, err
	}
	out, err = provider.Measure(ctx, p.lookAt(i, m.Provider.Config))
	return m, out, err
}

func (p *pass) lookAt(i int, config map[string]any) Look {
	p.lazy.mu.Lock()
	defer p.lazy.mu.Unlock()
	mr := &p.run.Metrics[i]
	head := *p.run
	head.Metrics = nil
	return Look{
		Run: head, Metric: mr.Name, Number: mr.Count + 1, Config: config, State: unpack(mr.State).State,
		Interval: time.Duration(p.run.Stage.Verification.Metrics[i].Interval),
		Since:    begin(mr, p.now).StartedAt, Now: p.now, secret: p.secret, hide: p.mask.Add,
		remember: func(ctx context.Context, state any) error {
			p.lazy.mu.Lock()
			defer p.lazy.mu.Unlock()
			raw, err := pack(state, unpack(mr.State).On)
			if err != nil {
				return &stopError{err}
			}
			mr.State = raw
			if err := p.save(ctx, *p.run); err != nil {
				return &stopError{fmt.Errorf("save: %w", err)}
			}
			return nil
		},
	}
}

// wait leaves the measurement in progress.
func (p *pass) wait(m pipeline.Metric, mr *pipeline.MetricRun, open *pipeline.Measurement, out Outcome) error {
	raw, err := pack(out.State, out.Wait.On)
	if err != nil {
		return err
	}
	open.Message, open.URL = p.text(out.Message), p.link(out.URL)
	after := cmp.Or(out.Wait.After, time.Duration(m.Interval), p.r.Poll, defaultPollInterval)
	mr.State, mr.Message, mr.Due = raw, open.Message, p.now.Add(max(after, shortestPollInterval))
	return nil
}

// done records what was measured. m has its arguments filled in.
func (p *pass) done(m pipeline.Metric, mr *pipeline.MetricRun, at pipeline.Measurement, out Outcome) {
	at.Phase = out.Phase
	if at.Phase == "" {
		at.Phase = pipeline.VerificationSuccessful
	}
	at.Message = out.Message
	if m.SuccessCondition != "" || m.FailureCondition != "" {
		var err error
		if at.Phase, err = judge(m.SuccessCondition, m.FailureCondition, out.Value); err != nil {
			at.Message = err.Error()
		}
	}
	at.Value = out.Text
	if at.Value == "" && out.Value != nil {
		raw, err := json.Marshal(out.Value)
		if err != nil {
			raw = fmt.Append(nil, out.Value)
		}
		at.Value = string(raw)
	}
	at.Value, at.Message, at.URL = p.text(at.Value), p.text(at.Message), p.link(out.URL)
	at.FinishedAt = p.now
	record(m, mr, at)
}

func (p *pass) failed(m pipeline.Metric, mr *pipeline.MetricRun, at pipeline.Measurement, err error) {
	at.Phase, at.FinishedAt = pipeline.VerificationError, p.now
	at.Message = p.text(err.Error())
	record(m, mr, at)
}

// settle gives the metric its phase after a look.
func (p *pass) settle(m pipeline.Metric, mr *pipeline.MetricRun, permanent bool) {
	phase, why := assess(m, mr)
	if permanent {
		phase, why = pipeline.VerificationError, ""
	}
	late := deadline(m, mr)
	switch {
	case phase.Terminal():
		message := why
		if mr.Message != "" && why != "" {
			message = why + ": " + mr.Message
		} else if why == "" {
			message = mr.Message
		}
		finish(mr, phase, message, p.now)
	case !late.IsZero() && !p.now.Before(late):
		expire(m, mr, p.now)
	case inFlight(mr) == nil:
		mr.Phase, mr.Due = pipeline.VerificationRunning, next(m, mr, p.run.StartedAt)
	}
}

// endMeasurement lets the provider take back what it has begun. That it cannot is
// not worth keeping the run open.
func (p *pass) endMeasurement(ctx context.Context, i int) {
	m := p.run.Stage.Verification.Metrics[i]
	ender, ok := p.r.Providers[m.Provider.Kind].(Ender)
	if !ok {
		return
	}
	err := func() (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("provider %s panicked: %v", m.Provider.Kind, cause)
			}
		}()
		filled, err := p.fill(ctx, m)
		if err != nil {
			return err
		}
		return ender.End(ctx, p.lookAt(i, filled.Provider.Config))
	}()
	if err != nil {
		p.r.Log.WarnContext(ctx, "measurement not taken back", "verification", p.run.ID, "metric", m.Name, "err", p.mask.Hide(err.Error()))
	}
}

// text is what may be recorded of a text: without secrets, not too long.
func (p *pass) text(s string) string {
	return shorten(strings.ToValidUTF8(p.mask.Hide(s), "\ufffd"), longestText)
}

// link lets only addresses of web pages through.
func (p *pass) link(u string) string {
	if len(u) > longestText || !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		return ""
	}
	return p.mask.Hide(u)
}
