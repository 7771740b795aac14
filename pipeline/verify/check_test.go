package verify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/verify"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	done := func(app, conclusion string) verify.CheckResult {
		return verify.CheckResult{App: app, Done: true, Conclusion: conclusion, URL: "https://ci"}
	}
	open := verify.CheckResult{App: "ci"}
	for name, tt := range map[string]struct {
		results []verify.CheckResult
		app     string
		want    pipeline.VerificationPhase
		message string
	}{
		"one that did not appear is waited for":  {nil, "", pipeline.VerificationRunning, "waiting for check smoke to appear on 0123456"},
		"one in progress is waited for":          {[]verify.CheckResult{open}, "", pipeline.VerificationRunning, "waiting for check smoke on 0123456"},
		"success passes":                         {[]verify.CheckResult{done("ci", "success")}, "", pipeline.VerificationSuccessful, ""},
		"neutral passes":                         {[]verify.CheckResult{done("ci", "neutral")}, "", pipeline.VerificationSuccessful, ""},
		"skipped passes":                         {[]verify.CheckResult{done("ci", "skipped")}, "", pipeline.VerificationSuccessful, ""},
		"failure fails":                          {[]verify.CheckResult{done("ci", "failure")}, "", pipeline.VerificationFailed, "check smoke ended with failure"},
		"a timeout fails":                        {[]verify.CheckResult{done("ci", "timed_out")}, "", pipeline.VerificationFailed, "timed_out"},
		"action_required fails":                  {[]verify.CheckResult{done("ci", "action_required")}, "", pipeline.VerificationFailed, "action_required"},
		"a status that is an error fails":        {[]verify.CheckResult{done("", "error")}, "", pipeline.VerificationFailed, "ended with error"},
		"of several all have to pass":            {[]verify.CheckResult{done("a", "success"), done("b", "failure")}, "", pipeline.VerificationFailed, "failure"},
		"a failure does not wait for the others": {[]verify.CheckResult{open, done("b", "failure")}, "", pipeline.VerificationFailed, "failure"},
		"success waits for the others":           {[]verify.CheckResult{done("a", "success"), open}, "", pipeline.VerificationRunning, "waiting for check smoke"},
		"an App narrows it":                      {[]verify.CheckResult{done("a", "success"), done("b", "failure")}, "a", pipeline.VerificationSuccessful, ""},
		"an App that did not report yet":         {[]verify.CheckResult{done("b", "success")}, "a", pipeline.VerificationRunning, "to appear"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withProvider("check", map[string]any{"name": "smoke", "app": tt.app}))
			onHost(w).results = tt.results
			w.advance()
			if w.run.Phase != tt.want || !strings.Contains(w.metric(0).Message, tt.message) {
				t.Errorf("%s: %s, want %s", w.run.Phase, w.metric(0).Message, tt.want)
			}
			waits := cmp.Equal(w.run.WakeOn, []string{pipeline.CommitEvent(merged)})
			if waits != (tt.want == pipeline.VerificationRunning) {
				t.Errorf("wakes on %v", w.run.WakeOn)
			}
		})
	}
}

func TestCheckLooksAtTheCommitOfTheStagesRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withProvider("check", map[string]any{"name": "smoke"}))
	w.run.CommitRepo = "acme/other"
	h := onHost(w)
	w.advance()
	if diff := cmp.Diff([]string{"acme/other " + merged + " smoke"}, h.asked); diff != "" {
		t.Error(diff)
	}
}

func TestCheckAfterAPromotionThatChangedNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withProvider("check", map[string]any{"name": "smoke"}))
	w.run.Commit, w.run.CommitRepo = "", ""
	h := onHost(w)
	w.advance()
	w.advance()
	if diff := cmp.Diff([]string{"acme/gitops head smoke", "acme/gitops head smoke"}, h.asked); diff != "" {
		t.Error(diff)
	}
	if !cmp.Equal(w.run.WakeOn, []string{pipeline.CommitEvent("head")}) {
		t.Errorf("wakes on %v", w.run.WakeOn)
	}
}

func TestDeployment(t *testing.T) {
	t.Parallel()
	states := func(s ...string) []verify.Deployed {
		return []verify.Deployed{{States: s, Description: "rolled out", URL: "https://argo"}}
	}
	for name, tt := range map[string]struct {
		found   []verify.Deployed
		want    pipeline.VerificationPhase
		message string
	}{
		"none yet is waited for":                       {nil, pipeline.VerificationRunning, "waiting for a deployment of 0123456 to prod"},
		"one without a status is waited for":           {states(), pipeline.VerificationRunning, "pending"},
		"one in progress is waited for":                {states("in_progress", "queued"), pipeline.VerificationRunning, "in_progress"},
		"success passes":                               {states("success", "in_progress"), pipeline.VerificationSuccessful, "rolled out"},
		"failure fails":                                {states("failure"), pipeline.VerificationFailed, "deployment to prod: failure: rolled out"},
		"an error fails":                               {states("error"), pipeline.VerificationFailed, "error"},
		"one that succeeded and gave way passes":       {states("inactive", "success"), pipeline.VerificationSuccessful, ""},
		"one that gave way before is inconclusive":     {states("inactive", "in_progress"), pipeline.VerificationInconclusive, "gave way"},
		"only the newest counts":                       {append(states("success"), states("failure")...), pipeline.VerificationSuccessful, ""},
		"a later failure of the same deployment fails": {states("failure", "success"), pipeline.VerificationFailed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withProvider("deployment", map[string]any{"environment": "prod"}))
			onHost(w).deployments = tt.found
			w.advance()
			if w.run.Phase != tt.want || !strings.Contains(w.metric(0).Message, tt.message) {
				t.Errorf("%s: %s, want %s", w.run.Phase, w.metric(0).Message, tt.want)
			}
			waits := cmp.Equal(w.run.WakeOn, []string{pipeline.DeploymentEvent(merged)})
			if waits != (tt.want == pipeline.VerificationRunning) {
				t.Errorf("wakes on %v", w.run.WakeOn)
			}
		})
	}
}
