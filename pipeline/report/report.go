package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Site says where people reach this server.
type Site struct {
	// PublicURL is empty when it is not known; links are left out then.
	PublicURL string
}

// PromotionURL returns the page of a Promotion, or "".
func (s Site) PromotionURL(p *pipeline.Promotion) string {
	if s.PublicURL == "" {
		return ""
	}
	return fmt.Sprintf("%s/%s/promotions/%s", strings.TrimSuffix(s.PublicURL, "/"), p.Repo, p.ID)
}

// Effect is what a Promotion changes, as its git-commit steps recorded it.
type Effect struct {
	Files     []FileChange `json:"files"`
	Diff      string       `json:"diff"`
	Truncated bool         `json:"diffTruncated"`
	// Omitted is how many files were not looked at.
	Omitted int `json:"filesOmitted"`
}

// FileChange is one changed file with its numbers of added and deleted lines.
type FileChange struct {
	Path    string `json:"path"`
	Status  string `json:"status"`
	Added   int    `json:"added"`
	Deleted int    `json:"deleted"`
}

// EffectOf joins the effects of all git-commit steps.
func EffectOf(p *pipeline.Promotion) Effect {
	var all Effect
	for i, spec := range p.Stage.Steps {
		if spec.Uses != "git-commit" || i >= len(p.Steps) {
			continue
		}
		var e Effect
		if json.Unmarshal(p.Steps[i].Output, &e) != nil {
			continue
		}
		all.Files = append(all.Files, e.Files...)
		all.Diff += e.Diff
		all.Truncated = all.Truncated || e.Truncated
		all.Omitted += e.Omitted
	}
	return all
}

// Title is a promotion pull request's title: "promote(prod): web 1.9.2 → 1.9.3".
func Title(p *pipeline.Promotion) string {
	verb := "promote("
	if p.Rollback {
		verb = "rollback("
	}
	title := verb + p.Stage.Name + "): " + p.Freight.Headline()
	if p.Previous != nil {
		if from := p.Previous.Version(); from != p.Freight.Version() {
			name := strings.TrimSuffix(p.Freight.Headline(), p.Freight.Version())
			title = verb + p.Stage.Name + "): " + name + from + " → " + p.Freight.Version()
		}
	}
	return plain(title, 256)
}

// Trailers are the lines that tie a commit to its Promotion.
func Trailers(p *pipeline.Promotion) string {
	actor := p.Actor
	if actor == "" {
		actor = "kargo"
	}
	return fmt.Sprintf("Kargo-Pipeline: %s\nKargo-Stage: %s\nKargo-Freight: %s\nKargo-Promotion: %s\nKargo-Actor: %s",
		oneLine(p.Pipeline, 256), oneLine(p.Stage.Name, 256), p.Freight.ID, p.ID, oneLine(actor, 256))
}

// MergeMessage is the subject and body of the commit that a merge makes.
func MergeMessage(p *pipeline.Promotion, number int) (title, message string) {
	return fmt.Sprintf("%s (#%d)", Title(p), number), plain(p.Reason, 500) + "\n\n" + Trailers(p)
}

// Marker is the hidden line by which the bot recognises a pull request as a
// Promotion's.
func Marker(p *pipeline.Promotion) string {
	return fmt.Sprintf("<!-- kargo:v1 pipeline=%s stage=%s promotion=%s freight=%s -->",
		p.Pipeline, p.Stage.Name, p.ID, p.Freight.ID)
}

// StepMarker is the hidden line by which the bot recognises what a step made.
func StepMarker(identity string) string { return fmt.Sprintf("<!-- kargo:v1 step=%s -->", identity) }

// FindStepMarker returns the StepMarker in a text, empty for none.
func FindStepMarker(body string) string { return stepMarker.FindString(body) }

var stepMarker = regexp.MustCompile(`<!-- kargo:v1 step=[^\s<>]+ -->`)

// StickyMarker begins the one comment that the bot keeps on a promotion pull
// request.
func StickyMarker(p *pipeline.Promotion) string {
	return fmt.Sprintf("<!-- kargo:v1 status promotion=%s -->", p.ID)
}
