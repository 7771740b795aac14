package report

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// CheckRun is a check run as GitHub shows it.
type CheckRun struct {
	Name, SHA, ExternalID string
	// Status is queued, in_progress or completed; Conclusion is set once completed.
	Status, Conclusion string
	DetailsURL         string
	Title              string
	Summary, Text      string
	Annotations        []Annotation
}

// Annotation marks a line of a file.
type Annotation struct {
	Path                    string
	Line, Column, EndColumn int
	// Level is notice, warning or failure.
	Level          string
	Title, Message string
}

// PromotionCheck and ConfigCheck name two of the four check runs there are.
const (
	PromotionCheck = "kargo / promotion"
	ConfigCheck    = "kargo / config"
)

// checkLimit keeps the text of a check run under GitHub's 65,535 characters.
const checkLimit = 65_000

// Check returns the check run of a Promotion; ok is false while there is nothing
// to show: before a pull request exists, unless the Promotion failed.
func Check(p *pipeline.Promotion, site Site) (c CheckRun, ok bool) {
	pull := p.OwnPull()
	c = CheckRun{
		Name: PromotionCheck, SHA: pull.Head, ExternalID: p.ID,
		Status: "completed", DetailsURL: cmp.Or(site.PromotionURL(p), pull.URL),
	}
	if c.SHA == "" {
		if p.Phase != pipeline.Failed && p.Phase != pipeline.Errored {
			return CheckRun{}, false
		}
		c.SHA = cmp.Or(baseCommit(p), p.ConfigSHA)
	}
	switch p.Phase {
	case pipeline.Succeeded:
		c.Conclusion = "success"
	case pipeline.Aborted:
		c.Conclusion = "cancelled"
	case pipeline.Failed, pipeline.Errored:
		c.Conclusion = "failure"
	default:
		if !ready(p) {
			c.Status = "in_progress"
			break
		}
		// A rule of the base demands this very check before it lets anything in.
		c.Conclusion = "success"
	}
	c.Title = oneLine(headline(p), 255)
	c.Summary = summary(p)
	c.Text = fit(checkLimit, stepTable(p, true), stepTable(p, false))
	return c, c.SHA != ""
}

// ready reports whether nothing is waited for any more but what this App reports
// itself.
func ready(p *pipeline.Promotion) bool {
	i := p.Next()
	if i < 0 || p.Stage.Steps[i].Uses != "git-merge-pr" {
		return false
	}
	var out struct {
		Ready bool      `json:"ready"`
		Queue *struct{} `json:"queue"`
	}
	// What the merge queue gave back may be put there again by people.
	return json.Unmarshal(p.Steps[i].Output, &out) == nil && (out.Ready || out.Queue != nil)
}

// baseCommit is the commit that the Promotion was built on.
func baseCommit(p *pipeline.Promotion) string {
	for i, spec := range p.Stage.Steps {
		if spec.Uses != "git-clone" || i >= len(p.Steps) {
			continue
		}
		var out struct {
			Commits map[string]string `json:"commits"`
		}
		if json.Unmarshal(p.Steps[i].Output, &out) != nil {
			continue
		}
		// The same on every pass, lest there be a check run on each of several.
		for _, key := range append(checkouts(spec), slices.Sorted(maps.Keys(out.Commits))...) {
			if sha := out.Commits[key]; sha != "" {
				return sha
			}
		}
	}
	return ""
}

// checkouts are the keys under which a git-clone step outputs its commits, in the order in
// which it says what to check out.
func checkouts(clone pipeline.StepSpec) []string {
	var keys []string
	list, _ := clone.Config["checkout"].([]any)
	for _, item := range list {
		checkout, _ := item.(map[string]any)
		key, _ := checkout["as"].(string)
		if path, ok := checkout["path"].(string); ok && key == "" {
			key = path
		}
		keys = append(keys, key)
	}
	return keys
}
