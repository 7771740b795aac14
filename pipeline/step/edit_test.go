package step_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestKustomizeSetImage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		images  []any
		freight []pipeline.Freight // beside the target
		want    string             // the file; empty for an error
		message string             // part of the output or the error
	}{
		{
			name: "no images means those of the Freight",
			want: "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.3 # current\n", message: "- ghcr.io/acme/web:1.9.3",
		},
		{
			name:   "name overrides which entry is set",
			images: []any{config{"image": "ghcr.io/other/web", "name": "ghcr.io/acme/web", "tag": "2.0.0"}},
			want:   "images:\n  - name: ghcr.io/acme/web\n    newTag: 2.0.0 # current\n", message: "- ghcr.io/acme/web:2.0.0",
		},
		{
			name:    "the message lists all images of the file by name",
			images:  []any{config{"image": "ghcr.io/acme/api", "newName": "m/api", "tag": "3"}},
			want:    "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.2 # current\n  - name: ghcr.io/acme/api\n    newName: m/api\n    newTag: \"3\"\n",
			message: "Updated src/env/prod to use new images\n\n- m/api:3\n- ghcr.io/acme/web:1.9.2",
		},
		{
			name:   "a star keeps what the entry says",
			images: []any{config{"image": "ghcr.io/acme/web", "newName": "m/web", "tag": "*"}},
			want:   "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.2 # current\n    newName: m/web\n", message: "- m/web:1.9.2",
		},
		{
			name: "one repository from two Warehouses is ambiguous",
			freight: []pipeline.Freight{{
				ID: "1", Warehouse: "other", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0"}},
			}},
			message: "comes from Warehouse web and again from other",
		},
		{
			name: "the target may be listed in the collection",
			freight: []pipeline.Freight{{
				ID: "0123456789012345678901234567890123456789", Warehouse: "web",
				Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3"}},
			}},
			want: "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.3 # current\n", message: "use new image\n\n- ghcr.io/acme/web:1.9.3",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config{"path": "src/env/prod"}
			if tt.images != nil {
				c["images"] = tt.images
			}
			b := newBench(t, promotion()[0], use("kustomize-set-image", c))
			b.p.Collection = tt.freight
			b.upTo(1)
			if tt.want == "" {
				res := b.want(1, pipeline.Errored)
				if !res.Terminal || !strings.Contains(res.Message, tt.message) {
					t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
				}
				return
			}
			b.want(1, pipeline.Succeeded)
			if got := b.files("src/env/prod")["src/env/prod/kustomization.yaml"]; got != tt.want {
				t.Errorf("file is %q, want %q", got, tt.want)
			}
			if got := output[step.CommitMessage](b, 1).CommitMessage; !strings.Contains(got, tt.message) {
				t.Errorf("message %q lacks %q", got, tt.message)
			}
		})
	}
}

func TestKustomizeSetImageWithoutImagesChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("kustomize-set-image", config{"path": "src/env/prod"}))
	b.p.Freight.Images = nil
	b.upTo(1)
	before := b.files("src")
	b.want(1, pipeline.Succeeded)
	if diff := cmp.Diff(before, b.files("src")); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	if got := output[step.CommitMessage](b, 1).CommitMessage; got != "Updated src/env/prod to use new image\n\n- ghcr.io/acme/web:1.9.2" {
		t.Errorf("message %q", got)
	}
}

func TestKustomizeSetImageRefusesConfig(t *testing.T) {
	t.Parallel()
	for name, image := range map[string]config{
		"a new name alone":  {"image": "a", "newName": "b"},
		"tag and digest":    {"image": "a", "tag": "1", "digest": "sha256:0"},
		"a tag as a number": {"image": "a", "tag": 1.2},
		"no image":          {"tag": "1"},
		"an empty image":    {"image": "", "tag": "1"},
	} {
		b := newBench(t, use("kustomize-set-image", config{"path": "src", "images": []any{image}}))
		if res := b.want(0, pipeline.Failed); !res.Terminal {
			t.Errorf("%s is tried again: %s", name, res.Message)
		}
	}
}

func TestKustomizeSetImageNeedsOneFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("kustomize-set-image", config{"path": "src/env"}))
	b.upTo(1)
	if res := b.want(1, pipeline.Errored); !strings.Contains(res.Message, "no kustomization file") {
		t.Errorf("message %q", res.Message)
	}
}

func TestYAMLUpdate(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("yaml-update", config{"path": "src/env/prod/values.yaml", "updates": []any{
		config{"key": "image.tag", "value": "1.10"},
		config{"key": "replicas", "value": 9007199254740993},
	}}))
	b.upTo(1)
	b.want(1, pipeline.Succeeded)
	want := "image:\n  tag: \"1.10\" # current\nreplicas: 9007199254740993\n"
	if got := b.files("src/env/prod")["src/env/prod/values.yaml"]; got != want {
		t.Errorf("file is %q, want %q", got, want)
	}
	message := "Updated src/env/prod/values.yaml\n\n- image.tag: \"1.10\"\n- replicas: 9007199254740993"
	if got := output[step.CommitMessage](b, 1).CommitMessage; got != message {
		t.Errorf("message is %q, want %q", got, message)
	}
}

func TestYAMLUpdateCreatesNoKey(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("yaml-update", config{"path": "src/env/prod/values.yaml", "updates": []any{
		config{"key": "image.tag", "value": "1.9.3"}, config{"key": "absent", "value": "x"},
	}}))
	b.upTo(1)
	before := b.files("src")
	b.want(1, pipeline.Errored)
	if b.files("src")["src/env/prod/values.yaml"] != before["src/env/prod/values.yaml"] {
		t.Error("a failed update left a change")
	}
}
