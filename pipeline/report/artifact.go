package report

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// The labels by which images say what they were built from.
const (
	sourceLabel   = "org.opencontainers.image.source"
	revisionLabel = "org.opencontainers.image.revision"
)

// artifacts is the table of what is in the Stage now, what this Promotion brings,
// under the given heading, and where to compare the two.
func artifacts(p *pipeline.Promotion, heading string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| Artifact | %s now | %s | |\n|---|---|---|---|\n", Text(p.Stage.Name), heading)
	row := func(icon, name, now, next, compare string) {
		link := ""
		switch {
		case now == next:
			link = "unchanged"
		case now != "" && compare != "":
			link = Link("compare", compare)
		}
		fmt.Fprintf(&b, "| %s %s | %s | **%s** | %s |\n", icon, Code(name), Code(now), Code(next), link)
	}
	prev := p.Previous
	if prev == nil {
		prev = &pipeline.Freight{}
	}
	host := hostOf(p)
	for _, i := range p.Freight.Images {
		var old pipeline.Image
		now := ""
		for _, o := range prev.Images {
			if o.RepoURL == i.RepoURL && o.Subscription == i.Subscription {
				old, now = o, imageVersion(o)
			}
		}
		next := imageVersion(i)
		if now == next && old.Digest != i.Digest {
			now, next = digestVersion(old), digestVersion(i)
		}
		row("🐳", i.RepoURL, now, next, compareImages(host, old, i))
	}
	for _, c := range p.Freight.Commits {
		var old pipeline.Commit
		now := ""
		for _, o := range prev.Commits {
			if pipeline.NormalizeGitURL(o.RepoURL) == pipeline.NormalizeGitURL(c.RepoURL) && o.Subscription == c.Subscription {
				old, now = o, commitVersion(o)
			}
		}
		row("🌱", strings.TrimPrefix(pipeline.NormalizeGitURL(c.RepoURL), "https://"), now, commitVersion(c), compare(host, c.RepoURL, old.ID, c.ID))
	}
	for _, c := range p.Freight.Charts {
		now := ""
		for _, o := range prev.Charts {
			if o.RepoURL == c.RepoURL && o.Name == c.Name {
				now = o.Version
			}
		}
		row("📦", strings.TrimSuffix(c.RepoURL+"/"+c.Name, "/"), now, c.Version, "")
	}
	return b.String()
}

func imageVersion(i pipeline.Image) string {
	if i.Tag == "" {
		return i.Digest
	}
	return i.Tag
}

// digestVersion tells two images of one tag apart.
func digestVersion(i pipeline.Image) string {
	algorithm, hex, _ := strings.Cut(i.Digest, ":")
	if i.Tag == "" {
		return i.Digest
	}
	return i.Tag + "@" + algorithm + ":" + pipeline.Short(hex)
}

func commitVersion(c pipeline.Commit) string {
	if c.Tag != "" {
		return c.Tag
	}
	return pipeline.Short(c.ID)
}

// hostOf is the Git host that the Promotion pushed to, which is the one whose
// addresses are known to have a compare view.
func hostOf(p *pipeline.Promotion) string {
	for i, spec := range p.Stage.Steps {
		var out struct {
			URL string `json:"commitURL"`
		}
		if !pipeline.IsPush(spec.Uses) || i >= len(p.Steps) || json.Unmarshal(p.Steps[i].Output, &out) != nil {
			continue
		}
		if u, err := url.Parse(out.URL); err == nil && u.Host != "" {
			return u.Host
		}
	}
	return "github.com"
}

// compare is the address of the view of what lies between two revisions, "" where
// there is none.
func compare(host, repoURL, from, to string) string {
	u, err := url.Parse(pipeline.NormalizeGitURL(repoURL))
	if err != nil || (u.Host != host && u.Host != "github.com") || strings.Count(strings.Trim(u.Path, "/"), "/") != 1 || from == "" || to == "" || from == to {
		return ""
	}
	return safeURL(u.String() + "/compare/" + url.PathEscape(from) + "..." + url.PathEscape(to))
}

// bare is a version without the v that release tags mostly have.
var bare = regexp.MustCompile(`^[0-9]+\.[0-9]+`)

// compareImages compares what two images were built from: by the revisions that
// they carry, else by release tags named like their own.
func compareImages(host string, old, next pipeline.Image) string {
	source := next.Annotations[sourceLabel]
	if from, to := old.Annotations[revisionLabel], next.Annotations[revisionLabel]; from != "" && to != "" {
		return compare(host, source, from, to)
	}
	release := func(tag string) string {
		if bare.MatchString(tag) {
			return "v" + tag
		}
		return tag
	}
	return compare(host, source, release(old.Tag), release(next.Tag))
}

// commits names the newest commit of every artifact that says so and whose history
// is not told.
func commits(p *pipeline.Promotion, told []History) string {
	var b strings.Builder
	for _, c := range p.Freight.Commits {
		if c.Subject() == "" || slices.ContainsFunc(told, func(h History) bool { return len(h.Commits) > 0 && h.Head == c.ID }) {
			continue
		}
		by := ""
		if c.Author != "" {
			by = " by " + Text(author(c.Author))
		}
		fmt.Fprintf(&b, "- %s %s%s\n", Code(pipeline.Short(c.ID)), Code(c.Subject()), by)
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n**Newest commits**\n\n" + b.String()
}

// author drops the address of "name <address>".
func author(s string) string {
	name, _, _ := strings.Cut(s, "<")
	if name = strings.TrimSpace(name); name == "" {
		return "somebody"
	}
	return name
}
