package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/manifest/edit"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// ParseConfig configures the steps that read values from a file.
type ParseConfig struct {
	Path    string        `json:"path" empty:"no" doc:"the file"`
	Outputs []ParseOutput `json:"outputs" empty:"no" doc:"what to read"`
}

// ParseOutput is one value to read.
type ParseOutput struct {
	Name           string `json:"name" empty:"no" doc:"key of the output"`
	FromExpression string `json:"fromExpression" empty:"no" doc:"expression without delimiters, in which the document's top-level keys are variables"`
}

// maxParsed bounds the outputs of one step, which are recorded.
const maxParsed = 256 << 10

// parsing is said of all steps that read values.
const parsing = `An expression runs with the document's top-level keys as variables, and with the
functions of the expression language but none of Kargo's; a document that is a list is
` + "`$env`" + `. A top-level key that is missing is null, what is beneath one is an error unless
written ` + "`?.`" + `. An empty file is an error. Values keep their types; together they may take
256 KiB.`

// Validate implements the rule that every expression is well formed.
func (c ParseConfig) Validate() error {
	var errs []error
	for i, o := range c.Outputs {
		if err := expr.CheckQuery(o.FromExpression); err != nil {
			errs = append(errs, fmt.Errorf("outputs[%d].fromExpression: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// parseFile reads values from a file that decode understands.
func parseFile(ctx context.Context, env Env, c ParseConfig, decode func(src []byte) (any, error)) (Values, error) {
	src, err := env.Workspace.ReadFile(ctx, c.Path)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if len(src) > edit.MaxSize {
		return nil, fmt.Errorf("parse %s: the file has %d bytes, more than the limit of %d", c.Path, len(src), edit.MaxSize)
	}
	if len(bytes.TrimSpace(src)) == 0 {
		return nil, fmt.Errorf("parse %s: the file is empty", c.Path)
	}
	document, err := decode(src)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", c.Path, err)
	}
	out, size := Values{}, 0
	for _, o := range c.Outputs {
		value, err := expr.Query(o.FromExpression, document)
		if err != nil {
			return nil, fmt.Errorf("output %s of %s: %w", o.Name, c.Path, err)
		}
		if out[o.Name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("output %s of %s has no JSON form: %w", o.Name, c.Path, err)
		}
		if size += len(out[o.Name]); size > maxParsed {
			return nil, fmt.Errorf("the outputs of %s take more than %d bytes", c.Path, maxParsed)
		}
	}
	return out, nil
}
