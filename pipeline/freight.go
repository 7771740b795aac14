package pipeline

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // an identity in Kargo's form, not a defence
	"encoding/hex"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// Freight is an immutable set of artifact revisions that travel together.
type Freight struct {
	// ID is 40 lower-case hex digits derived from the contents; see [FreightID].
	ID string `json:"id"`
	// Alias is the friendly name, unique within the pipeline.
	Alias     string `json:"alias"`
	Warehouse string `json:"warehouse"`
	// DiscoveredAt orders Freight: the newest available one is the candidate.
	DiscoveredAt time.Time `json:"discoveredAt"`
	Images       []Image   `json:"images,omitempty"`
	Commits      []Commit  `json:"commits,omitempty"`
	Charts       []Chart   `json:"charts,omitempty"`
	// Metadata is what steps noted about it; not part of its identity.
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Image is one revision of a container image.
type Image struct {
	RepoURL     string            `json:"repoURL"`
	Tag         string            `json:"tag,omitempty"`
	Digest      string            `json:"digest,omitempty"`
	CreatedAt   time.Time         `json:"createdAt,omitzero"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Subscription is the name of the Subscription it came from, if it has one.
	Subscription string `json:"subscription,omitempty"`
}

// Commit is one revision of a Git repository.
type Commit struct {
	RepoURL      string    `json:"repoURL"`
	ID           string    `json:"id"`
	Branch       string    `json:"branch,omitempty"`
	Tag          string    `json:"tag,omitempty"`
	Message      string    `json:"message,omitempty"`
	Author       string    `json:"author,omitempty"`
	Committer    string    `json:"committer,omitempty"`
	CreatedAt    time.Time `json:"createdAt,omitzero"`
	Subscription string    `json:"subscription,omitempty"`
}

// Subject returns the first line of the message.
func (c Commit) Subject() string {
	s, _, _ := strings.Cut(c.Message, "\n")
	return strings.TrimSpace(s)
}

// Chart is one version of a Helm chart.
type Chart struct {
	RepoURL      string `json:"repoURL"`
	Name         string `json:"name,omitempty"`
	Version      string `json:"version"`
	Subscription string `json:"subscription,omitempty"`
}

// FreightID derives the id from the Warehouse and the artifacts, in the form
// that Kargo uses: SHA-1 over the origin and the sorted artifact parts. Branch,
// message, author and annotations do not count, so the same commit seen on two
// branches is the same Freight; a new tag or digest makes new Freight.
func FreightID(f Freight) string {
	var parts []string
	add := func(part, subscription string) {
		if subscription != "" {
			part += ":" + subscription
		}
		parts = append(parts, part)
	}
	for _, c := range f.Commits {
		part := NormalizeGitURL(c.RepoURL)
		if c.Tag != "" {
			part += ":" + c.Tag
		}
		add(part+":"+c.ID, c.Subscription)
	}
	for _, i := range f.Images {
		add(NormalizeImage(i.RepoURL)+":"+i.Tag+"@"+i.Digest, i.Subscription)
	}
	for _, c := range f.Charts {
		add(strings.TrimSuffix(strings.ToLower(c.RepoURL), "/")+"/"+c.Name+":"+c.Version, c.Subscription)
	}
	slices.Sort(parts)
	sum := sha1.Sum([]byte("Warehouse/" + f.Warehouse + ":" + strings.Join(parts, "|"))) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// NormalizeImage returns the full repository name ("nginx" becomes
// "index.docker.io/library/nginx") so that two spellings of one repository
// compare equal. A string that is no repository name comes back unchanged.
func NormalizeImage(repo string) string {
	r, err := name.NewRepository(repo)
	if err != nil {
		return repo
	}
	return r.Name()
}

// NormalizeGitURL lower-cases a Git URL and drops user info, a trailing slash
// and a .git suffix, as Kargo does before it compares two URLs. The scp form
// (git@host:owner/name) becomes its https equivalent.
func NormalizeGitURL(raw string) string {
	s := strings.TrimSpace(raw)
	if !strings.Contains(s, "://") {
		if user, rest, ok := strings.Cut(s, "@"); ok && !strings.Contains(user, "/") {
			if host, p, ok := strings.Cut(rest, ":"); ok {
				s = "https://" + host + "/" + p
			}
		}
	}
	s = strings.ToLower(s)
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		u.User = nil
		if u.Scheme == "ssh" {
			u.Scheme, u.Host = "https", u.Hostname()
		}
		s = strings.ToLower(u.String()) // escapes come in capitals
	}
	return strings.TrimSuffix(strings.TrimSuffix(s, "/"), ".git")
}

// Version is the headline of the Freight: the tag of its first image, else the
// version of its first chart, else the tag or short id of its first commit.
func (f Freight) Version() string {
	switch {
	case len(f.Images) > 0:
		return cmp.Or(f.Images[0].Tag, shortDigest(f.Images[0].Digest))
	case len(f.Charts) > 0:
		return f.Charts[0].Version
	case len(f.Commits) > 0:
		return cmp.Or(f.Commits[0].Tag, Short(f.Commits[0].ID))
	}
	return Short(f.ID)
}

// Headline names the Freight for people: "web 1.9.3".
func (f Freight) Headline() string {
	var base string
	switch {
	case len(f.Images) > 0:
		base = path.Base(f.Images[0].RepoURL)
	case len(f.Charts) > 0:
		base = cmp.Or(f.Charts[0].Name, path.Base(f.Charts[0].RepoURL))
	case len(f.Commits) > 0:
		base = path.Base(NormalizeGitURL(f.Commits[0].RepoURL))
	default:
		base = f.Warehouse
	}
	return base + " " + f.Version()
}

// Short abbreviates an id or commit to seven digits.
func Short(id string) string {
	if len(id) > 7 {
		return id[:7]
	}
	return id
}

func shortDigest(d string) string {
	_, hex, _ := strings.Cut(d, ":")
	return Short(hex)
}

// newerFirst orders Freight by discovery time, ties to the greater id, the
// order in which Kargo picks a candidate.
func newerFirst(a, b Freight) int {
	return cmp.Or(b.DiscoveredAt.Compare(a.DiscoveredAt), cmp.Compare(b.ID, a.ID))
}
