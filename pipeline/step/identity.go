package step

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/kargo-app/kargo/pipeline/report"
)

// identity is a text that no other step of any Promotion has, and this one has on
// every pass: by it effects outside are recognised. round tells several effects of
// one step apart. It has no character that means anything in HTML.
func (e Env) identity(round int) string {
	p := e.Promotion
	alias := p.Stage.Steps[e.Index].As
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %s %s %d %d",
		p.Repo.ID, p.Repo.Slug(), p.Pipeline, p.ID, alias, p.CreatedAt.UnixMicro(), round))
	return unfit.ReplaceAllString(p.ID+"."+alias, "-") + "." + hex.EncodeToString(sum[:5])
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._:]+`)

// marker is the hidden line that says of what is on the Git host that this step
// made it.
func (e Env) marker() string { return report.StepMarker(e.identity(0)) }

// template is what the pipeline says of a field of this step's config, before
// expressions are evaluated.
func (e Env) template(field string) string {
	s, _ := e.Promotion.Stage.Steps[e.Index].Config[field].(string)
	return s
}
