package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// prometheus queries a Prometheus server. A vector is a list of numbers to
// conditions, a scalar a number, as in Argo Rollouts.
type prometheus struct{ client }

type prometheusConfig struct {
	Address        string         `json:"address"`
	Query          string         `json:"query"`
	RangeQuery     map[string]any `json:"rangeQuery"`
	Timeout        number         `json:"timeout"`
	Insecure       bool           `json:"insecure"`
	Headers        headers        `json:"headers"`
	Authentication authentication `json:"authentication"`
}

// Measure implements Provider.
func (p *prometheus) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config prometheusConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	switch {
	case config.Address == "":
		return Outcome{}, Permanent(errors.New("the address of the Prometheus server is missing"))
	case len(config.RangeQuery) > 0:
		return Outcome{}, Permanent(errors.New("rangeQuery is not supported: use a subquery such as avg_over_time(...[5m:])"))
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	for key, values := range config.Headers {
		header[key] = values
	}
	timeout := seconds(config.Timeout, 30*time.Second)
	if err := config.Authentication.authorize(ctx, p.client, in, header, timeout); err != nil {
		return Outcome{}, err
	}
	form := url.Values{"query": {config.Query}, "time": {strconv.FormatFloat(float64(in.Now.UnixMilli())/1000, 'f', 3, 64)}}
	answer, err := p.send(ctx, request{
		method: http.MethodPost, url: strings.TrimRight(config.Address, "/") + "/api/v1/query",
		body: []byte(form.Encode()), header: header, timeout: timeout, insecure: config.Insecure,
	})
	if err != nil {
		return Outcome{}, err
	}
	return readPrometheus(answer)
}

func readPrometheus(answer []byte) (Outcome, error) {
	var body struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
		Warnings []string `json:"warnings"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not Prometheus': %w", err)
	}
	if body.Status != "success" {
		return Outcome{}, fmt.Errorf("the query was refused: %s", body.Error)
	}
	out := Outcome{Message: strings.Join(body.Warnings, "; ")}
	switch body.Data.ResultType {
	case "scalar":
		var s sample
		if err := json.Unmarshal(body.Data.Result, &s); err != nil {
			return Outcome{}, fmt.Errorf("the answer is not Prometheus': %w", err)
		}
		out.Value, out.Text = s.value, s.text
	case "vector":
		var vector []struct {
			Value sample `json:"value"`
		}
		if err := json.Unmarshal(body.Data.Result, &vector); err != nil {
			return Outcome{}, fmt.Errorf("the answer is not Prometheus': %w", err)
		}
		values, texts := make([]float64, 0, len(vector)), make([]string, 0, len(vector))
		for _, one := range vector {
			values, texts = append(values, one.Value.value), append(texts, one.Value.text)
		}
		out.Value, out.Text = values, "["+strings.Join(texts, ",")+"]"
	default:
		return Outcome{}, fmt.Errorf("the query gives a %s where a vector or scalar is needed", body.Data.ResultType)
	}
	return out, nil
}

// sample is [time, "value"].
type sample struct {
	value float64
	text  string
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(data []byte) error {
	var at json.RawMessage
	pair := []any{&at, &s.text}
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	var err error
	s.value, err = strconv.ParseFloat(s.text, 64)
	return err
}
