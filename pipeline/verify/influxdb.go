package verify

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// influxDB runs a Flux query. The value is the list of all _value.
type influxDB struct{ client }

type influxConfig struct {
	Profile string `json:"profile"`
	Query   string `json:"query"`
}

// Measure implements Provider. It uses the secrets INFLUXDB_ADDRESS,
// INFLUXDB_AUTH_TOKEN and INFLUXDB_ORG; profile takes the place of INFLUXDB.
func (i *influxDB) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config influxConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	profile := secretProfile(config.Profile, "INFLUXDB")
	var secrets [3]string
	for n, name := range []string{"_ADDRESS", "_AUTH_TOKEN", "_ORG"} {
		var err error
		if secrets[n], err = in.Secret(ctx, profile+name); err != nil {
			return Outcome{}, err
		}
	}
	body, err := json.Marshal(map[string]any{
		"query": config.Query, "type": "flux",
		"dialect": map[string]any{"annotations": []string{"datatype", "group", "default"}, "header": true},
	})
	if err != nil {
		return Outcome{}, Permanent(err)
	}
	answer, err := i.send(ctx, request{
		method: http.MethodPost, url: strings.TrimRight(secrets[0], "/") + "/api/v2/query?" + url.Values{"org": {secrets[2]}}.Encode(),
		body: body, timeout: 30 * time.Second, header: http.Header{
			"Authorization": {"Token " + secrets[1]}, "Accept": {"application/csv"}, "Content-Type": {"application/json"},
		},
	})
	if err != nil {
		return Outcome{}, err
	}
	values, err := readFlux(string(answer))
	if err != nil {
		return Outcome{}, err
	}
	if len(values) == 0 {
		return Outcome{}, errors.New("the Flux query has no result")
	}
	return Outcome{Value: values, Text: fmt.Sprint(values)}, nil
}

// readFlux reads the _value column of annotated CSV, in which every table may bring
// its own header.
func readFlux(answer string) ([]any, error) {
	var values []any
	var types, defaults []string
	column, header := -1, true
	r := csv.NewReader(strings.NewReader(answer))
	r.FieldsPerRecord = -1
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the answer is not InfluxDB's: %w", err)
		}
		switch {
		case strings.HasPrefix(row[0], "#"):
			header, column = true, -1
			switch row[0] {
			case "#datatype":
				types = row
			case "#default":
				defaults = row
			}
			continue
		case header:
			header = false
			if at := slices.Index(row, "error"); at > 0 && slices.Contains(row, "reference") {
				refusal, err := r.Read()
				if err == nil && len(refusal) > at {
					return nil, fmt.Errorf("the query was refused: %s", refusal[at])
				}
			}
			column = slices.Index(row, "_value")
			continue
		case column < 0 || column >= len(row):
			continue
		}
		value := row[column]
		if value == "" && column < len(defaults) {
			value = defaults[column]
		}
		kind := ""
		if column < len(types) {
			kind = types[column]
		}
		typed, err := fluxValue(kind, value)
		if err != nil {
			return nil, fmt.Errorf("the answer is not InfluxDB's: %w", err)
		}
		values = append(values, typed)
	}
}

func fluxValue(kind, value string) (any, error) {
	if value == "" && kind != "string" {
		return nil, nil
	}
	switch kind {
	case "double":
		return strconv.ParseFloat(value, 64)
	case "long":
		return strconv.ParseInt(value, 10, 64)
	case "unsignedLong":
		return strconv.ParseUint(value, 10, 64)
	case "boolean":
		return strconv.ParseBool(value)
	}
	return value, nil
}
