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
	if p.Phase == pipeline.Succeeded {
		return detail(p)
	}
	if p.WaitingOn() != "" {
		return "Waiting: " + detail(p)
	}
	return fmt.Sprintf("%s: %s", p.Phase, detail(p))
}

// detail is the headline without the phase.
func detail(p *pipeline.Promotion) string {
	if w := p.WaitingOn(); w != "" {
		return w
	}
	switch p.Phase {
	case pipeline.Succeeded:
		if sha := p.MergeCommit(); sha != "" {
			return fmt.Sprintf("%s is in %s (%s)", p.Freight.Headline(), p.Stage.Name, pipeline.Short(sha))
		}
		return fmt.Sprintf("%s is in %s", p.Freight.Headline(), p.Stage.Name)
	case pipeline.Running, pipeline.Pending:
		return p.Freight.Headline()
	default:
		return p.Message
	}
}

func summary(p *pipeline.Promotion) string {
	return fmt.Sprintf("%s\n\nPromotion %s brings **%s** (%s) to **%s**: %s.\n%s",
		Text(headline(p)), Code(p.ID), Text(p.Freight.Headline()), Text(p.Freight.Alias), Text(p.Stage.Name), Text(p.Reason), next(p))
}

// next is the command that helps on from here, "" where none is needed.
func next(p *pipeline.Promotion) string {
	switch p.Phase {
	case pipeline.Failed, pipeline.Errored:
		return fmt.Sprintf("\nIt is not tried again by itself. Next: %s\n", Code("/kargo retry "+p.ID))
	case pipeline.Aborted:
		return fmt.Sprintf("\nIt is not tried again by itself. Next: %s\n", Code("/promote "+p.Stage.Name+" "+p.Freight.Alias))
	default:
		return ""
	}
}

// Comment is the sticky comment on a promotion pull request. What does not fit is
// dropped in this order: what steps say, the steps.
func Comment(p *pipeline.Promotion, site Site) string {
	var b strings.Builder
	b.WriteString(StickyMarker(p) + "\n")
	fmt.Fprintf(&b, "**%s** · %s\n\n", Word(p.Phase, p.WaitingOn() != ""), Text(detail(p)))
	foot := next(p)
	if url := site.PromotionURL(p); url != "" {
		foot += "\n" + Link("Promotion "+p.ID, url) + "\n"
	}
	head := b.String()
	return fit(bodyLimit, head+stepTable(p, true)+foot, head+stepTable(p, false)+foot, head+foot)
}

// stepTable lists the steps, with what they say if there is room.
func stepTable(p *pipeline.Promotion, withMessages bool) string {
	var b strings.Builder
	b.WriteString("| # | Step | Result | |\n|---|---|---|---|\n")
	for i, s := range p.Steps {
		spec := p.Stage.Steps[i]
		waiting := p.Phase == pipeline.Running && s.Phase == pipeline.Running && !s.WakeAt.IsZero()
		message := s.Message
		if s.Phase == pipeline.Succeeded || !withMessages {
			message = ""
		}
		word := Word(s.Phase, waiting)
		if s.Phase == "" && p.Phase.Terminal() {
			word = "– Not run"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", i+1, Code(stepName(spec)), word, Text(message))
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

func duration(d pipeline.Duration) string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

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
