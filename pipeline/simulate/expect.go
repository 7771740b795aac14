package simulate

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Expect is what must hold at one moment. Nothing is expected of what is not
// mentioned.
type Expect struct {
	Place
	Freight       byName[expectFreight]   `yaml:"freight"`
	Stages        map[string]expectStage  `yaml:"stages"`
	Promotions    map[string]expectRecord `yaml:"promotions"`
	Verifications map[string]expectRecord `yaml:"verifications"`
	Warehouses    map[string]expectSeen   `yaml:"warehouses"`
	// Actions are what was decided since the entry before, each as a line of text.
	Actions *[]Text `yaml:"actions"`
	// Started are the Promotions that began since the entry before.
	Started *Names `yaml:"started"`
	// Refused is the answer to the comment or intents of this entry; Granted means
	// that all of them were granted.
	Refused *Text `yaml:"refused"`
	Granted *bool `yaml:"granted"`
	Frozen  *bool `yaml:"frozen"`
	// Expired is what retention would remove now.
	Expired *expectExpired `yaml:"expired"`
	// Next is when something is looked at again by time alone.
	Next *When `yaml:"next"`
}

// expectExpired are the names and ids of what need not be kept, oldest first.
type expectExpired struct {
	Place
	Freight    *Names `yaml:"freight"`
	Promotions *Names `yaml:"promotions"`
}

// expectFreight is whether Freight exists, and what it is.
type expectFreight struct {
	Place
	Exists    *bool  `yaml:"exists"`
	ID        *Text  `yaml:"id"`
	Alias     *Text  `yaml:"alias"`
	Warehouse *Text  `yaml:"warehouse"`
	Artifacts []Text `yaml:"artifacts"`
	// DiscoveredAt is compared as it is.
	DiscoveredAt *When          `yaml:"discoveredAt"`
	Metadata     map[string]any `yaml:"metadata"`
}

func (e *expectFreight) decode(d *decoder, n *yaml.Node, path string) {
	type form expectFreight
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(e), path)
		return
	}
	e.Place = placeOf(n, path)
	e.Exists = new(bool)
	d.decode(n, e.Exists, path)
}

// expectStage is what must hold in one Stage.
type expectStage struct {
	Place
	Current   *perOrigin `yaml:"current"`
	Candidate *perOrigin `yaml:"candidate"`
	Available *nameSet   `yaml:"available"`
	Verified  *nameSet   `yaml:"verified"`
	Approved  *nameSet   `yaml:"approved"`
	// Held is by Warehouse, or for all of them.
	Held          *expectHold `yaml:"held"`
	AutoPromotion *bool       `yaml:"autoPromotion"`
	// Queue are the Promotions that have not ended in the order in which they run,
	// by id or by the name of their Freight.
	Queue   *Names  `yaml:"queue"`
	Running *string `yaml:"running"`
	// History is what was current, newest first, of all origins.
	History      *Names           `yaml:"history"`
	Closed       *expectClosed    `yaml:"closed"`
	Verification *expectRecord    `yaml:"verification"`
	Reason       map[string]*Text `yaml:"reason"`
	// Next is when Freight can enter by time alone.
	Next     map[string]*When `yaml:"next"`
	Soak     map[string]*Span `yaml:"soak"`
	Forecast *expectForecast  `yaml:"forecast"`
	// Health is a state, or none.
	Health string `yaml:"health"`
}

// perOrigin is the name of Freight, or one by Warehouse; none is no Freight.
type perOrigin struct {
	Place
	one string
	by  map[string]string
}

func (p *perOrigin) decode(d *decoder, n *yaml.Node, path string) {
	p.Place = placeOf(n, path)
	if n.Kind == yaml.MappingNode {
		d.decode(n, &p.by, path)
		return
	}
	d.decode(n, &p.one, path)
}

// nameSet is all names of a set, or says of some whether they are in it.
type nameSet struct {
	Place
	exact Names
	by    map[string]bool
}

func (s *nameSet) decode(d *decoder, n *yaml.Node, path string) {
	s.Place = placeOf(n, path)
	if n.Kind == yaml.MappingNode {
		d.decode(n, &s.by, path)
		return
	}
	s.exact.decode(d, n, path)
}

// expectHold is whether there is a hold, and what is known of it.
type expectHold struct {
	Place
	held      bool
	Warehouse string `yaml:"warehouse"`
	Freight   string `yaml:"freight"`
	Promotion string `yaml:"promotion"`
	Actor     string `yaml:"actor"`
	Reason    *Text  `yaml:"reason"`
}

func (e *expectHold) decode(d *decoder, n *yaml.Node, path string) {
	type form expectHold
	e.held = true
	if n.Kind == yaml.ScalarNode {
		e.Place = placeOf(n, path)
		d.decode(n, &e.held, path)
		return
	}
	d.decode(n, (*form)(e), path)
}

// expectClosed is whether a Stage is closed, by what and until when.
type expectClosed struct {
	Place
	Closed bool  `yaml:"closed"`
	By     *Text `yaml:"by"`
	Reason *Text `yaml:"reason"`
	Opens  *When `yaml:"opens"`
	Closes *When `yaml:"closes"`
}

func (e *expectClosed) decode(d *decoder, n *yaml.Node, path string) {
	type form expectClosed
	e.Closed = true
	if n.Kind == yaml.ScalarNode {
		e.Place = placeOf(n, path)
		d.decode(n, &e.Closed, path)
		return
	}
	d.decode(n, (*form)(e), path)
}

// expectForecast is when Freight arrives if nothing changes; as text it is what the
// sentence about it must contain.
type expectForecast struct {
	Place
	Text    *Text   `yaml:"text"`
	Freight string  `yaml:"freight"`
	At      *When   `yaml:"at"`
	Remains *[]Text `yaml:"remaining"`
	Needs   *Text   `yaml:"needs"`
}

func (e *expectForecast) decode(d *decoder, n *yaml.Node, path string) {
	type form expectForecast
	if n.Kind == yaml.ScalarNode {
		e.Place, e.Text = placeOf(n, path), &Text{}
		e.Text.decode(d, n, path)
		return
	}
	d.decode(n, (*form)(e), path)
}

// expectRecord is a Promotion or a run; as text it is its phase, or none.
type expectRecord struct {
	Place
	absent    bool
	Phase     string `yaml:"phase"`
	Message   *Text  `yaml:"message"`
	Stage     string `yaml:"stage"`
	Freight   *Names `yaml:"freight"`
	Promotion string `yaml:"promotion"`
	Reason    *Text  `yaml:"reason"`
	Actor     *Text  `yaml:"actor"`
	Hold      *Text  `yaml:"hold"`
	Rollback  *bool  `yaml:"rollback"`
	Again     *bool  `yaml:"again"`
	Retries   *int   `yaml:"retries"`
	Rewinds   *int   `yaml:"rewinds"`
	WaitingOn *Text  `yaml:"waitingOn"`
	Previous  string `yaml:"previous"`
	// Collection is all Freight of a Promotion, its own first.
	Collection *Names       `yaml:"collection"`
	FinishedAt *When        `yaml:"finishedAt"`
	Steps      *expectSteps `yaml:"steps"`
	Metrics    *expectSteps `yaml:"metrics"`
	// Args are the evaluated arguments of a run.
	Args map[string]any `yaml:"args"`
}

func (e *expectRecord) decode(d *decoder, n *yaml.Node, path string) {
	type form expectRecord
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(e), path)
		return
	}
	e.Place = placeOf(n, path)
	if n.Value == none {
		e.absent = true
		return
	}
	e.Phase = n.Value
}

// expectSteps are the phases of all steps in order, or those of some by alias.
type expectSteps struct {
	Place
	all []string
	by  map[string]expectStep
}

func (e *expectSteps) decode(d *decoder, n *yaml.Node, path string) {
	e.Place = placeOf(n, path)
	if n.Kind == yaml.SequenceNode {
		d.decode(n, &e.all, path)
		return
	}
	d.decode(n, &e.by, path)
}

// expectStep is one step or metric; as text it is its phase, none for one that was
// not reached.
type expectStep struct {
	Place
	Phase     string         `yaml:"phase"`
	Message   *Text          `yaml:"message"`
	Attempts  *int           `yaml:"attempts"`
	Errors    *int           `yaml:"errors"`
	Output    map[string]any `yaml:"output"`
	StartedAt *When          `yaml:"startedAt"`
	EndedAt   *When          `yaml:"endedAt"`
	WakeAt    *When          `yaml:"wakeAt"`
	// The rest is of metrics only.
	Count              *int `yaml:"count"`
	Successful         *int `yaml:"successful"`
	Failed             *int `yaml:"failed"`
	Inconclusive       *int `yaml:"inconclusive"`
	ConsecutiveError   *int `yaml:"consecutiveError"`
	ConsecutiveSuccess *int `yaml:"consecutiveSuccess"`
}

func (e *expectStep) decode(d *decoder, n *yaml.Node, path string) {
	type form expectStep
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(e), path)
		return
	}
	e.Place, e.Phase = placeOf(n, path), n.Value
}

// expectSeen is what a Warehouse discovered.
type expectSeen struct {
	Place
	// Artifacts are the newest of every subscription.
	Artifacts []Text `yaml:"artifacts"`
	// Discovered are all of them, best first.
	Discovered *[]Text         `yaml:"discovered"`
	Rejected   map[string]Text `yaml:"rejected"`
	Withheld   *Text           `yaml:"withheld"`
	Error      *Text           `yaml:"error"`
}

// phaseName is how an empty phase is written.
func phaseName(p pipeline.Phase) string {
	if p == "" {
		return none
	}
	return string(p)
}
