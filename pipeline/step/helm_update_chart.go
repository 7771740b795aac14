package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/kargo-app/kargo/manifest/edit"
	"github.com/kargo-app/kargo/manifest/render"
)

// HelmUpdateChartConfig configures helm-update-chart.
type HelmUpdateChartConfig struct {
	Path   string            `json:"path" doc:"directory of the chart"`
	Charts []HelmChartUpdate `json:"charts,omitempty" doc:"the dependencies to set; default none, which resolves the ranges of Chart.yaml again"`
}

// HelmChartUpdate is one dependency to set.
type HelmChartUpdate struct {
	Repository string `json:"repository" doc:"repository of the dependency, exactly as Chart.yaml has it"`
	Name       string `json:"name" doc:"name of the dependency"`
	Version    string `json:"version" doc:"its new version, or range of versions"`
}

// HelmUpdateChartOutput is what helm-update-chart did.
type HelmUpdateChartOutput struct {
	CommitMessage string `json:"commitMessage,omitempty" doc:"what was changed, for git-commit; absent when no version changed"`
	// Dependencies let a replay write the same archives again.
	Dependencies []ChartDependency `json:"dependencies,omitempty" doc:"every dependency of the chart"`
}

// ChartDependency is a dependency as it was resolved.
type ChartDependency struct {
	Name       string `json:"name" doc:"name of the chart"`
	Repository string `json:"repository" doc:"its repository"`
	Version    string `json:"version" doc:"its exact version"`
}

func helmUpdateChart() Definition {
	return Define("helm-update-chart", Workspace, Doc{
		Summary: `Sets versions of a chart's dependencies, then renews ` + "`Chart.lock`" + ` and ` + "`charts/*.tgz`" + `, as ` + "`helm dependency update`" + ` does.

Only versions change in ` + "`Chart.yaml`" + `; every other byte stays. A lock that says the same
already is left as it is. Repositories are ` + "`https://`" + `, ` + "`oci://`" + ` or a relative ` + "`file://`" + ` path
inside the workspace; archives of the latter are the same for the same files. The
accounts are those stored for the repository, or the server's. Beside Kargo's output,
` + "`dependencies`" + ` tells the exact versions. Changes in the message are sorted by name.`,
		Example: `
uses: helm-update-chart
as: update-chart
config:
  path: src/charts/web
  charts:
    - repository: https://charts.example.com
      name: postgresql
      version: ${{ chartFrom("https://charts.example.com", "postgresql").Version }}
`,
	}, runHelmUpdateChart)
}

// Validate implements the rule that a list of charts is not empty.
func (c HelmUpdateChartConfig) Validate() error {
	if c.Charts != nil && len(c.Charts) == 0 {
		return errors.New("charts must not be empty; leave it out to resolve the ranges of Chart.yaml again")
	}
	return nil
}

func runHelmUpdateChart(ctx context.Context, env Env, c HelmUpdateChartConfig) (HelmUpdateChartOutput, error) {
	var out HelmUpdateChartOutput
	file := path.Join(c.Path, "Chart.yaml")
	chart, err := env.Workspace.ReadFile(ctx, file)
	if err != nil {
		return out, fmt.Errorf("update dependencies: %w", err)
	}
	edited, err := setDependencies(chart, c.Charts)
	if err != nil {
		return out, fmt.Errorf("update %s: %w", file, err)
	}
	update := render.Update{
		Path: c.Path, ChartYAML: edited, Charts: env.charts(), Generated: env.Promotion.CreatedAt,
	}
	if env.Replaying {
		// What a range means may have changed since.
		var before HelmUpdateChartOutput
		if err := json.Unmarshal(env.Prior, &before); err != nil {
			return out, fmt.Errorf("what was recorded: %w", err)
		}
		for _, d := range before.Dependencies {
			update.Pinned = append(update.Pinned, render.Locked(d))
		}
	}
	updated, err := env.renderer().UpdateDependencies(ctx, env.Workspace.IOFS(ctx), update)
	if err != nil {
		return out, fmt.Errorf("update dependencies of %s: %w", c.Path, err)
	}
	// Nothing is written before everything is known.
	updated.Files["Chart.yaml"] = edited
	if err := writeRendered(ctx, env.Workspace, c.Path, updated.Files); err != nil {
		return out, err
	}
	for _, p := range updated.Removed {
		if err := env.Workspace.RemoveAll(ctx, path.Join(c.Path, p)); err != nil {
			return out, fmt.Errorf("remove: %w", err)
		}
	}
	for _, d := range updated.Locked {
		out.Dependencies = append(out.Dependencies, ChartDependency(d))
	}
	if len(updated.Changes) > 0 {
		out.CommitMessage = dependencyMessage(c.Path, updated.Changes)
	}
	return out, nil
}

func dependencyMessage(chart string, changes []render.VersionChange) string {
	message := changeList{title: "Updated chart dependencies for " + chart}
	for _, v := range changes {
		switch {
		case v.To == "":
			message.add("%s: removed", v.Name)
		case v.From == "":
			message.add("%s: %s", v.Name, v.To)
		default:
			message.add("%s: %s -> %s", v.Name, v.From, v.To)
		}
	}
	return message.output().CommitMessage
}

// setDependencies sets versions in a Chart.yaml. A dependency that is declared several
// times, under aliases, is set everywhere.
func setDependencies(chart []byte, set []HelmChartUpdate) ([]byte, error) {
	if len(set) == 0 {
		return chart, nil
	}
	var declared struct {
		Dependencies []struct{ Name, Repository string }
	}
	if err := yaml.Unmarshal(chart, &declared); err != nil {
		return nil, err
	}
	var updates []edit.Update
	for _, s := range set {
		found := false
		for i, d := range declared.Dependencies {
			if d.Name == s.Name && d.Repository == s.Repository {
				found = true
				key := fmt.Sprintf("dependencies.%d.version", i)
				updates = slices.DeleteFunc(updates, func(u edit.Update) bool { return u.Key == key }) // the last one wins
				updates = append(updates, edit.Update{Key: key, Value: s.Version})
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no dependency %s of the repository %s: both have to be exactly as they are written there", s.Name, s.Repository)
		}
	}
	out, _, err := edit.SetYAML(chart, updates)
	return out, err
}
