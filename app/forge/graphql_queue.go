package forge

import "strings"

// gqlEnqueue puts a pull request into its queue. What needs no checks is merged at once.
func (c *call) gqlEnqueue(in input, out obj) error {
	r, p, err := c.gqlPullInput(in, permission{"contents", "write"})
	if err != nil {
		return err
	}
	e, err := c.s.joinQueue(r, c.actor, p, in.str("expectedHeadOid"))
	if err != nil {
		return err
	}
	_, at := r.queued(p)
	out["mergeQueueEntry"] = c.gqlEntry(r, e, at)
	c.s.advanceQueues(r)
	return nil
}

func (c *call) gqlDequeue(in input, out obj) error {
	in["pullRequestId"] = in["id"]
	r, p, err := c.gqlPullInput(in, permission{"contents", "write"})
	if err != nil {
		return err
	}
	e, at := r.queued(p)
	out["mergeQueueEntry"] = c.gqlEntry(r, e, at)
	return c.s.dequeue(r, c.actor, p, "MANUAL")
}

func (c *call) gqlEntry(r *repo, e *queueEntry, at int) obj {
	if e == nil {
		return nil
	}
	state := "AWAITING_CHECKS"
	if e.head.IsZero() {
		state = "QUEUED"
	}
	return obj{
		gqlType: "MergeQueueEntry", "id": nodeID("MQE", e.id), "position": at, "state": state, "enqueuedAt": timestamp(e.since),
		"headCommit": gqlField(func(input) (any, error) {
			commit, err := r.git.commit(e.head)
			if err != nil {
				return nil, err
			}
			return c.gqlCommit(r, commit), nil
		}),
	}
}

// gqlQueueFields are the fields of a pull request about its queue and its reviewers.
func (c *call) gqlQueueFields(r *repo, p *pull, o obj) {
	e, at := r.queued(p)
	o["isInMergeQueue"], o["isMergeQueueEnabled"], o["mergeQueueEntry"] = e != nil, c.s.hasQueue(r, p.baseRef), c.gqlEntry(r, e, at)
	o["timelineItems"] = gqlField(func(args input) (any, error) {
		nodes := []obj{}
		for _, kind := range args.strings("itemTypes") {
			if kind == "REMOVED_FROM_MERGE_QUEUE_EVENT" && p.removed.reason != "" {
				nodes = append(nodes, obj{
					gqlType: "RemovedFromMergeQueueEvent", "createdAt": timestamp(p.removed.at), "reason": strings.ToLower(p.removed.reason),
				})
			}
		}
		return obj{gqlType: "PullRequestTimelineItemsConnection", "nodes": nodes, "totalCount": len(nodes)}, nil
	})
	o["reviewRequests"] = gqlField(func(input) (any, error) {
		nodes := c.reviewRequests(r, p)
		return obj{gqlType: "ReviewRequestConnection", "nodes": nodes, "totalCount": len(nodes)}, nil
	})
}
