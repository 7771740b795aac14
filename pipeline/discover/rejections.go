package discover

import (
	"cmp"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// maxRejections bounds what is kept, and stored with every discovery, unless
// somebody asked for everything.
const maxRejections = 100

// rejections collects what was not taken. It is not safe for concurrent use.
type rejections struct {
	all  bool
	list []pipeline.RejectedArtifact
	// notes are about the source as a whole, and always kept.
	notes []pipeline.RejectedArtifact
}

// note records what stopped the search at ref.
func (r *rejections) note(ref, reason string) {
	r.notes = append(r.notes, pipeline.RejectedArtifact{Ref: ref, Reason: reason})
}

func (r *rejections) add(ref, reason string) {
	r.list = append(r.list, pipeline.RejectedArtifact{Ref: ref, Reason: reason})
}

func (r *rejections) has(ref string) bool {
	return slices.ContainsFunc(r.list, func(a pipeline.RejectedArtifact) bool { return a.Ref == ref })
}

// sorted returns the notes, then the rejections, greatest reference first, so that
// two runs over the same source give the same bytes whatever order it answers in.
func (r *rejections) sorted() []pipeline.RejectedArtifact {
	slices.SortStableFunc(r.list, func(a, b pipeline.RejectedArtifact) int { return cmp.Compare(b.Ref, a.Ref) })
	kept := r.list
	if !r.all && len(kept) > maxRejections {
		kept = kept[:maxRejections]
	}
	return slices.Concat(r.notes, kept)
}
