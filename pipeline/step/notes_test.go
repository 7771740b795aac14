package step_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func note(values config) config {
	return config{"updates": []any{config{"kind": "Freight", "name": freightName, "values": values}}}
}

func TestSetMetadata(t *testing.T) {
	t.Parallel()
	t.Run("adds keys, replaces values as a whole and removes what is null", func(t *testing.T) {
		t.Parallel()
		b := newBench(t,
			use("set-metadata", note(config{"ticket": "OPS-7", "links": config{"a": "1", "b": "2"}, "gone": true})),
			use("set-metadata", note(config{"links": config{"c": 3}, "gone": nil})),
		)
		b.upTo(2)
		want := map[string]any{"ticket": "OPS-7", "links": map[string]any{"c": 3.0}}
		if diff := cmp.Diff(want, b.world.Notes.Values[freightName]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	about := func(stage string, values config) config {
		return config{"updates": []any{
			config{"kind": "Stage", "name": "prod", "values": config{"first": true}}, config{"kind": "Stage", "name": stage, "values": values},
		}}
	}
	t.Run("notes values about Stages", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, use("set-metadata", about("prod", config{"ticket": "OPS-7", "gone": nil})))
		b.world.Notes.Stages["prod"] = map[string]any{"gone": 1, "kept": 2}
		b.upTo(1)
		if diff := cmp.Diff(map[string]any{"kept": 2, "first": true, "ticket": "OPS-7"}, b.world.Notes.Stages["prod"]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("is an error for a Stage that does not exist, and earlier updates stay", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, use("set-metadata", about("gone", config{"a": 1})))
		b.world.Notes.Stages["prod"] = map[string]any{}
		if res := b.run(0); res.Phase != pipeline.Errored || !strings.Contains(res.Message, "note about Stage gone: not found") {
			t.Errorf("%s: %s", res.Phase, res.Message)
		}
		if b.world.Notes.Stages["prod"]["first"] != true {
			t.Error("the update before it is gone")
		}
	})
	t.Run("waits out a fault", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, use("set-metadata", note(config{"a": 1})))
		b.world.Fault = failOnce("set-metadata", true, &pipeline.TransientError{Err: errors.New("busy")})
		if res := b.want(0, pipeline.Running); !res.Transient {
			t.Errorf("%+v", res)
		}
		b.want(0, pipeline.Succeeded)
	})
	for name, tt := range map[string]struct {
		config config
		want   string
	}{
		"about other things":               {config{"updates": []any{config{"kind": "Pod", "name": "prod", "values": config{"a": 1}}}}, `kind "Pod": want Freight`},
		"about nothing":                    {config{"updates": []any{}}, "updates must not be empty"},
		"about Freight that is not in it":  {config{"updates": []any{config{"kind": "Freight", "name": "other", "values": config{"a": 1}}}}, `no Freight "other" in this Promotion`},
		"without values":                   {note(config{}), "want at least one"},
		"with more than anybody will read": {note(config{"a": strings.Repeat("x", 20_000)}), "16384 bytes at most"},
	} {
		t.Run("refuses notes "+name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("set-metadata", tt.config))
			if res := b.run(0); !res.Terminal || !strings.Contains(res.Message, tt.want) {
				t.Errorf("%s: %s", res.Phase, res.Message)
			}
		})
	}
}

func TestSetFreightAlias(t *testing.T) {
	t.Parallel()
	alias := func(alias string) pipeline.StepSpec {
		return use("set-freight-alias", config{"name": freightName, "alias": alias})
	}
	t.Run("renames", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, alias("release-42"))
		b.want(0, pipeline.Succeeded)
		if got := b.world.Notes.Aliases[freightName]; got != "release-42" {
			t.Errorf("alias %q", got)
		}
	})
	t.Run("fails for a name that is taken", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, alias("release-42"))
		b.world.Notes.Aliases["other"] = "release-42"
		if res := b.want(0, pipeline.Failed); !res.Terminal || res.Message != "other Freight is called release-42" {
			t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
		}
	})
	for _, bad := range []string{"", "Release 42", "latest", "deadbeef"} {
		t.Run("refuses "+bad, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, alias(bad))
			if res := b.want(0, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, "is no alias") {
				t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
			}
		})
	}
}
