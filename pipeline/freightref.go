package pipeline

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// ResolveFreight finds the Freight that a person means: its alias, a unique
// prefix of at least seven digits of its id, or name@version of one of its
// artifacts ("web@1.9.3"). The newest wins where several carry that version.
func (s Snapshot) ResolveFreight(ref string) (Freight, *UserError) {
	freight := slices.Clone(s.Freight)
	slices.SortFunc(freight, newerFirst)
	for _, f := range freight {
		if f.ID != "" && (strings.EqualFold(f.Alias, ref) || f.ID == ref) {
			return f, nil
		}
	}
	if name, version, ok := strings.Cut(ref, "@"); ok {
		for _, f := range freight {
			if f.carries(name, version) {
				return f, nil
			}
		}
		return Freight{}, s.unknownFreight(ref, freight)
	}
	prefix := strings.ToLower(ref)
	if len(prefix) < 7 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return Freight{}, s.unknownFreight(ref, freight)
	}
	var found []Freight
	for _, f := range freight {
		if strings.HasPrefix(f.ID, prefix) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 0:
		return Freight{}, s.unknownFreight(ref, freight)
	case 1:
		return found[0], nil
	}
	aliases := make([]string, len(found))
	for i, f := range found {
		aliases[i] = f.Alias
	}
	return Freight{}, &UserError{
		Message: fmt.Sprintf("%s is the beginning of the ids of %d Freight", ref, len(found)),
		Hint:    "use an alias: " + strings.Join(aliases, ", "),
	}
}

// Carrying returns the newest Freight that holds a commit, or an image built
// from it according to its org.opencontainers.image.revision annotation.
func (s Snapshot) Carrying(commit string) (Freight, bool) {
	if commit == "" {
		return Freight{}, false
	}
	freight := slices.Clone(s.Freight)
	slices.SortFunc(freight, newerFirst)
	for _, f := range freight {
		for _, c := range f.Commits {
			if c.ID == commit {
				return f, true
			}
		}
		for _, i := range f.Images {
			if i.Annotations["org.opencontainers.image.revision"] == commit {
				return f, true
			}
		}
	}
	return Freight{}, false
}

// BuiltFrom reports whether Freight holds a commit of a Git repository, or an image that
// says to be built from it: by its annotations org.opencontainers.image.source and
// org.opencontainers.image.revision.
func (f Freight) BuiltFrom(repoURL, commit string) bool {
	same := func(url string) bool { return url != "" && NormalizeGitURL(url) == NormalizeGitURL(repoURL) }
	return slices.ContainsFunc(f.Commits, func(c Commit) bool { return c.ID == commit && same(c.RepoURL) }) ||
		slices.ContainsFunc(f.Images, func(i Image) bool {
			return i.Annotations["org.opencontainers.image.revision"] == commit && same(i.Annotations["org.opencontainers.image.source"])
		})
}

func (f Freight) carries(name, version string) bool {
	for _, i := range f.Images {
		if (i.RepoURL == name || path.Base(i.RepoURL) == name) && (i.Tag == version || i.Digest == version) {
			return true
		}
	}
	for _, c := range f.Charts {
		if (c.Name == name || path.Base(c.RepoURL) == name) && c.Version == version {
			return true
		}
	}
	for _, c := range f.Commits {
		if path.Base(NormalizeGitURL(c.RepoURL)) == strings.ToLower(name) && (c.Tag == version || c.ID == version || Short(c.ID) == version) {
			return true
		}
	}
	return false
}

func (s Snapshot) unknownFreight(ref string, newest []Freight) *UserError {
	err := &UserError{Message: fmt.Sprintf("there is no Freight %q", ref), Hint: "/kargo status"}
	if len(newest) == 0 {
		return err
	}
	var aliases []string
	for _, f := range newest {
		aliases = append(aliases, f.Alias)
	}
	if m := DidYouMean(ref, aliases); m != "" {
		err.Hint = fmt.Sprintf("did you mean %q?", m)
		return err
	}
	err.Hint = "the newest are " + strings.Join(aliases[:min(5, len(aliases))], ", ")
	return err
}
