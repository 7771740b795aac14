package step

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// FileChange is one file of a commit.
type FileChange struct {
	Path string `json:"path" doc:"path in the repository"`
	// Added and Deleted count lines; both are zero for binary and very large files.
	Added   int    `json:"added" doc:"lines added"`
	Deleted int    `json:"deleted" doc:"lines deleted"`
	Status  string `json:"status" doc:"added, modified or deleted"`
}

const (
	// maxFiles bounds how many files are read to describe a commit.
	maxFiles = 300
	// maxDiff bounds the text of a diff, so that records and comments stay small.
	maxDiff = 32 << 10
	// maxCompared is the size above which two versions are not compared by line.
	maxCompared = 256 << 10
)

// describe fills in what the commit changed.
func (o *CommitOutput) describe(ctx context.Context, f *tree.FS, made tree.Commit) error {
	changes, err := f.Diff(ctx, made.ParentTree, made.Tree)
	if err != nil {
		return err
	}
	if extra := len(changes) - maxFiles; extra > 0 {
		o.FilesOmitted, o.DiffTruncated = extra, true
		changes = changes[:maxFiles]
	}
	blobs, err := readTexts(ctx, f, changes)
	if err != nil {
		return err
	}
	var text strings.Builder
	full := false
	for _, c := range changes {
		file, diff := describeFile(c, blobs)
		o.Files = append(o.Files, file)
		if full {
			continue
		}
		if room := maxDiff - text.Len(); len(diff) > room {
			o.DiffTruncated, full = true, true
			diff = diff[:strings.LastIndexByte(diff[:room], '\n')+1]
		}
		text.WriteString(diff)
	}
	o.Diff = text.String()
	return nil
}

func hasText(m tree.Mode) bool { return m.IsRegular() || m == tree.ModeSymlink }

func describeFile(c tree.Change, blobs map[tree.Hash][]byte) (FileChange, string) {
	name := quotePath(c.Path)
	file := FileChange{Path: c.Path, Status: "modified"}
	from, to := "a/"+name, "b/"+name
	switch {
	case c.Added():
		file.Status, from = "added", "/dev/null"
	case c.Deleted():
		file.Status, to = "deleted", "/dev/null"
	}
	var head string
	if file.Status == "modified" && c.OldMode != c.NewMode {
		head = fmt.Sprintf("Mode of %s changed from %s to %s\n", name, c.OldMode, c.NewMode)
	}
	if c.OldMode == tree.ModeSubmodule || c.NewMode == tree.ModeSubmodule {
		return file, head + fmt.Sprintf("Submodule %s %s\n", name, file.Status)
	}
	before, after := blobs[c.Old], blobs[c.New]
	switch {
	case isBinary(before) || isBinary(after):
		return file, head + fmt.Sprintf("Binary file %s %s\n", name, file.Status)
	case len(before) > maxCompared || len(after) > maxCompared:
		return file, head + fmt.Sprintf("File %s %s, too large to show\n", name, file.Status)
	}
	diff := udiff.Unified(from, to, validText(before), validText(after))
	file.Added, file.Deleted = countLines(diff)
	return file, head + diff
}

// countLines counts the lines that a unified diff of one file adds and deletes.
func countLines(diff string) (added, deleted int) {
	body := false
	for line := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(line, "@@"):
			body = true
		case !body:
		case line[0] == '+':
			added++
		case line[0] == '-':
			deleted++
		}
	}
	return added, deleted
}

// isBinary looks for a NUL where Git does.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0
}

func validText(data []byte) string { return strings.ToValidUTF8(string(data), "\ufffd") }

// quotePath keeps a hostile file name from adding lines to the diff.
func quotePath(p string) string {
	if oneLine(p) == p {
		return p
	}
	q := strconv.Quote(p)
	return q[1 : len(q)-1]
}
