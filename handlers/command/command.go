package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Command is one line that was understood. Fields that its verb does not have
// are zero.
type Command struct {
	// Verb is one of the constants of this package.
	Verb string
	// Line is where it stands in the comment, 1-based.
	Line int
	// Stages are the Stages as typed. For VerbPromote the last one may turn out to be
	// an alias of Freight: see Resolve.
	Stages []string
	// Freight is what to move or look at.
	Freight FreightRef
	// Promotion is a promotion's id, such as "prod-142".
	Promotion string
	// Warehouse is the one to refresh, to look at, or to create Freight of.
	Warehouse string
	// Pipeline is the one to freeze or thaw.
	Pipeline string
	// Name is the new alias.
	Name string
	// Values are what is answered, by name.
	Values map[string]string
	// Artifacts are those to put together, each "name@version" or a reference to an
	// image, "registry/name:tag", possibly with a digest.
	Artifacts []string
	// DryRun asks what would happen; Downstream means the Stages after the named
	// one; Bypass skips upstream verification; Stop ends a verification; FromStart
	// runs all steps again.
	DryRun, Downstream, Bypass, Stop, FromStart bool
	// Until is how long a freeze lasts; zero is until it is ended.
	Until time.Duration
	// Reason is the text after " -- ", without line breaks. It is a stranger's
	// text: escape it wherever it is shown.
	Reason string
}

// String returns the line in canonical form: parsing it gives the same command.
func (c Command) String() string {
	words := []string{"/kargo " + c.Verb}
	if c.Verb == VerbPromote || c.Verb == VerbRollback {
		words[0] = "/" + c.Verb
	}
	words = append(words, c.Stages...)
	warehouse := c.Warehouse
	if c.Verb == VerbCreate && warehouse != "" {
		warehouse = "--warehouse " + warehouse
	}
	for _, w := range []string{c.Freight.String(), c.Promotion, warehouse, c.Pipeline, c.Name} {
		if w != "" {
			words = append(words, w)
		}
	}
	words = append(words, c.Artifacts...)
	for _, name := range slices.Sorted(maps.Keys(c.Values)) {
		words = append(words, name+"="+c.Values[name])
	}
	if c.Until > 0 {
		words = append(words, fmt.Sprintf("--until %dm", int64(c.Until/time.Minute)))
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{c.DryRun, "dry-run"}, {c.Downstream, "downstream"}, {c.Bypass, "bypass"}, {c.Stop, "abort"}, {c.FromStart, "from-start"}} {
		if f.set {
			words = append(words, "--"+f.name)
		}
	}
	if c.Reason != "" {
		words = append(words, "-- "+c.Reason)
	}
	return strings.Join(words, " ")
}
