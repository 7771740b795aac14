package step_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestWaitForCallback(t *testing.T) {
	t.Parallel()
	judged := config{
		"successExpression": `response.body.status == "done"`, "failureExpression": `response.body.status == "failed"`,
		"outputs": []any{config{"name": "url", "fromExpression": "response.body.url"}},
	}
	tests := map[string]struct {
		config  config
		calls   []string
		want    pipeline.Phase
		output  string
		message string
	}{
		"nobody called":                         {want: pipeline.Running, message: "waits to be called back"},
		"any call will do":                      {calls: []string{`null`}, want: pipeline.Succeeded, output: `{}`},
		"a call that says how it went":          {config: judged, calls: []string{`{"status":"done","url":"https://x"}`}, want: pipeline.Succeeded, output: `{"url":"https://x"}`},
		"a call that means failure":             {config: judged, calls: []string{`{"status":"failed"}`}, want: pipeline.Failed, message: "the call means failure"},
		"one that means neither is waited past": {config: judged, calls: []string{`{"status":"running"}`, `{"status":"done","url":"u"}`}, want: pipeline.Succeeded, output: `{"url":"u"}`},
		"what the expression cannot read":       {config: judged, calls: []string{`7`}, want: pipeline.Errored, message: "failureExpression"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("wait-for-callback", tt.config))
			for _, body := range tt.calls {
				b.p.Answers = append(b.p.Answers, pipeline.Answer{Step: "wait-for-callback", Body: json.RawMessage(body), At: b.world.Now})
			}
			res := b.want(0, tt.want)
			if !strings.Contains(res.Message, tt.message) || tt.want == pipeline.Succeeded && string(res.Output) != tt.output {
				t.Errorf("%q %s", res.Message, res.Output)
			}
		})
	}
}
