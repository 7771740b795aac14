package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Write makes the .kargo.yaml for what was found.
func (f Findings) Write() []byte {
	w := &writer{taken: map[string]bool{}}
	w.line("# The pipeline of this repository: where new versions come from, and the Stages that")
	w.line("# they go through, each by a pull request. kargo validate checks this file; kargo plan")
	w.line("# shows what it would do now.")
	w.line("apiVersion: kargo/v1")
	w.line("")
	if len(f.Apps) == 0 {
		w.example()
		return []byte(w.b.String())
	}
	w.line("warehouses:")
	names := make([]string, len(f.Apps))
	for i, a := range f.Apps {
		names[i] = w.unique(a.warehouse())
		w.warehouse(names[i], a)
	}
	w.line("")
	w.line("stages:")
	for i, a := range f.Apps {
		w.stages(names[i], a, f.Environments)
	}
	if len(f.Notes) > 0 {
		w.line("")
		w.line("# Seen and left alone:")
		for _, n := range f.Notes {
			w.line("#   " + comment(n))
		}
	}
	return []byte(w.b.String())
}

type writer struct {
	b     strings.Builder
	taken map[string]bool
}

func (w *writer) line(s string) { w.b.WriteString(s + "\n") }

func (a App) warehouse() string {
	if a.Name != "" {
		return label(a.Name)
	}
	if len(a.Images) == 1 {
		repo := a.Images[0].RepoURL
		return label(repo[strings.LastIndexByte(repo, '/')+1:])
	}
	return "app"
}

func (w *writer) warehouse(name string, a App) {
	w.line("  - name: " + quoted(name))
	w.line("    subscriptions:")
	for _, image := range a.Images {
		fields, why := image.selection()
		w.line("      # " + comment(why))
		w.line("      - image:")
		w.line("          repoURL: " + quoted(image.RepoURL))
		for _, f := range fields {
			w.line("          " + f)
		}
	}
}

func (w *writer) stages(warehouse string, a App, environments []string) {
	sources, group := []string{warehouse}, []string{}
	last := len(a.Stages) - 1
	for i, s := range a.Stages {
		name := label(s.Name)
		if a.Name != "" {
			name = label(a.Name + "-" + s.Name)
		}
		name = w.unique(name)
		if i > 0 && (rank(s.Name) < 0 || rank(s.Name) != rank(a.Stages[i-1].Name)) {
			// Environments of the same kind come side by side.
			sources, group = group, nil
		}
		group = append(group, name)
		w.line("  - name: " + quoted(name))
		w.line("    from: " + oneOrList(sources))
		if i == 0 || rank(s.Name) != rank(a.Stages[last].Name) {
			w.line("    autoPromote: true")
		} else {
			w.line("    # Promoted by a comment: /promote " + name)
			w.line("    autoPromote: false")
			if sources[0] != warehouse {
				w.line("    # How long Freight has to have been in " + strings.Join(sources, " or ") + " before.")
				w.line("    soak: 1h")
			}
		}
		if e := environment(s.Name, environments); e != "" && e != name {
			w.line("    environment: " + quoted(e))
		}
		w.line("    update:")
		for _, u := range s.Updates {
			w.line("      - " + u.String())
		}
		if i == 0 && last > 0 {
			check := "{check: smoke-tests}"
			if s.Application != "" {
				check = "{argocd: " + comment(s.Application) + "}"
			}
			w.line("    # What has to succeed on the merged commit before the Freight goes on:")
			w.line("    # verify:")
			w.line("    #   - " + check)
		}
	}
}

// String writes the update as an item of a Stage.
func (u Update) String() string {
	switch {
	case u.Kustomize != "":
		return fmt.Sprintf("{image: %s, kustomize: %s}", quoted(u.Image), quoted(u.Kustomize))
	case u.Whole:
		return fmt.Sprintf("{image: %s, file: %s, key: %s, value: ref}", quoted(u.Image), quoted(u.File), quoted(u.Key))
	}
	return fmt.Sprintf("{image: %s, file: %s, key: %s, value: tag}", quoted(u.Image), quoted(u.File), quoted(u.Key))
}

func oneOrList(names []string) string {
	if len(names) == 1 {
		return quoted(names[0])
	}
	var all []string
	for _, n := range names {
		all = append(all, quoted(n))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// example is for a repository in which nothing was found.
func (w *writer) example() {
	w.line("# Nothing was found that holds the version of an image: no Kustomize overlay and no Helm")
	w.line("# values of an environment. This is an example to start from.")
	w.line("warehouses:")
	w.line("  - name: app")
	w.line("    subscriptions:")
	w.line("      - image: {repoURL: ghcr.io/example/app, constraint: ^1.0.0}")
	w.line("")
	w.line("stages:")
	w.line("  - name: test")
	w.line("    from: app")
	w.line("    autoPromote: true")
	w.line("    update:")
	w.line("      - {image: ghcr.io/example/app, kustomize: env/test}")
	w.line("  - name: prod")
	w.line("    from: test")
	w.line("    soak: 1h")
	w.line("    update:")
	w.line("      - {image: ghcr.io/example/app, kustomize: env/prod}")
}

// unique makes a name that no Warehouse and no Stage has yet.
func (w *writer) unique(name string) string {
	for n := 2; w.taken[name]; n++ {
		candidate := fmt.Sprintf("%s-%d", name, n)
		if !w.taken[candidate] {
			name = candidate
		}
	}
	w.taken[name] = true
	return name
}

// environment finds the GitHub Environment of a Stage.
func environment(stage string, all []string) string {
	if i := slices.IndexFunc(all, func(e string) bool { return strings.EqualFold(e, stage) }); i >= 0 {
		return all[i]
	}
	if r := rank(stage); r >= 0 {
		if i := slices.IndexFunc(all, func(e string) bool { return rank(e) == r }); i >= 0 {
			return all[i]
		}
	}
	return ""
}

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// label makes a name for a Warehouse or Stage.
func label(s string) string {
	s = strings.Trim(notLabel.ReplaceAllString(strings.ToLower(s), "-"), "-")
	s = strings.Trim(s[:min(len(s), 50)], "-")
	if s == "" {
		return "app"
	}
	return s
}

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._/-]*$`)

// quoted writes a string so that it means itself within { } as well.
func quoted(s string) string {
	if plain.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	return "'" + strings.ReplaceAll(strings.Map(printable, s), "'", "''") + "'"
}

// comment makes outside text fit into a comment.
func comment(s string) string { return strings.Map(printable, s) }

func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
		return '?'
	}
	return r
}
