package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// VerificationCheck names the check run of a VerificationRun.
const VerificationCheck = "kargo / verify"

// Verification returns the check run that shows a VerificationRun on the commit
// that it verifies; ok is false when there is none of the run's own repository:
// the bot writes nowhere else. The text changes only when the run does, never
// with time alone.
func Verification(run *pipeline.VerificationRun, site Site) (c CheckRun, ok bool) {
	own := run.CommitRepo == "" || strings.EqualFold(run.CommitRepo, run.Repo.String())
	if run.Commit == "" || !own {
		return CheckRun{}, false
	}
	c = CheckRun{Name: VerificationCheck, SHA: run.Commit, ExternalID: run.ID, Status: "completed", DetailsURL: detailsOf(run, site)}
	switch run.Phase {
	case pipeline.VerificationSuccessful:
		c.Conclusion = "success"
	case pipeline.VerificationFailed, pipeline.VerificationError:
		c.Conclusion = "failure"
	case pipeline.VerificationAborted:
		c.Conclusion = "cancelled"
	case pipeline.VerificationInconclusive:
		c.Conclusion = "neutral"
	case pipeline.VerificationPending, "":
		c.Status = "queued"
	case pipeline.VerificationRunning:
		c.Status = "in_progress"
	}
	c.Title = oneLine(verificationHeadline(run), 255)
	c.Summary = verificationSummary(run)
	c.Text = fit(checkLimit, metricTable(run, true), metricTable(run, false))
	return c, true
}

// detailsOf is where the "Details" of a check run lead: to the Promotion whose
// outcome is verified, else to what was measured last.
func detailsOf(run *pipeline.VerificationRun, site Site) string {
	if run.Promotion != "" {
		if url := site.PromotionURL(&pipeline.Promotion{ID: run.Promotion, Repo: run.Repo}); url != "" {
			return url
		}
	}
	for i := range run.Metrics {
		if m := lastMeasurement(&run.Metrics[i]); m != nil && safeURL(m.URL) != "" {
			return m.URL
		}
	}
	return ""
}

// verificationWord is a phase as word and shape.
func verificationWord(phase pipeline.VerificationPhase) string {
	return map[pipeline.VerificationPhase]string{
		"": "○ Pending", pipeline.VerificationPending: "○ Pending", pipeline.VerificationRunning: "◐ Running",
		pipeline.VerificationSuccessful: "✓ Successful", pipeline.VerificationFailed: "✗ Failed", pipeline.VerificationError: "! Error",
		pipeline.VerificationAborted: "– Aborted", pipeline.VerificationInconclusive: "? Inconclusive",
	}[phase]
}

// verificationHeadline is the state of a run in one line.
func verificationHeadline(run *pipeline.VerificationRun) string {
	what := verified(run)
	switch run.Phase {
	case pipeline.VerificationSuccessful:
		return fmt.Sprintf("%s is verified in %s", what, run.Stage.Name)
	case pipeline.VerificationPending, pipeline.VerificationRunning, "":
		return withMessage(fmt.Sprintf("Verifying %s in %s", what, run.Stage.Name), run.Message)
	default:
		return withMessage(fmt.Sprintf("%s: %s is not verified in %s", run.Phase, what, run.Stage.Name), run.Message)
	}
}

func withMessage(line, message string) string {
	if message == "" {
		return line
	}
	return line + ": " + message
}

func verified(run *pipeline.VerificationRun) string {
	names := make([]string, len(run.Collection))
	for i, f := range run.Collection {
		names[i] = f.Headline()
	}
	return strings.Join(names, ", ")
}

func verificationSummary(run *pipeline.VerificationRun) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nVerification %s of ", Text(verificationHeadline(run)), Code(run.ID))
	for i, f := range run.Collection {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "**%s** (%s)", Text(f.Headline()), Text(f.Alias))
	}
	fmt.Fprintf(&b, " in **%s**: %s.\n", Text(run.Stage.Name), Text(run.Reason))
	if times := span(run.StartedAt, run.FinishedAt); times != "" {
		fmt.Fprintf(&b, "\n%s.\n", strings.ToUpper(times[:1])+times[1:])
	}
	switch run.Phase {
	case pipeline.VerificationFailed, pipeline.VerificationError, pipeline.VerificationInconclusive, pipeline.VerificationAborted:
		fmt.Fprintf(&b, "\nNext: %s verifies again.\n", Code("/kargo verify "+run.Stage.Name))
	default:
	}
	return b.String()
}

// metricTable lists the metrics with their counts and times, and with what was
// measured last if there is room.
func metricTable(run *pipeline.VerificationRun, withValues bool) string {
	var b strings.Builder
	b.WriteString("| Metric | Result | Measured | Time | |\n|---|---|---|---|---|\n")
	for i := range run.Metrics {
		m := &run.Metrics[i]
		name := Code(m.Name)
		if dryRun(run, i) {
			name += " (dry run)"
		}
		last := ""
		if withValues {
			last = lastSaid(m)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, verificationWord(m.Phase), counts(m), cmp.Or(span(m.StartedAt, m.FinishedAt), "–"), last)
	}
	return b.String()
}

func dryRun(run *pipeline.VerificationRun, i int) bool {
	v := run.Stage.Verification
	return v != nil && i < len(v.Metrics) && v.Metrics[i].DryRun
}

func lastMeasurement(m *pipeline.MetricRun) *pipeline.Measurement {
	if len(m.Measurements) == 0 {
		return nil
	}
	return &m.Measurements[len(m.Measurements)-1]
}

// lastSaid is what the metric, or else its newest measurement, says of itself.
func lastSaid(m *pipeline.MetricRun) string {
	last := lastMeasurement(m)
	if last == nil {
		return Text(m.Message)
	}
	said := Text(cmp.Or(m.Message, last.Message))
	if last.Value != "" {
		said = strings.TrimSpace(Code(last.Value) + " " + said)
	}
	if safeURL(last.URL) != "" {
		said = strings.TrimSpace(said + " " + Link("details", last.URL))
	}
	return said
}

// counts says how measurements ended, "–" before there are any.
func counts(m *pipeline.MetricRun) string {
	var parts []string
	for _, c := range []struct {
		n    int
		word string
	}{
		{m.Successful, "successful"}, {m.Failed, "failed"}, {m.Inconclusive, "inconclusive"}, {m.Error, "without a result"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

// span says how long something took, or since when it goes on, "" before it
// started.
func span(from, to time.Time) string {
	switch {
	case from.IsZero():
		return ""
	case to.IsZero():
		return "since " + from.UTC().Format("2006-01-02 15:04:05 MST")
	}
	return "took " + duration(pipeline.Duration(to.Sub(from).Round(time.Second)))
}
