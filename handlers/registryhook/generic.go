package registryhook

import (
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// readGeneric evaluates the receiver's own expressions. What kind of source an address
// is, is not asked: it is looked for among all.
func readGeneric(r Receiver, req request) ([]source, error) {
	env := genericEnv(req)
	if r.When != "" {
		if ok, err := expr.BoolBare(r.When, env); err != nil || !ok {
			return nil, wrapUnlessNil("when", err)
		}
	}
	value, err := expr.EvaluateBare(r.URL, env)
	if err != nil {
		return nil, wrapUnlessNil("url", err)
	}
	var s sources
	switch v := value.(type) {
	case string:
		s.anywhere(v)
	case []any:
		for _, one := range v {
			if url, ok := one.(string); ok {
				s.anywhere(url)
			}
		}
	case nil:
	default:
		return nil, fmt.Errorf("url: the expression gives %T, not an address or a list of them", value)
	}
	return s, nil
}

// genericEnv shows a request to expressions: request.method, request.headers (the
// first value of each, by its canonical name) and request.body. A body that is not
// JSON is text.
func genericEnv(req request) expr.Env {
	headers := make(map[string]any, len(req.header))
	for name, values := range req.header {
		if len(values) > 0 {
			headers[name] = values[0]
		}
	}
	body, err := decode[any](req.body)
	if err != nil {
		body = string(req.body)
	}
	return expr.Env{Extra: map[string]any{"request": map[string]any{
		"method": req.method, "headers": headers, "body": body,
	}}}
}

func (s *sources) anywhere(url string) {
	if url == "" {
		return
	}
	s.oci(url)
	s.add(pipeline.ChartArtifact, pipeline.NormalizeChartURL(url))
	s.add(pipeline.GitArtifact, pipeline.NormalizeGitURL(url))
}

func wrapUnlessNil(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", field, err)
}
