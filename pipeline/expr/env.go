package expr

import (
	"fmt"
	"math"
	"time"
)

// Allow says which parts of the language a place in a pipeline definition may use
// beyond what is available everywhere.
type Allow uint8

// The places: variables of a Promotion see none of these, variables of a step see
// outputs, the condition of a step also the status functions, its config also secrets.
const (
	// AllowOutputs permits outputs and task.
	AllowOutputs Allow = 1 << iota
	// AllowStatus permits success(), failure(), always() and status(alias).
	AllowStatus
	// AllowSecrets permits secrets.
	AllowSecrets

	// AllowAll permits everything.
	AllowAll = AllowOutputs | AllowStatus | AllowSecrets
)

// Phases of a step that success() and failure() look for.
const (
	phaseFailed  = "Failed"
	phaseErrored = "Errored"
	phaseAborted = "Aborted"
)

// StepStatus is how far an earlier step of the same Promotion has come.
type StepStatus struct {
	// Alias names the step; the step of a task is task::step.
	Alias string `json:"alias"`
	// Phase is Succeeded, Skipped, Failed, Errored, Aborted or Running.
	Phase string `json:"phase"`
	// ContinueOnError means that a failure of this step does not count.
	ContinueOnError bool `json:"continueOnError,omitempty"`
}

// Env is what an expression can see. The zero Env has no values.
type Env struct {
	// Allow is what may be used here; anything else is an error that says so.
	Allow Allow

	Ctx     map[string]any // ctx: the project, Stage, Promotion, target Freight
	Vars    map[string]any // vars: those evaluated so far
	Outputs map[string]any // outputs: of earlier steps, by alias
	Task    map[string]any // task: within a task, {"outputs": by step alias}
	Secrets map[string]any // secrets: by name
	Extra   map[string]any // further plain variables, by name

	// FreightMetadata is by Freight name, StageMetadata by Stage name.
	FreightMetadata map[string]map[string]any
	StageMetadata   map[string]map[string]any
	// FreightStatus returns what has become of the Freight of a name, nil for one that
	// nobody knows. It is asked once for each name and evaluation at most; nil knows none.
	FreightStatus func(name string) (map[string]any, error)

	// Alias is the running step's own; status() sees the steps of the same task only.
	Alias string
	// Steps are the earlier steps in order.
	Steps []StepStatus

	// Warehouses are those that the Stage requests Freight from. They decide which origin
	// commitFrom and the like mean when none is given; without any, the origins in Freight do.
	Warehouses []Warehouse
	// Freight is the collection being promoted, one for each origin.
	Freight []Freight
	// Discovered says that Freight is the newest discovered artifacts of one Warehouse, as in
	// Freight creation criteria: origins do not matter, image URLs are normalised before they
	// are compared, and chartFrom gives nil for a chart that is not there.
	Discovered bool

	// Now is what now() gives; nil means the clock of the machine.
	Now func() time.Time
}

// variables builds what the virtual machine looks names up in.
func (e Env) variables() (map[string]any, error) {
	vars := make(map[string]any, len(e.Extra)+5)
	for name, value := range e.Extra {
		if reserved(name) {
			return nil, fmt.Errorf("variable %q: the name is reserved", name)
		}
		vars[name] = integers(value)
	}
	vars["ctx"] = members(e.Ctx)
	vars["vars"] = members(e.Vars)
	if e.Allow&AllowOutputs != 0 {
		vars["outputs"] = members(e.Outputs)
		vars["task"] = members(e.Task)
	}
	if e.Allow&AllowSecrets != 0 {
		vars[secretsName] = members(e.Secrets)
	}
	return vars, nil
}

const secretsName = "secrets"

// restricted names the variables that need permission.
var restricted = map[string]struct {
	allow Allow
	where string
}{
	"outputs":   {AllowOutputs, "outputs exist only once steps run: in the vars, if and config of a step"},
	"task":      {AllowOutputs, "task exists only in the steps of a task"},
	secretsName: {AllowSecrets, "secrets are available only in the config of a step"},
}

func reserved(name string) bool {
	_, function := signatures[name]
	_, variable := restricted[name]
	return function || variable || name == "ctx" || name == "vars"
}

func members(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		out[key] = integers(value)
	}
	return out
}

// integers makes whole numbers that came through JSON ints again: expr prints a float64
// of seven digits with an exponent, and does not take it for % or as an index.
func integers(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < maxExactFloat {
			return int(v)
		}
	case map[string]any:
		return members(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = integers(item)
		}
		return out
	}
	return value
}
