package step_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestFileWrite(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config config
		want   string // content; the step fails for good if the message is set
		err    string
	}{
		"adds no newline":                   {config: config{"path": "new/a.txt", "contents": "x"}, want: "x"},
		"may be empty":                      {config: config{"path": "a", "contents": ""}},
		"keeps permissions that do no harm": {config: config{"path": "a", "contents": "x", "permissions": "0640"}, want: "x"},
		"cleans the path":                   {config: config{"path": "./src/../src/new", "contents": "x"}, want: "x"},
		"overwrites when told":              {config: config{"path": "src/README.md", "contents": "x", "overwrite": true}, want: "x"},
		"leaves what exists":                {config: config{"path": "src/README.md", "contents": "x"}, err: "the file exists; set overwrite"},
		"leaves a directory":                {config: config{"path": "src/env", "contents": "x"}, err: "the file exists"},
		"an absolute path":                  {config: config{"path": "/a", "contents": "x"}, err: "must be relative"},
		"a way out":                         {config: config{"path": "src/../../a", "contents": "x"}, err: "leaves the workspace"},
		"the root .git":                     {config: config{"path": ".git/config", "contents": "x"}, err: "reaches into .git"},
		"a .git further down":               {config: config{"path": "src/.git/config", "contents": "x"}, err: ".git"},
		"a link":                            {config: config{"path": "src/link", "contents": "x", "overwrite": true}, err: "leads through the symbolic link src/link"},
		"a link on the way":                 {config: config{"path": "src/dirlink/a", "contents": "x"}, err: "leads through the symbolic link src/dirlink"},
		"an executable":                     {config: config{"path": "a", "contents": "x", "permissions": "0700"}, err: "executable"},
		"executable for a group":            {config: config{"path": "a", "contents": "x", "permissions": "0610"}, err: "executable"},
		"writable for everybody":            {config: config{"path": "a", "contents": "x", "permissions": "0666"}, err: "writable for everybody"},
		"special bits":                      {config: config{"path": "a", "contents": "x", "permissions": "4600"}, err: "four octal digits"},
		"no octal number":                   {config: config{"path": "a", "contents": "x", "permissions": "rw-r--r--"}, err: "four octal digits"},
		"permissions without a quote":       {config: config{"path": "a", "contents": "x", "permissions": 420}, err: "expected a string"},
		"no path":                           {config: config{"path": "", "contents": "x"}, err: "path must not be empty"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()[0], use("file-write", tt.config))
			b.upTo(1)
			for p, target := range map[string]string{"src/link": "README.md", "src/dirlink": "env"} {
				if err := b.ws.WriteFile(t.Context(), p, []byte(target), tree.ModeSymlink); err != nil {
					t.Fatal(err)
				}
			}
			before := "hello\n"
			if tt.err == "" {
				b.want(1, pipeline.Succeeded)
				got, err := b.ws.ReadFile(t.Context(), tt.config["path"].(string))
				if err != nil || string(got) != tt.want {
					t.Errorf("file is %q, %v", got, err)
				}
				return
			}
			if res := b.want(1, pipeline.Failed); !res.Terminal || !strings.Contains(res.Message, tt.err) {
				t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
			}
			if after, err := b.ws.ReadFile(t.Context(), "src/README.md"); err != nil || string(after) != before {
				t.Errorf("README.md is %q, %v", after, err)
			}
		})
	}
}

func TestFileWriteOntoADirectoryIsAnError(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("file-write", config{"path": "src/env", "contents": "x", "overwrite": true}))
	b.upTo(1)
	if res := b.want(1, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, "is a directory") {
		t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
	}
}
