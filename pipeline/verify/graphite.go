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

// graphite renders a Graphite query, which is written as the query of a URL. The
// value is the list of the first target's numbers, leaving out those that are null.
type graphite struct{ client }

type graphiteConfig struct {
	Address string `json:"address"`
	Query   string `json:"query"`
}

// Measure implements Provider.
func (g *graphite) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config graphiteConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	query, err := url.ParseQuery(strings.Join(strings.Fields(config.Query), " "))
	if err != nil {
		return Outcome{}, Permanent(errors.New("the query is not the query of a URL, such as target=a.b&from=-5min"))
	}
	if !query.Has("target") {
		return Outcome{}, Permanent(errors.New("the query has no target"))
	}
	query.Set("format", "json")
	answer, err := g.send(ctx, request{
		method: http.MethodGet, url: strings.TrimRight(config.Address, "/") + "/render?" + query.Encode(), timeout: 10 * time.Second,
	})
	if err != nil {
		return Outcome{}, err
	}
	return readGraphite(answer)
}

func readGraphite(answer []byte) (Outcome, error) {
	var targets []struct {
		Datapoints [][]any `json:"datapoints"`
	}
	if err := json.Unmarshal(answer, &targets); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not Graphite's: %w", err)
	}
	if len(targets) == 0 {
		return Outcome{}, errors.New("the query has no result")
	}
	values, texts := []float64{}, []string{}
	for _, point := range targets[0].Datapoints {
		if len(point) != 2 {
			return Outcome{}, errors.New("the answer is not Graphite's: a point has not two values")
		}
		var value float64
		switch v := point[0].(type) {
		case nil:
			continue
		case float64:
			value = v
		default:
			var err error
			if value, err = strconv.ParseFloat(fmt.Sprint(v), 64); err != nil {
				return Outcome{}, errors.New("the answer is not Graphite's: a point's value is no number")
			}
		}
		values, texts = append(values, value), append(texts, strconv.FormatFloat(value, 'f', 6, 64))
	}
	return Outcome{Value: values, Text: "[" + strings.Join(texts, ",") + "]"}, nil
}
