package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/util/jsonpath"
)

// web reads a value from an HTTP service, as Argo Rollouts' provider of that name.
type web struct{ client }

type webConfig struct {
	URL            string          `json:"url"`
	Method         string          `json:"method"`
	Headers        headers         `json:"headers"`
	Body           string          `json:"body"`
	JSONBody       json.RawMessage `json:"jsonBody"`
	TimeoutSeconds number          `json:"timeoutSeconds"`
	JSONPath       string          `json:"jsonPath"`
	Insecure       bool            `json:"insecure"`
	Authentication authentication  `json:"authentication"`
}

// Measure implements Provider. An answer that is no JSON is the value itself, as
// text; Argo Rollouts takes it for a success without looking at the conditions.
func (w *web) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config webConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	r, err := config.request()
	if err != nil {
		return Outcome{}, Permanent(err)
	}
	if err := config.Authentication.authorize(ctx, w.client, in, r.header, r.timeout); err != nil {
		return Outcome{}, err
	}
	answer, err := w.send(ctx, r)
	if err != nil {
		return Outcome{}, err
	}
	var data any
	if !json.Valid(answer) {
		text := strings.TrimSpace(string(answer))
		return Outcome{Value: text, Text: text}, nil
	}
	if err := json.Unmarshal(answer, &data); err != nil {
		return Outcome{}, fmt.Errorf("the answer: %w", err)
	}
	value, err := find(config.JSONPath, data)
	return Outcome{Value: value}, err
}

func (config webConfig) request() (request, error) {
	r := request{
		method: strings.ToUpper(config.Method), url: config.URL, header: http.Header{}, insecure: config.Insecure,
		timeout: seconds(config.TimeoutSeconds, 10*time.Second),
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	switch r.method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut:
	default:
		return r, fmt.Errorf("method %q is none of GET, POST, PUT", config.Method)
	}
	hasJSON := len(config.JSONBody) > 0 && string(config.JSONBody) != "null"
	switch {
	case config.Body != "" && hasJSON:
		return r, errors.New("body and jsonBody exclude each other")
	case (config.Body != "" || hasJSON) && r.method == http.MethodGet:
		return r, errors.New("a body needs method POST or PUT")
	case hasJSON:
		r.body = config.JSONBody
	case config.Body != "":
		r.body = []byte(config.Body)
	}
	for key, values := range config.Headers {
		r.header[key] = values
	}
	if hasJSON {
		r.header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// maxJSONPath bounds an expression; long ones serve nobody.
const maxJSONPath = 4 << 10

// find returns the first value at a path in the dialect of kubectl; an empty path
// means the whole document.
func find(path string, data any) (value any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			value, err = nil, fmt.Errorf("jsonPath %s: %v", shorten(path, maxQuote), cause)
		}
	}()
	if path == "" {
		return data, nil
	}
	if len(path) > maxJSONPath {
		return nil, Permanent(fmt.Errorf("jsonPath of %d bytes is longer than %d", len(path), maxJSONPath))
	}
	parser := jsonpath.New("metrics")
	if err := parser.Parse(path); err != nil {
		return nil, Permanent(fmt.Errorf("jsonPath %s: %w", shorten(path, maxQuote), err))
	}
	found, err := parser.FindResults(data)
	if err != nil {
		return nil, fmt.Errorf("jsonPath: %w", err)
	}
	for _, results := range found {
		switch {
		case len(results) == 0:
			continue
		case !results[0].IsValid() || !results[0].CanInterface():
			return nil, nil
		}
		return results[0].Interface(), nil
	}
	return nil, fmt.Errorf("jsonPath %s finds nothing in the answer", shorten(path, maxQuote))
}
