package forge

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"go.yaml.in/yaml/v3"
)

// workflow is a file below .github/workflows, as far as dispatching it goes.
type workflow struct {
	path, name, runName string
	// dispatchable says that it has the workflow_dispatch trigger.
	dispatchable bool
	inputs       map[string]workflowInput
}

type workflowInput struct {
	Required bool     `yaml:"required"`
	Default  string   `yaml:"default"`
	Type     string   `yaml:"type"`
	Options  []string `yaml:"options"`
}

const (
	workflowDir       = ".github/workflows/"
	maxDispatchInputs = 25
)

// workflowAt reads a workflow at a commit; nil when there is none.
func (r *repo) workflowAt(h plumbing.Hash, file string) (*workflow, error) {
	root, err := r.git.treeOf(h)
	if err != nil {
		return nil, err
	}
	e, found, err := r.git.find(root, file)
	if err != nil || !found {
		return nil, err
	}
	data, err := r.git.blob(e.Hash)
	if err != nil {
		return nil, err
	}
	return parseWorkflow(file, data), nil
}

// parseWorkflow is lenient: what GitHub would reject when it runs is not looked at.
func parseWorkflow(file string, data []byte) *workflow {
	w := &workflow{path: file, name: file}
	var doc struct {
		Name    string    `yaml:"name"`
		RunName string    `yaml:"run-name"`
		On      yaml.Node `yaml:"on"`
	}
	if yaml.Unmarshal(data, &doc) != nil {
		return w
	}
	if doc.Name != "" {
		w.name = doc.Name
	}
	w.runName = doc.RunName
	var one string
	var several []string
	var triggers map[string]yaml.Node
	switch {
	case doc.On.Decode(&one) == nil && doc.On.Kind == yaml.ScalarNode:
		w.dispatchable = one == "workflow_dispatch"
	case doc.On.Decode(&several) == nil:
		w.dispatchable = slices.Contains(several, "workflow_dispatch")
	case doc.On.Decode(&triggers) == nil:
		var trigger yaml.Node
		if trigger, w.dispatchable = triggers["workflow_dispatch"]; w.dispatchable {
			var config struct {
				Inputs map[string]workflowInput `yaml:"inputs"`
			}
			if trigger.Decode(&config) == nil {
				w.inputs = config.Inputs
			}
		}
	}
	return w
}

// workflow finds the workflow of the request on the default branch, by its number or its file name.
func (c *call) workflow() (*workflow, error) {
	want := c.param("workflow_id")
	file := workflowDir + want
	if id, err := strconv.ParseInt(want, 10, 64); err == nil {
		file = ""
		for p, known := range c.repo.workflowIDs {
			if known == id {
				file = p
			}
		}
	}
	if file == "" || path.Base(file) != strings.TrimPrefix(file, workflowDir) {
		return nil, notFound()
	}
	w, err := c.repo.workflowAt(c.repo.git.branch(c.repo.defaultBranch), file)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, notFound()
	}
	return w, nil
}

func (s *Server) workflowID(r *repo, file string) int64 {
	if r.workflowIDs == nil {
		r.workflowIDs = map[string]int64{}
	}
	if r.workflowIDs[file] == 0 {
		r.workflowIDs[file] = s.nextID()
	}
	return r.workflowIDs[file]
}

func (s *Server) renderWorkflow(r *repo, w *workflow) obj {
	id := s.workflowID(r, w.path)
	return obj{
		"id": id, "node_id": nodeID("W", id), "name": w.name, "path": w.path, "state": "active",
		"created_at": timestamp(r.created), "updated_at": timestamp(r.created), "url": s.repoURL(r, fmt.Sprintf("/actions/workflows/%d", id)),
		"html_url":  s.web("/%s/blob/%s/%s", r.fullName(), r.defaultBranch, w.path),
		"badge_url": s.web("/%s/workflows/%s/badge.svg", r.fullName(), path.Base(w.path)),
	}
}

func getWorkflow(c *call) (reply, error) {
	w, err := c.workflow()
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderWorkflow(c.repo, w))
}

// dispatchWorkflow answers 204 and no more, unless asked for the run.
func dispatchWorkflow(c *call) (reply, error) {
	in, err := c.input(fields{"ref": text.must(), "inputs": jsonObject, "return_run_details": flag})
	if err != nil {
		return reply{}, err
	}
	known, err := c.workflow()
	if err != nil {
		return reply{}, err
	}
	ref := strings.TrimPrefix(strings.TrimPrefix(in.str("ref"), "refs/heads/"), "refs/tags/")
	sha := c.repo.git.branch(ref)
	if sha.IsZero() {
		sha, _ = c.repo.git.peel(c.repo.git.ref("refs/tags/" + ref))
	}
	if sha.IsZero() {
		return reply{}, unprocessable("No ref found for: %s", in.str("ref"))
	}
	w, err := c.repo.workflowAt(sha, known.path)
	if err != nil {
		return reply{}, err
	}
	if w == nil || !w.dispatchable {
		return reply{}, unprocessable("Workflow does not have 'workflow_dispatch' trigger")
	}
	inputs, err := w.fill(in.object("inputs"))
	if err != nil {
		return reply{}, err
	}
	run := c.s.addWorkflowRun(c.repo, c.actor, w, ref, sha, inputs)
	if !in.flag("return_run_details", false) {
		return noContent()
	}
	return ok(obj{
		"workflow_run_id": run.id, "run_url": c.s.repoURL(c.repo, fmt.Sprintf("/actions/runs/%d", run.id)),
		"html_url": c.s.web("/%s/actions/runs/%d", c.repo.fullName(), run.id),
	})
}

// fill checks inputs against what the workflow declares, and adds defaults.
func (w *workflow) fill(given map[string]any) (map[string]string, error) {
	if len(given) > maxDispatchInputs {
		return nil, unprocessable("Invalid request.\n\nFor 'properties/inputs', more than %d properties.", maxDispatchInputs)
	}
	out := map[string]string{}
	var unexpected []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, declared := w.inputs[name]; !declared {
			unexpected = append(unexpected, name)
			continue
		}
		switch v := given[name].(type) {
		case string:
			out[name] = v
		case bool, json.Number:
			out[name] = fmt.Sprint(v)
		default:
			return nil, unprocessable("Provided value %s for input '%s' is not a string", show(v), name)
		}
	}
	if len(unexpected) > 0 {
		raw, err := json.Marshal(unexpected)
		if err != nil {
			return nil, err
		}
		return nil, unprocessable("Unexpected inputs provided: %s", raw)
	}
	for _, name := range slices.Sorted(maps.Keys(w.inputs)) {
		i := w.inputs[name]
		value, has := out[name]
		switch {
		case !has && i.Required && i.Default == "":
			return nil, unprocessable("Required input '%s' not provided", name)
		case !has:
			out[name] = i.Default
		case i.Type == "choice" && !slices.Contains(i.Options, value):
			return nil, unprocessable("Provided value '%s' for input '%s' not in the list of allowed values", value, name)
		}
	}
	return out, nil
}

var inputExpression = regexp.MustCompile(`\$\{\{\s*(?:github\.event\.)?inputs\.([A-Za-z0-9_-]+)\s*\}\}`)

// title is what a run is called: run-name, of which only inputs are evaluated, else the workflow's name.
func (w *workflow) title(inputs map[string]string) string {
	if w.runName == "" {
		return w.name
	}
	return inputExpression.ReplaceAllStringFunc(w.runName, func(m string) string {
		return inputs[inputExpression.FindStringSubmatch(m)[1]]
	})
}

func cancelWorkflowRun(c *call) (reply, error) {
	run, err := c.workflowRun()
	if err != nil {
		return reply{}, err
	}
	if run.status == "completed" {
		return reply{}, fail(http.StatusConflict, "Cannot cancel a workflow run that is completed.")
	}
	c.s.endWorkflowRun(c.repo, c.actor, run, "cancelled")
	return reply{status: http.StatusAccepted, body: obj{}}, nil
}
