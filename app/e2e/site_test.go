package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/app/forge"
)

// site is a service that is asked how it is.
type site struct {
	*httptest.Server
	status atomic.Int64
	// told is the body of the last request that had one.
	told atomic.Pointer[string]
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	s := &site{}
	s.status.Store(http.StatusOK)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
			text := string(body)
			s.told.Store(&text)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(s.status.Load()))
		_, _ = w.Write([]byte(`{"healthy":true}`))
	}))
	tb.Cleanup(s.Close)
	return s
}

func (s *site) host() string { return strings.TrimPrefix(s.URL, "http://") }

func setSite(s *scene, _ *testscript.TestScript, args []string) error {
	status, err := strconv.ParseInt(args[0], 10, 64)
	s.site.status.Store(status)
	return err
}

// callback answers the server at the address that the site was told.
func callback(s *scene, ts *testscript.TestScript, args []string) error {
	told := s.site.told.Load()
	if told == nil {
		return errors.New("the site was told nothing")
	}
	var body struct {
		Callback string `json:"callback"`
	}
	if err := json.Unmarshal([]byte(*told), &body); err != nil {
		return err
	}
	address, err := url.Parse(body.Callback)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(s.tb.Context(), http.MethodPost, "http://"+s.server.addr+address.Path, strings.NewReader(args[0]))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got := strconv.Itoa(resp.StatusCode); got != args[1] {
		return fmt.Errorf("the answer is %s, want %s", got, args[1])
	}
	ts.Logf("called back at %s", address.Host)
	return nil
}

// deploy records what another system says of a commit.
func deploy(s *scene, _ *testscript.TestScript, args []string) error {
	commits, err := s.Commits(s.repo, args[0])
	if err != nil {
		return err
	}
	id, err := s.Deploy(s.repo, "ben", commits[0].SHA, args[1])
	if err != nil {
		return err
	}
	return s.SetDeploymentState(s.repo, "ben", id, args[2], "")
}

// newestRun returns the last run of a workflow.
func (w *world) newestRun(repo, file string) (forge.WorkflowRun, error) {
	runs, err := w.WorkflowRuns(repo)
	if err != nil {
		return forge.WorkflowRun{}, err
	}
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].File == file {
			return runs[i], nil
		}
	}
	return forge.WorkflowRun{}, fmt.Errorf("%s never ran", file)
}

func finishWorkflow(s *scene, _ *testscript.TestScript, args []string) error {
	run, err := s.newestRun(s.repo, args[0])
	if err != nil {
		return err
	}
	for _, output := range args[2:] {
		if err := s.Notice(s.repo, run.ID, "job", "kargo-output", output); err != nil {
			return err
		}
	}
	return s.FinishWorkflow(s.repo, run.ID, args[1])
}

func workflowIs(s *scene, args []string) error {
	run, err := s.newestRun(s.repo, args[0])
	if err != nil {
		return err
	}
	if run.Status != args[1] && run.Conclusion != args[1] {
		return fmt.Errorf("it is %s %s", run.Status, run.Conclusion)
	}
	inputs, err := pairs(args[2:])
	for k, v := range inputs {
		if run.Inputs[k] != v {
			return fmt.Errorf("its inputs are %v", run.Inputs)
		}
	}
	return err
}
