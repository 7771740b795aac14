package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kargo-app/kargo/pipeline"
)

// GetUserInputConfig configures get-user-input.
type GetUserInputConfig struct {
	Schema       map[string]any    `json:"schema" doc:"JSON Schema of what is asked: an object"`
	Responders   []Approver        `json:"responders,omitempty" doc:"who may answer, as the approvers of wait-for-approval; default those who may promote to the Stage"`
	Display      json.RawMessage   `json:"display,omitempty" doc:"the question as people should read it; default the title or description of the schema. A text, or a map with title and description"`
	PollInterval pipeline.Duration `json:"pollInterval,omitempty" doc:"no effect: an answer is noticed when it is given"`
}

// GetUserInputOutput is the output of get-user-input.
type GetUserInputOutput struct {
	Values      map[string]any     `json:"values,omitempty" doc:"what was answered, as the schema types it"`
	RespondedBy string             `json:"respondedBy,omitempty" doc:"a login"`
	RespondedAt *time.Time         `json:"respondedAt,omitempty" doc:"when"`
	Question    *pipeline.Question `json:"question,omitempty" doc:"what is asked, while it is"`
}

func getUserInput() Definition {
	return Define("get-user-input", Remote, Doc{
		Summary: `Asks a person for values and waits for them.

They are given with ` + "`/kargo answer STAGE NAME=VALUE ...`" + `; words after ` + "` -- `" + ` are the answer
where the schema asks for one text. Names that the schema types as numbers or booleans are
read as such, and its defaults are filled in. An answer that does not satisfy the schema
is not taken, and the step goes on waiting and says why.`,
		Example: `
uses: get-user-input
as: window
config:
  display: Which change request covers this?
  schema:
    type: object
    required: [ticket]
    properties:
      ticket: {type: string, pattern: "^CHG-[0-9]+$"}
      minutes: {type: integer, default: 30}
`,
	}, runGetUserInput)
}

// Validate implements the rules beyond types.
func (c GetUserInputConfig) Validate() error {
	var errs []error
	for i, a := range c.Responders {
		if _, err := a.entry(); err != nil {
			errs = append(errs, fmt.Errorf("responders[%d]: %w", i, err))
		}
	}
	if t, ok := c.Schema["type"]; ok && t != "object" {
		errs = append(errs, errors.New("schema: the root must be of type object"))
	}
	if _, err := c.compile(); err != nil {
		errs = append(errs, fmt.Errorf("schema: %w", err))
	}
	return errors.Join(errs...)
}

// noLoader keeps a schema from naming files and addresses.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema may refer to itself only", url)
}

func (c GetUserInputConfig) compile() (*jsonschema.Schema, error) {
	raw, err := json.Marshal(c.Schema)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	const name = "https://kargo.invalid/input.json" // nothing is there
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(name)
}

func runGetUserInput(_ context.Context, env Env, c GetUserInputConfig) (GetUserInputOutput, error) {
	schema, err := c.compile()
	if err != nil {
		return GetUserInputOutput{}, &FailedError{Err: fmt.Errorf("schema: %w", err), Terminal: true}
	}
	from := make([]string, len(c.Responders))
	for i, a := range c.Responders {
		from[i], _ = a.entry() // Validate has seen it
	}
	wrong := ""
	for _, a := range env.Promotion.Answered(env.Promotion.Stage.Steps[env.Index].As) {
		if a.At.Before(env.since()) || a.Actor.Login == "" {
			continue
		}
		values := c.values(a)
		if err := schema.Validate(values); err != nil {
			wrong = fmt.Sprintf("the answer of %s was not taken: %s. ", a.Actor.Login, complaint(err))
			continue
		}
		return GetUserInputOutput{Values: values, RespondedBy: a.Actor.Login, RespondedAt: &a.At}, nil
	}
	text := fmt.Sprintf("%s%s; /kargo answer %s%s", wrong, c.question(), env.Promotion.Stage.Name, c.usage())
	return GetUserInputOutput{Question: &pipeline.Question{Text: text, From: from}}, env.asked(text)
}

// values types what was answered as the schema says.
func (c GetUserInputConfig) values(a pipeline.Answer) map[string]any {
	properties := c.properties()
	values := map[string]any{}
	for name, p := range properties {
		if def, ok := p["default"]; ok {
			values[name] = def
		}
	}
	for name, text := range a.Values {
		values[name] = typed(text, properties[name])
	}
	if a.Message == "" {
		return values
	}
	// Words alone answer what is asked if that is one text.
	open := slices.DeleteFunc(slices.Sorted(maps.Keys(properties)), func(name string) bool {
		_, given := a.Values[name]
		t := properties[name]["type"]
		return given || (t != nil && t != "string")
	})
	if len(open) == 1 {
		values[open[0]] = a.Message
	}
	return values
}

// typed reads a text as the type that a property has; what cannot be read stays a
// text, which the schema then refuses with its own words.
func typed(text string, property map[string]any) any {
	switch property["type"] {
	case "integer", "number":
		if n := json.Number(text); json.Valid([]byte(text)) {
			if _, err := n.Float64(); err == nil {
				return n
			}
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case "array", "object":
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			return v
		}
		if property["type"] == "array" {
			var list []any
			for item := range strings.SplitSeq(text, ",") {
				list = append(list, item)
			}
			return list
		}
	}
	return text
}

// properties are those of the schema's root.
func (c GetUserInputConfig) properties() map[string]map[string]any {
	all, _ := c.Schema["properties"].(map[string]any)
	out := make(map[string]map[string]any, len(all))
	for name, p := range all {
		out[name], _ = p.(map[string]any)
	}
	return out
}

// question is what people read.
func (c GetUserInputConfig) question() string {
	var text string
	var parts struct{ Title, Description string }
	if json.Unmarshal(c.Display, &text) != nil && json.Unmarshal(c.Display, &parts) == nil {
		text = strings.TrimSpace(parts.Title + " " + parts.Description)
	}
	for _, key := range []string{"title", "description"} {
		if s, ok := c.Schema[key].(string); text == "" && ok {
			text = s
		}
	}
	if text == "" {
		text = "values are asked for"
	}
	return oneLine(text)
}

// usage spells out what may be answered.
func (c GetUserInputConfig) usage() string {
	required, _ := c.Schema["required"].([]any)
	var b strings.Builder
	properties := c.properties()
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		what := "VALUE"
		if t, ok := properties[name]["type"].(string); ok {
			what = strings.ToUpper(t)
		}
		if choices, ok := properties[name]["enum"].([]any); ok {
			words := make([]string, len(choices))
			for i, v := range choices {
				words[i] = fmt.Sprint(v)
			}
			what = strings.Join(words, "|")
		}
		word := name + "=" + what
		if !slices.Contains(required, any(name)) {
			word = "[" + word + "]"
		}
		b.WriteString(" " + word)
	}
	return b.String()
}

// complaint is the first thing that a schema has against a value.
func complaint(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return oneLine(err.Error())
	}
	for len(v.Causes) > 0 {
		v = v.Causes[0]
	}
	where := strings.Join(v.InstanceLocation, ".")
	lines := strings.Split(strings.TrimSpace(v.Error()), "\n")
	what := strings.TrimSpace(lines[len(lines)-1])
	if _, rest, ok := strings.Cut(what, "': "); ok {
		what = rest
	}
	if where != "" {
		what = where + ": " + what
	}
	return oneLine(what)
}
