package scaffold

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// isValues reports whether a file looks like Helm values.
func isValues(name string) bool {
	base := path.Base(name)
	return strings.Contains(base, "values") || slices.Contains(strings.Split(path.Dir(name), "/"), "values")
}

// helm finds values files that environments have.
func (l *looker) helm() {
	files := make([]string, 0, len(l.values))
	for file := range l.values {
		files = append(files, file)
	}
	slices.Sort(files)
	for _, file := range files {
		app, env, ok := ofValues(file)
		if !ok {
			continue
		}
		updates := imageKeys(l.values[file], nil)
		if len(updates) == 0 {
			continue
		}
		var stage *Stage
		for _, u := range updates {
			image, ok := u.image(l, file)
			if !ok {
				continue
			}
			if stage == nil {
				stage = l.stage(app, env)
			}
			l.use(app, image)
			stage.Updates = append(stage.Updates, Update{Image: image.RepoURL, File: file, Key: u.key, Whole: u.whole})
			l.deployedBy(stage, file)
		}
	}
}

// ofValues tells which App and environment a values file belongs to: from its
// directory, or from its name ("values-prod.yaml", "prod-values.yaml").
func ofValues(file string) (app, env string, ok bool) {
	stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
	for _, cut := range []string{"values-", "values.", "values_"} {
		if rest, found := strings.CutPrefix(stem, cut); found {
			app, _, _ = split(path.Join(path.Dir(file), "prod"))
			return app, rest, true
		}
	}
	for _, cut := range []string{"-values", ".values", "_values"} {
		if rest, found := strings.CutSuffix(stem, cut); found {
			app, _, _ = split(path.Join(path.Dir(file), "prod"))
			return app, rest, true
		}
	}
	if stem == "values" {
		return split(path.Dir(file))
	}
	return split(path.Join(path.Dir(file), stem))
}

// place is a key of a values file that holds an image's version.
type place struct {
	key        string
	whole      bool
	repository string
	tag        string
}

// imageKeys finds the places where values hold an image: tag beside repository,
// or a whole reference under image.
func imageKeys(n *yaml.Node, at []string) []place {
	if n == nil || n.Kind != yaml.MappingNode || len(at) > 8 {
		return nil
	}
	var found []place
	if tag := child(n, "tag"); tag != nil && tag.Kind == yaml.ScalarNode {
		repo := scalar(n, "repository")
		if registry := scalar(n, "registry"); registry != "" && repo != "" {
			repo = registry + "/" + repo
		}
		if repo != "" || len(at) > 0 && at[len(at)-1] == "image" {
			found = append(found, place{key: strings.Join(append(slices.Clone(at), "tag"), "."), repository: repo, tag: tag.Value})
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if strings.ContainsAny(key, ".[]") {
			continue
		}
		next := append(slices.Clone(at), key)
		if key == "image" && value.Kind == yaml.ScalarNode && strings.Contains(value.Value, ":") {
			if image, ok := parseImage(value.Value); ok {
				found = append(found, place{key: strings.Join(next, "."), whole: true, repository: image.RepoURL, tag: image.Tag})
			}
			continue
		}
		found = append(found, imageKeys(value, next)...)
	}
	return found
}

// image returns the image behind a place. Values of an environment often set the
// tag alone; then the repository stands in values.yaml beside or above.
func (p place) image(l *looker, file string) (Image, bool) {
	repo := p.repository
	for dir := path.Dir(file); repo == ""; dir = path.Dir(dir) {
		defaults := l.values[path.Join(dir, "values.yaml")]
		parent := strings.Split(strings.TrimSuffix(p.key, ".tag"), ".")
		repo = scalar(defaults, append(parent, "repository")...)
		if registry := scalar(defaults, append(parent, "registry")...); registry != "" && repo != "" {
			repo = registry + "/" + repo
		}
		if dir == "." {
			break
		}
	}
	image, ok := parseImage(repo)
	image.Tag = p.tag
	return image, ok
}
