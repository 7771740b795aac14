package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/secret"
)

// Context is what a context file says.
type Context struct{ env expr.Env }

// ParseContext reads a context file: what [expr.ParseContext] reads, in which vars
// may also be Kargo's list of {name, value}, and freight one Freight by itself.
func ParseContext(data []byte) (Context, error) {
	docs, err := documents(data)
	switch {
	case err != nil:
		return Context{}, err
	case len(docs) == 0:
		return Context{}, nil
	case len(docs) > 1:
		return Context{}, errors.New("expected one document")
	}
	v, err := plain(docs[0])
	if err != nil {
		return Context{}, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return Context{}, errors.New("the document must be an object with keys such as ctx, vars and freight")
	}
	if vars := member(docs[0], "vars"); vars != nil {
		if _, ok := m["vars"].([]any); ok {
			list, err := readVars(vars, "vars", false)
			if err != nil {
				return Context{}, err
			}
			byName := map[string]any{}
			for _, v := range list {
				byName[v.Name] = v.Value
			}
			m["vars"] = byName
		}
	}
	if one, ok := m["freight"].(map[string]any); ok {
		m["freight"] = []any{one}
	}
	for key, value := range m {
		if value == nil {
			delete(m, key)
		}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return Context{}, err
	}
	env, err := expr.ParseContext(raw)
	if err != nil {
		return Context{}, err
	}
	c := Context{env: env}
	for i := range c.env.Freight {
		f := &c.env.Freight[i]
		f.Name = cmp.Or(f.Name, pipeline.FreightID(freightOf(*f, nil)))
		f.Alias = cmp.Or(f.Alias, fmt.Sprintf("trial-%d", i+1))
	}
	return c, nil
}

// secrets are those of a context file; nil gives placeholders.
type secrets map[string]any

var _ promotion.Secrets = secrets(nil)

// Secret implements [promotion.Secrets].
func (s secrets) Secret(_ context.Context, _ pipeline.Repo, name string) (string, error) {
	value, ok := s[name]
	if !ok {
		return "", fmt.Errorf("%w: add it to the secrets of the context", secret.ErrNotFound)
	}
	return fmt.Sprint(value), nil
}

// given adds the context to what expressions see by themselves.
func (c Context) given(env *expr.Env) {
	env.Ctx = merged(env.Ctx, c.env.Ctx)
	env.Vars = maps.Clone(c.env.Vars)
	env.Outputs = merged(c.env.Outputs, nil)
	env.Task = c.env.Task
	env.Extra = merged(env.Extra, c.env.Extra)
	env.StageMetadata = c.env.StageMetadata
	if c.env.FreightStatus != nil {
		env.FreightStatus = c.env.FreightStatus
	}
	env.Steps = slices.Clone(c.env.Steps)
	env.Warehouses = c.env.Warehouses
	if len(c.env.Freight) > 0 {
		env.Freight = c.env.Freight
	}
	notes := maps.Clone(c.env.FreightMetadata)
	if notes == nil {
		notes = map[string]map[string]any{}
	}
	for name, values := range env.FreightMetadata { // as it is by now
		notes[name] = values
	}
	env.FreightMetadata = notes
	if env.Vars == nil {
		env.Vars = map[string]any{}
	}
}

// merged returns a map that holds both, over wins; maps in them are merged too.
func merged(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	maps.Copy(out, base)
	for key, value := range over {
		inner, both := out[key].(map[string]any)
		if m, ok := value.(map[string]any); ok && both {
			value = merged(inner, m)
		}
		out[key] = value
	}
	return out
}

// text returns a string of ctx.
func (c Context) text(key, otherwise string) string {
	if s, ok := c.env.Ctx[key].(string); ok && s != "" {
		return s
	}
	return otherwise
}

// promotion is the Promotion that the steps belong to.
func (c Context) promotion(steps Steps, repo pipeline.Repo) pipeline.Promotion {
	p := pipeline.Promotion{
		ID: c.text("promotion", "trial-1"), Seq: 1, Pipeline: c.text("project", "trial"), Repo: repo, Reason: "a trial",
		Stage: pipeline.Stage{Name: c.text("stage", "trial"), Steps: steps.Steps},
	}
	for _, v := range steps.Vars {
		if _, ok := c.env.Vars[v.Name]; !ok {
			p.Stage.TemplateVars = append(p.Stage.TemplateVars, v)
		}
	}
	for _, f := range c.env.Freight {
		p.Collection = append(p.Collection, freightOf(f, c.env.FreightMetadata[f.Name]))
		if f.Origin.Name != "" {
			p.Stage.Requests = append(p.Stage.Requests, pipeline.FreightRequest{Origin: f.Origin.Name, Direct: true})
		}
	}
	target, _ := c.env.Ctx["targetFreight"].(map[string]any)
	name, _ := target["name"].(string)
	at := slices.IndexFunc(p.Collection, func(f pipeline.Freight) bool { return f.ID == name })
	switch {
	case at >= 0:
		p.Freight = p.Collection[at]
	case len(p.Collection) > 0 && name == "":
		p.Freight = p.Collection[0]
	default:
		p.Freight = pipeline.Freight{ID: name}
		p.Freight.Alias, _ = target["alias"].(string)
		if origin, ok := target["origin"].(map[string]any); ok {
			p.Freight.Warehouse, _ = origin["name"].(string)
		}
	}
	return p
}

func freightOf(f expr.Freight, metadata map[string]any) pipeline.Freight {
	out := pipeline.Freight{ID: f.Name, Alias: f.Alias, Warehouse: f.Origin.Name, Metadata: metadata}
	for _, i := range f.Images {
		out.Images = append(out.Images, pipeline.Image{RepoURL: i.RepoURL, Tag: i.Tag, Digest: i.Digest, Annotations: i.Annotations})
	}
	for _, c := range f.Commits {
		out.Commits = append(out.Commits, pipeline.Commit{
			RepoURL: c.RepoURL, ID: c.ID, Branch: c.Branch, Tag: c.Tag, Message: c.Message, Author: c.Author, Committer: c.Committer,
		})
	}
	for _, c := range f.Charts {
		out.Charts = append(out.Charts, pipeline.Chart{RepoURL: c.RepoURL, Name: c.Name, Version: c.Version})
	}
	return out
}

// github returns a text of the variable github.
func (c Context) github(key string) string {
	g, _ := c.env.Extra["github"].(map[string]any)
	s, _ := g[key].(string)
	return s
}
