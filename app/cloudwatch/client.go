// Package cloudwatch asks Amazon CloudWatch for the values of metrics, with the
// credentials that a pipeline brings. It uses no identity of this machine, keeps
// nothing, and is safe for concurrent use.
package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/kargo-app/kargo/pipeline/verify"
)

// Client is a client of CloudWatch.
type Client struct {
	// HTTP performs the requests. Required.
	HTTP *http.Client
	// Endpoint is where to ask instead of the region's own endpoint, if not empty.
	Endpoint string
}

var _ verify.CloudWatch = (*Client)(nil)

// maxPages bounds how much of an answer is read.
const maxPages = 10

var region = regexp.MustCompile(`^[a-z]{2}[a-z0-9-]{1,30}$`)

// MetricData implements verify.CloudWatch.
func (c *Client) MetricData(ctx context.Context, q verify.CloudWatchQuery) ([]verify.CloudWatchResult, error) {
	if !region.MatchString(q.Region) {
		return nil, verify.Permanent(fmt.Errorf("%q is not a region such as eu-west-1", q.Region))
	}
	options := cloudwatch.Options{
		Region: q.Region, HTTPClient: c.HTTP, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(q.AccessKeyID, q.SecretKey, q.SessionToken),
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	client := cloudwatch.New(options)
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(q.Start), EndTime: aws.Time(q.End)}
	for _, one := range q.Queries {
		input.MetricDataQueries = append(input.MetricDataQueries, metricQuery(one))
	}
	var out []verify.CloudWatchResult
	byID := map[string]int{}
	for range maxPages {
		page, err := client.GetMetricData(ctx, input)
		if err != nil {
			return nil, explain(err)
		}
		for _, r := range page.MetricDataResults {
			id := aws.ToString(r.Id)
			at, known := byID[id]
			if !known {
				at = len(out)
				byID[id] = at
				out = append(out, verify.CloudWatchResult{Id: id, Label: aws.ToString(r.Label)})
			}
			out[at].StatusCode = string(r.StatusCode)
			out[at].Values = append(out[at].Values, r.Values...)
			out[at].Timestamps = append(out[at].Timestamps, r.Timestamps...)
		}
		if input.NextToken = page.NextToken; aws.ToString(page.NextToken) == "" {
			break
		}
	}
	return out, nil
}

// explain leaves out what the SDK says about itself.
func explain(err error) error {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return fmt.Errorf("%s: %s", refused.ErrorCode(), refused.ErrorMessage())
	}
	return err
}

func metricQuery(q verify.CloudWatchMetricQuery) types.MetricDataQuery {
	out := types.MetricDataQuery{Id: aws.String(q.ID), ReturnData: q.ReturnData}
	if q.Expression != "" {
		out.Expression = aws.String(q.Expression)
	}
	if q.Label != "" {
		out.Label = aws.String(q.Label)
	}
	if q.Period > 0 {
		out.Period = aws.Int32(int32(q.Period)) //nolint:gosec // seconds
	}
	if s := q.MetricStat; s != nil {
		stat := &types.MetricStat{
			Metric: &types.Metric{MetricName: aws.String(s.Metric.MetricName), Namespace: aws.String(s.Metric.Namespace)},
			Period: aws.Int32(int32(s.Period)), Stat: aws.String(s.Stat), Unit: types.StandardUnit(s.Unit), //nolint:gosec // seconds
		}
		for _, d := range s.Metric.Dimensions {
			stat.Metric.Dimensions = append(stat.Metric.Dimensions, types.Dimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
		}
		out.MetricStat = stat
	}
	return out
}
