package e2e_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
)

// TestChaosPeople lets people do whatever can be done to pull requests while
// webhooks arrive twice or out of order, requests fail, and the server is killed.
func TestChaosPeople(t *testing.T) {
	t.Parallel()
	files := kustomized("test", "prod")
	// prod is promoted by command only, and both want to be approved.
	stages := strings.SplitAfter(files[".kargo.yaml"], "stages:\n")
	stages[1] = strings.ReplaceAll(stages[1], "    update:", "    approvals: {required: 1}\n    update:")
	test, prod, _ := strings.Cut(stages[1], "  - name: prod")
	files[".kargo.yaml"] = stages[0] + test + "  - name: prod" + strings.Replace(prod, "    autoPromote: true\n", "", 1)
	c := newChaos(t, files, "test", "prod")
	did := map[string]int{}
	for time.Now().Before(c.until) {
		if c.rnd.IntN(4) == 0 {
			c.InjectDelivery(forge.DeliveryFault{Kind: []forge.DeliveryFaultKind{
				forge.DropDelivery, forge.DuplicateDelivery, forge.ReorderDelivery,
			}[c.rnd.IntN(3)], Skip: c.rnd.IntN(3)})
			c.Inject(c.fault())
		}
		if c.rnd.IntN(15) == 0 {
			c.crash()
			if err := c.start(); err != nil {
				t.Fatal(err)
			}
		}
		did[c.gesture()]++
		c.pause(400 * time.Millisecond)
	}
	t.Logf("people did %v", did)
	c.ClearFaults()
	c.publishNext()
	asked := false
	c.must("the newest version arrives", func() error {
		if err := c.agree(); err != nil {
			return err
		}
		if err := c.holds("test", c.newest()); err != nil {
			return err
		}
		if !asked {
			pulls, err := c.PullRequests(gitops)
			if err != nil {
				return err
			}
			_, err = c.CommentOn(gitops, pulls[len(pulls)-1].Number, "ana", "/promote prod web@"+c.newest())
			asked = err == nil
			return errors.Join(err, errors.New("prod is just asked for"))
		}
		return c.holds("prod", c.newest())
	})
	c.must("everything settles", func() error {
		return errors.Join(c.agree(), c.allEnded(gitops), c.answered(), c.WaitDelivered(t.Context()))
	})
	pulls, err := c.PullRequests(gitops)
	if err != nil {
		t.Fatal(err)
	}
	ends := map[string]int{}
	for _, p := range pulls {
		ends[state(p)]++
	}
	t.Logf("%d versions; pull requests: %v", c.version, ends)
}

// gesture does something at random and says what.
func (c *chaos) gesture() string {
	pulls, err := c.PullRequests(gitops)
	if err != nil {
		c.tb.Fatal(err)
	}
	open := slices.DeleteFunc(slices.Clone(pulls), func(p forge.PullRequest) bool { return p.State != "open" })
	if len(open) == 0 {
		const ahead = 3
		if len(pulls) == 0 || c.rnd.IntN(2) == 0 {
			if c.version < len(pulls)+ahead {
				c.publishNext()
			}
			return "publish"
		}
		_, _ = c.CommentOn(gitops, pulls[len(pulls)-1].Number, "ana", "/promote prod")
		return "promote"
	}
	n := open[c.rnd.IntN(len(open))].Number
	// Whatever GitHub refuses, such as closing what was merged a moment ago, is
	// nothing to the server.
	switch c.rnd.IntN(7) {
	case 0:
		_ = c.ClosePullRequest(gitops, n, "ana")
		return "close"
	case 1:
		_, _ = c.Merge(gitops, n, "ana", []string{"squash", "rebase"}[c.rnd.IntN(2)], c.rnd.IntN(2) == 0)
		return "merge"
	case 2:
		_ = c.SetDraft(gitops, n, "ben", c.rnd.IntN(2) == 0)
		return "draft"
	case 3:
		_, _ = c.CommentOn(gitops, n, "ben", "/kargo abort")
		return "abort"
	case 4:
		_, _ = c.CommentOn(gitops, n, "carl", "/kargo status")
		return "status"
	}
	_ = c.Review(gitops, n, "ben", forge.Approved, "")
	return "approve"
}

// agree approves everything that is open.
func (c *chaos) agree() error {
	pulls, err := c.PullRequests(gitops)
	if err != nil {
		return err
	}
	for _, p := range pulls {
		if p.State != "open" {
			continue
		}
		if p.Draft {
			_ = c.SetDraft(gitops, p.Number, "ben", false)
		}
		if !slices.ContainsFunc(p.Reviews, func(r forge.Review) bool { return r.SHA == p.HeadSHA && r.State == forge.Approved }) {
			_ = c.Review(gitops, p.Number, "dora", forge.Approved, "")
		}
	}
	return nil
}

// answered says which command was not answered exactly once.
func (c *chaos) answered() error {
	pulls, err := c.PullRequests(gitops)
	if err != nil {
		return err
	}
	var faults []error
	for _, p := range pulls {
		for _, comment := range p.Comments {
			if comment.Author == bot {
				continue
			}
			var got []string
			for _, r := range comment.Reactions {
				got = append(got, r.Content)
			}
			slices.Sort(got)
			if !slices.Equal(got, []string{"eyes", "rocket"}) && !slices.Equal(got, []string{"confused", "eyes"}) {
				faults = append(faults, fmt.Errorf("#%d: reactions to %q are %v", p.Number, comment.Body, got))
			}
			replies := 0
			for _, other := range p.Comments {
				if other.Author == bot && strings.Contains(other.Body, fmt.Sprintf("reply=%d ", comment.ID)) {
					replies++
				}
			}
			if wants := slices.Contains(got, "confused") || strings.Contains(comment.Body, "status"); replies > 1 || wants && replies != 1 {
				faults = append(faults, fmt.Errorf("#%d: %d replies to %q", p.Number, replies, comment.Body))
			}
		}
	}
	return errors.Join(faults...)
}
