package verify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// cloudWatch runs metricDataQueries in Amazon CloudWatch. Conditions see the list of
// results: result[0].Values[0].
type cloudWatch struct{ api CloudWatch }

type cloudWatchConfig struct {
	Interval          duration                `json:"interval"`
	Region            string                  `json:"region"`
	Profile           string                  `json:"profile"`
	MetricDataQueries []CloudWatchMetricQuery `json:"metricDataQueries"`
}

// Measure implements Provider. It signs in with the secrets AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where there is one; region is the
// configuration's or the secret AWS_REGION. profile takes the place of AWS. This
// process's own identity is not used: it is not the pipeline's.
func (c *cloudWatch) Measure(ctx context.Context, in Look) (Outcome, error) {
	config := cloudWatchConfig{Interval: duration(5 * time.Minute)}
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	if len(config.MetricDataQueries) == 0 {
		return Outcome{}, Permanent(errors.New("metricDataQueries is empty"))
	}
	q := CloudWatchQuery{
		Region: config.Region, Start: in.Now.Add(-time.Duration(config.Interval)), End: in.Now, Queries: config.MetricDataQueries,
	}
	profile := secretProfile(config.Profile, "AWS")
	var err error
	if q.AccessKeyID, err = in.Secret(ctx, profile+"_ACCESS_KEY_ID"); err != nil {
		return Outcome{}, err
	}
	if q.SecretKey, err = in.Secret(ctx, profile+"_SECRET_ACCESS_KEY"); err != nil {
		return Outcome{}, err
	}
	if q.SessionToken, err = in.optional(ctx, profile+"_SESSION_TOKEN", ""); err != nil {
		return Outcome{}, err
	}
	if q.Region == "" {
		if q.Region, err = in.Secret(ctx, profile+"_REGION"); err != nil {
			return Outcome{}, err
		}
	}
	results, err := c.api.MetricData(ctx, q)
	if err != nil {
		return Outcome{}, fmt.Errorf("cloudwatch: %w", err)
	}
	values := make([][]float64, len(results))
	for i, r := range results {
		values[i] = r.Values
	}
	return Outcome{Value: results, Text: fmt.Sprint(values)}, nil
}
