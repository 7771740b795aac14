package forge

import (
	"slices"
	"strings"
)

// searchIssues knows the qualifiers repo, is, state, label and author; everything else is a word that the title or the
// text must have. Unlike GitHub's, the index is never behind.
func searchIssues(c *call) (reply, error) {
	q := c.query.Get("q")
	if strings.TrimSpace(q) == "" {
		return reply{}, invalid("Search", "q", "missing", "")
	}
	terms := splitQuery(q)
	var found []obj
	named := false
	for _, r := range c.s.sortedRepos() {
		wanted := slices.ContainsFunc(terms, func(t string) bool { return strings.EqualFold(t, "repo:"+r.fullName()) })
		named = named || wanted && c.actor.covers(r)
		if !wanted || r.private && !c.actor.covers(r) {
			continue
		}
		for _, i := range slices.Backward(r.issues) {
			if i.matches(terms) {
				o := c.s.renderIssue(r, i)
				o["score"], o["body"] = 1.0, i.body
				found = append(found, o)
			}
		}
	}
	if !named {
		return reply{}, unprocessable("The listed users and repositories cannot be searched either because the resources do not exist or you do not have permission to view them.")
	}
	cut, h := page(c, found)
	return reply{status: 200, header: h, body: obj{
		"total_count": len(found), "incomplete_results": false, "items": mapSlice(cut, func(o obj) obj { return o }), "search_type": "lexical",
	}}, nil
}

func (s *Server) sortedRepos() []*repo {
	var out []*repo
	for _, r := range s.repos {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *repo) int { return strings.Compare(a.fullName(), b.fullName()) })
	return out
}

// splitQuery splits at spaces outside of quotes, and drops those.
func splitQuery(q string) []string {
	quoted := false
	parts := strings.FieldsFunc(q, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(p, `"`, "")
	}
	return parts
}

func (i *issue) matches(terms []string) bool {
	for _, t := range terms {
		name, value, qualifier := strings.Cut(t, ":")
		ok := true
		switch {
		case !qualifier:
			text := strings.ToLower(i.title + "\n" + i.body)
			ok = strings.Contains(text, strings.ToLower(t))
		case name == "is" && (value == "issue" || value == "pr"):
			ok = (i.pull != nil) == (value == "pr")
		case name == "is", name == "state":
			ok = i.state == value
		case name == "label":
			ok = i.hasLabels([]string{value})
		case name == "author":
			ok = strings.EqualFold(i.user.login, value)
		}
		if !ok {
			return false
		}
	}
	return true
}
