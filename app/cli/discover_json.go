package cli

import (
	"maps"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// The documented JSON of kargo discover. Every key is always there, but for those
// of a rejected artifact, which is named as what it is. A commit gives its subject
// rather than the whole message; createdAt is null where it is not known.
type (
	discoveriesJSON struct {
		Warehouses []warehouseJSON `json:"warehouses"`
	}
	warehouseJSON struct {
		Name          string             `json:"name"`
		Subscriptions []subscriptionJSON `json:"subscriptions"`
	}
	subscriptionJSON struct {
		Kind      pipeline.ArtifactKind `json:"kind"`
		RepoURL   string                `json:"repoURL"`
		Artifacts []any                 `json:"artifacts"`
		Rejected  []rejectedJSON        `json:"rejected"`
	}
	imageJSON struct {
		Tag         string            `json:"tag"`
		Digest      string            `json:"digest"`
		CreatedAt   *time.Time        `json:"createdAt"`
		Annotations map[string]string `json:"annotations"`
	}
	commitJSON struct {
		ID        string     `json:"id"`
		Branch    string     `json:"branch"`
		Tag       string     `json:"tag"`
		Subject   string     `json:"subject"`
		Author    string     `json:"author"`
		Committer string     `json:"committer"`
		CreatedAt *time.Time `json:"createdAt"`
	}
	chartJSON struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	rejectedJSON struct {
		Tag     string `json:"tag,omitempty"`
		ID      string `json:"id,omitempty"`
		Version string `json:"version,omitempty"`
		Reason  string `json:"reason"`
	}
)

func discoveryJSON(found []pipeline.Discovery) discoveriesJSON {
	out := discoveriesJSON{Warehouses: []warehouseJSON{}}
	for _, d := range found {
		w := warehouseJSON{Name: d.Warehouse, Subscriptions: []subscriptionJSON{}}
		for _, s := range d.Subscriptions {
			sub := subscriptionJSON{Kind: s.Kind, RepoURL: s.RepoURL, Artifacts: []any{}, Rejected: []rejectedJSON{}}
			for _, i := range s.Images {
				one := imageJSON{Tag: i.Tag, Digest: i.Digest, CreatedAt: timeJSON(i.CreatedAt), Annotations: map[string]string{}}
				maps.Copy(one.Annotations, i.Annotations)
				sub.Artifacts = append(sub.Artifacts, one)
			}
			for _, c := range s.Commits {
				sub.Artifacts = append(sub.Artifacts, commitJSON{
					ID: c.ID, Branch: c.Branch, Tag: c.Tag, Subject: c.Subject(),
					Author: c.Author, Committer: c.Committer, CreatedAt: timeJSON(c.CreatedAt),
				})
			}
			for _, c := range s.Charts {
				sub.Artifacts = append(sub.Artifacts, chartJSON{Name: c.Name, Version: c.Version})
			}
			for _, r := range s.Rejected {
				sub.Rejected = append(sub.Rejected, rejected(s.Kind, r))
			}
			w.Subscriptions = append(w.Subscriptions, sub)
		}
		out.Warehouses = append(out.Warehouses, w)
	}
	return out
}

func rejected(kind pipeline.ArtifactKind, r pipeline.RejectedArtifact) rejectedJSON {
	out := rejectedJSON{Reason: r.Reason}
	switch {
	case kind == pipeline.ChartArtifact:
		out.Version = r.Ref
	case kind == pipeline.GitArtifact && isCommitID(r.Ref):
		out.ID = r.Ref
	default:
		out.Tag = r.Ref
	}
	return out
}

func isCommitID(s string) bool {
	if len(s) != 40 {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}

func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
