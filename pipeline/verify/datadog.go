package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// datadog queries Datadog. The value is a number, nil where there is no data.
type datadog struct{ client }

type datadogConfig struct {
	APIVersion string            `json:"apiVersion"`
	Interval   duration          `json:"interval"`
	Query      string            `json:"query"`
	Queries    map[string]string `json:"queries"`
	Formula    string            `json:"formula"`
	Aggregator string            `json:"aggregator"`
	SecretRef  struct {
		Name       string `json:"name"`
		Namespaced bool   `json:"namespaced"`
	} `json:"secretRef"`
}

const datadogTimeout = 10 * time.Second

// Measure implements Provider. The keys are the secrets DATADOG_API_KEY and
// DATADOG_APP_KEY; DATADOG_ADDRESS, if there is one, is another site's. secretRef.name
// takes the place of DATADOG.
func (d *datadog) Measure(ctx context.Context, in Look) (Outcome, error) {
	config := datadogConfig{APIVersion: "v1", Interval: duration(5 * time.Minute)}
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	if (config.Query == "") == (len(config.Queries) == 0) {
		return Outcome{}, Permanent(errors.New("either query or queries is needed"))
	}
	profile := secretProfile(config.SecretRef.Name, "DATADOG")
	apiKey, err := in.Secret(ctx, profile+"_API_KEY")
	if err != nil {
		return Outcome{}, err
	}
	appKey, err := in.Secret(ctx, profile+"_APP_KEY")
	if err != nil {
		return Outcome{}, err
	}
	address, err := in.optional(ctx, profile+"_ADDRESS", "https://api.datadoghq.com")
	if err != nil {
		return Outcome{}, err
	}
	r := request{url: strings.TrimRight(address, "/"), timeout: datadogTimeout, header: http.Header{
		"Content-Type": {"application/json"}, "Dd-Api-Key": {apiKey}, "Dd-Application-Key": {appKey},
	}}
	from, to := in.Now.Add(-time.Duration(config.Interval)), in.Now
	switch config.APIVersion {
	case "v1":
		if config.Query == "" || config.Formula != "" || config.Aggregator != "" {
			return Outcome{}, Permanent(errors.New("queries, formula and aggregator need apiVersion: v2"))
		}
		r.method = http.MethodGet
		r.url += "/api/v1/query?" + url.Values{
			"query": {config.Query}, "from": {strconv.FormatInt(from.Unix(), 10)}, "to": {strconv.FormatInt(to.Unix(), 10)},
		}.Encode()
	case "v2":
		r.method, r.url = http.MethodPost, r.url+"/api/v2/query/scalar"
		if r.body, err = config.scalar(from, to); err != nil {
			return Outcome{}, Permanent(err)
		}
	default:
		return Outcome{}, Permanent(fmt.Errorf("apiVersion %q is neither v1 nor v2", config.APIVersion))
	}
	answer, err := d.send(ctx, r)
	if err != nil {
		return Outcome{}, err
	}
	if config.APIVersion == "v1" {
		return readDatadogV1(answer)
	}
	return readDatadogV2(answer)
}

// scalar is the body of a v2 request: one value for each query, or for the formula
// over them.
func (config datadogConfig) scalar(from, to time.Time) ([]byte, error) {
	named := config.Queries
	if config.Query != "" {
		named = map[string]string{"query": config.Query}
	}
	formula := config.Formula
	if formula == "" {
		if len(named) > 1 {
			return nil, errors.New("several queries need a formula")
		}
		formula = slices.Sorted(maps.Keys(named))[0]
	}
	aggregator := config.Aggregator
	if aggregator == "" {
		aggregator = "last"
	}
	type query struct {
		Aggregator string `json:"aggregator"`
		DataSource string `json:"data_source"`
		Name       string `json:"name"`
		Query      string `json:"query"`
	}
	var queries []query
	for _, name := range slices.Sorted(maps.Keys(named)) {
		queries = append(queries, query{Aggregator: aggregator, DataSource: "metrics", Name: name, Query: named[name]})
	}
	return json.Marshal(map[string]any{"data": map[string]any{
		"type": "scalar_request",
		"attributes": map[string]any{
			"from": from.UnixMilli(), "to": to.UnixMilli(), "queries": queries,
			"formulas": []map[string]string{{"formula": formula}},
		},
	}})
}

func readDatadogV1(answer []byte) (Outcome, error) {
	var body struct {
		Error  string `json:"error"`
		Series []struct {
			Pointlist [][]*float64 `json:"pointlist"`
		} `json:"series"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not Datadog's: %w", err)
	}
	if body.Error != "" {
		return Outcome{}, fmt.Errorf("the query was refused: %s", body.Error)
	}
	if len(body.Series) == 0 || len(body.Series[0].Pointlist) == 0 {
		return Outcome{Text: "[]"}, nil
	}
	points := body.Series[0].Pointlist
	last := points[len(points)-1]
	if len(last) != 2 {
		return Outcome{}, errors.New("the answer is not Datadog's: a point has not two values")
	}
	return numberOrNothing(last[1]), nil
}

func readDatadogV2(answer []byte) (Outcome, error) {
	var body struct {
		Errors []string `json:"errors"`
		Data   struct {
			Errors     string `json:"errors"`
			Attributes struct {
				Columns []struct {
					Type   string            `json:"type"`
					Values []json.RawMessage `json:"values"`
				} `json:"columns"`
			} `json:"attributes"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not Datadog's: %w", err)
	}
	if body.Data.Errors != "" {
		body.Errors = append(body.Errors, body.Data.Errors)
	}
	if len(body.Errors) > 0 {
		return Outcome{}, fmt.Errorf("the query was refused: %s", strings.Join(body.Errors, "; "))
	}
	for _, column := range body.Data.Attributes.Columns {
		if column.Type == "group" || len(column.Values) == 0 {
			continue
		}
		var value *float64
		if err := json.Unmarshal(column.Values[0], &value); err != nil {
			return Outcome{}, fmt.Errorf("the answer is not Datadog's: %w", err)
		}
		return numberOrNothing(value), nil
	}
	return Outcome{Text: "[]"}, nil
}

func numberOrNothing(value *float64) Outcome {
	if value == nil {
		return Outcome{Text: "null"}
	}
	return Outcome{Value: *value, Text: strconv.FormatFloat(*value, 'f', -1, 64)}
}
