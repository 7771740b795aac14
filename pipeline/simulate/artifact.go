package simulate

import (
	"crypto/sha1" //nolint:gosec // ids in the form of Git's, not a defence
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Image is an image in a registry. As text it is repository:tag, repository@digest
// or repository:tag@digest.
type Image struct {
	Place
	RepoURL     string            `yaml:"repoURL"`
	Tag         string            `yaml:"tag"`
	Digest      string            `yaml:"digest"`
	CreatedAt   *When             `yaml:"createdAt"`
	Platforms   Names             `yaml:"platforms"`
	Annotations map[string]string `yaml:"annotations"`
	// Subscription matters only where Freight is described.
	Subscription string `yaml:"subscription"`
}

func (i *Image) decode(d *decoder, n *yaml.Node, path string) {
	type form Image
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(i), path)
	} else {
		i.Place = placeOf(n, path)
		ref, digest, _ := strings.Cut(n.Value, "@")
		i.RepoURL, i.Digest = ref, digest
		if c := strings.LastIndexByte(ref, ':'); c > strings.LastIndexByte(ref, '/') {
			i.RepoURL, i.Tag = ref[:c], ref[c+1:]
		}
	}
	if i.RepoURL == "" || i.Tag == "" && i.Digest == "" {
		d.problem(n, path, "an image such as ghcr.io/acme/web:1.2.3", "%s is no image", last(path))
	}
}

func (i *Image) digest() string {
	if i.Digest != "" {
		return i.Digest
	}
	sum := sha256.Sum256([]byte(i.RepoURL + ":" + i.Tag))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (i *Image) artifact(now time.Time) pipeline.Image {
	out := pipeline.Image{RepoURL: i.RepoURL, Tag: i.Tag, Digest: i.digest(), Annotations: i.Annotations, Subscription: i.Subscription}
	if i.CreatedAt != nil {
		out.CreatedAt = i.CreatedAt.past(now)
	}
	return out
}

// Chart is a version of a Helm chart. As text it is URL:version, for an OCI
// repository, or URL/name:version.
type Chart struct {
	Place
	RepoURL      string `yaml:"repoURL"`
	Name         string `yaml:"name"`
	Version      string `yaml:"version"`
	Subscription string `yaml:"subscription"`
}

func (c *Chart) decode(d *decoder, n *yaml.Node, path string) {
	type form Chart
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(c), path)
	} else {
		c.Place = placeOf(n, path)
		c.RepoURL = n.Value
		if i := strings.LastIndexByte(n.Value, ':'); i > strings.LastIndexByte(n.Value, '/') {
			c.RepoURL, c.Version = n.Value[:i], n.Value[i+1:]
		}
		if i := strings.LastIndexByte(c.RepoURL, '/'); i > 0 && !strings.HasPrefix(c.RepoURL, "oci://") {
			c.RepoURL, c.Name = c.RepoURL[:i], c.RepoURL[i+1:]
		}
	}
	if c.RepoURL == "" || c.Version == "" {
		d.problem(n, path, "a chart such as oci://ghcr.io/acme/charts/web:1.2.3", "%s is no version of a chart", last(path))
	}
}

func (c *Chart) artifact() pipeline.Chart {
	return pipeline.Chart{RepoURL: c.RepoURL, Name: c.Name, Version: c.Version, Subscription: c.Subscription}
}

// Commit is a commit of a Git repository; as text it is its message.
type Commit struct {
	Place
	// RepoURL is empty for the pipeline's own repository.
	RepoURL string `yaml:"repoURL"`
	// Branch is empty for the default branch.
	Branch    string `yaml:"branch"`
	ID        string `yaml:"id"`
	Tag       string `yaml:"tag"`
	Message   string `yaml:"message"`
	Author    string `yaml:"author"`
	Committer string `yaml:"committer"`
	CreatedAt *When  `yaml:"createdAt"`
	// Paths are what it changes.
	Paths Names `yaml:"paths"`
	// Merges are the ids of further parents.
	Merges       Names  `yaml:"merges"`
	Subscription string `yaml:"subscription"`
}

func (c *Commit) decode(d *decoder, n *yaml.Node, path string) {
	type form Commit
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(c), path)
		c.Place = placeOf(n, path)
		return
	}
	c.Place, c.Message = placeOf(n, path), n.Value
}

func (c *Commit) artifact(repoURL string, now time.Time) pipeline.Commit {
	out := pipeline.Commit{
		RepoURL: c.RepoURL, ID: c.ID, Branch: c.Branch, Tag: c.Tag, Message: c.Message,
		Author: c.Author, Committer: c.Committer, Subscription: c.Subscription,
	}
	if out.RepoURL == "" {
		out.RepoURL = repoURL
	}
	if out.ID == "" {
		out.ID = commitID(out.RepoURL, c.Branch, c.Tag, c.Message)
	}
	if c.CreatedAt != nil {
		out.CreatedAt = c.CreatedAt.past(now)
	}
	return out
}

// commitID makes a commit's id of what it is made of.
func commitID(parts ...string) string {
	sum := sha1.Sum([]byte(strings.Join(parts, "\x00"))) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// Tag is a Git tag on a commit.
type Tag struct {
	Place
	RepoURL string `yaml:"repoURL"`
	Name    string `yaml:"name"`
	// Commit is an id; empty is the head of the default branch.
	Commit    string `yaml:"commit"`
	Message   string `yaml:"message"`
	Tagger    string `yaml:"tagger"`
	CreatedAt *When  `yaml:"createdAt"`
}

func (t *Tag) decode(d *decoder, n *yaml.Node, path string) {
	type form Tag
	if n.Kind != yaml.ScalarNode {
		d.decode(n, (*form)(t), path)
	} else {
		t.Place, t.Name = placeOf(n, path), n.Value
	}
	if t.Name == "" {
		d.problem(n, path, "a name", "the tag has no name")
	}
}
