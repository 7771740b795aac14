package report

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// bodyLimit keeps a body under GitHub's 65,536 characters with room for what
// GitHub or a person may add.
const bodyLimit = 60_000

// Body is the description of a promotion pull request: what changes, why it may
// ship, its effect on files, and how to undo it. It is written once; the state
// of things is in the comment. What does not fit is dropped in this order: the
// diff, the commits and what was edited by hand in files, the names of files. History is what is known of the source
// repositories that the Freight names.
func Body(p *pipeline.Promotion, history ...History) string {
	head := Marker(p) + "\n" +
		fmt.Sprintf("Brings **%s** (%s) %s **%s**: %s.\n\n", Text(p.Freight.Headline()), Text(p.Freight.Alias), direction(p), Text(p.Stage.Name), Text(p.Reason)) +
		artifacts(p, "This PR") + gates(p) + afterwards(p)
	promoted, brief := carriedSection(p, true), carriedSection(p, false)
	tail := undo(p) + fmt.Sprintf("\n<sub>Promotion %s · Freight %s · close to abort, draft to hold · `/kargo help`</sub>\n",
		Code(p.ID), Code(pipeline.Short(p.Freight.ID)))
	effect, news := EffectOf(p), histories(history)+commits(p, history)
	return fit(bodyLimit,
		head+promoted+effectSection(effect, true)+news+tail,
		head+promoted+effectSection(effect, false)+news+tail,
		head+brief+effectSection(effect, false)+tail,
		head+brief+tail,
	)
}

// fit returns the first of the versions that is short enough, or what fits of the
// last.
func fit(n int, versions ...string) string {
	for _, v := range versions {
		if len(v) <= n {
			return v
		}
	}
	return limit(versions[len(versions)-1], n)
}

// undo says how to go back, with the command where there is one.
func undo(p *pipeline.Promotion) string {
	if p.Previous == nil {
		return "\n**Undo:** close this pull request to abort; once merged, revert it.\n"
	}
	return fmt.Sprintf("\n**Undo:** close this pull request to abort; once merged, %s brings back %s.\n",
		Code("/rollback "+p.Stage.Name+" "+p.Previous.Alias), Text(p.Previous.Headline()))
}

func direction(p *pipeline.Promotion) string {
	if p.Rollback {
		return "back to"
	}
	return "to"
}

// afterwards says what the merge sets off.
func afterwards(p *pipeline.Promotion) string {
	var b strings.Builder
	if v := p.Stage.Verification; v != nil && len(v.Metrics) > 0 {
		names := make([]string, 0, len(v.Metrics))
		for i, m := range v.Metrics {
			if i == maxListed {
				names = append(names, fmt.Sprintf("and %d more", len(v.Metrics)-i))
				break
			}
			names = append(names, Code(m.Name))
		}
		fmt.Fprintf(&b, "\n**Verified after the merge** by %s\n", strings.Join(names, ", "))
	}
	switch p.HoldIntent {
	case pipeline.SetHold:
		fmt.Fprintf(&b, "\n‖ Auto-promotion is held from now on, so that nothing newer takes its place; %s lets go.\n", Code("/kargo resume "+p.Stage.Name))
	case pipeline.ClearHold, pipeline.NoHoldIntent:
	}
	return b.String()
}

// gates is the checklist of what had to hold for the Promotion to start and what
// has to hold for the merge.
func gates(p *pipeline.Promotion) string {
	var b strings.Builder
	b.WriteString("\n**Why this may ship**\n\n")
	req, _ := p.Stage.Request(p.Freight.Warehouse)
	switch {
	case req.Direct:
		fmt.Fprintf(&b, "- [x] straight from Warehouse %s\n", Text(req.Origin))
	case len(req.Stages) == 1:
		fmt.Fprintf(&b, "- [x] verified in %s\n", Text(req.Stages[0]))
	case req.AvailabilityStrategy == pipeline.All:
		fmt.Fprintf(&b, "- [x] verified in all of %s\n", Text(strings.Join(req.Stages, ", ")))
	default:
		fmt.Fprintf(&b, "- [x] verified in one of %s\n", Text(strings.Join(req.Stages, ", ")))
	}
	if req.RequiredSoakTime > 0 && !req.Direct {
		fmt.Fprintf(&b, "- [x] soaked %s\n", duration(req.RequiredSoakTime))
	}
	if p.Stage.PullRequest.Merge == pipeline.MergeManual {
		b.WriteString("- [ ] merged by hand\n")
		return b.String()
	}
	if n := p.Stage.Approvals.Required; n > 0 {
		fmt.Fprintf(&b, "- [ ] %s%s\n", plural(n, "approving review"), from(p.Stage.Approvals.From))
	}
	for _, q := range p.Stage.Approvals.Quorum {
		fmt.Fprintf(&b, "- [ ] %s%s\n", plural(q.Required, "approving review"), from(q.From))
	}
	b.WriteString("- [ ] the checks that the base branch requires\n")
	return b.String()
}

// maxListed is how many files the effect names.
const maxListed = 20

func effectSection(e Effect, withDiff bool) string {
	if len(e.Files) == 0 {
		return ""
	}
	added, deleted := 0, 0
	for _, f := range e.Files {
		added, deleted = added+f.Added, deleted+f.Deleted
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n**Effect:** %s, +%d −%d\n\n", plural(len(e.Files)+e.Omitted, "file"), added, deleted)
	for i, f := range e.Files {
		if i == maxListed {
			fmt.Fprintf(&b, "- and %d more\n", len(e.Files)+e.Omitted-i)
			break
		}
		what := ""
		if f.Status != "" && f.Status != "modified" {
			what = Text(f.Status) + ", "
		}
		fmt.Fprintf(&b, "- %s %s+%d −%d\n", Code(f.Path), what, f.Added, f.Deleted)
	}
	if withDiff && e.Diff != "" {
		fmt.Fprintf(&b, "\n<details><summary>Diff</summary>\n\n%s\n</details>\n", fenced("diff", e.Diff))
		if e.Truncated {
			b.WriteString("\nThe diff is cut here; the whole of it is in the files tab.\n")
		}
	}
	return b.String()
}
