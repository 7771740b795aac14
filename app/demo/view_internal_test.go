package demo

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
)

func TestProposalIsTheNextPatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		versions []string
		want     string
	}{
		"nothing yet":               {nil, "1.1.0"},
		"only the first":            {[]string{"1.0.0"}, "1.1.0"},
		"the next patch":            {[]string{"1.0.0", "1.1.0"}, "1.1.1"},
		"the newest counts":         {[]string{"1.1.9", "1.2.0", "1.1.10"}, "1.2.1"},
		"what is no version is not": {[]string{"latest", "1.1.0"}, "1.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m moment
			for _, v := range c.versions {
				m.Snapshot.Freight = append(m.Snapshot.Freight, pipeline.Freight{Images: []pipeline.Image{{RepoURL: "web", Tag: v}}})
			}
			if got := proposal(m); got != c.want {
				t.Errorf("proposal = %s, want %s", got, c.want)
			}
		})
	}
}

func TestSelectionChoosesWhatNeedsSomebody(t *testing.T) {
	t.Parallel()
	open, closed := "open", "closed"
	for name, c := range map[string]struct {
		states []string
		asked  int
		want   int
	}{
		"nothing there":                {nil, 0, 0},
		"the newest open one":          {[]string{closed, open, open, closed}, 0, 3},
		"else the newest":              {[]string{closed, closed}, 0, 2},
		"what was asked for":           {[]string{closed, open}, 1, 1},
		"what does not exist is not":   {[]string{closed, open}, 9, 2},
		"an open one over a newer one": {[]string{open, closed}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m moment
			for i, s := range c.states {
				m.Pulls = append(m.Pulls, forge.PullRequest{Number: i + 1, State: s})
			}
			if got := (selection{pull: c.asked}).choose(m).pull; got != c.want {
				t.Errorf("chose #%d, want #%d", got, c.want)
			}
		})
	}
}

func TestCoachAlwaysSaysWhatIsNext(t *testing.T) {
	t.Parallel()
	prod := pipeline.Stage{Name: "prod", Steps: []pipeline.StepSpec{{Uses: "git-open-pr"}}, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}}
	f := pipeline.Freight{ID: "f1", Warehouse: "web", Images: []pipeline.Image{{RepoURL: "r/web", Tag: "1.1.0"}}}
	read := moment{Pipeline: &pipeline.Pipeline{Stages: []pipeline.Stage{prod}}}
	found := read
	found.Snapshot.Freight = []pipeline.Freight{f}
	there := found
	there.Snapshot.Marks = []pipeline.Mark{{Stage: "prod", Freight: "f1", CurrentSince: there.At.Add(1)}}
	for name, c := range map[string]struct {
		m    moment
		want string
	}{
		"before anything was read": {moment{}, "reading .kargo.yaml"},
		"an invalid file":          {moment{Problems: []byte(`[]`)}, "not valid"},
		"no Freight":               {read, "looking for images"},
		"something to promote":     {found, "press /promote prod"},
		"all done":                 {there, "Publish a version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := coach(c.m).Text; !strings.Contains(got, c.want) {
				t.Errorf("coach says %q, want %q in it", got, c.want)
			}
		})
	}
}
