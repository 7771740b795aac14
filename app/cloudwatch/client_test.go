package cloudwatch_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/cloudwatch"
	"github.com/kargo-app/kargo/pipeline/verify"
)

func query(t *testing.T, text string) verify.CloudWatchQuery {
	t.Helper()
	q := verify.CloudWatchQuery{
		Region: "eu-west-1", AccessKeyID: "AKIAEXAMPLE", SecretKey: "it is a secret", SessionToken: "session",
		Start: time.Unix(1_700_000_000, 0).UTC(), End: time.Unix(1_700_000_300, 0).UTC(),
	}
	if err := json.Unmarshal([]byte(text), &q.Queries); err != nil {
		t.Fatal(err)
	}
	return q
}

const queries = `[
	{"id": "rate", "expression": "errors / requests"},
	{"id": "errors", "returnData": false, "metricStat": {
		"metric": {"namespace": "app", "metricName": "errors", "dimensions": [{"name": "env", "value": "prod"}]},
		"period": "60", "stat": "Sum", "unit": "Count"}}
]`

// page is an answer in the protocol of the service.
func page(next string, values ...float64) []byte {
	var list cbor.List
	for _, v := range values {
		list = append(list, cbor.Float64(v))
	}
	answer := cbor.Map{"MetricDataResults": cbor.List{cbor.Map{
		"Id": cbor.String("rate"), "Label": cbor.String("rate"), "StatusCode": cbor.String("Complete"), "Values": list,
	}}}
	if next != "" {
		answer["NextToken"] = cbor.String(next)
	}
	return cbor.Encode(answer)
}

func TestMetricDataIsRead(t *testing.T) {
	t.Parallel()
	var asked []cbor.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "Credential=AKIAEXAMPLE/") || !strings.Contains(auth, "/eu-west-1/monitoring/aws4_request") ||
			r.Header.Get("X-Amz-Security-Token") != "session" {
			t.Errorf("signed as %s", auth)
		}
		v, err := cbor.Decode(raw)
		if err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
			return
		}
		asked = append(asked, v.(cbor.Map))
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		if len(asked) == 1 {
			_, _ = w.Write(page("more", 0.1, 0.2))
			return
		}
		_, _ = w.Write(page("", 0.3))
	}))
	t.Cleanup(server.Close)
	c := &cloudwatch.Client{HTTP: server.Client(), Endpoint: server.URL}
	got, err := c.MetricData(t.Context(), query(t, queries))
	if err != nil {
		t.Fatal(err)
	}
	want := []verify.CloudWatchResult{{Id: "rate", Label: "rate", StatusCode: "Complete", Values: []float64{0.1, 0.2, 0.3}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(asked) != 2 || asked[1]["NextToken"] != cbor.String("more") {
		t.Fatalf("asked %v", asked)
	}
	stat := asked[0]["MetricDataQueries"].(cbor.List)[1].(cbor.Map)["MetricStat"].(cbor.Map)
	if stat["Stat"] != cbor.String("Sum") || stat["Metric"].(cbor.Map)["Namespace"] != cbor.String("app") {
		t.Errorf("asked for %v", stat)
	}
}

func TestRefusalIsToldWithoutTheSecret(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(cbor.Encode(cbor.Map{"__type": cbor.String("com.amazonaws#AccessDeniedException"), "message": cbor.String("not authorized")}))
	}))
	t.Cleanup(server.Close)
	c := &cloudwatch.Client{HTTP: server.Client(), Endpoint: server.URL}
	_, err := c.MetricData(t.Context(), query(t, queries))
	if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") || !strings.Contains(err.Error(), "not authorized") || strings.Contains(err.Error(), "it is a secret") {
		t.Errorf("%v", err)
	}
}

func TestRegionIsNoHost(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "evil.example/", "eu-west-1@evil", "EU", strings.Repeat("a", 99)} {
		q := query(t, queries)
		q.Region = bad
		if _, err := (&cloudwatch.Client{HTTP: http.DefaultClient}).MetricData(t.Context(), q); err == nil || !strings.Contains(err.Error(), "is not a region") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
