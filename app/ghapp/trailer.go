package ghapp

import (
	"strings"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

const promotionTrailer = "Kargo-Promotion"

// samePromotion reports whether a commit on a branch belongs to a Promotion. The
// ids of Promotions are unique in one repository only and several may write to
// the same branch, so all of Kargo's trailers must be those of the pending commit.
func samePromotion(onBranch, pending, promotion string) bool {
	there, here := trailers(onBranch), trailers(pending)
	if promotion == "" || there[promotionTrailer] != promotion {
		return false
	}
	for k, v := range here {
		if there[k] != v {
			return false
		}
	}
	return true
}

// trailers returns the Kargo-* trailers of a commit message: the lines of its
// last paragraph.
func trailers(message string) map[string]string {
	message = strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n"))
	if i := strings.LastIndex(message, "\n\n"); i >= 0 {
		message = message[i+2:]
	}
	out := map[string]string{}
	for line := range strings.SplitSeq(message, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.HasPrefix(key, "Kargo-") {
			out[key] = strings.TrimSpace(value)
		}
	}
	return out
}

// baseOf returns the commit beneath the run of commits of a Promotion that the
// history, newest first, begins with.
func baseOf(history []gitrepo.Commit, promotion, pending string) tree.Hash {
	var base tree.Hash
	for _, c := range history {
		if !samePromotion(c.Message, pending, promotion) {
			break
		}
		base = tree.Hash{}
		if len(c.Parents) > 0 {
			base = c.Parents[0]
		}
	}
	return base
}
