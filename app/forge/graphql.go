package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// gqlError is an entry of "errors". GitHub answers 200 all the same.
type gqlError struct{ kind, message string }

func (e *gqlError) Error() string { return e.message }

func gqlFail(kind, format string, args ...any) error {
	return &gqlError{kind, fmt.Sprintf(format, args...)}
}

// gqlField computes a field when it is selected; args holds the field's arguments, variables resolved.
type gqlField func(args input) (any, error)

// gqlType marks the name of an object's type, for __typename and error messages.
const gqlType = "__typename"

func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	s.serve(route{method: "POST", template: "/graphql", access: access{}, handler: graphQL}, nil, w, r)
}

func graphQL(c *call) (reply, error) {
	in, err := c.input(fields{"query": text.must(), "variables": jsonObject.null(), "operationName": textNull})
	if err != nil {
		return reply{}, err
	}
	doc, parseErr := parser.ParseQuery(&ast.Source{Input: in.str("query")})
	if parseErr != nil {
		return ok(obj{"errors": []obj{{"message": "Parse error: " + parseErr.Error()}}})
	}
	op := doc.Operations.ForName(in.str("operationName"))
	if op == nil {
		return ok(obj{"errors": []obj{{"message": "An operation name is required"}}})
	}
	root := c.gqlQuery()
	if op.Operation == ast.Mutation {
		root = c.gqlMutation()
	}
	g := &gqlRun{vars: map[string]any{}, fragments: doc.Fragments}
	for _, v := range op.VariableDefinitions {
		value, given := in.object("variables")[v.Variable]
		switch {
		case given:
			g.vars[v.Variable] = value
		case v.DefaultValue != nil:
			if g.vars[v.Variable], err = v.DefaultValue.Value(nil); err != nil {
				return reply{}, err
			}
		case v.Type.NonNull:
			return ok(obj{"errors": []obj{{"message": fmt.Sprintf("Variable $%s of type %s was provided invalid value", v.Variable, v.Type)}}})
		}
	}
	data, err := g.object(op.SelectionSet, root, nil)
	if err != nil {
		return ok(obj{"errors": g.errors})
	}
	out := obj{"data": data}
	if len(g.errors) > 0 {
		out["errors"] = g.errors
	}
	return ok(out)
}

// gqlRun executes one operation.
type gqlRun struct {
	vars      map[string]any
	fragments ast.FragmentDefinitionList
	errors    []obj
}

// errUndefinedField stops the whole operation, as GraphQL validation would have.
var errUndefinedField = errors.New("undefined field")

func (g *gqlRun) object(set ast.SelectionSet, from obj, path []any) (obj, error) {
	out := obj{}
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			v, err := g.field(sel, from, append(path[:len(path):len(path)], sel.Alias))
			if err != nil {
				return nil, err
			}
			out[sel.Alias] = v
		case *ast.InlineFragment:
			if sel.TypeCondition != "" && sel.TypeCondition != from[gqlType] {
				continue
			}
			if err := g.merge(out, sel.SelectionSet, from, path); err != nil {
				return nil, err
			}
		case *ast.FragmentSpread:
			f := g.fragments.ForName(sel.Name)
			if f == nil || f.TypeCondition != from[gqlType] {
				continue
			}
			if err := g.merge(out, f.SelectionSet, from, path); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (g *gqlRun) merge(out obj, set ast.SelectionSet, from obj, path []any) error {
	more, err := g.object(set, from, path)
	for k, v := range more {
		out[k] = v
	}
	return err
}

func (g *gqlRun) field(f *ast.Field, from obj, path []any) (any, error) {
	v, found := from[f.Name]
	if !found {
		message := fmt.Sprintf("Field '%s' doesn't exist on type '%v'", f.Name, from[gqlType])
		g.errors = append(g.errors, obj{"path": path, "extensions": obj{"code": "undefinedField", "typeName": from[gqlType], "fieldName": f.Name}, "message": message})
		return nil, errUndefinedField
	}
	if compute, isField := v.(gqlField); isField {
		args, err := g.arguments(f)
		if err == nil {
			v, err = compute(args)
		}
		if err != nil {
			g.fail(err, f, path)
			return nil, nil
		}
	}
	return g.value(f, v, path)
}

func (g *gqlRun) value(f *ast.Field, v any, path []any) (any, error) {
	switch v := v.(type) {
	case obj:
		if v == nil {
			return nil, nil
		}
		if len(f.SelectionSet) == 0 {
			g.errors = append(g.errors, obj{"path": path, "message": fmt.Sprintf("Field must have selections (field '%s' returns %v but has no selections)", f.Name, v[gqlType])})
			return nil, errUndefinedField
		}
		return g.object(f.SelectionSet, v, path)
	case []obj:
		out := make([]any, 0, len(v))
		for i, item := range v {
			o, err := g.object(f.SelectionSet, item, append(path[:len(path):len(path)], i))
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
		return out, nil
	}
	return v, nil
}

func (g *gqlRun) arguments(f *ast.Field) (input, error) {
	args := input{}
	for _, a := range f.Arguments {
		v, err := a.Value.Value(g.vars)
		if err != nil {
			return nil, gqlFail("", "%v", err)
		}
		// A trip through JSON makes literals and variables look the same.
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, gqlFail("", "%v", err)
		}
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber()
		var plain any
		if err := dec.Decode(&plain); err != nil {
			return nil, gqlFail("", "%v", err)
		}
		args[a.Name] = plain
	}
	return args, nil
}

func (g *gqlRun) fail(err error, f *ast.Field, path []any) {
	entry := obj{"path": path, "message": err.Error()}
	if f.Position != nil {
		entry["locations"] = []obj{{"line": f.Position.Line, "column": f.Position.Column}}
	}
	var ge *gqlError
	var ae *apiError
	switch {
	case errors.As(err, &ge):
		if ge.kind != "" {
			entry["type"] = ge.kind
		}
	case errors.As(err, &ae):
		entry["message"] = ae.text()
		entry["type"] = map[int]string{http.StatusForbidden: "FORBIDDEN", http.StatusNotFound: "NOT_FOUND"}[ae.status]
		if entry["type"] == "" {
			entry["type"] = "UNPROCESSABLE"
		}
	}
	g.errors = append(g.errors, entry)
}

// text is the most specific message of an error answer.
func (e *apiError) text() string {
	for _, entry := range e.errors {
		if o, isObject := entry.(obj); isObject && o["message"] != nil {
			return fmt.Sprint(o["message"])
		}
	}
	return e.message
}
