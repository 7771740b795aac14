package e2e_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/app/forge"
)

// verbs are what scripts can say. PR is a pull request's number or a Promotion's
// id, "test-1".
func verbs() map[string]func(*testscript.TestScript, bool, []string) {
	type action = func(s *scene, ts *testscript.TestScript, args []string) error
	all := map[string]func(*testscript.TestScript, bool, []string){}
	for _, v := range []struct {
		usage       string
		least, most int
		do          action
	}{
		// The world.
		{"repo DIR [NAME]", 1, 2, found},
		{"protect BRANCH [checks=A,B] [reviews=N] [strict=true]", 1, 4, protect},
		{"ruleset BRANCH [checks=A,B] [reviews=N] [queue=true]", 1, 4, ruleset},
		{"tried NAME CONCLUSION", 2, 2, tried},
		{"enqueue PR USER", 2, 2, onPull(func(s *scene, n int, user string) error { return s.Enqueue(s.repo, n, user) })},
		{"set poll|reconcile|redelivery DURATION", 2, 2, setInterval},
		{"public URL", 1, 1, func(s *scene, _ *testscript.TestScript, a []string) error {
			s.set(map[string]string{"KARGO_PUBLIC_URL": a[0]})
			return nil
		}},
		{"serve", 0, 0, func(s *scene, _ *testscript.TestScript, _ []string) error { return s.start() }},
		{"crash", 0, 0, func(s *scene, _ *testscript.TestScript, _ []string) error { s.crash(); return nil }},
		{"terminate", 0, 0, terminate},
		{"on OWNER/REPO", 1, 1, func(s *scene, _ *testscript.TestScript, a []string) error { s.repo = a[0]; return nil }},
		{"webhook drop|lose|duplicate|reorder EVENT [ACTION]", 2, 3, disturb},
		// What CI and developers do.
		{"image VERSION [quietly]", 1, 2, func(s *scene, _ *testscript.TestScript, a []string) error { return s.publish(a[0], len(a) > 1) }},
		{"built VERSION", 1, 1, func(s *scene, _ *testscript.TestScript, a []string) error { return s.publishBuilt(a[0]) }},
		{"push BRANCH USER MESSAGE PATH=FILE...", 4, math.MaxInt, push},
		{"tag NAME REF", 2, 2, func(s *scene, _ *testscript.TestScript, a []string) error {
			return s.CreateTags(s.repo, "ben", a[1], a[0])
		}},
		{"check PR|at:REF NAME pending|CONCLUSION", 3, 3, check},
		{"workflow FILE CONCLUSION [OUTPUT...]", 2, 10, finishWorkflow},
		{"deploy REF ENVIRONMENT STATE", 3, 3, deploy},
		{"site STATUS", 1, 1, setSite},
		{"callback BODY STATUS", 2, 2, callback},
		{"argocd add FILE | end NAME PHASE HEALTH", 2, 4, actOnArgo},
		{"secret NAME VALUE", 2, 2, addSecret},
		{"ticket KEY STATUS", 2, 2, setTicket},
		// Registries; see registries_test.go.
		{"chart VERSION", 1, 1, func(s *scene, _ *testscript.TestScript, a []string) error { return s.publishChart(a[0]) }},
		{"private USER PASSWORD", 2, 2, func(s *scene, _ *testscript.TestScript, a []string) error { s.registry.Demand(a[0], a[1]); return nil }},
		{"receiver NAME KIND [when=EXPR] [url=EXPR]", 2, 4, addReceiver},
		{"hook RECEIVER FILE STATUS [HEADER=VALUE]", 3, 4, hook},
		{"credentials KIND URL USER PASSWORD", 4, 4, addCredentials},
		// What people do.
		{"open BRANCH USER TITLE", 3, 3, openPull},
		{"issue USER TITLE", 2, 2, openIssue},
		{"closeissue TITLE USER", 2, 2, closeIssue},
		{"comment PR USER TEXT", 3, 3, comment},
		{"review PR USER approve|reject|comment", 3, 3, review},
		{"merge PR USER", 2, 2, onPull(func(s *scene, n int, user string) error {
			_, err := s.Merge(s.repo, n, user, "squash", true)
			return err
		})},
		{"close PR USER", 2, 2, onPull(func(s *scene, n int, user string) error { return s.ClosePullRequest(s.repo, n, user) })},
		{"draft PR USER", 2, 2, onPull(func(s *scene, n int, user string) error { return s.SetDraft(s.repo, n, user, true) })},
		{"ready PR USER", 2, 2, onPull(func(s *scene, n int, user string) error { return s.SetDraft(s.repo, n, user, false) })},
		// What can be seen; see expect_test.go.
		{"await CONDITION ARGS...", 1, math.MaxInt, await},
		{"expect CONDITION ARGS...", 1, math.MaxInt, expect},
	} {
		name, _, _ := strings.Cut(v.usage, " ")
		all[name] = verb(v.usage, v.least, v.most, v.do)
	}
	return all
}

func found(s *scene, ts *testscript.TestScript, args []string) error {
	files, err := tree(ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	if len(args) > 1 {
		s.repo = args[1]
	}
	return s.found(s.repo, files)
}

func protect(s *scene, _ *testscript.TestScript, args []string) error {
	p, err := protection(args[1:])
	if err != nil {
		return err
	}
	return s.ProtectBranch(s.repo, args[0], p)
}

func ruleset(s *scene, _ *testscript.TestScript, args []string) error {
	p, err := protection(args[1:])
	if err != nil {
		return err
	}
	return s.AddRuleset(s.repo, args[0], p)
}

// tried reports a check on the commit on which the merge queue of main tries its first
// pull request.
func tried(s *scene, _ *testscript.TestScript, args []string) error {
	_, heads, err := s.Queue(s.repo, "main")
	if err != nil {
		return err
	}
	if len(heads) == 0 {
		return errors.New("the merge queue is empty")
	}
	_, err = s.SetCheck(s.repo, heads[0], "ci", args[0], args[1])
	return err
}

func protection(args []string) (forge.Protection, error) {
	rules, err := pairs(args)
	if err != nil {
		return forge.Protection{}, err
	}
	p := forge.Protection{Strict: rules["strict"] == "true", MergeQueue: rules["queue"] == "true"}
	if c := rules["checks"]; c != "" {
		p.RequiredChecks = strings.Split(c, ",")
	}
	if n := rules["reviews"]; n != "" {
		if p.RequiredReviews, err = strconv.Atoi(n); err != nil {
			return p, err
		}
	}
	return p, nil
}

func setInterval(s *scene, _ *testscript.TestScript, args []string) error {
	if _, err := time.ParseDuration(args[1]); err != nil {
		return err
	}
	s.set(map[string]string{"KARGO_" + strings.ToUpper(args[0]) + "_INTERVAL": args[1]})
	return nil
}

func terminate(s *scene, _ *testscript.TestScript, _ []string) error {
	took, err := s.server.terminate()
	if err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if took > 10*time.Second {
		return fmt.Errorf("the server took %s to stop", took)
	}
	s.server = nil
	return nil
}

func disturb(s *scene, _ *testscript.TestScript, args []string) error {
	kind, ok := map[string]forge.DeliveryFaultKind{
		"drop": forge.DropDelivery, "lose": forge.LoseDelivery, "duplicate": forge.DuplicateDelivery, "reorder": forge.ReorderDelivery,
	}[args[0]]
	if !ok {
		return fmt.Errorf("no such fault: %s", args[0])
	}
	s.InjectDelivery(forge.DeliveryFault{Kind: kind, Event: args[1], Action: strings.Join(args[2:], "")})
	return nil
}

func push(s *scene, ts *testscript.TestScript, args []string) error {
	changes, err := pairs(args[3:])
	if err != nil {
		return err
	}
	files := map[string]*string{}
	for path, file := range changes {
		if file == "" {
			files[path] = nil
			continue
		}
		files[path] = forge.Text(s.fill(ts.ReadFile(file)))
	}
	_, err = s.Push(s.repo, args[0], args[1], args[2], files)
	return err
}

func check(s *scene, _ *testscript.TestScript, args []string) error {
	ref, ok := strings.CutPrefix(args[0], "at:")
	if !ok {
		n, err := s.number(args[0])
		if err != nil {
			return err
		}
		pr, err := s.PullRequest(s.repo, n)
		if err != nil {
			return err
		}
		ref = pr.HeadSHA
	}
	conclusion := args[2]
	if conclusion == "pending" {
		conclusion = ""
	}
	_, err := s.SetCheck(s.repo, ref, "ci", args[1], conclusion)
	return err
}

func openPull(s *scene, _ *testscript.TestScript, args []string) error {
	n, err := s.OpenPullRequest(s.repo, args[1], forge.NewPullRequest{Title: args[2], Head: args[0], Base: "main"})
	s.where = n
	return err
}

func openIssue(s *scene, _ *testscript.TestScript, args []string) error {
	n, err := s.OpenIssue(s.repo, args[0], args[1], "")
	s.where = n
	return err
}

func comment(s *scene, _ *testscript.TestScript, args []string) error {
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	s.where = n
	s.comment, err = s.CommentOn(s.repo, n, args[1], strings.ReplaceAll(args[2], `\n`, "\n"))
	return err
}

func review(s *scene, _ *testscript.TestScript, args []string) error {
	verdict, ok := map[string]forge.ReviewState{"approve": forge.Approved, "reject": forge.ChangesRequested, "comment": forge.Commented}[args[2]]
	if !ok {
		return fmt.Errorf("no such verdict: %s", args[2])
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	return s.Review(s.repo, n, args[1], verdict, "")
}

func onPull(f func(s *scene, n int, user string) error) func(*scene, *testscript.TestScript, []string) error {
	return func(s *scene, _ *testscript.TestScript, args []string) error {
		n, err := s.number(args[0])
		if err != nil {
			return err
		}
		return f(s, n, args[1])
	}
}

// number finds an issue or pull request by number, by Promotion, or "it", the one
// that the script touched last.
func (s *scene) number(ref string) (int, error) {
	if ref == "it" {
		return s.where, nil
	}
	if n, err := strconv.Atoi(ref); err == nil {
		return n, nil
	}
	pulls, err := s.pullsOf(s.repo, ref)
	if err != nil {
		return 0, err
	}
	if len(pulls) == 0 {
		return 0, fmt.Errorf("%s has no pull request", ref)
	}
	return slices.MaxFunc(pulls, func(a, b forge.PullRequest) int { return a.Number - b.Number }).Number, nil
}
