package command_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/kargo-app/kargo/handlers/command"
)

var update = flag.Bool("update", false, "rewrite README.md from the table of commands")

const readmeHead = `<!-- Generated from verb.go by: go test ./handlers/command -update -->

# Commands

Write a command at the very start of a line, in a new comment on a pull request or an issue:

` + "```" + `
/promote prod
` + "```" + `

- One comment may hold up to 10 commands, each on its own line. They are checked together: if one cannot be carried out, none is.
- Commands in code, quotations and HTML comments are ignored, as are edited comments and comments by bots.
- Capitals do not matter in commands, but do in the names of Stages.
- Text after ` + "` -- `" + ` at the end of a line is a reason. It is kept with the command, and some commands require one.
- Whether you may do it is decided by your own permission on the repository that the Stage changes, at that moment.
- On a merged pull request of a repository without a pipeline, commands are about the pipeline that has Freight with its change: a commit
  that it subscribes to, or an image with the annotations or labels ` + "`" + `org.opencontainers.image.source` + "`" + ` and ` + "`" + `org.opencontainers.image.revision` + "`" + `. The App
  must be installed on both by the same owner.

## What names Freight

| Written | Means |
|---|---|
| ` + "`happy-fox`" + ` | the Freight of that alias |
| ` + "`1f0c2ab`" + ` | the Freight whose id begins like this; at least 7 digits |
| ` + "`web@1.9.3`" + ` | the Freight that holds this version of the artifact; a digest will do too |
| ` + "`latest`" + ` | the newest Freight that the Stage may take |
| ` + "`this`" + ` | the Freight that holds the change of this pull request |
| ` + "`previous`" + ` | the Freight that was verified in the Stage before the current one |

## What names a Stage

Its name. Where a repository has several pipelines, the Stages of an included one are called ` + "`shop/test`" + `;
` + "`test`" + ` will do as long as no other Stage ends in that.

## Commands

`

func readme() string { return readmeHead + command.Help(command.Verbs()) }

func TestREADMEIsGenerated(t *testing.T) {
	t.Parallel()
	want := readme()
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("README.md is out of date, run with -update (-want +got):\n%s", diff)
	}
}

func TestHelpIsOneTable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert([]byte(command.Help(command.Verbs())), &b); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(b.String(), "<tr>"), len(command.Verbs())+1; got != want {
		t.Errorf("the table has %d rows, want %d", got, want)
	}
	if got, want := strings.Count(b.String(), "<td>"), 3*len(command.Verbs()); got != want {
		t.Errorf("the table has %d cells, want %d", got, want)
	}
}

func TestVerbsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range command.Verbs() {
		if seen[v.Name] || v.Name == "" || v.Summary == "" || v.Access == "" || !strings.HasPrefix(v.Usage, "/") {
			t.Errorf("bad row: %+v", v)
		}
		seen[v.Name] = true
	}
	if len(seen) != 22 {
		t.Errorf("the table has %d verbs, want 22", len(seen))
	}
}
