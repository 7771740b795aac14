package step

import (
	"context"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// StageNotes is what can be written down about Stages of a repository.
type StageNotes interface {
	// StageMetadata returns what is noted about the Stages of the pipeline that a Stage
	// belongs to, by the names that they have within it.
	StageMetadata(ctx context.Context, r pipeline.Repo, stage string) (map[string]map[string]any, error)
	// SetStageMetadata sets keys and leaves the others alone; nil removes a key. A Stage
	// that is not declared is ErrNotFound.
	SetStageMetadata(ctx context.Context, r pipeline.Repo, stage string, values map[string]any) error
}

// sibling is the full name of a Stage of the Promotion's own pipeline.
func (e Env) sibling(name string) string {
	own := e.Promotion.Stage.Name
	return own[:strings.LastIndexByte(own, '/')+1] + pipeline.LocalName(name)
}
