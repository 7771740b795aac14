package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// service is a server that answers every request alike and remembers the last one.
type service struct {
	url    string
	status int
	answer string
	method string
	target string
	header http.Header
	body   string
	hits   int
}

func newService(t *testing.T, answer string) *service {
	t.Helper()
	s := &service{status: http.StatusOK, answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		s.method, s.target, s.header, s.body = r.Method, r.URL.RequestURI(), r.Header, string(raw)
		s.hits++
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.answer)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ask measures once, with the secrets that each service has.
func ask(t *testing.T, s *service, kind string, config map[string]any, condition string) *world {
	t.Helper()
	w := newWorld(t, one(metric(kind, func(m *pipeline.Metric) {
		m.Provider.Config, m.SuccessCondition, m.ConsecutiveErrorLimit = config, condition, ptr(0)
	})))
	maps.Copy(w.secrets, map[string]string{
		"DATADOG_API_KEY": "dd-api", "DATADOG_APP_KEY": "dd-app", "DATADOG_ADDRESS": s.url,
		"NEWRELIC_PERSONAL_API_KEY": "nr-key", "NEWRELIC_ACCOUNT_ID": "42", "NEWRELIC_BASE_URL_NERDGRAPH": s.url + "/graphql",
		"INFLUXDB_ADDRESS": s.url, "INFLUXDB_AUTH_TOKEN": "in-token", "INFLUXDB_ORG": "acme",
		"ARGOCD_SERVER": s.url, "ARGOCD_TOKEN": "argo-token",
		"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "aws-key", "AWS_REGION": "eu-west-1",
	})
	w.runner.Providers = verify.Builtin(verify.Ports{HTTP: client{}, InsecureHTTP: client{}, CloudWatch: cloud{}})
	w.advance()
	return w
}

type expected struct {
	answer    string
	status    int
	config    map[string]any
	condition string
	phase     pipeline.VerificationPhase
	value     string
	message   string
}

func (e expected) check(t *testing.T, s *service, kind string) *world {
	t.Helper()
	s.answer = e.answer
	if e.status != 0 {
		s.status = e.status
	}
	w := ask(t, s, kind, e.config, e.condition)
	m := w.metric(0)
	last := m.Measurements[len(m.Measurements)-1]
	if last.Phase != e.phase || last.Value != e.value || !strings.Contains(last.Message, e.message) {
		t.Errorf("%s, value %s, message %q; want %s, %s, %q", last.Phase, last.Value, last.Message, e.phase, e.value, e.message)
	}
	return w
}

const (
	good = pipeline.VerificationSuccessful
	bad  = pipeline.VerificationFailed
	oops = pipeline.VerificationError
	open = pipeline.VerificationRunning
)

func TestWeb(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]expected{
		"a value at a path":                         {answer: `{"data":{"errors":[{"n":3}]}}`, config: map[string]any{"jsonPath": "{$.data.errors[0].n}"}, condition: "result < 5", phase: good, value: "3"},
		"the whole answer without a path":           {answer: `{"ok":true}`, condition: "result.ok", phase: good, value: `{"ok":true}`},
		"a failed condition":                        {answer: `{"ok":false}`, condition: "result.ok", phase: bad, value: `{"ok":false}`},
		"without conditions it is enough to answer": {answer: `{}`, phase: good, value: `{}`},
		"an answer that is no JSON is text":         {answer: " fine\n", condition: "result == 'fine'", phase: good, value: "fine"},
		"no answer body is an empty text":           {answer: "", phase: good, value: `""`},
		"a path with a filter":                      {answer: `{"items":[{"name":"a","v":1},{"name":"b","v":2}]}`, config: map[string]any{"jsonPath": `{.items[?(@.name=="b")].v}`}, condition: "result == 2", phase: good, value: "2"},
		"a path that finds nothing":                 {answer: `{}`, config: map[string]any{"jsonPath": "{.a.b}"}, phase: oops, message: "jsonPath: a is not found"},
		"a path that finds an empty list":           {answer: `{"items":[]}`, config: map[string]any{"jsonPath": "{.items[*].x}"}, phase: oops, message: "finds nothing"},
		"a null at the path":                        {answer: `{"a":null}`, config: map[string]any{"jsonPath": "{.a}"}, condition: "isNil(result)", phase: good},
		"a path that is none":                       {answer: `{}`, config: map[string]any{"jsonPath": "{.a"}, phase: oops, message: "unclosed action"},
		"an answer that is no 2xx":                  {answer: "try later", status: 503, phase: oops, message: "answered 503: try later"},
		"a page of HTML is not quoted":              {answer: "<html>x</html>", status: 404, phase: oops, message: "answered 404"},
		"a body with GET":                           {config: map[string]any{"body": "x"}, phase: oops, message: "a body needs method POST or PUT"},
		"body and jsonBody":                         {config: map[string]any{"body": "x", "jsonBody": map[string]any{}, "method": "POST"}, phase: oops, message: "exclude each other"},
		"a method that is none":                     {config: map[string]any{"method": "BREW"}, phase: oops, message: `method "BREW"`},
		"an address that is none":                   {config: map[string]any{"url": "ftp://x"}, phase: oops, message: "must begin with https://"},
		"sigv4 is told apart":                       {config: map[string]any{"authentication": map[string]any{"sigv4": map[string]any{"region": "x"}}}, phase: oops, message: "sigv4 is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, e.answer)
			config := map[string]any{"url": s.url + "/status?x=1"}
			maps.Copy(config, e.config)
			e.config = config
			e.check(t, s, "web")
		})
	}
}

func TestWebSendsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	s := newService(t, `{}`)
	ask(t, s, "http", map[string]any{
		"url": s.url + "/run?a=b", "method": "POST", "timeoutSeconds": "3", "jsonBody": map[string]any{"version": "1.2", "n": 1},
		"headers": []any{map[string]any{"key": "X-One", "value": "1"}, map[string]any{"key": "X-Two", "value": 2}},
	}, "")
	if s.method != "POST" || s.target != "/run?a=b" || s.body != `{"n":1,"version":"1.2"}` || s.header.Get("X-One") != "1" ||
		s.header.Get("X-Two") != "2" || s.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v %s", s.method, s.target, s.header, s.body)
	}
	ask(t, s, "web", map[string]any{"url": s.url, "method": "put", "body": "plain", "headers": map[string]any{"X-One": "a"}}, "")
	if s.method != "PUT" || s.body != "plain" || s.header.Get("X-One") != "a" {
		t.Errorf("%s %v %s", s.method, s.header, s.body)
	}
}

func TestWebSignsInWithClientCredentials(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_ = r.ParseForm()
			got = append(got, r.Form.Encode())
			_, _ = io.WriteString(w, `{"access_token":"bearer-xyz","token_type":"Bearer"}`)
			return
		}
		got = append(got, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"echo":"`+r.Header.Get("Authorization")+`"}`)
	}))
	t.Cleanup(server.Close)
	w := ask(t, &service{url: server.URL}, "web", map[string]any{"url": server.URL, "authentication": map[string]any{"oauth2": map[string]any{
		"tokenUrl": server.URL + "/token", "clientId": "me", "clientSecret": "s", "scopes": []any{"a", "b"},
	}}}, "")
	want := []string{"client_id=me&client_secret=s&grant_type=client_credentials&scope=a+b", "Bearer bearer-xyz"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if v := w.metric(0).Measurements[0].Value; strings.Contains(v, "xyz") || !strings.Contains(v, "***") {
		t.Errorf("the token is in %s", v)
	}
}

func TestSlowServiceIsAnError(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stop) })
	w := ask(t, &service{url: server.URL}, "web", map[string]any{"url": server.URL + "/x?key=hush", "timeoutSeconds": 1}, "")
	if m := w.metric(0).Message; !strings.Contains(m, "no answer within 1s") || strings.Contains(m, "hush") {
		t.Errorf("%s", m)
	}
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	vector := func(values ...string) string {
		var items []string
		for i, v := range values {
			items = append(items, fmt.Sprintf(`{"metric":{"i":"%d"},"value":[1740000000.781,"%s"]}`, i, v))
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(items, ",") + `]}}`
	}
	for name, e := range map[string]expected{
		"a vector is a list":           {answer: vector("0.97", "0.5"), condition: "result[0] > 0.9 && result[1] == 0.5", phase: good, value: "[0.97,0.5]"},
		"an empty vector has length 0": {answer: vector(), condition: "len(result) == 0 || result[0] > 1", phase: good, value: "[]"},
		"an empty vector has no first": {answer: vector(), condition: "result[0] > 1", phase: oops, value: "[]", message: "out of range"},
		"a scalar is a number":         {answer: `{"status":"success","data":{"resultType":"scalar","result":[1740000000,"3.5"]}}`, condition: "result > 3", phase: good, value: "3.5"},
		"NaN is known":                 {answer: vector("NaN"), condition: "isNaN(result[0])", phase: good, value: "[NaN]"},
		"infinity is known":            {answer: vector("+Inf"), condition: "isInf(result[0])", phase: good, value: "[+Inf]"},
		"a string is not supported":    {answer: `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, phase: oops, message: "gives a string"},
		"a bad query is an error":      {answer: `{"status":"error","errorType":"bad_data","error":"parse error"}`, status: 400, phase: oops, message: "parse error"},
		"an error with a 200":          {answer: `{"status":"error","error":"busy"}`, phase: oops, message: "the query was refused: busy"},
		"warnings are shown":           {answer: `{"status":"success","warnings":["slow"],"data":{"resultType":"vector","result":[]}}`, phase: good, value: "[]", message: "slow"},
		"another service's answer":     {answer: `[]`, phase: oops, message: "not Prometheus'"},
		"a range is all of its values": {
			answer:    `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"2"]]},{"metric":{},"values":[[1,"3"]]}]}}`,
			config:    map[string]any{"rangeQuery": map[string]any{"start": `now() - duration("1h")`, "end": "now()", "step": "30s"}},
			condition: "all(result, # < 4) && len(result) == 3", phase: good, value: "[1,2,3]",
		},
		"a range without a time": {config: map[string]any{"rangeQuery": map[string]any{"start": "5"}}, phase: oops, message: "rangeQuery.start is not a time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, e.answer)
			config := map[string]any{"address": s.url + "/", "query": "sum(rate(x[5m]))", "headers": []any{map[string]any{"key": "X-Scope-OrgID", "value": "acme"}}}
			maps.Copy(config, e.config)
			e.config = config
			e.check(t, s, "prometheus")
			form, _ := url.ParseQuery(s.body)
			switch {
			case s.hits == 0:
			case config["rangeQuery"] != nil:
				if s.target != "/api/v1/query_range" || form.Get("start") != "1772362800.000" || form.Get("end") != "1772366400.000" || form.Get("step") != "30" {
					t.Errorf("%s %v", s.target, form)
				}
			case s.target != "/api/v1/query" || form.Get("query") != "sum(rate(x[5m]))" || form.Get("time") != "1772366400.000" || s.header.Get("X-Scope-OrgID") != "acme":
				t.Errorf("%s %s %v", s.target, s.body, s.header)
			}
		})
	}
}

func TestDatadog(t *testing.T) {
	t.Parallel()
	v1 := map[string]any{"query": "avg:errors{*}"}
	v2 := map[string]any{"apiVersion": "v2", "query": "avg:errors{*}", "interval": "10m"}
	for name, e := range map[string]expected{
		"v1: the last point of the first series": {answer: `{"status":"ok","series":[{"pointlist":[[1598867910000,0.0020],[1598867925000,0.0003]]}]}`, config: v1, condition: "result < 0.001", phase: good, value: "0.0003"},
		"v1: no series is nothing":               {answer: `{"status":"ok","series":[]}`, config: v1, condition: "default(result, 0) < 0.05", phase: good, value: "[]"},
		"v1: nothing has no order":               {answer: `{"status":"ok","series":[]}`, config: v1, condition: "result < 0.05", phase: oops, value: "[]"},
		"v1: a point without a value":            {answer: `{"series":[{"pointlist":[[1598867910000,null]]}]}`, config: v1, condition: "isNil(result)", phase: good, value: "null"},
		"v1: keys that are not taken":            {answer: `{"errors":["Forbidden"]}`, status: 403, config: v1, phase: oops, message: "answered 403"},
		"v1: a query that is refused":            {answer: `{"status":"error","error":"Error parsing query"}`, config: v1, phase: oops, message: "Error parsing query"},
		"v1: several queries need v2":            {config: map[string]any{"query": "a", "formula": "b"}, phase: oops, message: "need apiVersion: v2"},
		"v2: the value of the first column":      {answer: `{"data":{"type":"scalar_response","attributes":{"columns":[{"name":"a","type":"number","values":[0.02]}]}}}`, config: v2, condition: "result < 0.05", phase: good, value: "0.02"},
		"v2: groups are left out":                {answer: `{"data":{"attributes":{"columns":[{"type":"group","values":[["host"]]},{"type":"number","values":[7]}]}}}`, config: v2, condition: "result == 7", phase: good, value: "7"},
		"v2: no column is nothing":               {answer: `{"data":{"attributes":{"columns":[]}}}`, config: v2, condition: "isNil(result)", phase: good, value: "[]"},
		"v2: a null is nothing":                  {answer: `{"data":{"attributes":{"columns":[{"type":"number","values":[null]}]}}}`, config: v2, condition: "default(result, 1) == 1", phase: good, value: "null"},
		"v2: an error in the answer":             {answer: `{"data":{"errors":"bad query"}}`, config: v2, phase: oops, message: "bad query"},
		"an API that is none":                    {config: map[string]any{"query": "a", "apiVersion": "v3"}, phase: oops, message: "neither v1 nor v2"},
		"neither query nor queries":              {phase: oops, message: "either query or queries"},
		"several queries without a formula":      {config: map[string]any{"apiVersion": "v2", "queries": map[string]any{"a": "x", "b": "y"}}, phase: oops, message: "need a formula"},
		"a profile whose secrets are not there":  {config: map[string]any{"query": "a", "secretRef": map[string]any{"name": "my-datadog"}}, phase: oops, message: "secret MY_DATADOG_API_KEY: there is no such secret"},
		"another service's answer":               {answer: `nope`, config: v1, phase: oops, message: "not Datadog's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e.check(t, newService(t, ""), "datadog")
		})
	}
}

func TestDatadogIsAskedAsItsAPIsWant(t *testing.T) {
	t.Parallel()
	s := newService(t, `{"series":[]}`)
	ask(t, s, "datadog", map[string]any{"query": "avg:x{*}"}, "")
	if s.method != "GET" || s.target != "/api/v1/query?from=1772366100&query=avg%3Ax%7B%2A%7D&to=1772366400" ||
		s.header.Get("DD-API-KEY") != "dd-api" || s.header.Get("DD-APPLICATION-KEY") != "dd-app" {
		t.Errorf("v1: %s %s %v", s.method, s.target, s.header)
	}
	s.answer = `{"data":{"attributes":{"columns":[]}}}`
	ask(t, s, "datadog", map[string]any{"apiVersion": "v2", "queries": map[string]any{"b": "y", "a": "x"}, "formula": "a / b", "aggregator": "avg", "interval": "1h"}, "")
	want := `{"data":{"attributes":{"formulas":[{"formula":"a / b"}],"from":1772362800000,"queries":[` +
		`{"aggregator":"avg","data_source":"metrics","name":"a","query":"x"},{"aggregator":"avg","data_source":"metrics","name":"b","query":"y"}],"to":1772366400000},"type":"scalar_request"}}`
	if s.method != "POST" || s.target != "/api/v2/query/scalar" || s.body != want {
		t.Errorf("v2: %s %s\n%s\nwant\n%s", s.method, s.target, s.body, want)
	}
}

func TestNewRelic(t *testing.T) {
	t.Parallel()
	results := func(rows string) string {
		return `{"data":{"actor":{"account":{"nrql":{"results":[` + rows + `]}}}}}`
	}
	config := map[string]any{"query": "FROM Transaction SELECT percentage(count(*), WHERE httpResponseCode != 500) as successRate"}
	for name, e := range map[string]expected{
		"one row is an object":     {answer: results(`{"successRate":0.97}`), condition: "result.successRate >= 0.95", phase: good, value: `{"successRate":0.97}`},
		"several rows are a list":  {answer: results(`{"count":1},{"count":2}`), condition: "result[1].count == 2", phase: good, value: `[{"count":1},{"count":2}]`},
		"no row is an error":       {answer: results(""), phase: oops, message: "no result"},
		"a query that is refused":  {answer: `{"errors":[{"message":"NRQL Syntax Error"}]}`, phase: oops, message: "NRQL Syntax Error"},
		"keys that are not taken":  {answer: `{"message":"no"}`, status: 401, phase: oops, message: "answered 401"},
		"another service's answer": {answer: `nope`, phase: oops, message: "not New Relic's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, "")
			e.config = config
			e.check(t, s, "newRelic")
			var body struct {
				Query     string         `json:"query"`
				Variables map[string]any `json:"variables"`
			}
			if err := json.Unmarshal([]byte(s.body), &body); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"account": 42.0, "nrql": config["query"], "timeout": 5.0}
			if s.target != "/graphql" || s.header.Get("Api-Key") != "nr-key" || !cmp.Equal(want, body.Variables) || !strings.Contains(body.Query, "nrql(query: $nrql") {
				t.Errorf("%s %v %s", s.target, s.header, s.body)
			}
		})
	}
}

// cloud answers for CloudWatch.
type cloud struct{}

func (cloud) MetricData(_ context.Context, q verify.CloudWatchQuery) ([]verify.CloudWatchResult, error) {
	if q.Region != "eu-west-1" || q.AccessKeyID != "AKIA" || q.SecretKey != "aws-key" || !q.End.Equal(epoch) || !q.Start.Equal(epoch.Add(-30*time.Minute)) {
		return nil, fmt.Errorf("wrong query %+v", q)
	}
	m := q.Queries[0]
	if m.ID != "rate" || m.MetricStat.Period != 300 || m.MetricStat.Metric.Dimensions[0].Value != "lb" || *m.ReturnData {
		return nil, fmt.Errorf("wrong queries %+v", m)
	}
	return []verify.CloudWatchResult{{Id: "rate", Values: []float64{0.001, 0.2}, StatusCode: "Complete"}}, nil
}

func TestCloudWatch(t *testing.T) {
	t.Parallel()
	queries := []any{map[string]any{"id": "rate", "returnData": false, "metricStat": map[string]any{
		"metric": map[string]any{"namespace": "AWS/ALB", "metricName": "5xx", "dimensions": []any{map[string]any{"name": "LoadBalancer", "value": "lb"}}},
		"period": "300", "stat": "Sum", "unit": "None",
	}}}
	for name, e := range map[string]expected{
		"results are lists of values": {config: map[string]any{"interval": "30m", "metricDataQueries": queries}, condition: "all(result[0].Values, {# <= 0.5}) && result[0].Values[1] == 0.2", phase: good, value: "[[0.001 0.2]]"},
		"no queries are an error":     {config: map[string]any{"metricDataQueries": []any{}}, phase: oops, message: "metricDataQueries is empty"},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); e.check(t, newService(t, ""), "cloudWatch") })
	}
}

func TestGraphite(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]expected{
		"a list of the values":      {answer: `[{"target":"x","datapoints":[[0.5,1625000000],[null,1625000010],[100,1625000020]]}]`, condition: "result[1] == 100", phase: good, value: "[0.500000,100.000000]"},
		"values that are text":      {answer: `[{"datapoints":[["0.5","1625000000"]]}]`, condition: "result[0] == 0.5", phase: good, value: "[0.500000]"},
		"no target is an error":     {answer: `[]`, phase: oops, message: "no result"},
		"a point that is no pair":   {answer: `[{"datapoints":[[1]]}]`, phase: oops, message: "not two values"},
		"a value that is no number": {answer: `[{"datapoints":[["x",1]]}]`, phase: oops, message: "no number"},
		"a refusal":                 {answer: "bad target", status: 400, phase: oops, message: "answered 400: bad target"},
		"a query without a target":  {config: map[string]any{"query": "from=-5min"}, phase: oops, message: "no target"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, "")
			config := map[string]any{"address": s.url, "query": "target=summarize(\n  asPercent(a, b),\n '5min')&from=-5min&until=now"}
			maps.Copy(config, e.config)
			e.config = config
			e.check(t, s, "graphite")
			if want := "/render?format=json&from=-5min&target=summarize%28+asPercent%28a%2C+b%29%2C+%275min%27%29&until=now"; s.hits > 0 && s.target != want {
				t.Errorf("%s, want %s", s.target, want)
			}
		})
	}
}

func TestInfluxDB(t *testing.T) {
	t.Parallel()
	table := func(kind string, rows ...string) string {
		head := "#datatype,string,long,dateTime:RFC3339," + kind + "\r\n#group,false,false,false,false\r\n#default,_result,,,\r\n,result,table,_time,_value\r\n"
		for _, r := range rows {
			head += ",,0,2026-01-01T00:00:00Z," + r + "\r\n"
		}
		return head + "\r\n"
	}
	for name, e := range map[string]expected{
		"doubles":                       {answer: table("double", "0.5", "0.75"), condition: "result[0] < 0.6", phase: good, value: "[0.5 0.75]"},
		"longs":                         {answer: table("long", "5"), condition: "result[0] == 5", phase: good, value: "[5]"},
		"unsigned longs":                {answer: table("unsignedLong", "5"), condition: "asInt(result[0]) == 5", phase: good, value: "[5]"},
		"booleans":                      {answer: table("boolean", "true"), condition: "result[0]", phase: good, value: "[true]"},
		"strings":                       {answer: table("string", `"a,b"`), condition: "result[0] == 'a,b'", phase: good, value: "[a,b]"},
		"several tables":                {answer: table("double", "1") + table("long", "2"), condition: "result[0] + result[1] == 3", phase: good, value: "[1 2]"},
		"no row is an error":            {answer: "\r\n", phase: oops, message: "no result"},
		"a query that is refused":       {answer: `{"code":"invalid","message":"error @1:1"}`, status: 400, phase: oops, message: "error @1:1"},
		"an error after the first rows": {answer: "#datatype,string,long\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,engine: died,897\r\n", phase: oops, message: "engine: died"},
		"a value of another type":       {answer: table("long", "x"), phase: oops, message: "not InfluxDB's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, "")
			e.config = map[string]any{"query": `from(bucket:"b") |> range(start: -5m)`}
			e.check(t, s, "influxdb")
			if s.target != "/api/v2/query?org=acme" || s.header.Get("Authorization") != "Token in-token" || !strings.Contains(s.body, `from(bucket:\"b\")`) {
				t.Errorf("%s %v %s", s.target, s.header, s.body)
			}
		})
	}
}

func TestArgoCD(t *testing.T) {
	t.Parallel()
	app := func(sync, health, operation string) string {
		return fmt.Sprintf(`{"status":{"sync":{"status":%q,"revision":"abc"},"health":{"status":%q,"message":"m"},"operationState":{"phase":%q,"message":"why"}}}`, sync, health, operation)
	}
	for name, e := range map[string]expected{
		"healthy and synced passes":         {answer: app("Synced", "Healthy", "Succeeded"), phase: good, value: "Healthy, Synced"},
		"one that is progressing is waited": {answer: app("Synced", "Progressing", "Succeeded"), phase: open, message: "waiting for Application web: Progressing"},
		"one out of sync is waited for":     {answer: app("OutOfSync", "Healthy", "Succeeded"), phase: open, message: "OutOfSync"},
		"a sync that runs is waited for":    {answer: app("Synced", "Healthy", "Running"), phase: open, message: "a sync is running"},
		"a sync that failed fails":          {answer: app("OutOfSync", "Healthy", "Failed"), phase: bad, value: "Healthy, OutOfSync", message: "the last sync ended with Failed: why"},
		"degraded fails":                    {answer: app("Synced", "Degraded", "Succeeded"), phase: bad, value: "Degraded, Synced", message: "Degraded: m"},
		"an error of its source fails":      {answer: `{"status":{"sync":{"status":"Unknown"},"health":{"status":"Healthy"},"conditions":[{"type":"ComparisonError","message":"no such branch"}]}}`, phase: bad, value: "Healthy, Unknown", message: "ComparisonError: no such branch"},
		"a revision that is not there yet":  {answer: app("Synced", "Healthy", "Succeeded"), config: map[string]any{"revision": "def"}, phase: open, message: "it is at abc, not at def"},
		"a revision that is there":          {answer: app("Synced", "Healthy", "Succeeded"), config: map[string]any{"revision": "abc"}, phase: good, value: "Healthy, Synced"},
		"one of several sources' revisions": {answer: `{"status":{"sync":{"status":"Synced","revisions":["x","abc"]},"health":{"status":"Healthy"}}}`, config: map[string]any{"revision": "abc"}, phase: good, value: "Healthy, Synced"},
		"a token that is not taken":         {answer: `{"error":"permission denied"}`, status: 403, phase: oops, message: "answered 403"},
		"a token by itself":                 {answer: app("Synced", "Healthy", ""), config: map[string]any{"token": "argo-token.x"}, phase: good, value: "Healthy, Synced"},
		"a secret that is not there":        {config: map[string]any{"token": "OTHER"}, phase: oops, message: "secret OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, "")
			config := map[string]any{"application": "web", "namespace": "apps", "project": "p"}
			maps.Copy(config, e.config)
			e.config = config
			e.check(t, s, "argocd")
			if s.hits > 0 && (s.target != "/api/v1/applications/web?appNamespace=apps&project=p&refresh=normal" || !strings.HasPrefix(s.header.Get("Authorization"), "Bearer argo-token")) {
				t.Errorf("%s %v", s.target, s.header)
			}
		})
	}
}

func TestMissingSecretsAreNamed(t *testing.T) {
	t.Parallel()
	for kind, tt := range map[string]struct {
		config map[string]any
		secret string
	}{
		"datadog":    {map[string]any{"query": "x"}, "DATADOG_API_KEY"},
		"newRelic":   {map[string]any{"query": "x"}, "NEWRELIC_PERSONAL_API_KEY"},
		"influxdb":   {map[string]any{"query": "x", "profile": "my-influx"}, "MY_INFLUX_ADDRESS"},
		"cloudWatch": {map[string]any{"metricDataQueries": []any{map[string]any{"id": "x"}}}, "AWS_ACCESS_KEY_ID"},
		"argocd":     {map[string]any{"application": "x"}, "ARGOCD_SERVER"},
	} {
		w := newWorld(t, one(metric(kind, func(m *pipeline.Metric) { m.Provider.Config = tt.config })))
		w.runner.Providers = verify.Builtin(verify.Ports{HTTP: client{}, CloudWatch: cloud{}})
		w.advance()
		if m := w.metric(0); m.Error != 1 || m.Message != "secret "+tt.secret+": there is no such secret" {
			t.Errorf("%s: %s", kind, m.Message)
		}
	}
}
