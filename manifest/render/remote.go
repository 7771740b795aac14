package render

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// RemoteError says that a kustomization needs something from elsewhere.
type RemoteError struct {
	// File is the name of the kustomization file, Line where it says so, 0 if that is
	// not known.
	File string
	Line int
	// Field is where in the kustomization, such as "resources[2]".
	Field string
	// Address is what it names.
	Address string
	// Err says why it is not opened, where that could be; nil where it never is.
	Err error
}

// Unwrap returns the cause.
func (e *RemoteError) Unwrap() error { return e.Err }

// Error implements error.
func (e *RemoteError) Error() string {
	at := e.Field
	if e.Line > 0 {
		at = fmt.Sprintf("line %d: %s", e.Line, e.Field)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %q cannot be used: %v", at, withoutPassword(e.Address), e.Err)
	}
	return fmt.Sprintf("%s: %q is remote, and a build reads only files of the workspace: commit a copy of it to the repository and name that, "+
		"or check its repository out with git-clone and name the directory", at, withoutPassword(e.Address))
}

func withoutPassword(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		return scheme + "://" + rest[at+1:]
	}
	return address
}

// checkPaths refuses everything in k that kustomize would look for elsewhere.
func checkPaths(k *types.Kustomization, at locator) error {
	check := func(remote func(string) bool, field string, paths ...string) error {
		for i, p := range paths {
			if remote(p) {
				name := field
				if len(paths) > 1 || strings.HasSuffix(field, "s") {
					name = fmt.Sprintf("%s[%d]", field, i)
				}
				return &RemoteError{File: at.file, Line: at.line(p), Field: name, Address: p}
			}
		}
		return nil
	}
	lists := []struct {
		field  string
		remote func(string) bool
		paths  []string
	}{
		{"resources", remoteBase, k.Resources},
		{"components", remoteBase, k.Components},
		{"generators", remoteBase, k.Generators},
		{"transformers", remoteBase, k.Transformers},
		{"validators", remoteBase, k.Validators},
		{"crds", remoteFile, k.Crds},
		{"configurations", remoteFile, k.Configurations},
		{"openapi.path", remoteFile, []string{k.OpenAPI["path"]}},
	}
	for _, l := range lists {
		if err := check(l.remote, l.field, l.paths...); err != nil {
			return err
		}
	}
	for i, p := range k.Patches {
		if err := check(remoteFile, fmt.Sprintf("patches[%d].path", i), p.Path); err != nil {
			return err
		}
	}
	for i, p := range k.PatchesJson6902 { //nolint:staticcheck // old files have them
		if err := check(remoteFile, fmt.Sprintf("patchesJson6902[%d].path", i), p.Path); err != nil {
			return err
		}
	}
	for i, p := range k.PatchesStrategicMerge { //nolint:staticcheck // old files have them
		if err := check(remoteFile, fmt.Sprintf("patchesStrategicMerge[%d]", i), string(p)); err != nil {
			return err
		}
	}
	for i, r := range k.Replacements {
		if err := check(remoteFile, fmt.Sprintf("replacements[%d].path", i), r.Path); err != nil {
			return err
		}
	}
	for i, g := range k.ConfigMapGenerator {
		if err := checkSources(check, fmt.Sprintf("configMapGenerator[%d]", i), g.KvPairSources); err != nil {
			return err
		}
	}
	for i, g := range k.SecretGenerator {
		if err := checkSources(check, fmt.Sprintf("secretGenerator[%d]", i), g.KvPairSources); err != nil {
			return err
		}
	}
	return nil
}

func checkSources(check func(func(string) bool, string, ...string) error, field string, kv types.KvPairSources) error {
	if err := check(remoteSource, field+".files", kv.FileSources...); err != nil {
		return err
	}
	return check(remoteFile, field+".envs", append(kv.EnvSources, kv.EnvSource)...)
}

// remoteFile reports whether kustomize would read p over HTTP.
func remoteFile(p string) bool {
	u, err := url.Parse(p)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// remoteSource is remoteFile for the file of "key=file" too.
func remoteSource(p string) bool {
	for {
		if remoteFile(p) {
			return true
		}
		_, rest, ok := strings.Cut(p, "=")
		if !ok {
			return false
		}
		p = rest
	}
}

// gitLike matches at least all that kustomize would clone with git.
var gitLike = regexp.MustCompile(`(?i)^(?:git::)?(?:(?:ssh|https?|file)://|[a-z][a-z0-9-]*@|github\.com[/:])`)

// remoteBase reports whether kustomize would read or clone p from elsewhere. It takes
// what looks like a repository for one even where there is a directory of that name.
func remoteBase(p string) bool { return remoteFile(p) || gitLike.MatchString(p) }

// locator finds the line of a value in a file.
type locator struct {
	file string
	data []byte
}

func (l locator) line(value string) int {
	for i, line := range strings.Split(string(l.data), "\n") {
		if value != "" && strings.Contains(line, value) {
			return i + 1
		}
	}
	return 0
}
