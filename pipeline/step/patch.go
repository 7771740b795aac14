package step

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/manifest/edit"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// PatchConfig configures patch.
type PatchConfig struct {
	Items      []PatchItem `json:"items" empty:"no" doc:"what is promoted"`
	OnDrift    OnDrift     `json:"onDrift,omitempty" doc:"what becomes of targets that somebody edited by hand: ask (the default), fail, overwrite or adopt"`
	Responders []Approver  `json:"responders,omitempty" doc:"who may answer, as the approvers of wait-for-approval; default those who may promote to the Stage"`
}

// PatchItem is one thing that is promoted.
type PatchItem struct {
	String    *PatchString    `json:"string,omitempty" doc:"one value, or all values under a key"`
	File      *PatchFile      `json:"file,omitempty" doc:"a file"`
	Directory *PatchDirectory `json:"directory,omitempty" doc:"everything beneath a directory"`
	OnDrift   OnDrift         `json:"onDrift,omitempty" doc:"for this item; default that of the step"`
}

// PatchString promotes values.
type PatchString struct {
	From  string `json:"from" empty:"no" doc:"file to read: YAML, JSON, TOML or HCL by its name"`
	Key   string `json:"key" empty:"no" doc:"address of the value in it"`
	To    string `json:"to" empty:"no" doc:"file to write, of any of these kinds"`
	ToKey string `json:"toKey,omitempty" doc:"address of the value there; default key"`
}

// PatchFile promotes a file.
type PatchFile struct {
	From string `json:"from" empty:"no" doc:"the file"`
	To   string `json:"to" empty:"no" doc:"where it belongs"`
}

// PatchDirectory promotes what is beneath a directory.
type PatchDirectory struct {
	From   string   `json:"from" empty:"no" doc:"the directory"`
	To     string   `json:"to" empty:"no" doc:"the directory that becomes the same"`
	Ignore []string `json:"ignore,omitempty" doc:"gitignore patterns, relative to either directory, of what is left alone"`
}

// OnDrift says what becomes of a target that somebody edited by hand.
type OnDrift string

const (
	driftAsk       OnDrift = "ask"
	driftFail      OnDrift = "fail"
	driftOverwrite OnDrift = "overwrite"
	driftAdopt     OnDrift = "adopt"
)

func (o OnDrift) check() error {
	if o == "" || slices.Contains(driftPolicies(), string(o)) {
		return nil
	}
	if hint := didYouMean(string(o), driftPolicies()); hint != "" {
		return fmt.Errorf("onDrift %q: %s", string(o), hint)
	}
	return fmt.Errorf("onDrift %q: want %s", string(o), strings.Join(driftPolicies(), ", "))
}

func driftPolicies() []string {
	return []string{string(driftAsk), string(driftFail), string(driftOverwrite), string(driftAdopt)}
}

func patch() Definition {
	return Define("patch", Workspace, Doc{
		Summary: `Promotes configuration from one place to another: single values, files and directories.

A ` + "`string`" + ` item sets the value at ` + "`toKey`" + ` to the one at ` + "`key`" + ` and keeps every other byte of
the file; a key that holds a mapping or a list stands for all values in it, which the target
must have too. A ` + "`file`" + ` item makes a file the same as another. A ` + "`directory`" + ` item does so with
everything beneath, so that what the source lacks is deleted; symbolic links, submodules
and what is ignored are left alone on both sides. Paths are of the workspace: with a checkout
for each, source and target may be other branches, commits or repositories. Within one
repository no file is downloaded to be promoted. All items read the files as the step
found them.

**Drift.** A target that is neither what the Stage published last nor what it is about to become
was edited by hand. The step finds out which commit did it, and by ` + "`onDrift`" + `

- ` + "`ask`" + ` waits for ` + "`/kargo answer STAGE drift=adopt`" + ` or ` + "`drift=overwrite`" + `. The answer is about the
  drift that was shown: if the target changes again, the step asks again, and if the edit
  is taken back, it goes on by itself;
- ` + "`fail`" + ` ends the Promotion, ` + "`overwrite`" + ` goes on, and the pull request shows what is lost;
- ` + "`adopt`" + ` keeps what is there, in this Promotion and in later ones for as long as the source
  stays what it is. Once that changes, it is drift again, and is said to have been adopted before.

What the Stage published is what its last Promotion with this target pushed, later steps
included. Where there was none, at first, nothing is drift.`,
		Example: `
uses: patch
as: patch
config:
  items:
    - string: {from: src/env/test/values.yaml, key: image.tag, to: out/env/prod/values.yaml}
    - file: {from: src/env/test/quota.yaml, to: out/env/prod/quota.yaml}
    - directory:
        from: src/env/test/config
        to: out/env/prod/config
        ignore: ["*.local.yaml"]
      onDrift: overwrite
`,
	}, runPatch)
}

// Validate implements the rules over several fields.
func (c PatchConfig) Validate() error {
	var errs []error
	bad := func(i int, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("items[%d]: %w", i, err))
		}
	}
	for i, item := range c.Items {
		bad(i, item.validate())
	}
	for i, item := range c.Items {
		for j, other := range c.Items[:i] {
			if item.overlaps(other) {
				bad(i, fmt.Errorf("items[%d] writes the same", j))
			}
		}
	}
	for i, a := range c.Responders {
		if _, err := a.entry(); err != nil {
			errs = append(errs, fmt.Errorf("responders[%d]: %w", i, err))
		}
	}
	return errors.Join(append(errs, c.OnDrift.check())...)
}

func (i PatchItem) validate() error {
	kinds := 0
	var err error
	if i.String != nil {
		kinds++
		err = i.String.validate()
	}
	if i.File != nil {
		kinds++
		if tree.Clean(i.File.From) == tree.Clean(i.File.To) {
			err = errors.New("from and to are the same file")
		}
	}
	if i.Directory != nil {
		kinds++
		from, to := tree.Clean(i.Directory.From), tree.Clean(i.Directory.To)
		if beneath(from, to) || beneath(to, from) {
			err = fmt.Errorf("%s and %s overlap", i.Directory.From, i.Directory.To)
		}
	}
	if kinds != 1 {
		err = errors.New("want exactly one of string, file and directory")
	}
	return errors.Join(err, i.OnDrift.check())
}

func (s *PatchString) validate() error {
	for _, name := range []string{s.From, s.To} {
		if _, ok := edit.FormatOf(name); !ok {
			return fmt.Errorf("%s: values are read from and written to .yaml, .yml, .json, .toml, .tf, .tfvars and .hcl", name)
		}
	}
	if tree.Clean(s.From) == tree.Clean(s.To) && s.Key == s.target() {
		return errors.New("from and to are the same value")
	}
	return nil
}

// target is the key that is written.
func (s *PatchString) target() string {
	if s.ToKey != "" {
		return s.ToKey
	}
	return s.Key
}

// to is the path that is written.
func (i PatchItem) to() string {
	switch {
	case i.String != nil:
		return tree.Clean(i.String.To)
	case i.File != nil:
		return tree.Clean(i.File.To)
	default:
		return tree.Clean(i.Directory.To)
	}
}

// overlaps reports whether two valid items write the same.
func (i PatchItem) overlaps(other PatchItem) bool {
	if i.kinds() != 1 || other.kinds() != 1 {
		return false
	}
	a, b := i.to(), other.to()
	switch {
	case i.Directory != nil && other.Directory != nil:
		return i.covers(b, true) && other.covers(a, true)
	case i.Directory != nil:
		return i.covers(b, false)
	case other.Directory != nil:
		return other.covers(a, false)
	case i.String != nil && other.String != nil:
		x, y := i.String.target(), other.String.target()
		return a == b && (x == y || strings.HasPrefix(x, y+".") || strings.HasPrefix(y, x+"."))
	}
	return a == b
}

func (i PatchItem) kinds() int {
	n := 0
	for _, set := range []bool{i.String != nil, i.File != nil, i.Directory != nil} {
		if set {
			n++
		}
	}
	return n
}

// covers reports whether a directory item writes to a path. A directory above it that
// covers it in part only counts.
func (i PatchItem) covers(p string, isDir bool) bool {
	to := i.to()
	switch {
	case beneath(p, to):
		return isDir || p == to
	case !beneath(to, p):
		return false
	}
	if to != "." {
		p = strings.TrimPrefix(p[len(to):], "/")
	}
	return !i.Directory.ignored().Match(p, isDir)
}

func (d *PatchDirectory) ignored() tree.Ignore { return tree.NewIgnore(strings.Join(d.Ignore, "\n")) }

// beneath reports whether a clean path is dir or lies in it.
func beneath(dir, p string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}
