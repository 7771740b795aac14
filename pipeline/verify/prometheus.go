package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// prometheus queries a Prometheus server. A vector is a list of numbers to
// conditions, as are all values of a range, and a scalar is a number, as in Argo
// Rollouts.
type prometheus struct{ client }

type prometheusConfig struct {
	Address        string         `json:"address"`
	Query          string         `json:"query"`
	RangeQuery     *rangeQuery    `json:"rangeQuery"`
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
	if config.Address == "" {
		return Outcome{}, Permanent(errors.New("the address of the Prometheus server is missing"))
	}
	form, path := url.Values{"query": {config.Query}, "time": {unix(in.Now)}}, "/api/v1/query"
	if config.RangeQuery != nil {
		var err error
		if form, err = config.RangeQuery.form(config.Query, in.Now); err != nil {
			return Outcome{}, Permanent(err)
		}
		path = "/api/v1/query_range"
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	for key, values := range config.Headers {
		header[key] = values
	}
	timeout := seconds(config.Timeout, 30*time.Second)
	if err := config.Authentication.authorize(ctx, p.client, in, header, timeout); err != nil {
		return Outcome{}, err
	}
	answer, err := p.send(ctx, request{
		method: http.MethodPost, url: strings.TrimRight(config.Address, "/") + path,
		body: []byte(form.Encode()), header: header, timeout: timeout, insecure: config.Insecure,
	})
	if err != nil {
		return Outcome{}, err
	}
	return readPrometheus(answer)
}

// rangeQuery asks for all values between two times, which are expressions such as
// now() - duration("1h").
type rangeQuery struct {
	Start string   `json:"start"`
	End   string   `json:"end"`
	Step  duration `json:"step"`
}

func (r rangeQuery) form(query string, now time.Time) (url.Values, error) {
	at := func(name, source string) (string, error) {
		value, err := expr.EvaluateBare(source, expr.Env{Now: func() time.Time { return now }})
		if err != nil {
			return "", fmt.Errorf("rangeQuery.%s: %w", name, err)
		}
		t, ok := value.(time.Time)
		if !ok {
			return "", fmt.Errorf("rangeQuery.%s is not a time, as now() is", name)
		}
		return unix(t), nil
	}
	start, err := at("start", r.Start)
	if err != nil {
		return nil, err
	}
	end, err := at("end", cmp.Or(r.End, "now()"))
	if err != nil {
		return nil, err
	}
	step := cmp.Or(time.Duration(r.Step), time.Minute)
	return url.Values{"query": {query}, "start": {start}, "end": {end}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}}, nil
}

// unix is a time as Prometheus reads it.
func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

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
	case "vector", "matrix":
		var vector []struct {
			Value  *sample  `json:"value"`
			Values []sample `json:"values"`
		}
		if err := json.Unmarshal(body.Data.Result, &vector); err != nil {
			return Outcome{}, fmt.Errorf("the answer is not Prometheus': %w", err)
		}
		values, texts := make([]float64, 0, len(vector)), make([]string, 0, len(vector))
		for _, one := range vector {
			if one.Value != nil {
				one.Values = append(one.Values, *one.Value)
			}
			for _, s := range one.Values {
				values, texts = append(values, s.value), append(texts, s.text)
			}
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
