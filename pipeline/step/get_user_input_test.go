package step_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

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
