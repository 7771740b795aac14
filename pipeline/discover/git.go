package discover

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
)

// gitSource is one git Subscription being looked at.
type gitSource struct {
	pipeline.GitSubscription
	d        *Discoverer
	name     string
	url      string
	previous *pipeline.Commit
	rejected *rejections
	paths    pathFilter
}

func (d *Discoverer) git(
	ctx context.Context, name, url string, sub pipeline.GitSubscription, previous *pipeline.Commit, rejected *rejections,
) ([]pipeline.Commit, error) {
	sub.DiscoveryLimit = limitOr(sub.DiscoveryLimit)
	s := &gitSource{GitSubscription: sub, d: d, name: name, url: url, previous: previous, rejected: rejected}
	var err error
	if s.paths, err = newPathFilter(sub.IncludePaths, sub.ExcludePaths); err != nil {
		return nil, err
	}
	switch sub.CommitSelectionStrategy {
	case pipeline.NewestFromBranch, "":
		return s.newestFromBranch(ctx)
	case pipeline.CommitSemVer:
		return s.semVerTags(ctx)
	case pipeline.CommitLexical:
		return s.lexicalTags(ctx)
	case pipeline.NewestTag:
		return s.newestTags(ctx)
	default:
		return nil, fmt.Errorf("commitSelectionStrategy %q is unknown", sub.CommitSelectionStrategy)
	}
}

// artifact is the Freight form of a commit.
func (s *gitSource) artifact(c Commit) pipeline.Commit {
	return pipeline.Commit{
		RepoURL: s.url, ID: c.ID, Branch: s.Branch, Message: subject(c.Message),
		Author: c.Author, Committer: c.Committer, CreatedAt: c.CommittedAt, Subscription: s.name,
	}
}

// tagArtifact is the Freight form of a tagged commit; it belongs to no branch.
func (s *gitSource) tagArtifact(t Tag) pipeline.Commit {
	a := s.artifact(t.Commit)
	a.ID, a.Branch, a.Tag, a.CreatedAt = t.ID, "", t.Name, t.CreatedAt
	return a
}

// kept is the commit of the last Freight as it would be found today.
func (s *gitSource) kept() pipeline.Commit {
	c := *s.previous
	c.RepoURL = s.url
	if c.Tag == "" {
		c.Branch = s.Branch
	}
	return c
}

// subject is the first line of a message, cut to 80 characters.
func subject(message string) string {
	const most = 80
	line, _, _ := strings.Cut(strings.TrimLeft(message, "\r\n"), "\n")
	line = strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD"))
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	return string([]rune(line)[:most])
}
