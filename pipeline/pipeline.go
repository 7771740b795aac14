package pipeline

import "time"

// Pipeline is what one .kargo.yaml declares, in canonical form: every shorthand
// is expanded and every reference is known to resolve.
type Pipeline struct {
	// Name is unique in the repository. In a repository with several pipelines the
	// names of an included pipeline's Warehouses and Stages are qualified with it:
	// "shop/test".
	Name       string            `json:"name"`
	Vars       []Var             `json:"vars,omitempty"`
	Warehouses []Warehouse       `json:"warehouses"`
	Stages     []Stage           `json:"stages"`
	Policies   []PromotionPolicy `json:"promotionPolicies,omitempty"`
	Windows    []PromotionWindow `json:"promotionWindows,omitempty"`
	Access     Access            `json:"access,omitzero"`
	// Channels are those that send-message refers to.
	Channels []MessageChannel `json:"messageChannels,omitempty"`
}

// Var is a named value visible to expressions as vars.NAME. Value may itself
// hold expressions over ctx and earlier vars.
type Var struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// Warehouse returns the Warehouse with that name.
func (p Pipeline) Warehouse(name string) (Warehouse, bool) {
	for _, w := range p.Warehouses {
		if w.Name == name {
			return w, true
		}
	}
	return Warehouse{}, false
}

// Stage returns the Stage with that name.
func (p Pipeline) Stage(name string) (Stage, bool) {
	for _, s := range p.Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// StageNames returns the names of all Stages in file order.
func (p Pipeline) StageNames() []string {
	names := make([]string, len(p.Stages))
	for i, s := range p.Stages {
		names[i] = s.Name
	}
	return names
}

// Duration is a time.Duration that reads and prints as Go writes durations
// ("1h30m"), the form Kargo uses in its manifests.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}
