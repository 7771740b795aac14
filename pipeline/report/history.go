package report

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Span is a stretch of a source repository's history: what head has that base has
// not.
type Span struct {
	// RepoURL is normalized: "https://github.com/acme/web".
	RepoURL    string
	Base, Head string
}

// Source is "owner/name" of the span's repository, as its URL says.
func (s Span) Source() string {
	u, err := url.Parse(s.RepoURL)
	if err != nil {
		return ""
	}
	return strings.Trim(u.Path, "/")
}

// History is what lies in a Span.
type History struct {
	Span
	// Commits are in the order in which they were made; there may be more.
	Commits []HistoryCommit
	// Total counts all commits.
	Total int
}

// HistoryCommit is one commit of a [History]. All of it is a stranger's text.
type HistoryCommit struct {
	ID, Message string
	// Author is a login or a name.
	Author string
}

// maxSpans is how many repositories a pull request tells the history of: each
// costs a request.
const maxSpans = 5

// Spans returns the stretches of history that a Promotion brings: where the Freight
// and the one that it replaces both say of which repository and commit an artifact
// is, by a commit or by the annotations of an image.
func Spans(p *pipeline.Promotion) []Span {
	if p.Previous == nil {
		return nil
	}
	var spans []Span
	add := func(repo, base, head string) {
		s := Span{RepoURL: pipeline.NormalizeGitURL(repo), Base: base, Head: head}
		if commitID.MatchString(base) && commitID.MatchString(head) && base != head && len(spans) < maxSpans && !slices.Contains(spans, s) && strings.Count(s.Source(), "/") == 1 {
			spans = append(spans, s)
		}
	}
	for _, c := range p.Freight.Commits {
		for _, o := range p.Previous.Commits {
			if pipeline.NormalizeGitURL(o.RepoURL) == pipeline.NormalizeGitURL(c.RepoURL) && o.Subscription == c.Subscription {
				add(c.RepoURL, o.ID, c.ID)
			}
		}
	}
	for _, i := range p.Freight.Images {
		for _, o := range p.Previous.Images {
			if o.RepoURL == i.RepoURL && o.Subscription == i.Subscription {
				add(i.Annotations[sourceLabel], o.Annotations[revisionLabel], i.Annotations[revisionLabel])
			}
		}
	}
	return spans
}

var (
	commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)
	mergedPR = regexp.MustCompile(`^Merge pull request #([0-9]{1,9}) from `)
	squashed = regexp.MustCompile(`\(#([0-9]{1,9})\)$`)
)

// pull returns the number of the pull request that a commit came by, as GitHub
// writes it into messages, or "".
func (c HistoryCommit) pull() string {
	first, _, _ := strings.Cut(c.Message, "\n")
	for _, form := range []*regexp.Regexp{mergedPR, squashed} {
		if m := form.FindStringSubmatch(strings.TrimSpace(first)); m != nil {
			return m[1]
		}
	}
	return ""
}

// subject is the first line of the message; of a merge the title of what it
// merged.
func (c HistoryCommit) subject() string {
	first, rest, _ := strings.Cut(c.Message, "\n")
	if title := strings.TrimSpace(rest); mergedPR.MatchString(first) && title != "" {
		title, _, _ = strings.Cut(title, "\n")
		return title + " (#" + c.pull() + ")"
	}
	return first
}

// histories tells what lies between the Freight and the one that it replaces, the
// newest first.
func histories(all []History) string {
	var b strings.Builder
	for _, h := range all {
		if len(h.Commits) == 0 {
			continue
		}
		var authors, pulls []string
		for _, c := range h.Commits {
			if who := author(c.Author); !slices.Contains(authors, who) {
				authors = append(authors, who)
			}
			if n := c.pull(); n != "" && !slices.Contains(pulls, n) {
				pulls = append(pulls, n)
			}
		}
		fmt.Fprintf(&b, "\n**%s** of %s by %s", plural(h.Total, "commit"), Code(h.Source()), people(authors))
		if len(pulls) > 0 {
			b.WriteString(", in " + plural(len(pulls), "pull request"))
		}
		b.WriteString("\n\n")
		for i, c := range slices.Backward(h.Commits) {
			if listed := len(h.Commits) - 1 - i; listed == maxListed {
				fmt.Fprintf(&b, "- and %d more\n", h.Total-listed)
				break
			}
			fmt.Fprintf(&b, "- %s %s by %s\n", Code(pipeline.Short(c.ID)), Code(c.subject()), Text(author(c.Author)))
		}
	}
	return b.String()
}

func people(names []string) string {
	const most = 5
	shown := names[:min(most, len(names))]
	text := Text(strings.Join(shown, ", "))
	if n := len(names) - len(shown); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
