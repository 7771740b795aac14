package kargofile

import (
	"cmp"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// What the steps of an expanded update have in common.
const (
	workdir       = "./src"
	repoURL       = "${{ github.repoURL }}"
	defaultBranch = "${{ quote(github.defaultBranch) }}"
	ifChanged     = "${{ success() && status('commit') != 'Skipped' }}"
	ifOpened      = "${{ success() && status('open-pr') != 'Skipped' }}"
	commitMessage = "promote(${{ ctx.stage }}): ${{ ctx.targetFreight.headline }}"
)

// edit is one editing step and the item that it came from.
type edit struct {
	pipeline.StepSpec
	item *updateItem
	// target is what consecutive items must share to become one step; empty for
	// steps that stand alone.
	target string
	// set are the images or charts that the step sets.
	set map[string]bool
}

// expandUpdate gives a Stage the steps that its update stands for.
func (g *graph) expandUpdate(d *decoder, s *stage) {
	if len(s.update) == 0 || g.stages[s.Name] != s {
		return
	}
	var edits []*edit
	sources := newOrigins(d, s)
	for _, item := range s.update {
		switch {
		case item.carry != nil:
			edits = addCarry(sources, edits, item)
		case item.rendering == nil:
			edits = g.addEdit(d, s, edits, item)
		}
	}
	branch := cmp.Or(s.branch, defaultBranch)
	checkouts := append([]any{map[string]any{"branch": branch, "path": workdir, "as": "src"}}, sources.here...)
	// What is committed: the files that were edited, or what is rendered from them.
	published := workdir
	switch rendered, same := d.renderedBranch(s); {
	case same:
		edits = append(edits, renderings(s, workdir)...)
	case rendered != "":
		edits = append(edits, renderings(s, outdir)...)
		branch, published = rendered, outdir
		checkouts = append(checkouts, map[string]any{"branch": branch, "path": outdir, "as": "out", "create": true})
	}
	steps := []pipeline.StepSpec{{
		Uses: "git-clone", As: "clone",
		Config: map[string]any{"repoURL": repoURL, "checkout": checkouts},
	}}
	steps = append(steps, sources.elsewhere...)
	first := len(steps)
	for i, e := range edits {
		e.As = fmt.Sprintf("edit-%d", i+1)
		steps = append(steps, e.StepSpec)
	}
	steps = append(steps,
		pipeline.StepSpec{
			Uses: "git-commit", As: "commit",
			Config: map[string]any{"path": published, "message": commitMessage},
		},
		pipeline.StepSpec{
			Uses: "git-push", As: "push", If: ifChanged,
			Config: map[string]any{"path": published, "generateTargetBranch": true},
		},
		openPR(s.PullRequest, branch),
		endPR(s.PullRequest),
	)
	s.Steps = steps
	for i, step := range steps {
		item := &updateItem{node: s.update[0].node, path: join(s.path, "update")}
		if e := i - first; e >= 0 && e < len(edits) {
			item = edits[e].item
		}
		if d.knownStep(ref{step.Uses, item.node, item.path}) {
			d.stepConfig(step, nil, ref{node: item.node, path: item.path})
		}
	}
}

func openPR(pr pipeline.PullRequestPolicy, branch string) pipeline.StepSpec {
	config := map[string]any{
		"repoURL":      repoURL,
		"sourceBranch": "${{ quote(outputs.push.branch) }}",
		"targetBranch": branch,
	}
	text := func(key, value string) {
		if value != "" {
			config[key] = value
		}
	}
	list := func(key string, values []string) {
		if len(values) == 0 {
			return
		}
		items := make([]any, len(values))
		for i, v := range values {
			items[i] = v
		}
		config[key] = items
	}
	text("title", pr.Title)
	text("description", pr.Body)
	list("labels", pr.Labels)
	list("reviewers", pr.Reviewers)
	list("teamReviewers", pr.TeamReviewers)
	list("assignees", pr.Assignees)
	if pr.Draft {
		config["draft"] = true
	}
	return pipeline.StepSpec{Uses: "git-open-pr", As: "open-pr", If: ifChanged, Config: config}
}

func endPR(pr pipeline.PullRequestPolicy) pipeline.StepSpec {
	config := map[string]any{"repoURL": repoURL, "prNumber": "${{ outputs['open-pr'].pr.id }}"}
	if pr.Merge == pipeline.MergeManual {
		return pipeline.StepSpec{Uses: "git-wait-for-pr", As: "wait-for-pr", If: ifOpened, Config: config}
	}
	config["wait"] = true
	config["mergeMethod"] = cmp.Or(pr.Method, "squash")
	return pipeline.StepSpec{Uses: "git-merge-pr", As: "merge-pr", If: ifOpened, Config: config}
}

// addEdit appends the step of an item, or extends the last step when both edit the
// same thing.
func (g *graph) addEdit(d *decoder, s *stage, edits []*edit, item *updateItem) []*edit {
	if item.from != "" && item.to != "" {
		// The target is emptied first, so that what is gone at the source goes.
		return append(edits,
			&edit{item: item, StepSpec: pipeline.StepSpec{Uses: "delete", Config: map[string]any{"path": inWorkdir(item.to)}}},
			&edit{item: item, StepSpec: pipeline.StepSpec{
				Uses:   "copy",
				Config: map[string]any{"inPath": inWorkdir(item.from), "outPath": inWorkdir(item.to)},
			}})
	}
	e := &edit{item: item, set: map[string]bool{}}
	var sub pipeline.ImageSubscription
	if item.image.name != "" {
		var ok bool
		if sub, ok = g.subscription(d, s, item.image); !ok {
			return edits
		}
		if len(g.originsOf(s.Name)) > 1 {
			// Freight of one origin can come before there is any of another.
			e.If = fmt.Sprintf("${{ success() && imageFrom(%s) != nil }}", strconv.Quote(sub.RepoURL))
		}
	}
	var entry map[string]any
	list := "updates"
	// what is set, and where, must not be set twice there.
	what, where, name := item.image, "", pipeline.NormalizeImage(item.image.name)
	switch {
	case item.chart.name != "":
		chart, ok := g.chartSubscription(d, s, item.chart)
		if !ok {
			return edits
		}
		if len(g.originsOf(s.Name)) > 1 {
			e.If = fmt.Sprintf("${{ success() && %s != nil }}", chartCall(chart))
		}
		list, what, where, name = "charts", item.chart, item.file.name, chartAddress(chart)
		e.Uses, e.Config = "helm-update-chart", map[string]any{"path": inWorkdir(path.Dir(item.file.name))}
		entry = dependencyEntry(chart)
	case item.kustomize.name != "":
		list, where = "images", item.kustomize.name
		e.Uses, e.Config = "kustomize-set-image", map[string]any{"path": inWorkdir(item.kustomize.name)}
		part := defaultPart(sub)
		entry = map[string]any{"image": item.image.name, part: imageValue(sub, part)}
	case item.file.name != "":
		e.Uses, e.Config = "yaml-update", map[string]any{"path": inWorkdir(item.file.name)}
		entry = map[string]any{"key": item.key, "value": item.value}
		if item.image.name != "" {
			part, _ := item.value.(string)
			entry["value"] = imageValue(sub, cmp.Or(part, defaultPart(sub)))
		}
	default:
		return edits
	}
	e.target = e.Uses + " " + e.Config["path"].(string) + " " + e.If //nolint:forcetypeassert // set above
	if last := len(edits) - 1; last >= 0 && edits[last].target == e.target {
		e = edits[last]
		if where != "" && e.set[name] {
			d.problem(what.node, what.path).message("%s is set twice in %s", cut(what.name), quoted(where)).expected("one item")
		}
	} else {
		edits = append(edits, e)
	}
	e.set[name] = true
	entries, _ := e.Config[list].([]any)
	e.Config[list] = append(entries, entry)
	return edits
}

// addCarry is addEdit for items that take something from elsewhere: consecutive ones
// are one step, so that it is asked about all of them at once.
func addCarry(sources *origins, edits []*edit, item *updateItem) []*edit {
	entry := sources.patchEntry(item)
	if last := len(edits) - 1; last >= 0 && edits[last].Uses == "patch" {
		items, _ := edits[last].Config["items"].([]any)
		edits[last].Config["items"] = append(items, entry)
		return edits
	}
	return append(edits, &edit{item: item, StepSpec: pipeline.StepSpec{Uses: "patch", Config: map[string]any{"items": []any{entry}}}})
}

// subscription finds the one that an image comes from.
func (g *graph) subscription(d *decoder, s *stage, image ref) (pipeline.ImageSubscription, bool) {
	var found []pipeline.ImageSubscription
	var all, from []string
	broken := false
	for _, origin := range g.originsOf(s.Name) {
		w := g.known[origin]
		if w == nil {
			continue
		}
		broken = broken || w.broken
		for _, sub := range w.Subscriptions {
			if sub.Image == nil {
				continue
			}
			all = append(all, sub.Image.RepoURL)
			if pipeline.NormalizeImage(sub.Image.RepoURL) == pipeline.NormalizeImage(image.name) {
				found = append(found, *sub.Image)
				from = append(from, w.Name)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], true
	case len(found) > 1:
		d.problem(image.node, image.path).message("%s comes from several Warehouses: %s", cut(image.name), strings.Join(from, ", ")).
			expected("a promotionTemplate that says which")
	case len(g.originsOf(s.Name)) > 0 && !broken:
		d.problem(image.node, image.path).message("no Warehouse of Stage %q subscribes to %s", s.Name, cut(image.name)).
			expected("%s", oneOf(all)).suggest(d.closest(image.name, all))
	}
	return pipeline.ImageSubscription{}, false
}

// defaultPart says what identifies an image: its tag, or its digest where the tag
// is a mutable one.
func defaultPart(sub pipeline.ImageSubscription) string {
	if sub.ImageSelectionStrategy == pipeline.ImageDigest {
		return "digest"
	}
	return "tag"
}

// imageValue returns the template for a part of an image.
func imageValue(sub pipeline.ImageSubscription, part string) string {
	image := "imageFrom(" + strconv.Quote(sub.RepoURL) + ")"
	switch {
	case part == "digest":
		return "${{ quote(" + image + ".Digest) }}"
	case part == "ref" && defaultPart(sub) == "digest":
		return sub.RepoURL + "@${{ " + image + ".Digest }}"
	case part == "ref":
		return sub.RepoURL + ":${{ " + image + ".Tag }}"
	}
	return "${{ quote(" + image + ".Tag) }}"
}

// inWorkdir returns a path of the repository as steps see it.
func inWorkdir(p string) string { return beneath(workdir, p) }

// beneath returns a path beneath a directory of the workspace.
func beneath(dir, p string) string {
	if expr.HasExpression(p) {
		return dir + "/" + p
	}
	if p = path.Clean(p); p == "." {
		return dir
	}
	return dir + "/" + p
}
