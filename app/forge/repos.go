package forge

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// RepoOptions describes a new repository.
type RepoOptions struct {
	Owner         string // an existing account
	Name          string
	Private       bool
	DefaultBranch string // default "main"
	// Files seeds the default branch with one commit by the owner, path to content. Nil leaves the repository empty.
	Files map[string]string
	// Merge settings of the repository; GitHub allows all three methods by default.
	NoMergeCommit, NoSquashMerge, NoRebaseMerge bool
	AllowAutoMerge, DeleteBranchOnMerge         bool
}

// packFrom is the number of seed files from which one pack is cheaper than loose objects.
const packFrom = 200

// CreateRepo creates a repository and seeds it. No webhook tells of the seed.
func (s *Server) CreateRepo(o RepoOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.accounts[strings.ToLower(o.Owner)]
	if owner == nil {
		return fmt.Errorf("create repository %s: no account %q", o.Name, o.Owner)
	}
	key := repoKey(o.Owner + "/" + o.Name)
	if s.repos[key] != nil {
		return fmt.Errorf("create repository: %s exists", key)
	}
	if o.DefaultBranch == "" {
		o.DefaultBranch = "main"
	}
	git, err := initGit(s.git, filepath.Join(filepath.Dir(s.hooksDir), owner.login, o.Name+".git"), o.DefaultBranch)
	if err != nil {
		return fmt.Errorf("create repository %s: %w", key, err)
	}
	r := &repo{
		id: s.nextID(), owner: owner, name: o.Name, private: o.Private, defaultBranch: o.DefaultBranch, opts: o, created: s.clock(),
		pushed: s.clock(), git: git, roles: map[string]string{}, labels: map[string]*label{}, environments: map[string]*environment{},
		protections: map[string]Protection{}, verified: map[plumbing.Hash]bool{}, nextNumber: 1,
	}
	if len(o.Files) >= packFrom {
		err = s.seedPacked(r, o.Files)
	} else if len(o.Files) > 0 {
		err = s.seed(r, o.Files)
	}
	if err != nil {
		return fmt.Errorf("seed repository %s: %w", key, err)
	}
	s.repos[key] = r
	return nil
}

func (s *Server) seed(r *repo, files map[string]string) error {
	h, err := s.firstCommit(r, files)
	if err != nil {
		return err
	}
	return r.git.setRef("refs/heads/"+r.defaultBranch, h)
}

func (s *Server) firstCommit(r *repo, files map[string]string) (plumbing.Hash, error) {
	changes := map[string]*string{}
	for path, content := range files {
		changes[path] = &content
	}
	return s.commitFiles(r, plumbing.ZeroHash, "Initial commit", s.signature(r.owner), changes)
}

// seedPacked is seed with one pack instead of a loose object per file.
func (s *Server) seedPacked(r *repo, files map[string]string) error {
	scratch := *r
	scratch.git = &gitRepo{program: r.git.program, st: memory.NewStorage()}
	h, err := s.firstCommit(&scratch, files)
	if err != nil {
		return err
	}
	if err := r.git.addPack(scratch.git.st.(*memory.Storage)); err != nil {
		return err
	}
	return r.git.setRef("refs/heads/"+r.defaultBranch, h)
}

func getRepo(c *call) (reply, error) { return ok(c.s.renderFullRepo(c.repo, c.actor)) }

func getMeta(*call) (reply, error) {
	return ok(obj{"verifiable_password_authentication": false, "installed_version": "3.19.0"})
}

func getRateLimit(c *call) (reply, error) {
	used := 0
	if c.actor.token != nil {
		used = c.actor.token.used
	}
	bucket := obj{"limit": rateLimit, "used": used, "remaining": max(0, rateLimit-used), "reset": c.s.now().Add(resetAfter).Unix(), "resource": "core"}
	return ok(obj{"resources": obj{"core": bucket, "graphql": bucket, "search": bucket}, "rate": bucket})
}
