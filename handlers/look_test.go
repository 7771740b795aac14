package handlers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
)

func TestReadCommandsAnswerAboutTheRightPipeline(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"status of all", "/kargo status", "**Pipeline shop**"},
		{"status of a Stage", "/kargo status eu", "acme/web 1.0.0"},
		{"status of an included Stage", "/kargo status live", "**shop/live**"},
		{"why", "/kargo why eu", "never promoted there"},
		{"where", "/kargo where", "| eu |"},
		{"freight", "/kargo freight", "keen-fox"},
		{"freight of a Warehouse", "/kargo freight web", "no semantic version"},
		{"status of a Warehouse", "/kargo status cart", "**Warehouse shop/cart**"},
		{"diff", "/kargo diff us calm-owl", "1.0.0"},
	}
	f := newFleet(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.TrimPrefix(tt.want, "acme/")
			if got := f.say(tt.body); len(got) != 0 {
				t.Errorf("requests = %+v, want none", got)
			}
			if diff := cmp.Diff([]string{"eyes", "rocket"}, f.reactions()); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if got := f.reply(); !strings.Contains(got, want) {
				t.Errorf("reply %q does not say %q", got, want)
			}
		})
	}
}

func TestFrozenPipelineIsShownAsThatAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.apply("shop", pipeline.FreezePipeline{Freeze: pipeline.Freeze{Reason: "sale", Actor: "zoe", Since: f.now()}})
	f.say("/kargo why live")
	if got := f.reply(); !strings.Contains(got, "frozen by zoe") {
		t.Errorf("reply %q does not say that shop is frozen", got)
	}
	g := newFleet(t)
	g.apply("shop", pipeline.FreezePipeline{Freeze: pipeline.Freeze{Reason: "sale", Actor: "zoe", Since: g.now()}})
	g.say("/kargo why test")
	if got := g.reply(); strings.Contains(got, "frozen") {
		t.Errorf("reply %q says that the root pipeline is frozen", got)
	}
}

// preview answers what a Promotion would change.
type preview struct {
	effect report.Effect
	err    error
	asked  []pipeline.Promotion
}

func (p *preview) Preview(_ context.Context, _ store.RepoRecord, pr pipeline.Promotion) (report.Effect, error) {
	p.asked = append(p.asked, pr)
	return p.effect, p.err
}

func TestDryRunSaysWhatDecideWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	effect := report.Effect{Files: []report.FileChange{{Path: "env/us/kustomization.yaml", Added: 1, Deleted: 1}}, Diff: "-a\n+b\n"}
	tests := []struct {
		name, body string
		want       []string
	}{
		{"what may enter", "/promote us calm-owl --dry-run", []string{"would start at once", "env/us/kustomization.yaml", "✓ verified in gate"}},
		{"what may not", "/promote us bold-otter --dry-run", []string{"would be refused: web 1.1.0 cannot enter us yet", "✗ verified in gate"}},
		{"several Stages, one of which refuses", "/promote us eu calm-owl --dry-run", []string{"already current in eu", "not done, because"}},
		{"downstream", "/promote gate calm-owl --downstream --dry-run", []string{"**us**", "**eu**"}},
		{"a Stage of an included pipeline", "/promote live --dry-run", []string{"Promoting **cart 2.0.0** (keen-fox) to **shop/live** would start"}},
		{"without Freight", "/promote us --dry-run", []string{"Promoting **web 1.0.0** (calm-owl) to **us** would start"}},
	}
	f := newFleet(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &preview{effect: effect}
			f.comments.Previewer = p
			if got := f.say(tt.body); len(got) != 0 {
				t.Errorf("requests = %+v, want none", got)
			}
			got := f.reply()
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("reply does not say %q:\n%s", want, got)
				}
			}
			if len(p.asked) == 0 || p.asked[0].Stage.Name == "" || len(p.asked[0].Steps) == 0 {
				t.Errorf("previewed %+v", p.asked)
			}
			if got := f.due(store.WorkStage); len(got) != 0 {
				t.Errorf("stages due: %v", got)
			}
		})
	}
}

func TestDiffSaysWhyFilesAreNotKnown(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"no such directory": &pipeline.UserError{Message: "no such directory"},
		"internal error":    fmt.Errorf("secret detail"),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.comments.Previewer = &preview{err: err}
			f.say("/kargo diff us")
			if got := f.reply(); !strings.Contains(got, want) || strings.Contains(got, "secret detail") {
				t.Errorf("reply %q, want %q", got, want)
			}
		})
	}
}
