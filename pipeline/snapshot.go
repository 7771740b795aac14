package pipeline

import (
	"slices"
	"time"
)

// Snapshot is everything that [Decide] may know about one pipeline at one
// moment.
type Snapshot struct {
	Repo      Repo
	ConfigSHA string
	// Discoveries holds the newest Discovery of each Warehouse, by name.
	Discoveries map[string]Discovery
	// Failures says why the newest discovery of a Warehouse did not work, by name;
	// what it saw before is still in Discoveries. Nil for none.
	Failures map[string]string
	// Unstarted says, by Stage, why no Promotion was started that the rules want: what
	// its steps refer to cannot be used. It is for people to read, and Decide does not
	// look at it.
	Unstarted map[string]string
	// Freight is all Freight of the pipeline, in any order.
	Freight []Freight
	// Marks say what happened to Freight in Stages.
	Marks []Mark
	// Holds are the recorded holds.
	Holds []Hold
	// Freeze is in force for the whole pipeline, nil for none.
	Freeze *Freeze
	// Verifications are all runs that have not ended and, for every Stage and
	// collection, at least the newest that has, by Stage and Seq.
	Verifications []VerificationRun
	// Health holds, per Stage, what the checks said that a Promotion registered.
	Health []HealthReading
	// Promotions are all non-terminal Promotions and, for every Stage and
	// Freight, at least the newest terminal one.
	Promotions []Promotion
	// Intents are what people asked for and nobody has answered yet, oldest
	// first.
	Intents []Intent
	// Matches holds, per Stage, the Freight whose artifacts the Stage's files
	// were seen to hold already although no Promotion brought them.
	Matches map[string]string
}

// Mark is the record of one Freight in one Stage.
type Mark struct {
	Stage   string `json:"stage"`
	Freight string `json:"freight"`
	// VerifiedAt is when it was verified there; zero means never. Sticky.
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
	// ApprovedAt is when it was approved for the Stage; zero means never.
	ApprovedAt time.Time `json:"approvedAt,omitzero"`
	// CurrentSince is when it became current; zero means it is not current now.
	CurrentSince time.Time `json:"currentSince,omitzero"`
	// LeftAt is when it last stopped being current; zero means never.
	LeftAt time.Time `json:"leftAt,omitzero"`
	// LongestSoak is the longest completed stay while verified.
	LongestSoak time.Duration `json:"longestSoak,omitempty"`
}

// Hold suspends auto-promotion of one origin's Freight into one Stage. It comes
// from a Promotion of something other than the candidate, or from a person who
// asked for it.
type Hold struct {
	Stage     string `json:"stage"`
	Warehouse string `json:"warehouse"`
	// Freight and Promotion are empty for a hold that was asked for.
	Freight   string `json:"freight,omitempty"`
	Promotion string `json:"promotion,omitempty"`
	Actor     string `json:"actor"`
	// Reason is what the person gave, empty for a hold that a Promotion set.
	Reason    string    `json:"reason,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// Manual reports whether a person asked for the hold itself; only resuming ends
// such a hold.
func (h Hold) Manual() bool { return h.Promotion == "" }

// Freeze closes a whole pipeline to Promotions until it is ended.
type Freeze struct {
	Reason string    `json:"reason"`
	Actor  string    `json:"actor"`
	Since  time.Time `json:"since"`
	// Until is when it ends by itself; zero means never.
	Until time.Time `json:"until,omitzero"`
}

// Active reports whether the freeze is in force.
func (f *Freeze) Active(now time.Time) bool {
	return f != nil && (f.Until.IsZero() || now.Before(f.Until))
}

// IntentKind is what a person asked for.
type IntentKind string

// The intents.
const (
	IntentPromote IntentKind = "promote"
	// IntentRollback promotes earlier Freight and sets a hold.
	IntentRollback IntentKind = "rollback"
	IntentAbort    IntentKind = "abort"
	// IntentRetry runs a Promotion that did not succeed again.
	IntentRetry IntentKind = "retry"
	// IntentApprove counts as an approval of the Promotion that waits for one, or,
	// with Bypass, lets Freight in without upstream verification.
	IntentApprove IntentKind = "approve"
	// IntentReject ends a Promotion as Failed.
	IntentReject IntentKind = "reject"
	// IntentAnswer answers the step that a Promotion is in, which asked.
	IntentAnswer IntentKind = "answer"
	// IntentVerify verifies what is current again; IntentStopVerify ends a run.
	IntentVerify     IntentKind = "verify"
	IntentStopVerify IntentKind = "stop-verify"
	IntentHold       IntentKind = "hold"
	IntentResume     IntentKind = "resume"
	IntentFreeze     IntentKind = "freeze"
	IntentThaw       IntentKind = "thaw"
	// IntentAlias renames Freight.
	IntentAlias IntentKind = "alias"
	// IntentCreate puts Freight together by hand; New holds it.
	IntentCreate IntentKind = "create"
	// IntentDelete deletes Freight.
	IntentDelete IntentKind = "delete"
)

// Intent is a request by a person, stored when it was received. It names what
// it meant at that moment; later events do not change its meaning.
type Intent struct {
	// ID is unique: the comment's id and the line in it.
	ID    string     `json:"id"`
	Kind  IntentKind `json:"kind"`
	Stage string     `json:"stage,omitempty"`
	// Pipeline is whom a request concerns that names neither Stage, Promotion nor
	// Freight: an included pipeline's name, empty for the root pipeline.
	Pipeline string `json:"pipeline,omitempty"`
	// Freight is a full id; empty asks for the candidate.
	Freight string `json:"freight,omitempty"`
	// Promotion is what an abort names; empty means the Stage's or the pull
	// request's running one.
	Promotion string `json:"promotion,omitempty"`
	// Batch joins intents that are granted all or not at all; empty for one alone.
	Batch string `json:"batch,omitempty"`
	// FromStart makes a retry run all steps again.
	FromStart bool `json:"fromStart,omitempty"`
	// Bypass makes an approval skip upstream verification.
	Bypass bool `json:"bypass,omitempty"`
	// Head is the pull request's head when the request was made; an approval counts
	// for this head only.
	Head string `json:"head,omitempty"`
	// Values are what the person answers a step, by name.
	Values map[string]string `json:"values,omitempty"`
	// Alias is the new name of Freight.
	Alias string `json:"alias,omitempty"`
	// New is the Freight to create, without ID, Alias and DiscoveredAt.
	New *Freight `json:"new,omitempty"`
	// Until is when a freeze ends by itself; zero means never.
	Until time.Time `json:"until,omitzero"`
	// Reason is what the person gave; a stranger's text.
	Reason string `json:"reason,omitempty"`
	Actor  Actor  `json:"actor"`
	// Number is the issue or pull request of the comment, Comment its id.
	Number     int       `json:"number,omitempty"`
	Comment    int64     `json:"comment,omitempty"`
	ReceivedAt time.Time `json:"receivedAt"`
	// Elsewhere is where the comment was made if that is not the pipeline's repository;
	// Number is zero then.
	Elsewhere Place `json:"elsewhere,omitzero"`
}

// Place is an issue or pull request of a repository.
type Place struct {
	Repo   Repo `json:"repo"`
	Number int  `json:"number"`
}

// FreightByID returns the Freight with that full id.
func (s Snapshot) FreightByID(id string) (Freight, bool) {
	i := slices.IndexFunc(s.Freight, func(f Freight) bool { return f.ID == id })
	if i < 0 {
		return Freight{}, false
	}
	return s.Freight[i], true
}

// Mark returns the record of a Freight in a Stage, the zero Mark when there is
// none.
func (s Snapshot) Mark(stage, freight string) Mark {
	for _, m := range s.Marks {
		if m.Stage == stage && m.Freight == freight {
			return m
		}
	}
	return Mark{Stage: stage, Freight: freight}
}

// Current returns the Freight of one origin that is current in a Stage.
func (s Snapshot) Current(stage, warehouse string) (Freight, bool) {
	for _, m := range s.Marks {
		if m.Stage != stage || m.CurrentSince.IsZero() {
			continue
		}
		if f, ok := s.FreightByID(m.Freight); ok && f.Warehouse == warehouse {
			return f, true
		}
	}
	return Freight{}, false
}

// Active returns the Promotion of a Stage that is Running, else the first
// Pending one.
func (s Snapshot) Active(stage string) (Promotion, bool) {
	var first *Promotion
	for i := range s.Promotions {
		p := &s.Promotions[i]
		if p.Stage.Name != stage || p.Phase.Terminal() {
			continue
		}
		if p.Phase == Running {
			return *p, true
		}
		if first == nil || p.Seq < first.Seq {
			first = p
		}
	}
	if first == nil {
		return Promotion{}, false
	}
	return *first, true
}

// Last returns the newest Promotion of a Freight into a Stage.
func (s Snapshot) Last(stage, freight string) (Promotion, bool) {
	var last *Promotion
	for i := range s.Promotions {
		p := &s.Promotions[i]
		if p.Stage.Name == stage && p.Freight.ID == freight && (last == nil || p.Seq > last.Seq) {
			last = p
		}
	}
	if last == nil {
		return Promotion{}, false
	}
	return *last, true
}

// Verifying returns the VerificationRun of a Stage that has not ended. The next
// Promotion into the Stage waits for it, as in Kargo.
func (s Snapshot) Verifying(stage string) (VerificationRun, bool) {
	for i := range s.Verifications {
		if r := &s.Verifications[i]; r.Stage.Name == stage && !r.Phase.Terminal() {
			return *r, true
		}
	}
	return VerificationRun{}, false
}

// Held returns the hold on one origin in a Stage that is in force: one that a
// person asked for, else the intent of the newest non-terminal Promotion that has
// one, else the recorded hold.
func (s Snapshot) Held(stage, warehouse string) (Hold, bool) {
	i := slices.IndexFunc(s.Holds, func(h Hold) bool { return h.Stage == stage && h.Warehouse == warehouse })
	if i >= 0 && s.Holds[i].Manual() {
		return s.Holds[i], true
	}
	var newest *Promotion
	for i := range s.Promotions {
		p := &s.Promotions[i]
		if p.Stage.Name == stage && p.Freight.Warehouse == warehouse && !p.Phase.Terminal() &&
			p.HoldIntent != NoHoldIntent && (newest == nil || p.Seq > newest.Seq) {
			newest = p
		}
	}
	if newest != nil {
		if newest.HoldIntent == ClearHold {
			return Hold{}, false
		}
		return Hold{
			Stage: stage, Warehouse: warehouse, Freight: newest.Freight.ID,
			Promotion: newest.ID, Actor: newest.Actor, CreatedAt: newest.CreatedAt,
		}, true
	}
	if i < 0 {
		return Hold{}, false
	}
	return s.Holds[i], true
}

// Soak returns how long verified Freight has stayed in a Stage at a stretch:
// the longest completed stay or the present one, whichever is longer.
func (m Mark) Soak(now time.Time) time.Duration {
	soak := m.LongestSoak
	if !m.CurrentSince.IsZero() {
		soak = max(soak, now.Sub(m.CurrentSince))
	}
	return soak
}
