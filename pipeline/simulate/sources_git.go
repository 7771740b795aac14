package simulate

import (
	"context"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// repository is the history of one Git repository.
type repository struct {
	commits  map[string]discover.Commit
	trees    map[string]map[string]string
	branches map[string]string
	tags     []discover.Tag
}

func (s *sources) url(repoURL string) string {
	if repoURL == "" {
		repoURL = s.w.repoURL()
	}
	return pipeline.NormalizeGitURL(repoURL)
}

func (s *sources) repo(repoURL string) *repository {
	url := s.url(repoURL)
	r, ok := s.repos[url]
	if !ok {
		r = &repository{commits: map[string]discover.Commit{}, trees: map[string]map[string]string{}, branches: map[string]string{}}
		s.repos[url] = r
	}
	return r
}

func (s *sources) markGit(repoURL string) {
	url := s.url(repoURL)
	s.mark(func(sub pipeline.Subscription) bool { return sub.Git != nil && s.url(sub.Git.RepoURL) == url })
}

// pushCommit puts a commit on top of a branch.
func (s *sources) pushCommit(c Commit) {
	r := s.repo(c.RepoURL)
	branch := c.Branch
	if branch == "" {
		branch = defaultBranch
	}
	at := s.w.now
	if c.CreatedAt != nil {
		at = c.CreatedAt.past(s.w.now)
	}
	made := discover.Commit{ID: c.ID, Message: c.Message, Author: c.Author, Committer: c.Committer, CommittedAt: at}
	if made.Committer == "" {
		made.Committer = made.Author
	}
	files := map[string]string{}
	if head := r.branches[branch]; head != "" {
		made.Parents = append(made.Parents, head)
	}
	made.Parents = append(made.Parents, c.Merges...)
	for _, parent := range made.Parents {
		for path, content := range r.trees[parent] {
			files[path] = content
		}
	}
	if made.ID == "" {
		made.ID = commitID(append([]string{s.url(c.RepoURL), branch, c.Message, fmt.Sprint(len(r.commits))}, made.Parents...)...)
	}
	for _, path := range c.Paths {
		files[path] = made.ID
	}
	r.commits[made.ID], r.trees[made.ID], r.branches[branch] = made, files, made.ID
	if c.Tag != "" {
		r.tags = append(r.tags, discover.Tag{Name: c.Tag, ID: made.ID, CreatedAt: at})
	}
	s.markGit(c.RepoURL)
}

func (s *sources) pushTag(t Tag) error {
	r := s.repo(t.RepoURL)
	id := t.Commit
	if id == "" {
		id = r.branches[defaultBranch]
	}
	c, ok := r.commits[id]
	if !ok {
		return fmt.Errorf("tag %s: there is no commit %s", t.Name, t.Commit)
	}
	made := discover.Tag{Name: t.Name, ID: id, CreatedAt: c.CommittedAt, Annotation: t.Message, Tagger: t.Tagger}
	if t.CreatedAt != nil {
		made.CreatedAt = t.CreatedAt.past(s.w.now)
	} else if t.Message != "" {
		made.CreatedAt = s.w.now
	}
	r.tags = append(slices.DeleteFunc(r.tags, func(old discover.Tag) bool { return old.Name == t.Name }), made)
	s.markGit(t.RepoURL)
	return nil
}

// commits reads the Git repositories.
type commits struct{ *sources }

// Head implements [discover.Commits].
func (s commits) Head(_ context.Context, r discover.Repository, branch string) (string, error) {
	if err := s.works(r.URL); err != nil {
		return "", err
	}
	if branch == "" {
		branch = defaultBranch
	}
	if id := s.repo(r.URL).branches[branch]; id != "" {
		return id, nil
	}
	return "", fmt.Errorf("branch %s: %w", branch, discover.ErrNotFound)
}

// Log implements [discover.Commits].
func (s commits) Log(_ context.Context, in discover.Repository, from string, limit int) ([]discover.Commit, error) {
	r := s.repo(in.URL)
	var out []discover.Commit
	for id := from; len(out) < limit; {
		c, ok := r.commits[id]
		if !ok {
			return nil, fmt.Errorf("commit %s: %w", id, discover.ErrNotFound)
		}
		out = append(out, c)
		if len(c.Parents) == 0 {
			break
		}
		id = c.Parents[0]
	}
	return out, nil
}

// Tags implements [discover.Commits].
func (s commits) Tags(_ context.Context, r discover.Repository) ([]discover.Tag, error) {
	if err := s.works(r.URL); err != nil {
		return nil, err
	}
	return slices.Clone(s.repo(r.URL).tags), nil
}

// Describe implements [discover.Commits].
func (s commits) Describe(_ context.Context, in discover.Repository, tags []discover.Tag) ([]discover.Tag, error) {
	r := s.repo(in.URL)
	out := slices.Clone(tags)
	for i := range out {
		out[i].Commit = r.commits[out[i].ID]
	}
	return out, nil
}

// Changed implements [discover.Commits].
func (s commits) Changed(_ context.Context, in discover.Repository, base, head string) ([]string, error) {
	r := s.repo(in.URL)
	if _, ok := r.trees[base]; base != "" && !ok {
		return nil, fmt.Errorf("commit %s: %w", base, discover.ErrNotFound)
	}
	var out []string
	for path, content := range r.trees[head] {
		if r.trees[base][path] != content {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out, nil
}
