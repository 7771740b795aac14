package openapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/forge/openapi"
)

func tiny(t *testing.T) *openapi.Description {
	t.Helper()
	d, err := openapi.Load("testdata/tiny.json")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCheck(t *testing.T) {
	t.Parallel()
	d := tiny(t)
	const json = "application/json; charset=utf-8"
	for name, tc := range map[string]struct {
		x    openapi.Exchange
		want string // part of the problem, empty for none
	}{
		"a good answer":                   {openapi.Exchange{Method: "GET", Path: "/repos/a/b/git/ref/heads/x/y", Status: 200, ContentType: json, Response: []byte(`{"ref":"r"}`)}, ""},
		"a missing key":                   {openapi.Exchange{Method: "GET", Path: "/repos/a/b/git/ref/heads/x", Status: 200, ContentType: json, Response: []byte(`{}`)}, `"ref" is missing`},
		"a null that may not be":          {openapi.Exchange{Method: "GET", Path: "/repos/a/b/git/ref/heads/x", Status: 200, ContentType: json, Response: []byte(`{"ref":null}`)}, "not nullable"},
		"a good request":                  {openapi.Exchange{Method: "POST", Path: "/repos/a/b/pulls", Request: []byte(`{"head":"h"}`), Status: 201, ContentType: json, Response: []byte(`{"number":1}`)}, ""},
		"a bad request that was accepted": {openapi.Exchange{Method: "POST", Path: "/repos/a/b/pulls", Request: []byte(`{"head":1}`), Status: 201, ContentType: json, Response: []byte(`{"number":1}`)}, "request body"},
		"a bad request that was refused":  {openapi.Exchange{Method: "POST", Path: "/repos/a/b/pulls", Request: []byte(`{"head":1}`), Status: 422, ContentType: json, Response: []byte(`{"message":"no"}`)}, ""},
		"an error without a message":      {openapi.Exchange{Method: "POST", Path: "/repos/a/b/pulls", Status: 422, ContentType: json, Response: []byte(`{}`)}, "needs a message"},
		"an undescribed status":           {openapi.Exchange{Method: "GET", Path: "/repos/a/b/pulls", Status: 204}, "not described"},
		"an undescribed query":            {openapi.Exchange{Method: "GET", Path: "/repos/a/b/pulls", Query: url.Values{"stat": {"x"}}, Status: 200, ContentType: json, Response: []byte(`[]`)}, `"stat"`},
		"an undescribed route":            {openapi.Exchange{Method: "GET", Path: "/nothing", Status: 200}, "no such operation"},
		"a server error":                  {openapi.Exchange{Method: "GET", Path: "/repos/a/b/pulls", Status: 502}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := d.Check(tc.x)
			if tc.want == "" && len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
			if tc.want != "" && (len(problems) == 0 || !strings.Contains(problems[0].Error(), tc.want)) {
				t.Errorf("problems %v, want one about %q", problems, tc.want)
			}
		})
	}
}

func TestTransportAndHandlerSeeTheSameExchange(t *testing.T) {
	t.Parallel()
	d := tiny(t)
	var server, client openapi.Report
	ts := httptest.NewServer(d.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"head":1}` {
			t.Errorf("the server got %q", body)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"number":"one"}`)
	}), &server))
	defer ts.Close()
	c := &http.Client{Transport: d.Transport(nil, &client)}
	resp, err := c.Post(ts.URL+"/api/v3/repos/a/b/pulls", "application/json", strings.NewReader(`{"head":1}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != `{"number":"one"}` {
		t.Errorf("the client got %q", body)
	}
	for name, r := range map[string]*openapi.Report{"server": &server, "client": &client} {
		if r.Exchanges() != 1 || len(r.Problems()) != 2 {
			t.Errorf("%s: %d exchanges, problems %v; want 1 and one for each side", name, r.Exchanges(), r.Problems())
		}
	}
}
