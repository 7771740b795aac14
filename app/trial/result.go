package trial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// StepResult is what became of one step.
type StepResult struct {
	As      string         `json:"as"`
	Uses    string         `json:"uses"`
	Phase   pipeline.Phase `json:"phase"`
	Output  map[string]any `json:"output"`
	Message string         `json:"message"`
}

// output reads the output of a step.
func output(raw json.RawMessage) (map[string]any, error) {
	out := map[string]any{}
	if raw == nil {
		return out, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return out, dec.Decode(&out)
}

// OutputText is the output as people read it.
func (s StepResult) OutputText() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s.Output); err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// Result is what became of all steps. No secret is in it.
type Result struct {
	// Phase is that of the Promotion which the steps are.
	Phase   pipeline.Phase
	Message string
	Steps   []StepResult
	// Files are the files that changed, by their path in the directory, and Diff shows
	// how; those of checkouts since the commit that was checked out or pushed last.
	Files []step.FileChange
	Diff  string
	// Metadata and Aliases were noted about Freight, by its name.
	Metadata map[string]map[string]any
	Aliases  map[string]string
}

// noted is what steps noted about Freight, as JSON.
type noted struct {
	Metadata map[string]map[string]any `json:"freightMetadata,omitempty"`
	Aliases  map[string]string         `json:"freightAliases,omitempty"`
}

// changed is what changed, which only a dry run has to tell.
type changed struct {
	Files *[]step.FileChange `json:"files,omitempty"`
	Diff  *string            `json:"diff,omitempty"`
}

func (r Result) changed(show bool) changed {
	if !show {
		return changed{}
	}
	files := r.Files
	if files == nil {
		files = []step.FileChange{}
	}
	return changed{Files: &files, Diff: &r.Diff}
}

// Single is the JSON form of the result of one step, with what changed if changes is
// true.
func (r Result) Single(changes bool) any {
	s := r.Steps[0]
	return struct {
		Phase   pipeline.Phase `json:"phase"`
		Output  map[string]any `json:"output"`
		Message string         `json:"message"`
		noted
		changed
	}{s.Phase, s.Output, s.Message, noted{r.Metadata, r.Aliases}, r.changed(changes)}
}

// List is the JSON form of the result of a list of steps, with what changed if
// changes is true.
func (r Result) List(changes bool) any {
	out := make(map[string]map[string]any, len(r.Steps))
	for _, s := range r.Steps {
		if len(s.Output) > 0 {
			out[s.As] = s.Output
		}
	}
	return struct {
		Phase   pipeline.Phase            `json:"phase"`
		Output  map[string]map[string]any `json:"output"`
		Message string                    `json:"message"`
		Steps   []StepResult              `json:"steps"`
		noted
		changed
	}{r.Phase, out, r.Message, r.Steps, noted{r.Metadata, r.Aliases}, r.changed(changes)}
}

// Notes says what steps noted about Freight, a line each.
func (r Result) Notes() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		for _, key := range slices.Sorted(maps.Keys(r.Metadata[name])) {
			value, err := json.Marshal(r.Metadata[name][key])
			if err != nil {
				value = []byte(err.Error())
			}
			out = append(out, fmt.Sprintf("Freight %s: %s = %s", name, key, value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Aliases)) {
		out = append(out, fmt.Sprintf("Freight %s: is called %s", name, r.Aliases[name]))
	}
	return out
}
