package discover

import (
	"fmt"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// filterCommit evaluates expressionFilter over a commit of a branch. An expression
// that cannot be evaluated fails the discovery, as in Kargo.
func (s *gitSource) filterCommit(c Commit) (bool, error) {
	return s.filter(c.ID, map[string]any{
		"id": c.ID, "commitDate": c.CommittedAt, "author": c.Author, "committer": c.Committer,
		"subject": subject(c.Message),
	})
}

// filterTag evaluates expressionFilter over a tag.
func (s *gitSource) filterTag(t Tag) (bool, error) {
	return s.filter(t.Name, map[string]any{
		"tag": t.Name, "id": t.ID, "creatorDate": t.CreatedAt,
		"author": t.Commit.Author, "committer": t.Commit.Committer, "subject": subject(t.Commit.Message),
		"tagger": t.Tagger, "annotation": t.Annotation,
	})
}

func (s *gitSource) filter(ref string, variables map[string]any) (bool, error) {
	if s.ExpressionFilter == "" {
		return true, nil
	}
	ok, err := expr.BoolBare(s.ExpressionFilter, expr.Env{Extra: variables, Now: s.d.Now})
	if err != nil {
		return false, fmt.Errorf("expressionFilter on %s: %w", ref, err)
	}
	return ok, nil
}

const filteredOut = "expressionFilter is false"
