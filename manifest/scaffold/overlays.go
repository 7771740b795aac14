package scaffold

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// order is how environments usually follow each other. A name belongs to the
// first row that it contains a word of.
var order = [][]string{
	{"local", "sandbox", "dev", "development", "integration", "int"},
	{"test", "testing", "qa", "ci"},
	{"stage", "staging", "stg", "uat", "acceptance", "preview", "canary"},
	{"preprod", "pre-prod", "preproduction"},
	{"prod", "production", "prd", "live"},
}

var words = regexp.MustCompile(`[^a-z0-9]+`)

// rank returns where an environment stands, -1 for what is not known as one.
func rank(env string) int {
	env = strings.ToLower(env)
	for i := len(order) - 1; i >= 0; i-- {
		if slices.Contains(order[i], env) {
			return i
		}
	}
	for _, part := range words.Split(env, -1) {
		for i := len(order) - 1; i >= 0; i-- {
			if slices.Contains(order[i], part) {
				return i
			}
		}
	}
	return -1
}

// containers are names of directories that hold one directory per environment.
var containers = []string{"overlays", "env", "envs", "environments", "stages", "clusters", "values"}

// split tells of a path which of its parts names the environment: the App's name
// is what is left. The last part that is one counts.
func split(name string) (app, env string, ok bool) {
	parts := strings.Split(name, "/")
	at := -1
	for i, part := range parts {
		if rank(part) >= 0 || i > 0 && slices.Contains(containers, parts[i-1]) {
			at = i
		}
	}
	if at < 0 {
		return "", "", false
	}
	var rest []string
	for i, part := range parts {
		if i != at && !slices.Contains(containers, part) && !slices.Contains([]string{"apps", "base", "charts", "chart", "kustomize", "k8s", "deploy", "manifests", "helm", "."}, part) {
			rest = append(rest, part)
		}
	}
	return strings.Join(rest, "-"), parts[at], true
}

// overlays finds Kustomize overlays that environments have.
func (l *looker) overlays() {
	dirs := make([]string, 0, len(l.kustomizations))
	for dir := range l.kustomizations {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		app, env, ok := split(dir)
		if !ok {
			continue
		}
		images := l.imagesOf(dir, map[string]bool{})
		if len(images) == 0 {
			l.note("%s sets no image, so nothing is promoted into it", dir)
			continue
		}
		stage := l.stage(app, env)
		for _, image := range images {
			l.use(app, image)
			stage.Updates = append(stage.Updates, Update{Image: image.RepoURL, Kustomize: dir})
		}
		l.deployedBy(stage, dir)
	}
}

// imagesOf returns the images of a kustomization: those that it sets itself, else
// those of its resources.
func (l *looker) imagesOf(dir string, seen map[string]bool) []Image {
	k, ok := l.kustomizations[dir]
	if seen[dir] || len(seen) > 100 {
		return nil
	}
	seen[dir] = true
	var images []Image
	add := func(all ...Image) {
		for _, image := range all {
			i := slices.IndexFunc(images, func(x Image) bool { return x.RepoURL == image.RepoURL })
			if i < 0 {
				images = append(images, image)
			} else if images[i].Tag == "" {
				images[i].Tag = image.Tag
			}
		}
	}
	if !ok {
		return l.base[dir]
	}
	if list := child(k, "images"); list != nil {
		for _, item := range list.Content {
			ref := scalar(item, "newName")
			if ref == "" {
				ref = scalar(item, "name")
			}
			if image, ok := parseImage(ref); ok {
				image.Tag = scalar(item, "newTag")
				add(image)
			}
		}
	}
	if len(images) > 0 {
		return images
	}
	for _, field := range []string{"resources", "bases", "components"} {
		list := child(k, field)
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, r := range list.Content {
			target := path.Join(dir, r.Value)
			switch {
			case strings.Contains(r.Value, "://"):
			case path.Ext(target) == ".yaml" || path.Ext(target) == ".yml":
				add(l.base[path.Dir(target)]...)
			default:
				add(l.imagesOf(target, seen)...)
			}
		}
	}
	return images
}

func (l *looker) app(name string) *App {
	for _, a := range l.apps {
		if a.Name == name {
			return a
		}
	}
	a := &App{Name: name}
	l.apps = append(l.apps, a)
	return a
}

func (l *looker) stage(app, env string) *Stage {
	a := l.app(app)
	for i := range a.Stages {
		if a.Stages[i].Name == env {
			return &a.Stages[i]
		}
	}
	a.Stages = append(a.Stages, Stage{Name: env})
	return &a.Stages[len(a.Stages)-1]
}

// use notes that an App has an image, with the first tag that was seen.
func (l *looker) use(app string, image Image) {
	a := l.app(app)
	i := slices.IndexFunc(a.Images, func(x Image) bool { return x.RepoURL == image.RepoURL })
	switch {
	case i < 0:
		a.Images = append(a.Images, image)
	case a.Images[i].Tag == "":
		a.Images[i].Tag = image.Tag
	}
}

func (l *looker) deployedBy(stage *Stage, name string) {
	for _, a := range l.applications {
		if slices.Contains(a.paths, name) || slices.Contains(a.files, name) {
			stage.Application = a.name
		}
	}
}

// finish sorts what was found.
func (l *looker) finish() Findings {
	slices.SortFunc(l.apps, func(a, b *App) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range l.apps {
		slices.SortStableFunc(a.Stages, func(x, y Stage) int {
			if d := rank(x.Name) - rank(y.Name); d != 0 {
				return d
			}
			return strings.Compare(x.Name, y.Name)
		})
		l.found.Apps = append(l.found.Apps, *a)
	}
	slices.Sort(l.found.Environments)
	return l.found
}
