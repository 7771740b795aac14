package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// newRelic runs an NRQL query. One row is an object to conditions, several are a
// list of objects.
type newRelic struct{ client }

type newRelicConfig struct {
	Profile string `json:"profile"`
	Query   string `json:"query"`
	Timeout number `json:"timeout"`
}

const nerdGraph = `query($account: Int!, $nrql: Nrql!, $timeout: Seconds) ` +
	`{ actor { account(id: $account) { nrql(query: $nrql, timeout: $timeout) { results } } } }`

// Measure implements Provider. It uses the secrets NEWRELIC_PERSONAL_API_KEY and
// NEWRELIC_ACCOUNT_ID, and where they exist NEWRELIC_REGION (us or eu) and
// NEWRELIC_BASE_URL_NERDGRAPH; profile takes the place of NEWRELIC.
func (n *newRelic) Measure(ctx context.Context, in Look) (Outcome, error) {
	config := newRelicConfig{Timeout: 5}
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	profile := secretProfile(config.Profile, "NEWRELIC")
	key, err := in.Secret(ctx, profile+"_PERSONAL_API_KEY")
	if err != nil {
		return Outcome{}, err
	}
	account, err := in.Secret(ctx, profile+"_ACCOUNT_ID")
	if err != nil {
		return Outcome{}, err
	}
	id, err := strconv.Atoi(account)
	if err != nil {
		return Outcome{}, fmt.Errorf("secret %s_ACCOUNT_ID is not a number", profile)
	}
	region, err := in.optional(ctx, profile+"_REGION", "us")
	if err != nil {
		return Outcome{}, err
	}
	site := "https://api.newrelic.com/graphql"
	if region == "eu" || region == "EU" {
		site = "https://api.eu.newrelic.com/graphql"
	}
	if site, err = in.optional(ctx, profile+"_BASE_URL_NERDGRAPH", site); err != nil {
		return Outcome{}, err
	}
	body, err := json.Marshal(map[string]any{
		"query": nerdGraph, "variables": map[string]any{"account": id, "nrql": config.Query, "timeout": config.Timeout},
	})
	if err != nil {
		return Outcome{}, Permanent(err)
	}
	answer, err := n.send(ctx, request{
		method: http.MethodPost, url: site, body: body, timeout: seconds(config.Timeout, 5*time.Second) + 5*time.Second,
		header: http.Header{"Content-Type": {"application/json"}, "Api-Key": {key}},
	})
	if err != nil {
		return Outcome{}, err
	}
	return readNewRelic(answer)
}

func readNewRelic(answer []byte) (Outcome, error) {
	var body struct {
		Data struct {
			Actor struct {
				Account struct {
					NRQL struct {
						Results []map[string]any `json:"results"`
					} `json:"nrql"`
				} `json:"account"`
			} `json:"actor"`
		} `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return Outcome{}, fmt.Errorf("the answer is not New Relic's: %w", err)
	}
	if len(body.Errors) > 0 {
		return Outcome{}, fmt.Errorf("the query was refused: %s", body.Errors[0].Message)
	}
	switch results := body.Data.Actor.Account.NRQL.Results; {
	case len(results) == 0, len(results) == 1 && len(results[0]) == 0:
		return Outcome{}, errors.New("the NRQL query has no result")
	case len(results) == 1:
		return Outcome{Value: results[0]}, nil
	default:
		return Outcome{Value: results}, nil
	}
}
