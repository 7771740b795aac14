package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Word returns a phase as word and shape, never by colour alone.
func Word(phase pipeline.Phase, waiting bool) string {
	switch {
	case waiting:
		return "◷ Waiting"
	case phase == "":
		return "○ Pending"
	}
	return map[pipeline.Phase]string{
		pipeline.Pending: "○ Pending", pipeline.Running: "◐ Running", pipeline.Succeeded: "✓ Succeeded",
		pipeline.Skipped: "– Skipped", pipeline.Aborted: "– Aborted", pipeline.Failed: "✗ Failed", pipeline.Errored: "! Errored",
	}[phase]
}

// headline is the state of a Promotion in one line.
func headline(p *pipeline.Promotion) string {
	if w := p.WaitingOn(); w != "" {
		return "Waiting: " + w
	}
	switch p.Phase {
	case pipeline.Succeeded:
		if sha := p.MergeCommit(); sha != "" {
			return fmt.Sprintf("%s is in %s (%s)", p.Freight.Headline(), p.Stage.Name, pipeline.Short(sha))
		}
		return fmt.Sprintf("%s is in %s", p.Freight.Headline(), p.Stage.Name)
	case pipeline.Running, pipeline.Pending:
		return fmt.Sprintf("%s: %s", p.Phase, p.Freight.Headline())
	}
	return fmt.Sprintf("%s: %s", p.Phase, p.Message)
}

func summary(p *pipeline.Promotion) string {
	return fmt.Sprintf("%s\n\nPromotion **%s** brings **%s** (%s) to **%s**: %s.\n",
		Text(headline(p)), p.ID, Text(p.Freight.Headline()), Text(p.Freight.Alias), Text(p.Stage.Name), Text(p.Reason))
}

// Comment is the sticky comment on a promotion pull request.
func Comment(p *pipeline.Promotion, site Site) string {
	var b strings.Builder
	b.WriteString(StickyMarker(p) + "\n")
	fmt.Fprintf(&b, "**%s** · %s\n\n", Word(p.Phase, p.WaitingOn() != ""), Text(headline(p)))
	b.WriteString(stepTable(p))
	if url := site.PromotionURL(p); url != "" {
		fmt.Fprintf(&b, "\n[Promotion %s](%s)\n", p.ID, url)
	}
	return limit(b.String(), bodyLimit)
}

func stepTable(p *pipeline.Promotion) string {
	var b strings.Builder
	b.WriteString("| # | Step | Result | |\n|---|---|---|---|\n")
	for i, s := range p.Steps {
		spec := p.Stage.Steps[i]
		waiting := p.Phase == pipeline.Running && !s.WakeAt.IsZero()
		message := s.Message
		if s.Phase == pipeline.Succeeded {
			message = ""
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", i+1, Code(stepName(spec)), Word(s.Phase, waiting), Text(message))
	}
	return b.String()
}

func stepName(s pipeline.StepSpec) string {
	if s.As == s.Uses || strings.HasPrefix(s.As, "step-") {
		return s.Uses
	}
	return s.As + " (" + s.Uses + ")"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func duration(d pipeline.Duration) string { return time.Duration(d).String() }

// limit cuts s to n bytes on a line boundary and says so.
func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := s[:n-40]
	if i := strings.LastIndexByte(cut, '\n'); i > 0 {
		cut = cut[:i]
	}
	return strings.ToValidUTF8(cut, "") + "\n\n(cut: too long for GitHub)\n"
}
