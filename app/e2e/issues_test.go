package e2e_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/app/forge"
)

func closeIssue(s *scene, _ *testscript.TestScript, args []string) error {
	n, err := s.issueCalled(args[0])
	if err != nil {
		return err
	}
	return s.CloseIssue(s.repo, n.Number, args[1])
}

func (s *scene) issueCalled(title string) (forge.Issue, error) {
	issues, err := s.Issues(s.repo)
	if err != nil {
		return forge.Issue{}, err
	}
	i := slices.IndexFunc(issues, func(i forge.Issue) bool { return i.Title == title })
	if i < 0 {
		return forge.Issue{}, fmt.Errorf("no issue is called %q", title)
	}
	return issues[i], nil
}

// issueIs looks at an issue's state and at the last word on it.
func issueIs(s *scene, args []string) error {
	i, err := s.issueCalled(args[0])
	if err != nil {
		return err
	}
	if i.State != args[1] {
		return fmt.Errorf("it is %s", i.State)
	}
	if len(args) < 3 {
		return nil
	}
	if len(i.Comments) == 0 {
		return errors.New("nobody commented")
	}
	return match(args[2], i.Comments[len(i.Comments)-1].Body)
}

func issuesAre(s *scene, args []string) error {
	issues, err := s.Issues(s.repo)
	if err != nil {
		return err
	}
	return count(len(issues), args[0])
}
