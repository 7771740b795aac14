package discover

import (
	"context"
	"fmt"
	"strings"
)

// promotionTrailer is what the App writes into the message of every commit that a
// Promotion makes.
const promotionTrailer = "Kargo-Promotion:"

// promotionBranches is the part of a merge commit's subject that says the merged
// branch may be a Promotion's.
const promotionBranches = "kargo/"

// ownCommit returns the Promotion that made c, so that a pipeline which promotes
// into a branch that it subscribes to does not feed itself. A trailer alone proves
// nothing, as anybody can write one: the App must be author or committer.
func (s *gitSource) ownCommit(ctx context.Context, c Commit) (promotion string, own bool, err error) {
	if s.IncludeOwnCommits {
		return "", false, nil
	}
	if promotion, own = s.d.madeBy(c); own {
		return promotion, true, nil
	}
	// Somebody who merges a Promotion's pull request by hand makes a commit of
	// their own, without the trailer; what it merges has it.
	if len(c.Parents) != 2 || !strings.Contains(subject(c.Message), promotionBranches) {
		return "", false, nil
	}
	merged, err := s.d.Commits.Log(ctx, s.repo(), c.Parents[1], 1)
	if absent(err) || err == nil && len(merged) == 0 {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read merged commit %s: %w", c.Parents[1], err)
	}
	promotion, own = s.d.madeBy(merged[0])
	return promotion, own, nil
}

func (d *Discoverer) madeBy(c Commit) (promotion string, own bool) {
	promotion, ok := trailer(c.Message, promotionTrailer)
	if !ok {
		return "", false
	}
	return promotion, d.Bot == "" || isBot(c.Author, d.Bot) || isBot(c.Committer, d.Bot)
}

// trailer returns the value of the last line with the given key. Any line counts,
// not only those of the last paragraph: GitHub's squash merge appends paragraphs.
func trailer(message, key string) (value string, ok bool) {
	for line := range strings.Lines(message) {
		if len(line) > len(key) && strings.EqualFold(line[:len(key)], key) {
			value, ok = strings.TrimSpace(line[len(key):]), true
		}
	}
	return value, ok
}

// isBot reports whether "Name <address>" is the App with the given login: by name,
// or by GitHub's address ID+LOGIN@users.noreply.github.com.
func isBot(person, login string) bool {
	name, rest, _ := strings.Cut(person, "<")
	if strings.EqualFold(strings.TrimSpace(name), login) {
		return true
	}
	user, _, _ := strings.Cut(rest, "@")
	if _, after, ok := strings.Cut(user, "+"); ok {
		user = after
	}
	return strings.EqualFold(user, login)
}
