package tree

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// ignorer decides which paths a copy leaves out, in gitignore syntax relative
// to the copied directory. A nil ignorer leaves nothing out.
type ignorer struct{ m gitignore.Matcher }

// Ignore decides which paths gitignore patterns name. It is safe for concurrent use.
type Ignore struct{ i *ignorer }

// NewIgnore reads patterns, one a line, in gitignore syntax.
func NewIgnore(patterns string) Ignore { return Ignore{newIgnorer(patterns)} }

// Match reports whether a path, relative to the directory that the patterns are meant
// for, is named by them, or lies in a directory that is: as in Git, nothing beneath such
// a directory can be taken back.
func (g Ignore) Match(p string, isDir bool) bool {
	parts := split(p)
	for n := 1; n < len(parts); n++ {
		if g.i.match(parts[:n], true) {
			return true
		}
	}
	return g.i.match(parts, isDir)
}

func newIgnorer(patterns string) *ignorer {
	var ps []gitignore.Pattern
	for line := range strings.Lines(patterns) {
		line = strings.TrimRight(line, "\r\n")
		line = trimSpaces(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		ps = append(ps, gitignore.ParsePattern(line, nil))
	}
	if len(ps) == 0 {
		return nil
	}
	return &ignorer{gitignore.NewMatcher(ps)}
}

// trimSpaces drops trailing blanks unless a backslash quotes the first of them.
func trimSpaces(line string) string {
	trimmed := strings.TrimRight(line, " \t")
	if strings.HasSuffix(trimmed, `\`) && len(trimmed) < len(line) {
		return line[:len(trimmed)+1]
	}
	return trimmed
}

func (i *ignorer) match(parts []string, isDir bool) bool {
	return i != nil && len(parts) > 0 && i.m.Match(parts, isDir)
}
