package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/app/forge"
)

// conditions are what scripts can wait for or expect. Each returns what is wrong.
var conditions = map[string]struct {
	usage       string
	least, most int
	holds       func(s *scene, args []string) error
}{
	"pull":       {"pull PR open|draft|closed|merged", 2, 2, pullIs},
	"pulls":      {"pulls N", 1, 1, pullsAre},
	"title":      {"title PR REGEX", 2, 2, titleIs},
	"body":       {"body PR REGEX", 2, 2, bodyIs},
	"deployment": {"deployment PROMOTION STATE|none", 2, 2, deploymentIs},
	"run":        {"run PR|at:REF NAME STATUS-OR-CONCLUSION [TITLE-REGEX]", 3, 4, runIs},
	"config":     {"config REF CONCLUSION [TITLE-REGEX [ANNOTATIONS]]", 2, 4, configIs},
	"said":       {"said PR REGEX", 2, 2, said},
	"reply":      {"reply REGEX", 1, 1, replied},
	"reactions":  {"reactions CONTENT...", 1, 5, reactionsAre},
	"file":       {"file REF PATH REGEX", 3, 3, fileIs},
	"nofile":     {"nofile REF PATH", 2, 2, fileIsNot},
	"commits":    {"commits BRANCH N", 2, 2, commitsAre},
	"message":    {"message REF REGEX", 2, 2, messageIs},
	"branch":     {"branch NAME there|gone", 2, 2, branchIs},
	"logged":     {"logged REGEX", 1, 1, logged},
	"workflow":   {"workflow FILE STATUS [INPUT=VALUE]", 2, 3, workflowIs},
	"unsaid":     {"unsaid TEXT", 1, 1, unsaid},
	"delivered":  {"delivered", 0, 0, delivered},
	"issue":      {"issue TITLE STATE [LAST-COMMENT-REGEX]", 2, 3, issueIs},
	"issues":     {"issues N", 1, 1, issuesAre},
	"ticket":     {"ticket KEY TEXT", 2, 2, ticketIs},
	"mail":       {"mail TEXT", 1, 1, mailIs},
	"synced":     {"synced APPLICATION REF TIMES", 3, 3, syncedIs},
	"kept":       {"kept PROMOTION...", 0, 20, keptAll},
}

func expect(s *scene, _ *testscript.TestScript, args []string) error {
	c, ok := conditions[args[0]]
	if !ok {
		return fmt.Errorf("no such condition: %s", args[0])
	}
	rest := args[1:]
	if len(rest) < c.least || len(rest) > c.most {
		return fmt.Errorf("usage: %s", c.usage)
	}
	if err := c.holds(s, rest); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func await(s *scene, ts *testscript.TestScript, args []string) error {
	if _, ok := conditions[args[0]]; !ok {
		return expect(s, ts, args)
	}
	return eventually(context.Background(), func() error { return expect(s, ts, args) })
}

// match says how text differs from a pattern.
func match(pattern, text string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if !re.MatchString(text) {
		return fmt.Errorf("it is %q", text)
	}
	return nil
}

func (s *scene) pullRequest(ref string) (forge.PullRequest, error) {
	n, err := s.number(ref)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return s.PullRequest(s.repo, n)
}

func pullIs(s *scene, args []string) error {
	pr, err := s.pullRequest(args[0])
	if err != nil {
		return err
	}
	if state(pr) != args[1] {
		return fmt.Errorf("#%d is %s", pr.Number, state(pr))
	}
	return nil
}

func pullsAre(s *scene, args []string) error {
	pulls, err := s.PullRequests(s.repo)
	if err != nil {
		return err
	}
	return count(len(pulls), args[0])
}

func count(n int, want string) error {
	if strconv.Itoa(n) != want {
		return fmt.Errorf("there are %d", n)
	}
	return nil
}

func titleIs(s *scene, args []string) error {
	pr, err := s.pullRequest(args[0])
	if err != nil {
		return err
	}
	return match(args[1], pr.Title)
}

func bodyIs(s *scene, args []string) error {
	pr, err := s.pullRequest(args[0])
	if err != nil {
		return err
	}
	return match(args[1], pr.Body)
}

func deploymentIs(s *scene, args []string) error {
	all, err := s.deploymentsOf(s.repo, args[0])
	switch {
	case err != nil:
		return err
	case len(all) == 0 && args[1] == "none":
		return nil
	case len(all) != 1:
		return fmt.Errorf("there are %d", len(all))
	case lastState(all[0]) != args[1]:
		return fmt.Errorf("it is %s", lastState(all[0]))
	}
	return nil
}

func runIs(s *scene, args []string) error {
	if ref, ok := strings.CutPrefix(args[0], "at:"); ok {
		return s.run(ref, args[1], args[2:])
	}
	pr, err := s.pullRequest(args[0])
	if err != nil {
		return err
	}
	return s.run(pr.HeadSHA, args[1], args[2:])
}

func configIs(s *scene, args []string) error { return s.run(args[0], "kargo / config", args[1:]) }

// run looks at the only check run of a name on a commit: its status or
// conclusion, title, and number of annotations.
func (s *scene) run(ref, name string, want []string) error {
	all, err := s.CheckRuns(s.repo, ref)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c forge.CheckRun) bool { return c.Name != name })
	if len(all) != 1 {
		return fmt.Errorf("there are %d", len(all))
	}
	c := all[0]
	if c.Status != want[0] && c.Conclusion != want[0] {
		return fmt.Errorf("it is %s %s: %s", c.Status, c.Conclusion, c.Title)
	}
	if len(want) > 1 {
		if err := match(want[1], c.Title+"\n"+c.Summary); err != nil {
			return err
		}
	}
	if len(want) > 2 {
		return count(c.Annotations, want[2])
	}
	return nil
}

// botComments returns what the bot wrote on an issue or pull request.
func (s *scene) botComments(number int) ([]forge.Comment, error) {
	all, err := s.comments(number)
	return slices.DeleteFunc(all, func(c forge.Comment) bool { return c.Author != bot }), err
}

func (s *scene) comments(number int) ([]forge.Comment, error) {
	issues, err := s.Issues(s.repo)
	if err != nil {
		return nil, err
	}
	for _, i := range issues {
		if i.Number == number {
			return i.Comments, nil
		}
	}
	pr, err := s.PullRequest(s.repo, number)
	return pr.Comments, err
}

func said(s *scene, args []string) error {
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	all, err := s.botComments(n)
	if err != nil {
		return err
	}
	last := errors.New("the bot said nothing")
	for _, c := range all {
		if last = match(args[1], c.Body); last == nil {
			return nil
		}
	}
	return last
}

func replied(s *scene, args []string) error {
	all, err := s.botComments(s.where)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c forge.Comment) bool { return !strings.Contains(c.Body, fmt.Sprintf("reply=%d ", s.comment)) })
	if len(all) != 1 {
		return fmt.Errorf("there are %d replies", len(all))
	}
	return match(args[0], all[0].Body)
}

// reactionsAre looks at the bot's reactions to the last comment, in order.
func reactionsAre(s *scene, args []string) error {
	all, err := s.comments(s.where)
	if err != nil {
		return err
	}
	var got []string
	for _, c := range all {
		if c.ID != s.comment {
			continue
		}
		for _, r := range c.Reactions {
			if r.Author == bot {
				got = append(got, r.Content)
			}
		}
	}
	if !slices.Equal(got, args) {
		return fmt.Errorf("they are %v", got)
	}
	return nil
}

func fileIs(s *scene, args []string) error {
	content, err := s.File(s.repo, args[0], args[1])
	if err != nil {
		return err
	}
	return match(args[2], content)
}

func fileIsNot(s *scene, args []string) error {
	if _, err := s.File(s.repo, args[0], args[1]); err == nil {
		return errors.New("it is there")
	}
	return nil
}

func commitsAre(s *scene, args []string) error {
	all, err := s.Commits(s.repo, args[0])
	if err != nil {
		return err
	}
	return count(len(all), args[1])
}

func messageIs(s *scene, args []string) error {
	all, err := s.Commits(s.repo, args[0])
	if err != nil {
		return err
	}
	return match(args[1], all[0].Message)
}

func branchIs(s *scene, args []string) error {
	refs, err := s.Refs(s.repo)
	if err != nil {
		return err
	}
	if there := refs["refs/heads/"+args[0]] != ""; there != (args[1] == "there") {
		return fmt.Errorf("there: %t", there)
	}
	return nil
}

func logged(s *scene, args []string) error {
	re, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	if !re.MatchString(s.log.String()) {
		return errors.New("it is not")
	}
	return nil
}

// unsaid looks for a secret in the log and in what the bot said last.
func unsaid(s *scene, args []string) error {
	all, err := s.botComments(s.where)
	for _, c := range all {
		if strings.Contains(c.Body, args[0]) {
			return errors.New("the bot said it")
		}
	}
	if strings.Contains(s.log.String(), args[0]) {
		return errors.New("it is in the log")
	}
	return err
}

func delivered(s *scene, _ []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.WaitDelivered(ctx)
}

func keptAll(s *scene, args []string) error {
	if len(args) == 0 {
		return s.allKept(s.repo)
	}
	var faults []error
	for _, promotion := range args {
		faults = append(faults, s.kept(s.repo, promotion))
	}
	return errors.Join(faults...)
}
