package handlers

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// MergeGroup is what a merge queue tries: a commit that holds its base and the pull
// requests up to one.
type MergeGroup struct {
	// Head is the commit, Base the branch that it is to become, Number the last pull
	// request in it.
	Head, Base string
	Number     int
}

// MergeGroups speaks about merge groups.
type MergeGroups interface {
	// GroupChecks publishes on the group's head the check runs of this App that its
	// base requires, and those that the pull request has.
	GroupChecks(ctx context.Context, r store.RepoRecord, g MergeGroup) error
}

// groupBranch is "refs/heads/gh-readonly-queue/BASE/pr-NUMBER-SHA", the only place in
// which GitHub names the pull request.
var groupBranch = regexp.MustCompile(`/pr-([0-9]+)-[0-9a-f]{40,64}$`)

// MergeGroup handles merge_group. A required check that nobody reports on the group's
// commit would hold up the queue until it gives up.
func (h *Pulls) MergeGroup(ctx context.Context, e Event) error {
	rec, ok := e.Record()
	if !ok {
		return nil
	}
	p, err := decode[struct {
		Group struct {
			HeadSHA string `json:"head_sha"`
			HeadRef string `json:"head_ref"`
			BaseRef string `json:"base_ref"`
		} `json:"merge_group"`
	}](e)
	var number int
	if m := groupBranch.FindStringSubmatch(p.Group.HeadRef); m != nil && err == nil {
		number, err = strconv.Atoi(m[1])
	} else if err == nil {
		err = errors.New("the branch names no pull request")
	}
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	if _, err := h.Hints.Wake(ctx, []string{pipeline.PullEvent(rec.Repo, number)}, h.Now()); err != nil {
		return fmt.Errorf("wake for pull request %d: %w", number, err)
	}
	if e.Action != "checks_requested" {
		return nil
	}
	g := MergeGroup{Head: p.Group.HeadSHA, Base: strings.TrimPrefix(p.Group.BaseRef, "refs/heads/"), Number: number}
	if err := h.Groups.GroupChecks(ctx, rec, g); err != nil {
		return fmt.Errorf("report on the merge group of pull request %d: %w", number, err)
	}
	return nil
}
