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
// of things is in the comment.
func Body(p *pipeline.Promotion) string {
	head := Marker(p) + "\n" +
		fmt.Sprintf("Brings **%s** (%s) to **%s**: %s.\n\n", Text(p.Freight.Headline()), Text(p.Freight.Alias), Text(p.Stage.Name), Text(p.Reason)) +
		artifacts(p) + gates(p)
	tail := fmt.Sprintf("\n**Undo:** close this pull request to abort; once merged, promote the Freight before it, `/promote %s %s`.\n", p.Stage.Name, previousAlias(p)) +
		fmt.Sprintf("\n<sub>Promotion %s · Freight `%s` · convert to draft to hold · `/kargo help`</sub>\n", p.ID, pipeline.Short(p.Freight.ID))
	effect := EffectOf(p)
	for _, section := range []string{effectSection(effect, true), effectSection(effect, false)} {
		if body := head + section + tail; len(body) <= bodyLimit {
			return body
		}
	}
	return limit(head+tail, bodyLimit)
}

func previousAlias(p *pipeline.Promotion) string {
	if p.Previous == nil {
		return "<freight>"
	}
	return p.Previous.Alias
}

func artifacts(p *pipeline.Promotion) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| Artifact | %s now | This PR |\n|---|---|---|\n", Text(p.Stage.Name))
	row := func(icon, name, now, next string) {
		if now == "" {
			now = "–"
		} else {
			now = Code(now)
		}
		fmt.Fprintf(&b, "| %s %s | %s | **%s** |\n", icon, Code(name), now, Code(next))
	}
	prev := p.Previous
	if prev == nil {
		prev = &pipeline.Freight{}
	}
	for _, i := range p.Freight.Images {
		now := ""
		for _, o := range prev.Images {
			if o.RepoURL == i.RepoURL {
				now = imageVersion(o)
			}
		}
		row("🐳", i.RepoURL, now, imageVersion(i))
	}
	for _, c := range p.Freight.Commits {
		now := ""
		for _, o := range prev.Commits {
			if o.RepoURL == c.RepoURL {
				now = commitVersion(o)
			}
		}
		row("🌱", c.RepoURL, now, commitVersion(c))
	}
	for _, c := range p.Freight.Charts {
		now := ""
		for _, o := range prev.Charts {
			if o.RepoURL == c.RepoURL && o.Name == c.Name {
				now = o.Version
			}
		}
		row("📦", c.RepoURL+"/"+c.Name, now, c.Version)
	}
	return b.String()
}

func imageVersion(i pipeline.Image) string {
	if i.Tag == "" {
		return i.Digest
	}
	return i.Tag
}

func commitVersion(c pipeline.Commit) string {
	if c.Tag != "" {
		return c.Tag
	}
	return pipeline.Short(c.ID)
}

// gates is the checklist of what had to hold for the Promotion to start and what
// has to hold for the merge.
func gates(p *pipeline.Promotion) string {
	var b strings.Builder
	b.WriteString("\n**Why this may ship**\n\n")
	req, _ := p.Stage.Request(p.Freight.Warehouse)
	if req.Direct {
		fmt.Fprintf(&b, "- [x] straight from Warehouse %s\n", Text(req.Origin))
	} else {
		fmt.Fprintf(&b, "- [x] verified in %s\n", Text(strings.Join(req.Stages, ", ")))
	}
	if req.RequiredSoakTime > 0 {
		fmt.Fprintf(&b, "- [x] soaked %s\n", duration(req.RequiredSoakTime))
	}
	if n := p.Stage.Approvals.Required; n > 0 {
		from := ""
		if len(p.Stage.Approvals.From) > 0 {
			from = " from " + Text(strings.Join(p.Stage.Approvals.From, ", "))
		}
		fmt.Fprintf(&b, "- [ ] %s%s\n", plural(n, "approving review"), from)
	}
	b.WriteString("- [ ] the checks that the base branch requires\n")
	return b.String()
}

func effectSection(e Effect, withDiff bool) string {
	if len(e.Files) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n**Effect:** %s\n\n", plural(len(e.Files), "file"))
	for i, f := range e.Files {
		if i == 20 {
			fmt.Fprintf(&b, "- and %d more\n", len(e.Files)-i)
			break
		}
		fmt.Fprintf(&b, "- %s +%d −%d\n", Code(f.Path), f.Added, f.Deleted)
	}
	if withDiff && e.Diff != "" {
		fmt.Fprintf(&b, "\n<details><summary>Diff</summary>\n\n%s\n</details>\n", fenced("diff", e.Diff))
		if e.Truncated {
			b.WriteString("\nThe diff is cut here; the whole of it is in the files tab.\n")
		}
	}
	return b.String()
}
