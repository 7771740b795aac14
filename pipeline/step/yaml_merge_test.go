package step_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestYAMLMerge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config  config
		want    string
		message string // empty for no output
	}{
		"later files override": {
			config{"inFiles": []any{"src/env/prod/values.yaml", "over.yaml"}, "outFile": "out/v.yaml"},
			"image:\n  tag: 1.9.2 # current\nreplicas: 3\n", "Merged 2 YAML files to out/v.yaml\n- src/env/prod/values.yaml\n- over.yaml",
		},
		"one file": {
			config{"inFiles": []any{"over.yaml"}, "outFile": "out/v.yaml"},
			"replicas: 3\n", "Merged over.yaml to out/v.yaml",
		},
		"missing files are ignored when told": {
			config{"inFiles": []any{"absent", "over.yaml", "src/absent/x"}, "outFile": "out/v.yaml", "ignoreMissingFiles": true},
			"replicas: 3\n", "Merged over.yaml to out/v.yaml",
		},
		"nothing is an empty file without output": {
			config{"inFiles": []any{"absent"}, "outFile": "out/v.yaml", "ignoreMissingFiles": true}, "", "",
		},
		"onto itself": {
			config{"inFiles": []any{"over.yaml", "over.yaml"}, "outFile": "over.yaml"},
			"replicas: 3\n", "Merged 2 YAML files to over.yaml\n- over.yaml\n- over.yaml",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()[0], wrote("over.yaml", "replicas: 3\n"), use("yaml-merge", tt.config))
			b.upTo(2)
			b.want(2, pipeline.Succeeded)
			out := tt.config["outFile"].(string)
			if got, ok := b.files(".")[out]; !ok || got != tt.want {
				t.Errorf("file is %q, %v; want %q", got, ok, tt.want)
			}
			if tt.message == "" {
				if b.p.Steps[2].Output != nil {
					t.Errorf("output %s", b.p.Steps[2].Output)
				}
				return
			}
			if got := output[step.CommitMessage](b, 2).CommitMessage; got != tt.message {
				t.Errorf("message is %q, want %q", got, tt.message)
			}
		})
	}
}

func TestYAMLMergeFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		want   string
		phase  pipeline.Phase
	}{
		"for a missing file":      {config{"inFiles": []any{"over.yaml", "absent"}, "outFile": "o"}, "absent: file does not exist", pipeline.Errored},
		"for a scalar over a map": {config{"inFiles": []any{"src/env/prod/values.yaml", "bad.yaml"}, "outFile": "o"}, "merge bad.yaml: cannot be merged", pipeline.Errored},
		"without files":           {config{"inFiles": []any{}, "outFile": "o"}, "inFiles must not be empty", pipeline.Failed},
		"without a file to write": {config{"inFiles": []any{"over.yaml"}, "outFile": ""}, "outFile must not be empty", pipeline.Failed},
		"onto a directory":        {config{"inFiles": []any{"over.yaml"}, "outFile": "src"}, "is a directory", pipeline.Errored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()[0], wrote("over.yaml", "replicas: 3\n"), wrote("bad.yaml", "image: x\n"), use("yaml-merge", tt.config))
			b.upTo(3)
			res := b.want(3, tt.phase)
			if !strings.Contains(res.Message, tt.want) || res.Terminal != (tt.phase == pipeline.Failed) {
				t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
			}
			if _, ok := b.files(".")["o"]; ok {
				t.Error("a file was written")
			}
		})
	}
}
