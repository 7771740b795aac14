package discover_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

var noon = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// calls counts what a fake is asked, by method.
type calls struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *calls) count(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[method]++
}

// reset returns the counts so far and begins anew.
func (c *calls) reset() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	c.counts = nil
	return out
}

// fakeImages is a registry of one repository.
type fakeImages struct {
	calls
	// tags are manifests by tag; a tag that is nil is listed and has no manifest.
	tags map[string]*discover.Manifest
	// children are manifests by digest, configs configurations by digest.
	children map[string]discover.Manifest
	configs  map[string]discover.Config
	err      error
	// configErr is what every read of a configuration comes to.
	configErr error
}

func (f *fakeImages) Tags(context.Context, discover.Repository) ([]string, error) {
	f.count("Tags")
	var out []string
	for tag := range f.tags { // in random order, as the port allows
		out = append(out, tag)
	}
	return out, f.err
}

func (f *fakeImages) Head(_ context.Context, _ discover.Repository, tag string) (string, error) {
	f.count("Head")
	if m := f.tags[tag]; m != nil {
		return m.Digest, nil
	}
	return "", fmt.Errorf("tag %s: %w", tag, discover.ErrNotFound)
}

func (f *fakeImages) Manifest(_ context.Context, _ discover.Repository, ref string) (discover.Manifest, error) {
	f.count("Manifest")
	if m, ok := f.children[ref]; ok {
		return m, nil
	}
	if m := f.tags[ref]; m != nil {
		return *m, nil
	}
	return discover.Manifest{}, fmt.Errorf("manifest %s: %w", ref, discover.ErrNotFound)
}

func (f *fakeImages) Config(_ context.Context, _ discover.Repository, m discover.Manifest) (discover.Config, error) {
	f.count("Config")
	if f.configErr != nil {
		return discover.Config{}, f.configErr
	}
	c, ok := f.configs[m.ConfigDigest]
	if !ok {
		return discover.Config{}, fmt.Errorf("config %s: %w", m.ConfigDigest, discover.ErrNotFound)
	}
	return c, nil
}

// image adds a single-manifest image for linux/amd64 built at a time.
func (f *fakeImages) image(tag, digest string, created time.Time) {
	if f.tags == nil {
		f.tags, f.configs = map[string]*discover.Manifest{}, map[string]discover.Config{}
	}
	f.tags[tag] = &discover.Manifest{Digest: digest, ConfigDigest: "config-" + digest}
	f.configs["config-"+digest] = discover.Config{Created: created, Platform: "linux/amd64"}
}

// tagged is a registry in which every tag has a manifest with the digest "d-TAG".
func tagged(tags ...string) *fakeImages {
	f := &fakeImages{}
	for _, tag := range tags {
		f.image(tag, "d-"+tag, noon)
	}
	return f
}

// memory is a TagCache.
type memory struct {
	builds map[string]map[string]discover.Build
}

func (m *memory) Builds(_ context.Context, repo string, tags []string) (map[string]discover.Build, error) {
	out := map[string]discover.Build{}
	for _, tag := range tags {
		if b, ok := m.builds[repo][tag]; ok {
			out[tag] = b
		}
	}
	return out, nil
}

func (m *memory) PutBuilds(_ context.Context, repo string, builds []discover.Build) error {
	if m.builds == nil {
		m.builds = map[string]map[string]discover.Build{}
	}
	if m.builds[repo] == nil {
		m.builds[repo] = map[string]discover.Build{}
	}
	for _, b := range builds {
		m.builds[repo][b.Tag] = b
	}
	return nil
}

// fakeGit is a Git repository: a graph of commits with whole trees.
type fakeGit struct {
	calls
	commits  map[string]discover.Commit
	trees    map[string]map[string]string
	branches map[string]string
	def      string
	tags     []discover.Tag
}

func newGit() *fakeGit {
	return &fakeGit{
		commits: map[string]discover.Commit{}, trees: map[string]map[string]string{},
		branches: map[string]string{}, def: "main",
	}
}

const ana = "Ana <ana@example.com>"

// commit adds a commit to a branch: on top of its head and of other parents, with
// files changed by "path" or, for a particular content, "path=content".
func (f *fakeGit) commit(branch, id, message string, files []string, merged ...string) {
	c := discover.Commit{ID: id, Message: message, Author: ana, Committer: ana, CommittedAt: noon.Add(time.Duration(len(f.commits)) * time.Minute)}
	tree := map[string]string{}
	if head, ok := f.branches[branch]; ok {
		c.Parents = append(c.Parents, head)
		for k, v := range f.trees[head] {
			tree[k] = v
		}
	}
	for _, m := range merged {
		c.Parents = append(c.Parents, m)
		for k, v := range f.trees[m] {
			tree[k] = v
		}
	}
	for _, file := range files {
		path, content, ok := strings.Cut(file, "=")
		if !ok {
			content = id
		}
		tree[path] = content
	}
	f.commits[id], f.trees[id], f.branches[branch] = c, tree, id
}

// by makes somebody else the author of a commit.
func (f *fakeGit) by(id, author string) {
	c := f.commits[id]
	c.Author = author
	f.commits[id] = c
}

// tag tags a commit without annotation.
func (f *fakeGit) tag(name, id string) {
	f.tags = append(f.tags, discover.Tag{Name: name, ID: id, CreatedAt: f.commits[id].CommittedAt})
}

func (f *fakeGit) Head(_ context.Context, _ discover.Repository, branch string) (string, error) {
	f.count("Head")
	if branch == "" {
		branch = f.def
	}
	id, ok := f.branches[branch]
	if !ok {
		return "", fmt.Errorf("branch %s: %w", branch, discover.ErrNotFound)
	}
	return id, nil
}

func (f *fakeGit) Log(_ context.Context, _ discover.Repository, from string, limit int) ([]discover.Commit, error) {
	f.count("Log")
	var out []discover.Commit
	for id := from; len(out) < limit; {
		c, ok := f.commits[id]
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

func (f *fakeGit) Tags(context.Context, discover.Repository) ([]discover.Tag, error) {
	f.count("Tags")
	var out []discover.Tag
	for _, t := range f.tags {
		out = append(out, discover.Tag{Name: t.Name, ID: t.ID})
	}
	return out, nil
}

func (f *fakeGit) Describe(_ context.Context, _ discover.Repository, tags []discover.Tag) ([]discover.Tag, error) {
	f.count("Describe")
	var out []discover.Tag
	for _, t := range tags {
		i := slices.IndexFunc(f.tags, func(have discover.Tag) bool { return have.Name == t.Name })
		full := f.tags[i]
		c, ok := f.commits[full.ID]
		if !ok {
			continue // the tag of something else
		}
		full.Commit = c
		out = append(out, full)
	}
	return out, nil
}

func (f *fakeGit) Changed(_ context.Context, _ discover.Repository, base, head string) ([]string, error) {
	f.count("Changed")
	if _, ok := f.trees[base]; base != "" && !ok {
		return nil, fmt.Errorf("commit %s: %w", base, discover.ErrNotFound)
	}
	var out []string
	for path, content := range f.trees[head] {
		if f.trees[base][path] != content {
			out = append(out, path)
		}
	}
	for path := range f.trees[base] {
		if _, ok := f.trees[head][path]; !ok {
			out = append(out, path)
		}
	}
	return out, nil
}

func imageWarehouse(sub pipeline.ImageSubscription) pipeline.Warehouse {
	if sub.RepoURL == "" {
		sub.RepoURL = "ghcr.io/acme/web"
	}
	return pipeline.Warehouse{Name: "web", Subscriptions: []pipeline.Subscription{{Image: &sub}}}
}

func gitWarehouse(sub pipeline.GitSubscription) pipeline.Warehouse {
	return pipeline.Warehouse{Name: "web", Subscriptions: []pipeline.Subscription{{Git: &sub}}}
}

func refs(d pipeline.DiscoveredSubscription) []string {
	out := []string{}
	for _, i := range d.Images {
		out = append(out, i.Tag)
	}
	for _, c := range d.Commits {
		if c.Tag != "" {
			out = append(out, c.Tag)
			continue
		}
		out = append(out, c.ID)
	}
	return out
}

func reasons(d pipeline.DiscoveredSubscription) map[string]string {
	out := map[string]string{}
	for _, r := range d.Rejected {
		out[r.Ref] = r.Reason
	}
	return out
}
