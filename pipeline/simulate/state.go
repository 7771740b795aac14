package simulate

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Start is what there is when a scenario begins. Nothing was decided on it yet.
type Start struct {
	// At is the clock.
	At *When `yaml:"at"`
	// Freight is listed oldest first.
	Freight       []Freight      `yaml:"freight"`
	Promotions    []Promotion    `yaml:"promotions"`
	Verifications []Verification `yaml:"verifications"`
	Holds         []Hold         `yaml:"holds"`
	Freeze        *Freeze        `yaml:"freeze"`
	// Files are what the files of Stages are seen to hold although no Promotion
	// brought it, by Stage.
	Files    map[string]string `yaml:"files"`
	Policies *yamlNode         `yaml:"policies"`
	Images   oneOrMany[Image]  `yaml:"images"`
	Charts   oneOrMany[Chart]  `yaml:"charts"`
	Commits  oneOrMany[Commit] `yaml:"commits"`
	Tags     oneOrMany[Tag]    `yaml:"tags"`
}

// yamlNode keeps a part of the document as it is, with where it stands.
type yamlNode struct{ node *yaml.Node }

func (y *yamlNode) decode(_ *decoder, n *yaml.Node, _ string) { y.node = n }

// Freight is Freight as a scenario describes it: at least a name.
type Freight struct {
	Place
	Name         string              `yaml:"name"`
	Alias        string              `yaml:"alias"`
	ID           string              `yaml:"id"`
	Warehouse    string              `yaml:"warehouse"`
	DiscoveredAt *When               `yaml:"discoveredAt"`
	Images       oneOrMany[Image]    `yaml:"images"`
	Charts       oneOrMany[Chart]    `yaml:"charts"`
	Commits      oneOrMany[Commit]   `yaml:"commits"`
	Metadata     map[string]any      `yaml:"metadata"`
	VerifiedIn   byName[verifiedIn]  `yaml:"verifiedIn"`
	ApprovedFor  byName[approvedFor] `yaml:"approvedFor"`
	CurrentlyIn  byName[currentlyIn] `yaml:"currentlyIn"`
	WasIn        byName[wasIn]       `yaml:"wasIn"`
}

func (f *Freight) decode(d *decoder, n *yaml.Node, path string) {
	type form Freight
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(f), path)
	} else {
		f.Place, f.Name = placeOf(n, path), n.Value
	}
	if f.Name == "" {
		f.Name = f.Alias
	}
	if f.Name == "" {
		d.problem(n, path, "a name", "the Freight has no name")
	}
}

// verifiedIn is a time, a soak, or both.
type verifiedIn struct {
	VerifiedAt  *When `yaml:"verifiedAt"`
	LongestSoak *Span `yaml:"longestSoak"`
}

func (v *verifiedIn) decode(d *decoder, n *yaml.Node, path string) {
	type form verifiedIn
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(v), path)
		return
	}
	if soak, ok := parseSpan(n.Value); ok {
		v.LongestSoak = (*Span)(&soak)
		return
	}
	v.VerifiedAt = &When{}
	v.VerifiedAt.decode(d, n, path)
}

type approvedFor struct {
	ApprovedAt *When `yaml:"approvedAt"`
}

func (a *approvedFor) decode(d *decoder, n *yaml.Node, path string) {
	type form approvedFor
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(a), path)
		return
	}
	a.ApprovedAt = &When{}
	a.ApprovedAt.decode(d, n, path)
}

type currentlyIn struct {
	Since *When `yaml:"since"`
}

func (c *currentlyIn) decode(d *decoder, n *yaml.Node, path string) {
	type form currentlyIn
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(c), path)
		return
	}
	c.Since = &When{}
	c.Since.decode(d, n, path)
}

type wasIn struct {
	LeftAt *When `yaml:"leftAt"`
}

func (l *wasIn) decode(d *decoder, n *yaml.Node, path string) {
	type form wasIn
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(l), path)
		return
	}
	l.LeftAt = &When{}
	l.LeftAt.decode(d, n, path)
}

// Promotion is a Promotion that there is already.
type Promotion struct {
	Place
	Stage      string         `yaml:"stage"`
	Freight    string         `yaml:"freight"`
	ID         string         `yaml:"id"`
	Phase      pipeline.Phase `yaml:"phase"`
	Message    string         `yaml:"message"`
	CreatedAt  *When          `yaml:"createdAt"`
	StartedAt  *When          `yaml:"startedAt"`
	FinishedAt *When          `yaml:"finishedAt"`
	Actor      string         `yaml:"actor"`
	Reason     string         `yaml:"reason"`
	// Hold is hold or resume.
	Hold     pipeline.HoldIntent `yaml:"hold"`
	Rollback bool                `yaml:"rollback"`
	Retries  int                 `yaml:"retries"`
	Abort    string              `yaml:"abortRequested"`
	Previous string              `yaml:"previous"`
	// Steps are the phases of the steps in order, or by alias.
	Steps []stepStart `yaml:"steps"`
}

// stepStart is how far a step has come.
type stepStart struct {
	Place
	As        string         `yaml:"as"`
	Phase     pipeline.Phase `yaml:"phase"`
	Message   string         `yaml:"message"`
	Attempts  int            `yaml:"attempts"`
	Errors    int            `yaml:"errors"`
	StartedAt *When          `yaml:"startedAt"`
	WakeAt    *When          `yaml:"wakeAt"`
	Output    map[string]any `yaml:"output"`
}

func (s *stepStart) decode(d *decoder, n *yaml.Node, path string) {
	type form stepStart
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(s), path)
		return
	}
	s.Place, s.Phase = placeOf(n, path), pipeline.Phase(n.Value)
}

// Verification is a run that there is already.
type Verification struct {
	Place
	Stage      string                     `yaml:"stage"`
	Freight    Names                      `yaml:"freight"`
	Phase      pipeline.VerificationPhase `yaml:"phase"`
	Message    string                     `yaml:"message"`
	Promotion  string                     `yaml:"promotion"`
	Again      bool                       `yaml:"again"`
	Actor      string                     `yaml:"actor"`
	CreatedAt  *When                      `yaml:"createdAt"`
	FinishedAt *When                      `yaml:"finishedAt"`
}

// Hold is a recorded hold.
type Hold struct {
	Place
	Stage     string `yaml:"stage"`
	Warehouse string `yaml:"warehouse"`
	Freight   string `yaml:"freight"`
	Promotion string `yaml:"promotion"`
	Actor     string `yaml:"actor"`
	Reason    string `yaml:"reason"`
	CreatedAt *When  `yaml:"createdAt"`
}

// Freeze closes the pipeline.
type Freeze struct {
	Reason string `yaml:"reason"`
	Actor  string `yaml:"actor"`
	Since  *When  `yaml:"since"`
	Until  *When  `yaml:"until"`
}

// Person is what is observed of somebody's authority.
type Person struct {
	Role  string   `yaml:"role"`
	Teams []string `yaml:"teams"`
}

func (p *Person) decode(d *decoder, n *yaml.Node, path string) {
	type form Person
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(p), path)
		return
	}
	p.Role = n.Value
}
