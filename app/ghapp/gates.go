package ghapp

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Gates reads what GitHub demands before a merge, and who approved.
type Gates struct{ app *App }

var _ step.Gates = (*Gates)(nil)

// Gates returns the port.
func (a *App) Gates() *Gates { return &Gates{app: a} }

// requirement is one required check; an app of 0 means any.
type requirement struct {
	name string
	app  int64
}

// ruleMemo remembers the rules of a branch while the events of one change
// arrive.
type ruleMemo struct {
	needs []requirement
	rules step.BranchRules
	until time.Time
}

const (
	keepRules = 10 * time.Second
	maxMemos  = 10_000
)

// RequiredChecks implements step.Gates. GitHub enforces the same rules when it
// merges; looking first spares refusals and tells people what is waited for.
func (s *Gates) RequiredChecks(ctx context.Context, repoURL, base, sha string) ([]step.Check, error) {
	r, err := s.app.onURL(ctx, repoURL)
	if err != nil {
		return nil, fmt.Errorf("required checks of %s: %w", base, err)
	}
	memo, err := s.rulesOf(ctx, r, base)
	if err != nil {
		return nil, fmt.Errorf("required checks of %s: %w", base, err)
	}
	needs := slices.DeleteFunc(slices.Clone(memo.needs), s.isOwn)
	if len(needs) == 0 {
		return nil, nil
	}
	results, err := s.results(ctx, r, sha)
	if err != nil {
		return nil, fmt.Errorf("checks of %s: %w", sha, err)
	}
	out := make([]step.Check, 0, len(needs))
	for _, need := range needs {
		c := step.Check{Name: need.name, State: "pending"}
		reported := false
		for _, got := range results {
			if got.name != need.name || need.app != 0 && got.app != need.app {
				continue
			}
			if !reported || severity(got.state) > severity(c.State) {
				c.State, c.URL, reported = got.state, got.url, true
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// isOwn recognises a requirement that only the App itself could meet: waiting for
// one's own report would never end.
func (s *Gates) isOwn(n requirement) bool {
	if n.app != 0 {
		return n.app == s.app.opts.AppID
	}
	prefix, _, _ := strings.Cut(report.PromotionCheck, "/")
	return strings.HasPrefix(n.name, prefix+"/ ")
}

// rulesOf is the union of what rulesets and classic protection require: each
// endpoint shows one of them only.
func (s *Gates) rulesOf(ctx context.Context, r *rest, base string) (ruleMemo, error) {
	key := strings.ToLower(r.owner+"/"+r.name) + "@" + base
	now := s.app.opts.Now()
	s.app.mu.Lock()
	memo, ok := s.app.rules[key]
	s.app.mu.Unlock()
	if ok && now.Before(memo.until) {
		return memo, nil
	}
	needs, rules, err := r.rulesets(ctx, base)
	if err != nil {
		return ruleMemo{}, err
	}
	classic, err := r.classicChecks(ctx, base)
	if err != nil {
		return ruleMemo{}, err
	}
	needs = append(needs, classic...)
	slices.SortFunc(needs, func(a, b requirement) int { return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.app, b.app)) })
	needs = slices.Compact(needs)
	s.app.mu.Lock()
	defer s.app.mu.Unlock()
	if len(s.app.rules) >= maxMemos {
		clear(s.app.rules)
	}
	memo = ruleMemo{needs: needs, rules: rules, until: now.Add(keepRules)}
	s.app.rules[key] = memo
	return memo, nil
}

func (r *rest) classicChecks(ctx context.Context, base string) ([]requirement, error) {
	var b struct {
		Protection struct {
			Checks struct {
				Level    string   `json:"enforcement_level"`
				Contexts []string `json:"contexts"`
				Checks   []struct {
					Context string `json:"context"`
					App     int64  `json:"app_id"`
				} `json:"checks"`
			} `json:"required_status_checks"`
		} `json:"protection"`
	}
	_, err := r.do(ctx, http.MethodGet, r.path("/branches/%s", base), nil, &b)
	if status(err) == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if b.Protection.Checks.Level == "off" {
		return nil, nil
	}
	var needs []requirement
	named := map[string]bool{}
	for _, c := range b.Protection.Checks.Checks {
		named[c.Context] = true
		needs = append(needs, requirement{c.Context, max(c.App, 0)})
	}
	for _, name := range b.Protection.Checks.Contexts {
		if !named[name] { // older servers list names only
			needs = append(needs, requirement{name: name})
		}
	}
	return needs, nil
}

// result is a check run or a commit status on a commit.
type result struct {
	name       string
	app        int64 // 0 is not known
	state, url string
}

func severity(state string) int {
	return slices.Index([]string{"success", "pending", "failure"}, state)
}

// results reads both kinds: neither listing contains the other.
func (s *Gates) results(ctx context.Context, r *rest, sha string) ([]result, error) {
	type key struct {
		app  int64
		name string
	}
	newest := map[key]checkRun{}
	query := url.Values{"filter": {"latest"}}
	err := each(ctx, r, r.path("/commits/%s/check-runs", sha), query, func(page checkRunPage) bool {
		for _, run := range page.Runs {
			k := key{run.App.ID, run.Name}
			if run.App.ID != s.app.opts.AppID && run.ID > newest[k].ID {
				newest[k] = run
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var out []result
	for k, run := range newest {
		out = append(out, result{name: k.name, app: k.app, state: run.state(), url: cmp.Or(run.HTMLURL, run.DetailsURL)})
	}
	type combined struct {
		Statuses []struct {
			Context   string `json:"context"`
			State     string `json:"state"`
			TargetURL string `json:"target_url"`
			Avatar    string `json:"avatar_url"`
		} `json:"statuses"`
	}
	err = each(ctx, r, r.path("/commits/%s/status", sha), nil, func(page combined) bool {
		for _, st := range page.Statuses {
			state := st.State
			if state == "error" {
				state = "failure"
			}
			out = append(out, result{name: st.Context, app: appOfAvatar(st.Avatar), state: state, url: st.TargetURL})
		}
		return true
	})
	return out, err
}

// state follows GitHub's rule for required checks: skipped and neutral pass.
func (c checkRun) state() string {
	if c.Status != "completed" {
		return "pending"
	}
	switch c.Conclusion {
	case "success", "neutral", "skipped":
		return "success"
	default:
		return "failure"
	}
}

// appOfAvatar returns the App that set a status, of which GitHub says nothing
// but the picture's address: https://avatars.githubusercontent.com/in/APP.
func appOfAvatar(avatar string) int64 {
	_, rest, ok := strings.Cut(avatar, "/in/")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(rest, "?")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return id
}
