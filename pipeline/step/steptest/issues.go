package steptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Issues are the issues of all repositories of a World and the comments on them,
// each under one sequence of numbers.
type Issues struct {
	world    *World
	issues   []*dated[step.Issue]
	comments []*dated[onIssue]
	// Lag is how long new ones take to show in lists.
	Lag time.Duration
	// Created are the issues as they were asked for.
	Created []step.NewIssue
	// Queries are those that were searched for.
	Queries []string
}

type dated[T any] struct {
	value T
	at    time.Time
}

type onIssue struct {
	step.IssueComment
	number int
}

var (
	_ step.Issues        = (*Issues)(nil)
	_ step.IssueComments = (*Issues)(nil)
)

// do runs an effect between its two faults.
func (s *Issues) do(ctx context.Context, op string, effect func() error) error {
	if err := errors.Join(ctx.Err(), s.world.fault(op, false)); err != nil {
		return err
	}
	s.world.mu.Lock()
	err := effect()
	s.world.mu.Unlock()
	if err != nil {
		return err
	}
	return s.world.fault(op, true)
}

// shows reports whether something is in a list of what changed since then.
func (s *Issues) shows(at, since time.Time) bool {
	return !at.Before(since) && !s.world.Now.Before(at.Add(s.Lag))
}

func (s *Issues) byNumber(number int) (*dated[step.Issue], error) {
	for _, i := range s.issues {
		if i.value.Number == number {
			return i, nil
		}
	}
	return nil, fmt.Errorf("issue %d: %w", number, step.ErrNotFound)
}

// Issue implements step.Issues.
func (s *Issues) Issue(ctx context.Context, _ pipeline.Repo, number int) (found step.Issue, err error) {
	err = s.do(ctx, "issue", func() error {
		i, err := s.byNumber(number)
		if err == nil {
			found = i.value
		}
		return err
	})
	return found, err
}

// OwnIssues implements step.Issues.
func (s *Issues) OwnIssues(ctx context.Context, _ pipeline.Repo, since time.Time) (found []step.Issue, err error) {
	err = s.do(ctx, "own-issues", func() error {
		for _, i := range slices.Backward(s.issues) {
			if i.value.Own && s.shows(i.at, since) {
				found = append(found, i.value)
			}
		}
		return nil
	})
	return found, err
}

// SearchIssues implements step.Issues: every word must be in the title.
func (s *Issues) SearchIssues(ctx context.Context, _ pipeline.Repo, query string, limit int) (found []step.Issue, err error) {
	err = s.do(ctx, "search-issues", func() error {
		s.Queries = append(s.Queries, query)
		for _, i := range s.issues {
			miss := slices.ContainsFunc(strings.Fields(query), func(w string) bool { return !strings.Contains(i.value.Title, w) })
			if !miss && len(found) < limit {
				found = append(found, i.value)
			}
		}
		return nil
	})
	return found, err
}

// CreateIssue implements step.Issues.
func (s *Issues) CreateIssue(ctx context.Context, r pipeline.Repo, n step.NewIssue) (made step.Issue, err error) {
	err = s.do(ctx, "create-issue", func() error {
		s.Created = append(s.Created, n)
		made = s.add(step.Issue{Title: n.Title, Body: n.Body, Labels: n.Labels, Assignees: n.Assignees, Own: true}, r)
		return nil
	})
	return made, err
}

func (s *Issues) add(i step.Issue, r pipeline.Repo) step.Issue {
	i.Number, i.State = len(s.issues)+1, "open"
	i.URL = fmt.Sprintf("https://github.com/%s/issues/%d", r, i.Number)
	s.issues = append(s.issues, &dated[step.Issue]{i, s.world.Now})
	return i
}

// Open opens an issue as a person does and returns its number.
func (s *Issues) Open(i step.Issue) int {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return s.add(i, pipeline.Repo{Owner: "acme", Name: "gitops"}).Number
}

// UpdateIssue implements step.Issues.
func (s *Issues) UpdateIssue(ctx context.Context, _ pipeline.Repo, number int, c step.IssueChange) error {
	return s.do(ctx, "update-issue", func() error {
		i, err := s.byNumber(number)
		if err != nil {
			return err
		}
		for field, to := range map[*string]*string{&i.value.Title: c.Title, &i.value.Body: c.Body, &i.value.State: c.State} {
			if to != nil {
				*field = *to
			}
		}
		if c.Assignees != nil {
			i.value.Assignees = *c.Assignees
		}
		labels := slices.DeleteFunc(slices.Clone(i.value.Labels), func(l string) bool { return slices.Contains(c.RemoveLabels, l) })
		i.value.Labels = append(labels, c.AddLabels...)
		i.at = s.world.Now
		return nil
	})
}

func (s *Issues) byID(id int64) (*dated[onIssue], error) {
	for _, c := range s.comments {
		if c.value.ID == id {
			return c, nil
		}
	}
	return nil, fmt.Errorf("comment %d: %w", id, step.ErrNotFound)
}

// Comment implements step.IssueComments.
func (s *Issues) Comment(ctx context.Context, _ pipeline.Repo, id int64) (found step.IssueComment, err error) {
	err = s.do(ctx, "comment", func() error {
		c, err := s.byID(id)
		if err == nil {
			found = c.value.IssueComment
		}
		return err
	})
	return found, err
}

// OwnComments implements step.IssueComments.
func (s *Issues) OwnComments(ctx context.Context, _ pipeline.Repo, number int, since time.Time) (found []step.IssueComment, err error) {
	err = s.do(ctx, "own-comments", func() error {
		if _, err := s.byNumber(number); err != nil {
			return err
		}
		for _, c := range s.comments {
			if c.value.number == number && c.value.Own && s.shows(c.at, since) {
				found = append(found, c.value.IssueComment)
			}
		}
		return nil
	})
	return found, err
}

// AddComment implements step.IssueComments.
func (s *Issues) AddComment(ctx context.Context, _ pipeline.Repo, number int, body string) (made step.IssueComment, err error) {
	err = s.do(ctx, "add-comment", func() error {
		i, err := s.byNumber(number)
		if err != nil {
			return err
		}
		made = s.say(i.value, step.IssueComment{Author: "kargo[bot]", Body: body, Own: true})
		return nil
	})
	return made, err
}

func (s *Issues) say(i step.Issue, c step.IssueComment) step.IssueComment {
	c.ID = int64(1001 + len(s.comments))
	c.URL = fmt.Sprintf("%s#issuecomment-%d", i.URL, c.ID)
	s.comments = append(s.comments, &dated[onIssue]{onIssue{c, i.Number}, s.world.Now})
	return c
}

// Say comments on an issue, as a person does or as the App does by itself, and
// returns the comment's id.
func (s *Issues) Say(number int, c step.IssueComment) int64 {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return s.say(step.Issue{Number: number}, c).ID
}

// EditComment implements step.IssueComments.
func (s *Issues) EditComment(ctx context.Context, _ pipeline.Repo, id int64, body string) error {
	return s.do(ctx, "edit-comment", func() error {
		c, err := s.byID(id)
		if err == nil {
			c.value.Body, c.at = body, s.world.Now
		}
		return err
	})
}

// DeleteComment implements step.IssueComments.
func (s *Issues) DeleteComment(ctx context.Context, _ pipeline.Repo, id int64) error {
	return s.do(ctx, "delete-comment", func() error {
		s.comments = slices.DeleteFunc(s.comments, func(c *dated[onIssue]) bool { return c.value.ID == id })
		return nil
	})
}

// All returns every issue, with the comments on it.
func (s *Issues) All() map[int]IssueThread {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	out := map[int]IssueThread{}
	for _, i := range s.issues {
		t := IssueThread{Issue: i.value}
		for _, c := range s.comments {
			if c.value.number == i.value.Number {
				t.Comments = append(t.Comments, c.value.IssueComment)
			}
		}
		out[i.value.Number] = t
	}
	return out
}

// IssueThread is an issue and the comments on it, oldest first.
type IssueThread struct {
	step.Issue
	Comments []step.IssueComment
}
