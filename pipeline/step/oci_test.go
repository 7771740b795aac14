package step_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestOCIDownload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config   config
		phase    pipeline.Phase
		terminal bool
		message  string
		file     string
	}{
		"the first layer is written":       {config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "new/b.tgz"}, pipeline.Succeeded, false, "", "bundle"},
		"or the one with a media type":     {config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "b.tgz", "mediaType": "text/plain"}, pipeline.Succeeded, false, "", "text"},
		"of a chart too":                   {config{"imageRef": "oci://ghcr.io/acme/bundle:1", "outPath": "b.tgz"}, pipeline.Succeeded, false, "", "bundle"},
		"a file that exists stays":         {config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "src/README.md"}, pipeline.Errored, true, "set allowOverwrite to replace it", ""},
		"unless it may be replaced":        {config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "src/README.md", "allowOverwrite": true}, pipeline.Succeeded, false, "", "bundle"},
		"a directory is never replaced":    {config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "src/env", "allowOverwrite": true}, pipeline.Errored, true, "is a directory", ""},
		"what is not there is tried again": {config{"imageRef": "ghcr.io/acme/nothing:1", "outPath": "b"}, pipeline.Errored, false, "download ghcr.io/acme/nothing:1: ", ""},
		"what is too large is not":         {config{"imageRef": "ghcr.io/acme/large:1", "outPath": "b"}, pipeline.Errored, true, "more than 104857600", ""},
		"a reference that is none":         {config{"imageRef": "ghcr.io/acme/BUNDLE:1", "outPath": "b"}, pipeline.Failed, true, `imageRef "ghcr.io/acme/BUNDLE:1" is not`, ""},
		"no file to write to":              {config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": ""}, pipeline.Failed, true, "outPath must not be empty", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()[0], use("oci-download", tt.config))
			b.world.Artifacts.Layers["ghcr.io/acme/bundle:1 text/plain"] = []byte("text")
			b.world.Artifacts.Layers["ghcr.io/acme/large:1"] = make([]byte, 100<<20+1)
			b.upTo(1)
			res := b.run(1)
			if res.Phase != tt.phase || res.Terminal != tt.terminal || !strings.Contains(res.Message, tt.message) {
				t.Fatalf("got %s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
			}
			if tt.phase != pipeline.Succeeded {
				return
			}
			got, err := b.ws.ReadFile(t.Context(), tt.config["outPath"].(string))
			if err != nil || string(got) != tt.file {
				t.Errorf("file %q, %v", got, err)
			}
		})
	}
}

func TestOCIDownloadThatChangedIsNoReplay(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("oci-download", config{"imageRef": "ghcr.io/acme/bundle:1", "outPath": "b"}))
	if res := b.run(0); res.Phase != pipeline.Succeeded {
		t.Fatal(res.Message)
	}
	b.world.Artifacts.Layers["ghcr.io/acme/bundle:1"] = []byte("another")
	env := b.env(0)
	env.Replaying, env.Workspace = true, newBench(t).ws
	def, _ := b.steps.Lookup("oci-download")
	res, err := def.Run(t.Context(), env, b.p.Stage.Steps[0].Config)
	if err != nil || res.Phase != pipeline.Errored || !strings.Contains(res.Message, "was replaced while the Promotion ran") {
		t.Errorf("%s, %v: %s", res.Phase, err, res.Message)
	}
}

func TestOCIPush(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("oci-push", config{
		"srcRef": "oci://ghcr.io/acme/web:1", "destRef": "ghcr.io/acme/web:prod",
		"annotations": config{"a": "1", "manifest:b": "2", "index:c": "3"},
	}))
	res := b.run(0)
	digest := "sha256:" + strings.Repeat("1", 64)
	if want := `{"image":"ghcr.io/acme/web:prod","digest":"` + digest + `","tag":"prod"}`; res.Phase != pipeline.Succeeded || string(res.Output) != want {
		t.Errorf("%s: %s (%s)", res.Phase, res.Output, res.Message)
	}
	want := step.ImageCopy{
		Source: "ghcr.io/acme/web:1", SourceChart: true, Destination: "ghcr.io/acme/web:prod",
		Manifest: map[string]string{"a": "1", "b": "2"}, Index: map[string]string{"c": "3"},
	}
	if diff := cmp.Diff(want, b.world.Artifacts.Copied); diff != "" {
		t.Error(diff)
	}
}

func TestOCIPushRefusesWhatIsNoReference(t *testing.T) {
	t.Parallel()
	for dest, src := range map[string]string{
		"ghcr.io/acme/web":                 "ghcr.io/acme/web:1",
		"localhost:5000/web":               "ghcr.io/acme/web:1",
		"ghcr.io/acme/web@" + moduleDigest: "ghcr.io/acme/web:1",
		"ghcr.io/acme/web:2":               "ghcr.io/acme/web:a:b",
	} {
		b := newBench(t, use("oci-push", config{"srcRef": src, "destRef": dest}))
		if res := b.run(0); res.Phase != pipeline.Failed || !res.Terminal || !strings.Contains(res.Message, "Ref ") {
			t.Errorf("%s to %s: %s, terminal %v: %s", src, dest, res.Phase, res.Terminal, res.Message)
		}
	}
	var large *step.TooLargeError
	if err := error(&step.TooLargeError{Message: "m"}); !errors.As(err, &large) || err.Error() != "m" {
		t.Error(err)
	}
}
