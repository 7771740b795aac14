// Package openapi holds HTTP exchanges against GitHub's OpenAPI description (npm package @octokit/openapi, file
// generated/api.github.com.json). Tests put its Transport under a client, or its Handler around a server, and fail on
// what Report collects. It validates shapes, not behaviour, and it is slow: use it in tests only.
//
// A Description is immutable after Load; Handler, Transport and Report are safe for concurrent use.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Description is a loaded OpenAPI document.
type Description struct {
	operations []operation
}

type operation struct {
	method, template string
	pattern          *regexp.Regexp
	literals         int // characters outside parameters: the most specific template wins
	op               *openapi3.Operation
	parameters       openapi3.Parameters
}

// spanning are the path parameters whose values may contain slashes.
var spanning = []string{"ref", "path", "branch", "basehead", "tree_sha", "commit_sha"}

var parameter = regexp.MustCompile(`\{([^}]+)\}`)

// Load reads a description from a file.
func Load(file string) (*Description, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load OpenAPI description: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("load OpenAPI description %s: %w", file, err)
	}
	d := &Description{}
	for template, item := range doc.Paths.Map() {
		var pattern strings.Builder
		rest := template
		for _, m := range parameter.FindAllStringSubmatchIndex(template, -1) {
			at := len(template) - len(rest)
			pattern.WriteString(regexp.QuoteMeta(template[at:m[0]]))
			if slices.Contains(spanning, template[m[2]:m[3]]) {
				pattern.WriteString("(.+)")
			} else {
				pattern.WriteString("([^/]+)")
			}
			rest = template[m[1]:]
		}
		pattern.WriteString(regexp.QuoteMeta(rest))
		compiled, err := regexp.Compile("^" + pattern.String() + "$")
		if err != nil {
			return nil, fmt.Errorf("load OpenAPI description: path %s: %w", template, err)
		}
		for method, op := range item.Operations() {
			d.operations = append(d.operations, operation{
				method: method, template: template, pattern: compiled, literals: len(parameter.ReplaceAllString(template, "")), op: op,
				parameters: append(slices.Clone(item.Parameters), op.Parameters...),
			})
		}
	}
	return d, nil
}

func (d *Description) find(method, path string) *operation {
	var best *operation
	for i := range d.operations {
		o := &d.operations[i]
		if o.method == method && o.pattern.MatchString(path) && (best == nil || o.literals > best.literals) {
			best = o
		}
	}
	return best
}

// Exchange is one request and its answer. Path has no /api/v3 prefix.
type Exchange struct {
	Method, Path string
	Query        url.Values
	Request      []byte
	Status       int
	ContentType  string
	Response     []byte
}

// Check returns what is wrong with an exchange, nil when nothing is. Answers of 5xx are not described and pass.
func (d *Description) Check(x Exchange) []error {
	o := d.find(x.Method, x.Path)
	if o == nil {
		if x.Status == 404 {
			return nil
		}
		return []error{fmt.Errorf("%s %s: no such operation in the description", x.Method, x.Path)}
	}
	var problems []error
	report := func(where string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %s: %d: %s: %w", x.Method, o.template, x.Status, where, err))
		}
	}
	if x.Status < 400 { // what the server refused was perhaps wrong on purpose
		report("request body", checkRequest(o, x))
		report("query", checkQuery(o, x))
	}
	report("response", checkResponse(o, x))
	return problems
}

func checkRequest(o *operation, x Exchange) error {
	if o.op.RequestBody == nil || o.op.RequestBody.Value == nil {
		if len(x.Request) > 0 && string(x.Request) != "null\n" && string(x.Request) != "null" && x.Method == "GET" {
			return fmt.Errorf("unexpected body")
		}
		return nil
	}
	body := o.op.RequestBody.Value
	if len(x.Request) == 0 || strings.TrimSpace(string(x.Request)) == "null" {
		if body.Required {
			return fmt.Errorf("missing")
		}
		return nil
	}
	return checkContent(body.Content, "application/json", x.Request, openapi3.VisitAsRequest())
}

func checkQuery(o *operation, x Exchange) error {
	for name := range x.Query {
		known := slices.ContainsFunc(o.parameters, func(p *openapi3.ParameterRef) bool {
			return p.Value != nil && p.Value.In == "query" && p.Value.Name == name
		})
		if !known {
			return fmt.Errorf("parameter %q is not described", name)
		}
	}
	return nil
}

func checkResponse(o *operation, x Exchange) error {
	if x.Status >= 500 {
		return nil
	}
	described := o.op.Responses.Value(strconv.Itoa(x.Status))
	if described == nil {
		// GitHub answers errors that no operation lists (401, 404, 422 ...); they share one shape.
		if x.Status >= 400 {
			return basicError(x.Response)
		}
		if x.Status == 304 {
			return nil
		}
		return fmt.Errorf("status is not described")
	}
	if described.Value == nil || len(described.Value.Content) == 0 {
		if len(x.Response) > 0 && x.Status < 400 && x.Status != 202 {
			return fmt.Errorf("unexpected body")
		}
		return nil
	}
	media, _, _ := strings.Cut(x.ContentType, ";")
	if media != "application/json" {
		return nil // raw, sha and diff media types are not described as schemas
	}
	return checkContent(described.Value.Content, media, x.Response, openapi3.VisitAsResponse())
}

func checkContent(content openapi3.Content, media string, raw []byte, as openapi3.SchemaValidationOption) error {
	described := content.Get(media)
	if described == nil || described.Schema == nil || described.Schema.Value == nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return described.Schema.Value.VisitJSON(v, as, openapi3.MultiErrors(), openapi3.SetSchemaErrorMessageCustomizer(shortMessage))
}

// shortMessage leaves out the schema, which for a pull request fills pages.
func shortMessage(err *openapi3.SchemaError) string {
	return fmt.Sprintf("/%s: %s (%s)", strings.Join(err.JSONPointer(), "/"), err.Reason, err.SchemaField)
}

func basicError(raw []byte) error {
	var e struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(raw, &e); err != nil || e.Message == "" {
		return fmt.Errorf("an error answer needs a message, got %.100s", raw)
	}
	return nil
}
