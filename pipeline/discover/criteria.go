package discover

import (
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// Satisfied evaluates the Warehouse's freightCreationCriteria over the first artifact
// of every Subscription. Without criteria, and for a Warehouse whose Freight people
// create, it is true. An error means that the criteria cannot be evaluated; trying
// again without new artifacts is of no use.
func Satisfied(w pipeline.Warehouse, f pipeline.Freight, now func() time.Time) (bool, error) {
	if w.FreightCreationCriteria == "" || w.FreightCreationPolicy == pipeline.CreateManually {
		return true, nil
	}
	seen := expr.Freight{Origin: expr.Origin{Kind: "Warehouse", Name: w.Name}}
	for _, i := range f.Images {
		seen.Images = append(seen.Images, expr.Image{
			RepoURL: i.RepoURL, Tag: i.Tag, Digest: i.Digest, Annotations: i.Annotations, CreatedAt: i.CreatedAt,
		})
	}
	for _, c := range f.Commits {
		seen.Commits = append(seen.Commits, expr.Commit{
			RepoURL: c.RepoURL, ID: c.ID, Branch: c.Branch, Tag: c.Tag, Message: c.Message, Subject: c.Subject(),
			Author: c.Author, Committer: c.Committer, CreatorDate: c.CreatedAt,
		})
	}
	for _, c := range f.Charts {
		seen.Charts = append(seen.Charts, expr.Chart{RepoURL: c.RepoURL, Name: c.Name, Version: c.Version})
	}
	ok, err := expr.BoolBare(w.FreightCreationCriteria, expr.Env{Freight: []expr.Freight{seen}, Discovered: true, Now: now})
	if err != nil {
		return false, fmt.Errorf("freightCreationCriteria of warehouse %s: %w", w.Name, err)
	}
	return ok, nil
}
