package step_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// approve records an approval given by command.
func (b *bench) approve(login, role string, teams ...string) {
	b.world.Now = b.world.Now.Add(time.Second)
	b.p.Approvals = append(b.p.Approvals, pipeline.Approval{
		Actor: pipeline.Actor{Login: login, Role: role, Teams: teams}, At: b.world.Now,
	})
}

func TestWaitForApproval(t *testing.T) {
	t.Parallel()
	leads := config{"claim": "groups", "value": "@acme/leads", "required": true}
	maintain := config{"role": "maintain"}
	tests := map[string]struct {
		config config
		// given is done while the step waits.
		given func(b *bench)
		want  pipeline.Phase
		// message is a part of what the step says while it waits.
		message string
	}{
		"one approval is enough":            {given: func(b *bench) { b.approve("mia", "maintain") }, want: pipeline.Succeeded},
		"none is not":                       {given: func(*bench) {}, want: pipeline.Running, message: "0 of 1 approvals; /kargo approve prod"},
		"one person counts once":            {config: config{"minApprovals": 2}, given: func(b *bench) { b.approve("mia", "admin"); b.approve("MIA", "admin") }, want: pipeline.Running, message: "1 of 2"},
		"two people count twice":            {config: config{"minApprovals": 2}, given: func(b *bench) { b.approve("mia", "admin"); b.approve("bob", "admin") }, want: pipeline.Succeeded},
		"others than the approvers do not":  {config: config{"approvers": []any{maintain}}, given: func(b *bench) { b.approve("bob", "write") }, want: pipeline.Running, message: "0 of 1 approvals from maintain permission"},
		"a role includes those above it":    {config: config{"approvers": []any{maintain}}, given: func(b *bench) { b.approve("root", "admin") }, want: pipeline.Succeeded},
		"every required rule needs its own": {config: config{"approvers": []any{leads, maintain}}, given: func(b *bench) { b.approve("root", "admin") }, want: pipeline.Running, message: "an approval from acme/leads is required"},
		"one that satisfies a required rule counts for the number too": {
			config: config{"approvers": []any{leads, maintain}}, given: func(b *bench) { b.approve("ana", "write", "@acme/leads") }, want: pipeline.Succeeded,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("wait-for-approval", tt.config))
			b.approve("early", "admin")
			b.world.Now = b.world.Now.Add(time.Second)
			b.want(0, pipeline.Running)
			if q, alias, ok := b.p.Asked(); !ok || !q.Approve || alias != "wait-for-approval" {
				t.Errorf("it asks %+v, %q, %v", q, alias, ok)
			}
			tt.given(b)
			if res := b.want(0, tt.want); !strings.Contains(res.Message, tt.message) {
				t.Errorf("message %q, want %q", res.Message, tt.message)
			}
			if out := output[step.WaitForApprovalOutput](b, 0); tt.want == pipeline.Succeeded && (len(out.Responses) == 0 || out.Question != nil) {
				t.Errorf("output %+v", out)
			}
		})
	}
}

func TestApproversAreWhatGitHubKnows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		approver config
		want     string
	}{
		"a claim that GitHub has no idea of": {config{"claim": "email", "value": "a@b.c"}, "GitHub knows people by login and groups only"},
		"a role that GitHub does not have":   {config{"role": "kargo-admin"}, "want write, maintain or admin"},
		"a group that is no team":            {config{"claim": "groups", "value": "leads"}, "want a team as @org/team"},
		"a claim without a value":            {config{"claim": "login"}, "want either role, or claim and value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("wait-for-approval", config{"approvers": []any{tt.approver}}))
			if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, tt.want) {
				t.Errorf("%q, want %q", res.Message, tt.want)
			}
		})
	}
}

// say records an answer.
func (b *bench) say(login, message string, values map[string]string) {
	b.world.Now = b.world.Now.Add(time.Second)
	b.p.Answers = append(b.p.Answers, pipeline.Answer{
		Step: b.p.Stage.Steps[0].As, Actor: pipeline.Actor{Login: login}, Values: values, Message: message, At: b.world.Now,
	})
}

func TestGetUserInput(t *testing.T) {
	t.Parallel()
	schema := config{
		"type": "object", "title": "Which change?", "required": []any{"ticket"}, "additionalProperties": false,
		"properties": config{
			"ticket":  config{"type": "string", "pattern": "^CHG-[0-9]+$"},
			"minutes": config{"type": "integer", "default": 30},
			"loud":    config{"type": "boolean"},
		},
	}
	tests := map[string]struct {
		given   func(b *bench)
		want    pipeline.Phase
		message string
		values  map[string]any
	}{
		"nothing is waited for with what to type": {
			given: func(*bench) {}, want: pipeline.Running,
			message: "Which change?; /kargo answer prod [loud=BOOLEAN] [minutes=INTEGER] ticket=STRING",
		},
		"values are typed and defaults filled in": {
			given: func(b *bench) { b.say("ana", "", map[string]string{"ticket": "CHG-7", "loud": "true"}) }, want: pipeline.Succeeded,
			values: map[string]any{"ticket": "CHG-7", "minutes": 30.0, "loud": true},
		},
		"words answer what asks for one text": {
			given: func(b *bench) { b.say("ana", "CHG-8", map[string]string{"minutes": "5"}) }, want: pipeline.Succeeded,
			values: map[string]any{"ticket": "CHG-8", "minutes": 5.0},
		},
		"what the schema refuses is not taken": {
			given: func(b *bench) { b.say("ana", "", map[string]string{"ticket": "seven"}) }, want: pipeline.Running,
			message: "the answer of ana was not taken: ticket: ",
		},
		"nor is a name that it does not have": {
			given: func(b *bench) { b.say("ana", "", map[string]string{"ticket": "CHG-7", "colour": "red"}) }, want: pipeline.Running,
			message: "the answer of ana was not taken",
		},
		"a later answer is": {
			given: func(b *bench) {
				b.say("ana", "", map[string]string{"ticket": "seven"})
				b.say("bob", "", map[string]string{"ticket": "CHG-7"})
			},
			want: pipeline.Succeeded, values: map[string]any{"ticket": "CHG-7", "minutes": 30.0},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("get-user-input", config{"schema": schema}))
			b.say("eve", "", map[string]string{"ticket": "CHG-1"}) // before it was asked
			b.world.Now = b.world.Now.Add(time.Second)
			b.want(0, pipeline.Running)
			tt.given(b)
			if res := b.want(0, tt.want); !strings.Contains(res.Message, tt.message) {
				t.Errorf("message %q, want %q", res.Message, tt.message)
			}
			if diff := cmp.Diff(tt.values, output[step.GetUserInputOutput](b, 0).Values); tt.want == pipeline.Succeeded && diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSchemaRefersToNothingOutside(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"file:///etc/passwd", "https://example.com/schema.json", "other.json"} {
		b := newBench(t, use("get-user-input", config{"schema": config{"properties": config{"a": config{"$ref": ref}}}}))
		if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, "a schema may refer to itself only") {
			t.Errorf("%s: %q", ref, res.Message)
		}
	}
}

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

func TestAuditEventIsRecordedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("record-audit-event", config{"message": "it happened", "data": config{"ticket": "CHG-7"}}))
	b.want(0, pipeline.Succeeded)
	want := map[string]step.AuditEvent{"prod-142 record-audit-event": {
		Promotion: "prod-142", Step: "record-audit-event", Type: "recorded", Actor: "ana", Message: "it happened", Data: map[string]any{"ticket": "CHG-7"},
	}}
	if diff := cmp.Diff(want, b.world.Events); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
