package step

import (
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// Origin names a Warehouse.
type Origin struct {
	Kind string `json:"kind,omitempty" doc:"Warehouse, which is also the default"`
	Name string `json:"name" doc:"name of the Warehouse"`
}

// commitFrom returns the commit of a repository in the Freight that the Promotion
// brings or finds in the Stage. Two Warehouses that both have one must be told apart.
func (e Env) commitFrom(repoURL string, origin *Origin) (string, error) {
	if origin != nil && origin.Kind != "" && origin.Kind != "Warehouse" {
		return "", &PermanentError{fmt.Errorf("fromOrigin of kind %q: want Warehouse", origin.Kind)}
	}
	want, found, from := pipeline.NormalizeGitURL(repoURL), "", ""
	for _, f := range e.collection() {
		if origin != nil && f.Warehouse != origin.Name {
			continue
		}
		for _, c := range f.Commits {
			switch {
			case pipeline.NormalizeGitURL(c.RepoURL) != want || c.ID == found:
			case found != "" && from != f.Warehouse:
				return "", &PermanentError{fmt.Errorf("%s and %s both hold a commit of %s: set fromOrigin", from, f.Warehouse, repoURL)}
			default:
				found, from = c.ID, f.Warehouse
			}
		}
	}
	if found == "" {
		return "", &PermanentError{errors.New("fromFreight: the Freight holds no commit of " + repoURL)}
	}
	return found, nil
}

// collection is the Freight that the Promotion brings and that of the Stage's other
// origins, each once.
func (e Env) collection() []pipeline.Freight {
	for _, f := range e.Promotion.Collection {
		if f.ID == e.Promotion.Freight.ID {
			return e.Promotion.Collection
		}
	}
	return append([]pipeline.Freight{e.Promotion.Freight}, e.Promotion.Collection...)
}
