package actions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// OutputTitle is the title of the annotations by which a workflow returns outputs:
//
//	echo "::notice title=kargo-output::digest=$DIGEST"
//
// GitHub shows no outputs of a workflow to anybody outside of it. Of what it does
// show, annotations of a job need neither a download nor a permission beyond checks.
const OutputTitle = "kargo-output"

// Outputs is what is asked of the Git host about what a run returned.
type Outputs interface {
	// Annotations returns the messages of the annotations with that title which the
	// jobs of a run's newest attempt made, in the order of the jobs. It gives up with a
	// *pipeline.UserError where there are more than anybody needs.
	Annotations(ctx context.Context, repo pipeline.Repo, run int64, title string) ([]string, error)
}

const (
	// maxOutputs bounds the number of outputs of a run, maxOutputSize their size, in
	// bytes.
	maxOutputs    = 100
	maxOutputSize = 64 << 10
)

var outputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// ParseOutputs reads the messages of annotations. Each is a JSON object, whose
// members are outputs, or lines of the form NAME=VALUE, whose values are texts. Of
// two values for one name the later counts. The error is for people.
func ParseOutputs(messages []string) (map[string]any, error) {
	out := map[string]any{}
	size := 0
	for _, m := range messages {
		values, err := parseOutput(m)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", OutputTitle, err)
		}
		size += len(m)
		for name, value := range values {
			if !outputName.MatchString(name) {
				return nil, fmt.Errorf("annotation %s: %.40q is not the name of an output", OutputTitle, name)
			}
			out[name] = value
		}
		if size > maxOutputSize || len(out) > maxOutputs {
			return nil, fmt.Errorf("a workflow may return %d outputs and %d bytes at most", maxOutputs, maxOutputSize)
		}
	}
	return out, nil
}

func parseOutput(message string) (map[string]any, error) {
	message = strings.TrimSpace(message)
	if strings.HasPrefix(message, "{") {
		return parseObject(message)
	}
	values := map[string]any{}
	for line := range strings.SplitSeq(message, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%.40q is neither NAME=VALUE nor a JSON object", line)
		}
		values[strings.TrimSpace(name)] = value
	}
	return values, nil
}

func parseObject(message string) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(message)))
	dec.UseNumber()
	values := map[string]any{}
	if err := dec.Decode(&values); err != nil {
		return nil, fmt.Errorf("a JSON object is expected; GitHub cuts messages after 4096 characters: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON object")
	}
	return values, nil
}
