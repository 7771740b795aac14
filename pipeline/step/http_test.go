package step_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// answers makes a host give one answer to everything, and keeps the last request.
type answers struct {
	status      int
	contentType string
	body        string
	last        *http.Request
	sent        string
	count       int
}

func (a *answers) serve(w http.ResponseWriter, r *http.Request) {
	a.last, a.count = r, a.count+1
	body, _ := io.ReadAll(r.Body)
	a.sent = string(body)
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	w.Header().Set("X-Version", "7")
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

func askWith(t *testing.T, a *answers, c config) *bench {
	t.Helper()
	all := config{"url": "https://svc.example/a?b=1"}
	maps.Copy(all, c)
	b := newBench(t, use("http", all))
	b.world.Web.Serve("svc.example", a.serve)
	return b
}

func TestHTTPJudgesByTheTable(t *testing.T) {
	t.Parallel()
	const yes, no = "response.status == 200", "response.status == 1"
	for name, tt := range map[string]struct {
		status           int
		success, failure string
		phase            pipeline.Phase
		terminal         bool
	}{
		"neither expression, a 2xx":              {200, "", "", pipeline.Succeeded, false},
		"neither expression, a 204":              {204, "", "", pipeline.Succeeded, false},
		"neither expression, a 404 polls":        {404, "", "", pipeline.Running, false},
		"neither expression, a 500 polls":        {500, "", "", pipeline.Running, false},
		"success true":                           {200, yes, "", pipeline.Succeeded, false},
		"success false polls":                    {200, no, "", pipeline.Running, false},
		"failure true":                           {200, "", yes, pipeline.Failed, true},
		"failure false polls, whatever it was":   {200, "", no, pipeline.Running, false},
		"failure wins over success":              {200, yes, yes, pipeline.Failed, true},
		"success true and failure false":         {200, yes, no, pipeline.Succeeded, false},
		"neither true polls":                     {200, no, no, pipeline.Running, false},
		"an expression may call a 500 a success": {500, "response.status == 500", "", pipeline.Succeeded, false},
		"a result that is no bool is an error":   {200, "response.status", "", pipeline.Errored, false},
		"a fault of an expression is an error":   {200, "response.nothing.at.all", "", pipeline.Errored, false},
		"one that does not compile is for good":  {200, "response.(", "", pipeline.Errored, true},
		"outputs are nothing that it can see":    {200, "outputs.x == 1", "", pipeline.Errored, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := askWith(t, &answers{status: tt.status}, config{"successExpression": tt.success, "failureExpression": tt.failure})
			if res := b.run(0); res.Phase != tt.phase || res.Terminal != tt.terminal {
				t.Errorf("%s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
			}
		})
	}
}

func TestHTTPReadsAnswers(t *testing.T) {
	t.Parallel()
	see := func(expression string) config {
		return config{"outputs": []any{config{"name": "seen", "fromExpression": expression}}}
	}
	for name, tt := range map[string]struct {
		answer answers
		config config
		want   any
	}{
		"JSON":                                  {answers{contentType: "application/json", body: `{"a": {"b": [1, 2]}}`}, see("response.body.a.b[1]"), 2.0},
		"JSON of another name":                  {answers{contentType: "application/problem+json; charset=utf-8", body: `{"a": "x"}`}, see("response.body.a"), "x"},
		"JSON that nobody announces":            {answers{body: `{"a": "x"}`}, see("response.body.a"), "x"},
		"YAML":                                  {answers{contentType: "application/yaml", body: "a:\n  1: on it\n"}, see(`response.body.a["1"]`), "on it"},
		"text":                                  {answers{contentType: "text/html", body: "<p>"}, see("response.body"), "<p>"},
		"text that nobody announces":            {answers{body: "ready\n"}, see("trim(response.body)"), "ready"},
		"the config knows better":               {answers{contentType: "application/json", body: "not JSON"}, merge(see("response.body"), config{"responseContentType": "text"}), "not JSON"},
		"no body is an empty map":               {answers{contentType: "application/json"}, see("response.body.id ?? 'none'"), "none"},
		"the status":                            {answers{status: 201}, see("response.status"), 201.0},
		"one header, whatever its case":         {answers{}, see("response.header('x-version')"), "7"},
		"all headers":                           {answers{}, see("response.headers['X-Version'][0]"), "7"},
		"values keep their types":               {answers{contentType: "application/json", body: `{"n": 12345678901234, "t": "1.20"}`}, see("response.body"), map[string]any{"n": 12345678901234.0, "t": "1.20"}},
		"functions of the language are at hand": {answers{contentType: "application/json", body: `[{"n": "a"}, {"n": "b"}]`}, see("join(map(response.body, .n), '-')"), "a-b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := askWith(t, &tt.answer, tt.config)
			b.want(0, pipeline.Succeeded)
			if diff := cmp.Diff(tt.want, output[map[string]any](b, 0)["seen"]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for name, tt := range map[string]struct {
		answer answers
		want   string
	}{
		"JSON that is none": {answers{contentType: "application/json", body: `{"a": `}, "the body is not the JSON that it should be"},
		"too much":          {answers{body: strings.Repeat("x", 2<<20+1)}, "the answer is too long"},
		"outputs too large": {answers{body: strings.Repeat("x", 300<<10)}, "more than the 262144 that are kept"},
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			t.Parallel()
			b := askWith(t, &tt.answer, see("response.body"))
			if res := b.want(0, pipeline.Errored); !strings.Contains(res.Message, tt.want) {
				t.Errorf("message %q", res.Message)
			}
		})
	}
}

func merge(a, b config) config {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func TestHTTPRequest(t *testing.T) {
	t.Parallel()
	t.Run("has the method, headers, parameters and body of the config", func(t *testing.T) {
		t.Parallel()
		var a answers
		b := askWith(t, &a, config{
			"method": "POST", "body": `{"x": 1}`, "timeout": "30s", "proxy": "http://proxy.example:3128", "insecureSkipTLSVerify": true,
			"headers":     []any{config{"name": "authorization", "value": "Bearer x"}, config{"name": "Host", "value": "other.example"}},
			"queryParams": []any{config{"name": "c", "value": "d e"}, config{"name": "b", "value": "2"}},
		})
		b.want(0, pipeline.Succeeded)
		if a.last.Method != "POST" || a.sent != `{"x": 1}` || a.last.Host != "other.example" || a.last.Header.Get("Authorization") != "Bearer x" {
			t.Errorf("%s to %s with %v: %s", a.last.Method, a.last.Host, a.last.Header, a.sent)
		}
		if got := a.last.URL.RawQuery; got != "b=1&b=2&c=d+e" {
			t.Errorf("query %q", got)
		}
		terms := b.world.Web.Terms()[0]
		if terms.Timeout != 30*time.Second || terms.Proxy != "http://proxy.example:3128" || !terms.InsecureSkipTLSVerify || terms.MaxBody != 2<<20 {
			t.Errorf("terms %+v", terms)
		}
	})
	t.Run("is a GET with ten seconds time by default", func(t *testing.T) {
		t.Parallel()
		var a answers
		b := askWith(t, &a, nil)
		b.want(0, pipeline.Succeeded)
		if a.last.Method != "GET" || a.sent != "" || a.last.Header.Get("Idempotency-Key") != "" || b.world.Web.Terms()[0].Timeout != 10*time.Second {
			t.Errorf("%s %q %v %+v", a.last.Method, a.sent, a.last.Header, b.world.Web.Terms())
		}
	})
	t.Run("takes its body from a file", func(t *testing.T) {
		t.Parallel()
		var a answers
		b := askWith(t, &a, config{"method": "PUT", "bodyFromFile": "out/body.json"})
		if err := b.ws.WriteFile(t.Context(), "out/body.json", []byte("from the file"), 0); err != nil {
			t.Fatal(err)
		}
		b.want(0, pipeline.Succeeded)
		if a.sent != "from the file" {
			t.Errorf("sent %q", a.sent)
		}
	})
	t.Run("needs the workspace only for a body from a file", func(t *testing.T) {
		t.Parallel()
		def, _ := newBench(t).steps.Lookup("http")
		if def.UsesWorkspace(config{"url": "x"}) || !def.UsesWorkspace(config{"url": "x", "bodyFromFile": "y"}) {
			t.Error("it does not")
		}
	})
	for name, tt := range map[string]struct {
		config   config
		phase    pipeline.Phase
		terminal bool
		want     string
	}{
		"of another scheme":        {config{"url": "file:///etc/passwd"}, pipeline.Errored, true, "must begin with https://"},
		"to nowhere":               {config{"url": "https://"}, pipeline.Errored, true, "name a host"},
		"to a refused address":     {config{"url": "https://refused.example/x?key=hunter2"}, pipeline.Errored, true, "GET https://refused.example/x: refused.example is a loopback address"},
		"to a host that is away":   {config{"url": "https://away.example/x?key=hunter2"}, pipeline.Errored, false, "GET https://away.example/x: resolve away.example: no such host"},
		"with a broken header":     {config{"headers": []any{config{"name": "a b", "value": "x"}}}, pipeline.Errored, true, `header "a b" cannot be sent`},
		"with a header of lines":   {config{"headers": []any{config{"name": "a", "value": "x\r\nHost: y"}}}, pipeline.Errored, true, `header "a" cannot be sent`},
		"with a missing file":      {config{"bodyFromFile": "nothing"}, pipeline.Errored, false, "bodyFromFile"},
		"with another method":      {config{"method": "get"}, pipeline.Failed, true, `method: "get" is none of DELETE, GET`},
		"with two bodies":          {config{"body": "x", "bodyFromFile": "y"}, pipeline.Failed, true, "exclude each other"},
		"with a time that is none": {config{"pollInterval": "30sX"}, pipeline.Failed, true, `pollInterval: "30sX" is not a duration`},
		"with another form":        {config{"responseContentType": "XML"}, pipeline.Failed, true, "none of JSON, YAML, text"},
		"without an output's name": {config{"outputs": []any{config{"name": "", "fromExpression": "1"}}}, pipeline.Failed, true, "outputs[0]"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			b := askWith(t, &answers{}, tt.config)
			res := b.run(0)
			if res.Phase != tt.phase || res.Terminal != tt.terminal || !strings.Contains(res.Message, tt.want) || strings.Contains(res.Message, "hunter2") {
				t.Errorf("%s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
			}
		})
	}
}

func TestHTTPFailureSaysWhy(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":                       "GET https://svc.example/a answered 409, which is a failure by failureExpression",
		"response.body.message":  "GET https://svc.example/a answered 409, which is a failure by failureExpression: taken",
		"response.body":          `GET https://svc.example/a answered 409, which is a failure by failureExpression: {"message":"taken"}`,
		"response.body.x.y.z":    "(errorExpression: ",
		"repeat('x', 1000 * 90)": strings.Repeat("x", 1024),
	} {
		b := askWith(t, &answers{status: 409, contentType: "application/json", body: `{"message": "taken"}`}, config{
			"failureExpression": "response.status == 409", "errorExpression": expression,
		})
		res := b.want(0, pipeline.Failed)
		if !res.Terminal || !strings.Contains(res.Message, want) || len(res.Message) > 1200 {
			t.Errorf("%s: %s", expression, res.Message)
		}
	}
}

func TestHTTPPolling(t *testing.T) {
	t.Parallel()
	t.Run("asks again after the interval and costs no attempt", func(t *testing.T) {
		t.Parallel()
		for interval, want := range map[string]time.Duration{"": 30 * time.Second, "2m": 2 * time.Minute, "1s": 10 * time.Second} {
			a := answers{status: 503, body: "busy"}
			b := askWith(t, &a, config{"pollInterval": interval})
			res := b.want(0, pipeline.Running)
			if got := res.WakeAt.Sub(b.world.Now); got != want || !strings.Contains(res.Message, "answered 503: busy, will ask again in") || b.p.Steps[0].Errors != 0 {
				t.Errorf("%q: %s, %s", interval, got, res.Message)
			}
			a.status = 200
			b.want(0, pipeline.Succeeded)
		}
	})
	t.Run("ends by default after five minutes", func(t *testing.T) {
		t.Parallel()
		b := askWith(t, &answers{status: 503}, nil)
		b.want(0, pipeline.Running)
		b.world.Now = b.world.Now.Add(5*time.Minute - time.Second)
		b.want(0, pipeline.Running)
		b.world.Now = b.world.Now.Add(time.Second)
		if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, "given up after 5m0s: retry.timeout or a successExpression") {
			t.Errorf("terminal %v: %s", res.Terminal, res.Message)
		}
	})
	t.Run("goes on while a retry timeout or an expression says so", func(t *testing.T) {
		t.Parallel()
		b := askWith(t, &answers{status: 503}, nil)
		b.p.Stage.Steps[0].Retry.Timeout = pipeline.Duration(time.Hour)
		c := askWith(t, &answers{status: 503}, config{"successExpression": "response.status == 200"})
		for _, b := range []*bench{b, c} {
			b.want(0, pipeline.Running)
			b.world.Now = b.world.Now.Add(50 * time.Minute)
			b.want(0, pipeline.Running)
		}
	})
}

func TestHTTPIdempotencyKey(t *testing.T) {
	t.Parallel()
	key := func(change func(*bench), c config) string {
		var a answers
		b := askWith(t, &a, merge(config{"method": "POST"}, c))
		if change != nil {
			change(b)
		}
		b.want(0, pipeline.Succeeded)
		return a.last.Header.Get("Idempotency-Key")
	}
	if got := key(nil, nil); got != "kargo/acme/gitops/prod-142/http" {
		t.Errorf("key %q", got)
	}
	if got := key(func(b *bench) { b.p.Retries = 1 }, nil); got != "kargo/acme/gitops/prod-142/http/1" {
		t.Errorf("after a retry by hand %q", got)
	}
	if got := key(nil, config{"headers": []any{config{"name": "idempotency-key", "value": "mine"}}}); got != "mine" {
		t.Errorf("with one of its own %q", got)
	}
}

func TestHTTPSlipsAreFoundBeforeItRuns(t *testing.T) {
	t.Parallel()
	reg := newBench(t).steps
	err := reg.CheckConfig("http", config{"url": "https://x.example", "successExpression": "response.status ==", "outputs": []any{
		config{"name": "a", "fromExpression": "nothing()"},
	}})
	for _, want := range []string{"successExpression: ", "outputs[0].fromExpression: ", "there is no function nothing()"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestHTTPDownload(t *testing.T) {
	t.Parallel()
	get := func(t *testing.T, a *answers, c config) *bench {
		t.Helper()
		b := newBench(t, use("http-download", merge(config{"url": "https://svc.example/f", "outPath": "in/file"}, c)))
		b.world.Web.Serve("svc.example", a.serve)
		if err := b.ws.WriteFile(t.Context(), "there/already", []byte("old"), 0); err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Run("writes the file", func(t *testing.T) {
		t.Parallel()
		a := answers{body: "content"}
		b := get(t, &a, config{"headers": []any{config{"name": "A", "value": "b"}}, "queryParams": []any{config{"name": "q", "value": "1"}}})
		b.want(0, pipeline.Succeeded)
		if got := b.files(".")["in/file"]; got != "content" || a.last.Header.Get("A") != "b" || a.last.URL.RawQuery != "q=1" {
			t.Errorf("%q, %v", got, a.last)
		}
		if terms := b.world.Web.Terms()[0]; terms.MaxBody != 100<<20 || terms.Timeout != 4*time.Minute+30*time.Second {
			t.Errorf("%+v", terms)
		}
	})
	t.Run("replaces a file only if allowed", func(t *testing.T) {
		t.Parallel()
		var a answers
		b := get(t, &a, config{"outPath": "there/already"})
		if res := b.want(0, pipeline.Errored); !res.Terminal || a.count != 0 || b.files(".")["there/already"] != "old" {
			t.Errorf("terminal %v after %d requests: %s", res.Terminal, a.count, res.Message)
		}
		b = get(t, &answers{body: "new"}, config{"outPath": "there/already", "allowOverwrite": true})
		b.want(0, pipeline.Succeeded)
		if got := b.files(".")["there/already"]; got != "new" {
			t.Errorf("%q", got)
		}
	})
	t.Run("takes no directory for a file", func(t *testing.T) {
		t.Parallel()
		b := get(t, &answers{}, config{"outPath": "there", "allowOverwrite": true})
		if res := b.want(0, pipeline.Errored); !res.Terminal {
			t.Error(res.Message)
		}
	})
	t.Run("fails at another answer, and may be tried again", func(t *testing.T) {
		t.Parallel()
		b := get(t, &answers{status: 404, body: "no such file"}, nil)
		if res := b.want(0, pipeline.Failed); res.Terminal || !strings.Contains(res.Message, "GET https://svc.example/f answered 404: no such file") {
			t.Errorf("terminal %v: %s", res.Terminal, res.Message)
		}
		if _, ok := b.files(".")["in/file"]; ok {
			t.Error("there is a file")
		}
	})
	t.Run("is repeated by a replay, which notices another content", func(t *testing.T) {
		t.Parallel()
		a := answers{body: "one"}
		b := get(t, &a, nil)
		b.want(0, pipeline.Succeeded)
		b.crash(1)
		if got := b.files(".")["in/file"]; got != "one" {
			t.Errorf("%q", got)
		}
		a.body = "two"
		def, _ := b.steps.Lookup("http-download")
		env := b.env(0)
		env.Replaying = true
		env.Workspace = newBench(t).ws
		res, err := def.Run(t.Context(), env, b.p.Stage.Steps[0].Config)
		if err != nil || res.Phase != pipeline.Errored || !res.Terminal || !strings.Contains(res.Message, "is another file by now") {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("knows its limit", func(t *testing.T) {
		t.Parallel()
		b := get(t, &answers{body: strings.Repeat("x", 100<<20+1)}, nil)
		if res := b.want(0, pipeline.Errored); !res.Terminal || !strings.Contains(res.Message, "larger than 100 MiB") {
			t.Error(res.Message)
		}
	})
}

// Whatever a service answers, the step ends with a result and its output is JSON.
func FuzzHTTPAnswer(f *testing.F) {
	for _, body := range []string{"", `{"a": [1]}`, "a: &x [*x]", "a: 1\n1: b\n? [c]\n: d", "\xff", "--- !!binary x"} {
		f.Add(200, "application/yaml", body)
		f.Add(500, "application/json", body)
		f.Add(200, "text/plain; x", body)
	}
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 {
			return
		}
		a := answers{status: status, contentType: strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return -1
			}
			return r
		}, contentType), body: body}
		b := askWith(t, &a, config{
			"successExpression": "response.status < 300", "outputs": []any{config{"name": "all", "fromExpression": "response.body"}},
		})
		res := b.run(0)
		if res.Phase == pipeline.Succeeded && !json.Valid(res.Output) {
			t.Errorf("output %q", res.Output)
		}
		if strings.Contains(res.Message, "panicked") {
			t.Error(fmt.Sprint(res))
		}
	})
}
