package step_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

// TestPatchProperty: whatever the Stage published (B), people made of it (C) and the source
// is now (D), every file ends as the table says:
//
//	C = D           D
//	C = B           D, nobody edited it
//	else, overwrite D
//	else, adopt     C, also in the next Promotion, as long as D stays
//	else, fail      nothing is written at all
func TestPatchProperty(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "d/a", "d/e/b"}
	contents := rapid.SampledFrom([]string{"", "1\n", "2\n", "3\n"}) // "" is no file
	const from, to = "env/test/config/", "env/stage/config/"
	rapid.Check(t, func(rt *rapid.T) {
		policy := rapid.SampledFrom([]string{"overwrite", "adopt", "fail"}).Draw(rt, "policy")
		draw := func(label string) map[string]string {
			files := map[string]string{}
			for _, name := range names {
				files[name] = contents.Draw(rt, label+" "+name)
			}
			return files
		}
		b, c, d := draw("published"), draw("edited"), draw("source")
		r := newRoute(t, config{"onDrift": policy, "items": []any{
			config{"directory": config{"from": "src/env/test/config", "to": "src/env/stage/config"}},
		}})
		r.become(from, b)
		r.promote()
		r.become(from, d)
		r.become(to, c)

		want, drift := map[string]string{}, 0
		for _, name := range names {
			switch {
			case c[name] == d[name], c[name] == b[name]:
				want[name] = d[name]
			case policy == "adopt":
				want[name], drift = c[name], drift+1
			default:
				want[name], drift = d[name], drift+1
			}
		}
		r.begin()
		if policy == "fail" && drift > 0 {
			r.want(patchStep, pipeline.Failed)
			return
		}
		out := r.finish()
		if len(out.Drift) != drift {
			rt.Errorf("%d files were edited, want %d: %+v", len(out.Drift), drift, out.Drift)
		}
		check := func(when string) {
			got := map[string]string{}
			for _, name := range names {
				got[name] = r.main(to + name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("published %q, edited %q, source %q, %s, %s (-want +got):\n%s", b, c, d, policy, when, diff)
			}
		}
		check("at once")
		if again := r.promote(); len(again.Drift) > 0 || len(again.Changes) > 0 {
			rt.Errorf("later: drift %+v, changes %+v", again.Drift, again.Changes)
		}
		check("later")
	})
}

// become makes a directory hold exactly these files, and a file that keeps it there.
func (r *route) become(dir string, files map[string]string) {
	all := map[string]string{dir + "keep": "keep\n"}
	current := r.world.Files(repoURL, "main")
	for name := range current {
		if len(name) > len(dir) && name[:len(dir)] == dir && name != dir+"keep" {
			all[name] = ""
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if files[name] != "" || current[dir+name] != "" {
			all[dir+name] = files[name]
		}
	}
	all["clock"] = fmt.Sprint(r.world.Now) // so that there is something to commit
	r.edit("become", all)
}
