package discover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
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
	// notBefore is what since means, zero for no bound.
	notBefore time.Time
	// before is what it gave last time, nil for what is not known.
	before *pipeline.DiscoveredSubscription
	// seen identifies the state of the source: the head of the branch, or the tags
	// that are admitted by name. Of the same state the same follows.
	seen string
	// diffs counts the commits that were compared with their parents.
	diffs int
}

// errUnchanged says that the source is in the state it was in last time.
var errUnchanged = errors.New("unchanged")

func (d *Discoverer) git(
	ctx context.Context, name, url string, sub pipeline.GitSubscription, previous *pipeline.Commit,
	before *pipeline.DiscoveredSubscription, rejected *rejections,
) (found []pipeline.Commit, seen string, err error) {
	sub.DiscoveryLimit = limitOr(sub.DiscoveryLimit)
	s := &gitSource{GitSubscription: sub, d: d, name: name, url: url, previous: previous, before: before, rejected: rejected}
	if s.paths, err = newPathFilter(sub.IncludePaths, sub.ExcludePaths); err != nil {
		return nil, "", err
	}
	if sub.Since != "" {
		if s.notBefore, err = parseSince(sub.Since, d.Now()); err != nil {
			return nil, "", err
		}
	}
	found, err = s.choose(ctx)
	return found, s.seen, err
}

// saw notes the state of the source, and is errUnchanged if that is the state it
// was in last time.
func (s *gitSource) saw(state string) error {
	s.seen = state
	if s.before != nil && s.before.Seen == state {
		return errUnchanged
	}
	return nil
}

func (s *gitSource) choose(ctx context.Context) ([]pipeline.Commit, error) {
	switch s.CommitSelectionStrategy {
	case pipeline.NewestFromBranch, "":
		return s.newestFromBranch(ctx)
	case pipeline.CommitSemVer:
		return s.semVerTags(ctx)
	case pipeline.CommitLexical:
		return s.lexicalTags(ctx)
	case pipeline.NewestTag:
		return s.newestTags(ctx)
	default:
		return nil, fmt.Errorf("commitSelectionStrategy %q is unknown", s.CommitSelectionStrategy)
	}
}

func (s *gitSource) repo() Repository {
	return Repository{URL: s.url, SkipTLSVerify: s.InsecureSkipTLSVerify}
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
