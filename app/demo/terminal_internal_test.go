package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

func running(id string, waiting string) pipeline.Promotion {
	p := pipeline.NewPromotion(pipeline.Promotion{ID: id, Stage: pipeline.Stage{Name: "test", Steps: []pipeline.StepSpec{{Uses: "git-clone"}, {Uses: "git-merge-pr"}}}})
	p.Start(time.Now(), nil)
	p.Steps[0].Phase = pipeline.Succeeded
	if waiting != "" {
		p.Steps[1].WakeAt, p.Steps[1].Message = time.Now().Add(time.Hour), waiting
	}
	return p
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	facts := []fact{{At: at, Mark: markDone, Subject: "test-2", Change: "web 1.0.0 → 1.1.0", Text: "merged #3"}}
	m := moment{Snapshot: pipeline.Snapshot{Promotions: []pipeline.Promotion{running("prod-1", "0 of 1 approvals")}}}
	const plainLine = "03:04:05  ✓ test-2     web 1.0.0 → 1.1.0  merged #3\n"
	const status = "◐ prod-1 1/2 git-merge-pr (0 of 1 approvals)"
	for name, c := range map[string]struct {
		watched, color bool
		want           string
	}{
		"a file gets lines alone":                   {want: plainLine + plainLine},
		"a terminal gets a status that is replaced": {watched: true, want: plainLine + status + "\r\x1b[2K" + plainLine + status + "\r\x1b[2K"},
		"colour only repeats the shape":             {color: true, want: strings.Repeat(strings.Replace(plainLine, "✓", "\x1b[32m✓\x1b[0m", 1), 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			term := &terminal{out: &out, watched: c.watched, color: c.color}
			term.facts(m, facts)
			term.facts(m, facts)
			term.finish()
			if got := out.String(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestTerminalIsNotControlledByStrangers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	(&terminal{out: &out}).facts(moment{}, []fact{{Subject: "a\x1b[2J", Text: "b\r\u009bc\u202e"}})
	if got := out.String(); strings.ContainsAny(got, "\x1b\r\u009b\u202e") {
		t.Errorf("control characters in %q", got)
	}
}
