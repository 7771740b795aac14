package simulate

import (
	"go.yaml.in/yaml/v3"
)

// Entry is one line of the timeline: first the clock moves, then something happens
// and everything that follows from it, then expectations are looked at.
type Entry struct {
	Place
	Name string `yaml:"name"`
	// At and After move the clock.
	At    *When `yaml:"at"`
	After *Span `yaml:"after"`
	Event
	// Together are events between which nothing is decided.
	Together []Event `yaml:"together"`
	Expect   *Expect `yaml:"expect"`
}

// Event is what happens; each field is one kind, of which any number may be given,
// and which happen in the order of the fields.
type Event struct {
	Script   *Script   `yaml:"script"`
	Policies *yamlNode `yaml:"policies"`
	Pipeline *yamlNode `yaml:"pipeline"`

	Images  oneOrMany[Image]  `yaml:"image"`
	Charts  oneOrMany[Chart]  `yaml:"chart"`
	Commits oneOrMany[Commit] `yaml:"commit"`
	Tags    oneOrMany[Tag]    `yaml:"tag"`
	// Fault makes registries and repositories, by URL, answer with an error until it
	// is none. Refresh discovers Warehouses although nothing was pushed.
	Fault   map[string]string `yaml:"fault"`
	Refresh Names             `yaml:"refresh"`
	// Files are what the files of Stages are seen to hold, by Stage.
	Files map[string]string `yaml:"files"`
	// Freight appears without being discovered.
	Freight oneOrMany[Freight] `yaml:"freight"`

	Comment *Comment           `yaml:"comment"`
	Intents oneOrMany[Intent]  `yaml:"intent"`
	Review  oneOrMany[Review]  `yaml:"review"`
	Checks  oneOrMany[Check]   `yaml:"check"`
	Merge   *PullEvent         `yaml:"merge"`
	Close   *PullEvent         `yaml:"close"`
	Draft   *PullEvent         `yaml:"draft"`
	Ready   *PullEvent         `yaml:"ready"`
	Step    oneOrMany[StepEnd] `yaml:"step"`
	Run     oneOrMany[RunEnd]  `yaml:"verification"`
	// Signal is an event that steps wait for with on.
	Signal Names `yaml:"signal"`
	// Reconcile only lets everything be decided now; Restart also ends the process.
	Reconcile bool `yaml:"reconcile"`
	Restart   bool `yaml:"restart"`
}

// Comment is what a person writes; as text it is said by the default person.
type Comment struct {
	Place
	Text string `yaml:"text"`
	By   string `yaml:"by"`
	// On is the Promotion whose pull request is commented on.
	On string `yaml:"on"`
}

func (c *Comment) decode(d *decoder, n *yaml.Node, path string) {
	type form Comment
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(c), path)
	} else {
		c.Place, c.Text = placeOf(n, path), n.Value
	}
}

// Intent is a request in the form in which it is stored, for what a comment cannot
// say.
type Intent struct {
	Place
	Kind      string   `yaml:"kind"`
	Stage     string   `yaml:"stage"`
	Freight   string   `yaml:"freight"`
	Promotion string   `yaml:"promotion"`
	Batch     string   `yaml:"batch"`
	By        string   `yaml:"by"`
	Reason    string   `yaml:"reason"`
	Alias     string   `yaml:"alias"`
	FromStart bool     `yaml:"fromStart"`
	Bypass    bool     `yaml:"bypass"`
	Until     *When    `yaml:"until"`
	New       *Freight `yaml:"new"`
	On        string   `yaml:"on"`
}

// Review is a review of a Promotion's pull request.
type Review struct {
	Place
	On string `yaml:"on"`
	By string `yaml:"by"`
	// State is approve, the default, or dismiss.
	State string `yaml:"state"`
}

// Check is a required check on a Promotion's pull request.
type Check struct {
	Place
	// On is a Promotion; empty is all of them, from now on.
	On   string `yaml:"on"`
	Name string `yaml:"name"`
	// State is success, pending or failure.
	State string `yaml:"state"`
}

// PullEvent happens to the pull request of a Promotion, whose id it is as text.
type PullEvent struct {
	Place
	Promotion string `yaml:"promotion"`
	By        string `yaml:"by"`
}

func (p *PullEvent) decode(d *decoder, n *yaml.Node, path string) {
	type form PullEvent
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(p), path)
		return
	}
	p.Place, p.Promotion = placeOf(n, path), n.Value
}

// StepEnd is how the step of a Promotion that waits answers now.
type StepEnd struct {
	Place
	Promotion string      `yaml:"promotion"`
	Step      string      `yaml:"step"`
	Answer    *StepAnswer `yaml:"answer"`
}

// RunEnd is how the verification of a Stage ends now.
type RunEnd struct {
	Place
	Stage  string     `yaml:"stage"`
	Answer *RunAnswer `yaml:"answer"`
}
