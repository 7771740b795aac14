package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// carried is what patch steps promoted, and what they found edited by hand, as they
// recorded it.
type carried struct {
	Changes []struct {
		Change string `json:"change"`
		Path   string `json:"path"`
		Key    string `json:"key"`
		Old    string `json:"old"`
		New    string `json:"new"`
	} `json:"changes"`
	Omitted      int        `json:"changesOmitted"`
	Edits        []handEdit `json:"drift"`
	EditsOmitted int        `json:"driftOmitted"`
	DecidedBy    string     `json:"decidedBy"`
	Since        string     `json:"since"`
	Note         string     `json:"note"`
	Adopted      []struct {
		Path string `json:"path"`
		Key  string `json:"key"`
		In   string `json:"in"`
		By   string `json:"by"`
	} `json:"adopted"`
}

// handEdit is a value or file that somebody edited in the target.
type handEdit struct {
	Path      string `json:"path"`
	Key       string `json:"key"`
	Published string `json:"published"`
	Found     string `json:"found"`
	Promoted  string `json:"promoted"`
	Diff      string `json:"diff"`
	Action    string `json:"action"`
	Before    string `json:"before"`
	Commits   []struct {
		ID      string    `json:"id"`
		URL     string    `json:"url"`
		Author  string    `json:"author"`
		At      time.Time `json:"at"`
		Subject string    `json:"subject"`
	} `json:"commits"`
}

// carriedBy returns what each patch step of a Promotion recorded.
func carriedBy(p *pipeline.Promotion) []carried {
	var all []carried
	for i, spec := range p.Stage.Steps {
		var c carried
		if spec.Uses == "patch" && i < len(p.Steps) && json.Unmarshal(p.Steps[i].Output, &c) == nil {
			all = append(all, c)
		}
	}
	return all
}

// carriedSection tells a pull request what was promoted from elsewhere, and what of that
// somebody had edited by hand.
func carriedSection(p *pipeline.Promotion, withDiffs bool) string {
	var b strings.Builder
	for _, c := range carriedBy(p) {
		b.WriteString(c.edits(p, "overwrite", withDiffs))
		b.WriteString(c.edits(p, "adopt", withDiffs))
		b.WriteString(c.standing(p))
		b.WriteString(c.values())
		b.WriteString(c.files())
		if c.Note != "" {
			fmt.Fprintf(&b, "\n%s.\n", Text(c.Note))
		}
	}
	return b.String()
}

// values lists the values that were set.
func (c carried) values() string {
	var rows strings.Builder
	n := 0
	for _, ch := range c.Changes {
		if ch.Change != "set" {
			continue
		}
		if n++; n <= maxListed {
			fmt.Fprintf(&rows, "| %s %s | %s | %s |\n", Code(ch.Path), Code(ch.Key), Code(ch.Old), Code(ch.New))
		}
	}
	if n == 0 {
		return ""
	}
	if n > maxListed {
		fmt.Fprintf(&rows, "| and %d more | | |\n", n-maxListed)
	}
	return "\n**Values promoted**\n\n| Value | Before | From here on |\n|---|---|---|\n" + rows.String()
}

// files counts the files that became others, and names what was renamed: the effect
// names the rest.
func (c carried) files() string {
	counts := map[string]int{}
	var moves strings.Builder
	total := 0
	for _, ch := range c.Changes {
		if ch.Change == "set" {
			continue
		}
		total++
		if counts[ch.Change]++; ch.Change == "renamed" && counts[ch.Change] <= maxListed {
			fmt.Fprintf(&moves, "- renamed %s to %s\n", Code(ch.Old), Code(ch.Path))
		}
	}
	if total == 0 {
		return ""
	}
	var parts []string
	for _, what := range []string{"added", "modified", "renamed", "deleted"} {
		if n := counts[what]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	if c.Omitted > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", c.Omitted))
	}
	text := fmt.Sprintf("\n**Files promoted:** %s\n", strings.Join(parts, ", "))
	if moves.Len() > 0 {
		text += "\n" + moves.String()
	}
	return text
}

// edits tells what became of edits by hand that are treated in one way.
func (c carried) edits(p *pipeline.Promotion, action string, withDiffs bool) string {
	var some []handEdit
	for _, e := range c.Edits {
		if e.Action == action {
			some = append(some, e)
		}
	}
	if len(some) == 0 {
		return ""
	}
	since := ""
	if c.Since != "" {
		since = " since " + Text(c.Since)
	}
	alert, lead := "CAUTION", "**This overwrites what was edited by hand"+since+"**"
	if action == "adopt" {
		alert, lead = "IMPORTANT", "**What was edited by hand"+since+" stays** until its source changes"
	}
	if c.DecidedBy != "" {
		lead += ", as " + Text(c.DecidedBy) + " decided"
	} else {
		lead += ", as the pipeline says"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n> [!%s]\n> %s:\n>\n", alert, lead)
	b.WriteString("> | Where | Published | Edited to | Source | By |\n> |---|---|---|---|---|\n")
	for _, e := range some {
		fmt.Fprintf(&b, "> | %s | %s | %s | %s | %s |\n", e.place(), e.show(e.Published), e.show(e.Found), e.show(e.Promoted), orDash(e.by()))
	}
	if c.EditsOmitted > 0 {
		fmt.Fprintf(&b, ">\n> and %d more\n", c.EditsOmitted)
	}
	if action == "overwrite" && c.DecidedBy != "" {
		fmt.Fprintf(&b, ">\n> To keep it instead, close this pull request, then %s and answer %s.\n",
			Code("/promote "+p.Stage.Name+" "+p.Freight.Alias), Code("/kargo answer "+p.Stage.Name+" drift=adopt"))
	}
	if withDiffs {
		b.WriteString(diffs(some))
	}
	return b.String()
}

// diffs shows what was edited in files.
func diffs(edits []handEdit) string {
	var b strings.Builder
	for _, e := range edits {
		if e.Diff != "" {
			fmt.Fprintf(&b, "\n<details><summary>Edited by hand: %s</summary>\n\n%s\n</details>\n", Text(e.Path), fenced("diff", e.Diff))
		}
	}
	return b.String()
}

// standing tells what earlier Promotions decided to keep.
func (c carried) standing(p *pipeline.Promotion) string {
	var lines []string
	for _, a := range c.Adopted {
		if a.In == p.ID {
			continue
		}
		line := Code(a.Path)
		if a.Key != "" {
			line += " " + Code(a.Key)
		}
		line += " since " + Text(a.In)
		if a.By != "" {
			line += ", as " + Text(a.By) + " decided"
		}
		lines = append(lines, "- "+line+"\n")
	}
	if len(lines) == 0 {
		return ""
	}
	rest := ""
	if n := len(lines) - maxListed; n > 0 {
		lines, rest = lines[:maxListed], fmt.Sprintf("- and %d more\n", n)
	}
	return "\n**Stays as it was edited by hand**, because its source has not changed:\n\n" + strings.Join(lines, "") + rest
}

func (e handEdit) place() string {
	if e.Key == "" {
		return Code(e.Path)
	}
	return Code(e.Path) + " " + Code(e.Key)
}

// show is a value, or what is said of a file.
func (e handEdit) show(s string) string {
	if e.Key == "" {
		return orDash(Text(s))
	}
	return Code(s)
}

// by names the commits that did it.
func (e handEdit) by() string {
	var all []string
	for _, c := range e.Commits {
		s := Text(c.Author) + " in " + Link(pipeline.Short(c.ID), c.URL)
		if !c.At.IsZero() {
			s += " " + c.At.UTC().Format("2006-01-02")
		}
		if c.Subject != "" {
			s += ": " + Text(c.Subject)
		}
		all = append(all, s)
	}
	if e.Before != "" {
		all = append(all, "kept before in "+Text(e.Before))
	}
	return strings.Join(all, "; ")
}
