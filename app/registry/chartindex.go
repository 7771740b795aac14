package registry

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxEntry bounds what one version says of itself.
	maxEntry    = 1 << 20
	maxVersions = 50_000
)

var (
	errNoEntries  = errors.New("it has no entries: it is not the index of a chart repository")
	errUnreadable = errors.New("its entries are not a list of versions for each chart")
)

// chartVersions reads the versions of one chart from an index.yaml; none if the
// index does not have the chart. What is not a version for Helm is left in.
//
// Indexes of popular repositories have tens of megabytes, of which a YAML parser
// makes gigabytes. So the index is read line by line, and only the entries of the
// one chart, each by itself, reach a parser. Indentation suffices to find them:
// every line of a value in block style stands deeper than its key, but for lists.
func chartVersions(r io.Reader, chart string) ([]string, error) {
	return (&indexReader{chart: chart}).from(r)
}

// from reads an index in either style.
func (r *indexReader) from(body io.Reader) ([]string, error) {
	in := bufio.NewReaderSize(body, 64<<10)
	if first, err := in.Peek(3); err == nil && string(first) == "\ufeff" {
		_, _ = in.Discard(3) // cannot fail: it was peeked
	}
	for {
		b, err := in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errNoEntries
		case err != nil:
			return nil, err
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		}
		if err := in.UnreadByte(); err != nil {
			return nil, err
		}
		if b == '{' {
			return r.json(in)
		}
		r.lines = lineReader{in: in}
		return r.read()
	}
}

// indexReader reads an index in block style.
type indexReader struct {
	lines    lineReader
	chart    string
	versions []string
	// item is the entry being collected, dash the column of its dash.
	item []byte
	dash int
	// wanted is a version of which everything is kept, in kept.
	wanted string
	kept   *chartEntry
}

// chartEntry is what an index says of one version of a chart.
type chartEntry struct {
	Version string   `yaml:"version" json:"version"`
	URLs    []string `yaml:"urls" json:"urls"`
	// Digest is the SHA-256 of the archive in hex, empty where it is not said.
	Digest string `yaml:"digest" json:"digest"`
}

func (r *indexReader) read() ([]string, error) {
	for {
		line, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			return nil, errNoEntries
		}
		if err != nil {
			return nil, err
		}
		indent, text := split(line)
		if text == "" || indent > 0 {
			continue
		}
		if key, rest, ok := cutKey(text); ok && key == "entries" {
			if rest != "" {
				return nil, unlessEmpty(rest, "{}")
			}
			return r.charts()
		}
	}
}

// charts reads the mapping beneath entries up to the wanted chart.
func (r *indexReader) charts() ([]string, error) {
	column := -1
	for {
		line, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		indent, text := split(line)
		switch {
		case text == "" || text[0] == '#':
			continue
		case indent == 0:
			return nil, nil // the mapping ends
		case column < 0:
			column = indent
		}
		if indent != column {
			continue
		}
		if key, rest, ok := cutKey(text); ok && key == r.chart {
			if rest != "" {
				return nil, unlessEmpty(rest, "[]")
			}
			return r.entries(column)
		}
	}
}

// unlessEmpty allows a value on the line of its key only if there is nothing in it.
func unlessEmpty(value, empty string) error {
	if value == empty {
		return nil
	}
	return errUnreadable
}

// entries reads the list beneath a chart's key at the given column.
func (r *indexReader) entries(column int) ([]string, error) {
	r.dash = -1
	for {
		line, err := r.lines.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		indent, text := split(line)
		blank := text == "" || text[0] == '#' && indent <= max(r.dash, column)
		starts := !blank && (text[0] == '-' && (len(text) == 1 || text[1] == ' ')) && (r.dash < 0 && indent >= column || indent == r.dash)
		ends := err != nil || !blank && !starts && indent <= max(r.dash, column)
		if starts || ends {
			if err := r.finish(); err != nil {
				return nil, err
			}
		}
		switch {
		case ends:
			return r.versions, nil
		case starts:
			r.dash = indent
		case r.dash < 0 && !blank:
			return nil, errUnreadable
		}
		if r.dash >= 0 {
			if len(r.item)+len(line) > maxEntry {
				return nil, fmt.Errorf("an entry of %s has more than %d bytes", printable(r.chart), maxEntry)
			}
			r.item = append(append(r.item, line...), '\n')
		}
	}
}

// finish parses the entry that was collected.
func (r *indexReader) finish() error {
	if len(r.item) == 0 {
		return nil
	}
	defer func() { r.item = r.item[:0] }()
	var entries []struct {
		Version string `yaml:"version"`
	}
	if err := yaml.Unmarshal(r.item, &entries); err != nil {
		return fmt.Errorf("entry %d of %s: %w", len(r.versions)+1, printable(r.chart), err)
	}
	for i, e := range entries {
		if err := r.add(e.Version); err != nil {
			return err
		}
		if e.Version != r.wanted || r.wanted == "" || r.kept != nil {
			continue
		}
		var all []chartEntry
		if err := yaml.Unmarshal(r.item, &all); err != nil {
			return fmt.Errorf("entry of %s %s: %w", printable(r.chart), printable(r.wanted), err)
		}
		r.kept = &all[i]
	}
	return nil
}

func (r *indexReader) add(version string) error {
	if len(r.versions) == maxVersions {
		return fmt.Errorf("it lists more than %d versions of %s", maxVersions, printable(r.chart))
	}
	if version != "" && len(version) <= maxTagLength {
		r.versions = append(r.versions, printable(version))
	}
	return nil
}

// split separates a line from its indentation.
func split(line []byte) (indent int, text string) {
	trimmed := bytes.TrimLeft(line, " ")
	return len(line) - len(trimmed), strings.TrimRight(string(trimmed), " \t\r")
}

// cutKey splits "key: rest", with the key plain or quoted, and drops a comment.
func cutKey(text string) (key, rest string, ok bool) {
	if q := text[0]; q == '"' || q == '\'' {
		end := strings.IndexByte(text[1:], q)
		if end < 0 || !strings.HasPrefix(text[end+2:], ":") {
			return "", "", false
		}
		key, rest = text[1:end+1], text[end+3:]
	} else {
		colon := strings.Index(text+" ", ": ")
		if colon < 0 || text[0] == '-' {
			return "", "", false
		}
		key, rest = text[:colon], strings.TrimPrefix(text[colon:], ":")
	}
	rest = strings.TrimSpace(rest)
	if strings.HasPrefix(rest, "#") {
		rest = ""
	}
	return strings.TrimSpace(key), rest, true
}

// lineReader reads lines of which no more than is needed is kept.
type lineReader struct {
	in   *bufio.Reader
	line []byte
}

// next returns the next line without its end, valid until the next call. What is
// beyond the size of an entry is dropped; its reader sees that it is too long.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if room := maxEntry + 1 - len(l.line); room > 0 {
			l.line = append(l.line, part[:min(room, len(part))]...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.line) > 0, err == nil:
			return bytes.TrimRight(l.line, "\r\n"), nil
		}
		return nil, err
	}
}
