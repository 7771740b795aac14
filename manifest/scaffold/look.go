package scaffold

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Findings is what a repository holds.
type Findings struct {
	// Apps are what is promoted, by name.
	Apps []App
	// Environments are the GitHub Environments that workflows name.
	Environments []string
	// Notes say what was seen and not understood.
	Notes []string
}

// App is something that exists once per environment.
type App struct {
	// Name is a label, empty when there is only one App.
	Name string
	// Stages are in the order of promotion.
	Stages []Stage
	// Images are all images that its Stages set.
	Images []Image
}

// Stage is an App in one environment.
type Stage struct {
	// Name is the environment's: "prod".
	Name    string
	Updates []Update
	// Application is the Argo CD Application that deploys it, empty for none.
	Application string
}

// Update is one place that holds a version.
type Update struct {
	Image string
	// Kustomize is a directory with a kustomization.
	Kustomize string
	// File and Key are a place in a values file; Whole means that the value is the
	// whole reference rather than the tag.
	File, Key string
	Whole     bool
}

// Image is an image and the version that was seen.
type Image struct{ RepoURL, Tag string }

const (
	maxFiles = 50_000
	maxSize  = 1 << 20
)

// Look reads a repository. Files that are no YAML, or too large, are noted and
// left alone.
func Look(repo fs.FS) (Findings, error) {
	l := &looker{repo: repo, kustomizations: map[string]*yaml.Node{}, values: map[string]*yaml.Node{}, base: map[string][]Image{}}
	files := 0
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "node_modules", "vendor", "testdata"}, d.Name()) && name != ".":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		if files++; files > maxFiles {
			return fmt.Errorf("the repository has more than %d files; run kargo init in the directory that matters", maxFiles)
		}
		return l.file(name, d)
	})
	if err != nil {
		return Findings{}, err
	}
	l.overlays()
	l.helm()
	return l.finish(), nil
}

type looker struct {
	repo           fs.FS
	kustomizations map[string]*yaml.Node // by directory
	values         map[string]*yaml.Node // by file
	base           map[string][]Image    // images of plain manifests, by directory
	applications   []application
	found          Findings
	apps           []*App
}

// application is an Argo CD Application.
type application struct {
	name  string
	paths []string
	files []string
}

func (l *looker) file(name string, d fs.DirEntry) error {
	ext := path.Ext(name)
	kustomization := slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(name))
	if !kustomization && ext != ".yaml" && ext != ".yml" {
		return nil
	}
	if comment(name) != name {
		l.note("the path %q holds unusual characters", name)
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	if info.Size() > maxSize {
		l.note("%s is too large to look at", name)
		return nil
	}
	data, err := fs.ReadFile(l.repo, name)
	if err != nil {
		return err
	}
	docs, err := documents(data)
	if err != nil {
		// Templates of charts look like YAML and are none.
		if !strings.Contains(name, "templates/") {
			l.note("%s is no valid YAML", name)
		}
		return nil
	}
	switch {
	case kustomization && len(docs) > 0:
		l.kustomizations[path.Dir(name)] = docs[0]
	case strings.HasPrefix(name, ".github/workflows/"):
		for _, doc := range docs {
			l.workflow(doc)
		}
	case strings.HasPrefix(name, "."):
	default:
		for _, doc := range docs {
			l.document(name, doc)
		}
	}
	return nil
}

// documents parses a file, at most a hundred documents.
func documents(data []byte) ([]*yaml.Node, error) {
	var docs []*yaml.Node
	stream := yaml.NewDecoder(strings.NewReader(string(data)))
	for range 100 {
		var doc yaml.Node
		if err := stream.Decode(&doc); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return nil, err
		}
		docs = append(docs, doc.Content[0])
	}
	return docs, nil
}

func (l *looker) document(name string, doc *yaml.Node) {
	switch kind := scalar(doc, "kind"); {
	case kind == "Application" && strings.HasPrefix(scalar(doc, "apiVersion"), "argoproj.io/"):
		l.application(doc)
	case kind != "":
		for _, image := range containerImages(doc, 0) {
			l.base[path.Dir(name)] = append(l.base[path.Dir(name)], image)
		}
	case isValues(name):
		l.values[name] = doc
	}
}

func (l *looker) application(doc *yaml.Node) {
	a := application{name: scalar(doc, "metadata", "name")}
	sources := []*yaml.Node{child(doc, "spec", "source")}
	if list := child(doc, "spec", "sources"); list != nil {
		sources = append(sources, list.Content...)
	}
	for _, s := range sources {
		dir := path.Clean(scalar(s, "path"))
		if dir != "." {
			a.paths = append(a.paths, dir)
		}
		if files := child(s, "helm", "valueFiles"); files != nil {
			for _, f := range files.Content {
				a.files = append(a.files, path.Join(dir, f.Value))
			}
		}
	}
	l.applications = append(l.applications, a)
}

func (l *looker) workflow(doc *yaml.Node) {
	jobs := child(doc, "jobs")
	if jobs == nil || jobs.Kind != yaml.MappingNode {
		return
	}
	for i := 1; i < len(jobs.Content); i += 2 {
		name := scalar(jobs.Content[i], "environment")
		if name == "" {
			name = scalar(jobs.Content[i], "environment", "name")
		}
		if name != "" && !strings.Contains(name, "${{") && !slices.Contains(l.found.Environments, name) {
			l.found.Environments = append(l.found.Environments, name)
		}
	}
}

func (l *looker) note(format string, args ...any) {
	if len(l.found.Notes) < 20 {
		l.found.Notes = append(l.found.Notes, fmt.Sprintf(format, args...))
	}
}

// containerImages finds the images of containers in a manifest.
func containerImages(n *yaml.Node, depth int) []Image {
	if n == nil || depth > 30 {
		return nil
	}
	var found []Image
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "image" && c.Kind == yaml.ScalarNode {
			if image, ok := parseImage(c.Value); ok {
				found = append(found, image)
			}
			continue
		}
		found = append(found, containerImages(c, depth+1)...)
	}
	return found
}

// child returns the value at a path of keys, nil when there is none.
func child(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var found *yaml.Node
		if n != nil && n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == key {
					found = n.Content[i+1]
				}
			}
		}
		n = found
	}
	return n
}

func scalar(n *yaml.Node, keys ...string) string {
	if v := child(n, keys...); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}
