package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScenarios plays the files in testdata. Their verbs are in verbs_test.go and
// expect_test.go.
func TestScenarios(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Cmds:  verbs(),
		Setup: func(env *testscript.Env) error { return setUp(env) },
		// Scripts run nothing but the verbs.
		RequireExplicitExec: true,
	})
}

// scene is one script's world and what the script did last.
type scene struct {
	*world
	// repo is the repository that verbs act on.
	repo string
	// comment is the last comment's id, where is its issue or pull request.
	comment int64
	where   int
}

type sceneKey struct{}

func setUp(env *testscript.Env) error {
	tb, ok := env.T().(testing.TB)
	if !ok {
		return errors.New("not a test")
	}
	dir := filepath.Join(env.WorkDir, ".github")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	env.Values[sceneKey{}] = &scene{world: newWorld(tb, dir, nil), repo: gitops}
	return nil
}

// verb is a command of scripts. It fails the script by returning an error.
func verb(usage string, least, most int, f func(s *scene, ts *testscript.TestScript, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < least || len(args) > most {
			ts.Fatalf("usage: %s", usage)
		}
		s := ts.Value(sceneKey{}).(*scene)
		if err := f(s, ts, args); err != nil {
			ts.Fatalf("%v\n%s", err, s.describe())
		}
	}
}

// tree reads the files below a directory of the script.
func tree(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no files in %s", dir)
	}
	return files, err
}

// pairs reads arguments of the form key=value.
func pairs(args []string) (map[string]string, error) {
	m := map[string]string{}
	for _, a := range args {
		k, v, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form key=value", a)
		}
		m[k] = v
	}
	return m, nil
}
