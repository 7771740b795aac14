package edit

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// imageFields are the fields of an entry that setting an image decides, in the
// order in which new entries are written. A tag suffix is among them, because it
// would alter the tag that is being set.
var imageFields = [...]string{"newName", "newTag", "digest", "tagSuffix"}

// SetImages sets entries of a kustomization's `images` list, as `kustomize edit
// set image` does: an entry of that name is replaced in all its fields, so an
// empty NewName, NewTag or Digest removes what the entry says now, and Preserve
// keeps it. A missing entry is appended, a missing list is added at the end of
// the document, both in the file's own indentation.
//
// Unlike kustomize it neither sorts the list nor touches any other byte. Changes
// are per field, with keys like `images.0.newTag`. On error, which joins one
// *Error per bad image, out is nil.
func SetImages(src []byte, images []KustomizeImage) (out []byte, changes []Change, err error) {
	if err := checkImages(images); err != nil {
		return nil, nil, err
	}
	s, err := parseSource(src)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.findImages()
	if err != nil {
		return nil, nil, err
	}
	p := imagePlan{s: s, list: list, wanted: map[*yaml.Node]map[string]string{}}
	if err := p.add(images); err != nil {
		return nil, nil, err
	}
	if len(p.changes) == 0 {
		return src, nil, nil
	}
	out, err = s.commit(p.splices, p.verify)
	if err != nil {
		return nil, nil, err
	}
	return out, p.changes, nil
}

func checkImages(images []KustomizeImage) error {
	var errs []error
	seen := map[string]bool{}
	for _, img := range images {
		bad := func(msg string) {
			errs = append(errs, &Error{Msg: fmt.Sprintf("image %q: %s", img.Name, msg), Err: ErrValue})
		}
		switch {
		case img.Name == "":
			bad("the name is empty")
		case seen[img.Name]:
			bad("given twice")
		case img.NewName == "" && img.NewTag == "" && img.Digest == "":
			bad("give a new name, a tag or a digest")
		}
		for _, text := range []string{img.Name, img.NewName, img.NewTag, img.Digest} {
			if _, err := normalize(text); err != nil {
				bad(err.Error())
			}
		}
		seen[img.Name] = true
	}
	return errors.Join(errs...)
}

// imagePlan collects what has to be done to a kustomization file.
type imagePlan struct {
	s       *source
	list    imageList
	splices []splice
	changes []Change
	// wanted holds, for each existing entry to edit, the fields it shall have.
	wanted map[*yaml.Node]map[string]string
	added  []KustomizeImage
}

func (p *imagePlan) add(images []KustomizeImage) error {
	entries := map[string]imageEntry{}
	twice := map[string]bool{}
	for i, item := range p.list.items() {
		target := item
		if item.Kind == yaml.AliasNode {
			target = item.Alias
		}
		e, err := newImageEntry(target, i)
		if err != nil {
			return err
		}
		name := e.text("name")
		_, twice[name] = entries[name]
		entries[name] = e
	}
	var errs []error
	for _, img := range images {
		e, ok := entries[img.Name]
		var err error
		switch {
		case twice[img.Name]:
			err = fail(e.node, e.key(""), ErrTarget, "the list has several entries for %q, so which one is meant is not clear", img.Name)
		case ok && p.list.items()[e.index].Kind == yaml.AliasNode:
			alias := p.list.items()[e.index]
			err = fail(alias, e.key(""), ErrTarget, "the entry is the alias *%s", alias.Value)
		case ok:
			err = p.editEntry(e, img)
		default:
			p.added = append(p.added, img)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return p.appendEntries()
}

// appendEntries adds the new entries behind the last one.
func (p *imagePlan) appendEntries() error {
	if len(p.added) == 0 {
		return nil
	}
	s, items := p.s, p.list.items()
	var line int
	switch {
	case p.list.root != nil && p.list.root.Style&yaml.FlowStyle != 0 && p.list.key == nil:
		return fail(p.list.root, "", ErrTarget, `the file is written in flow style; add an empty "images" list to it by hand`)
	case p.list.key == nil:
		line = p.appendList()
	case len(items) > 0:
		last := items[len(items)-1]
		end, ok := s.nodeEnd(last)
		if !ok {
			return fail(last, "images", ErrRefused, "the end of the list cannot be determined safely")
		}
		line = last.Line
		if p.list.seq.Style&yaml.FlowStyle != 0 {
			p.insert(end, ", "+p.flowEntries(items[0]))
			break
		}
		p.insert(s.lineEnd(end), p.blockEntries(p.list.seq.Column-1, items[0].Column-p.list.seq.Column))
	default:
		line = p.list.key.Line
		if err := p.fillEmptyList(); err != nil {
			return err
		}
	}
	for i, img := range p.added {
		e := imageEntry{index: len(items) + i}
		for _, f := range newFields(img) {
			p.changes = append(p.changes, Change{Key: e.key(f.name), New: f.value, Line: line})
		}
	}
	return nil
}

// fillEmptyList replaces `[]` or null by entries.
func (p *imagePlan) fillEmptyList() error {
	s, seq := p.s, p.list.seq
	start, ok := s.contentStart(seq)
	end := start
	if seq.Kind == yaml.SequenceNode {
		end, ok = s.nodeEnd(seq)
		ok = ok && strings.TrimRight(string(s.src[start:end]), "]") == "["
	} else if !isEmptyValue(seq) {
		var at span
		at, ok = s.scalarSpan(seq)
		end = at.end
	}
	if !ok {
		return fail(seq, "images", ErrRefused, "the empty list cannot be replaced safely; write `images: []`")
	}
	if p.list.root.Style&yaml.FlowStyle != 0 {
		text := "[" + p.flowEntries(nil) + "]"
		if start == end {
			text = " " + text
		}
		p.splices = append(p.splices, splice{span{start, end}, text})
		return nil
	}
	for start < end && (s.src[start-1] == ' ' || s.src[start-1] == '\t') {
		start--
	}
	p.splices = append(p.splices, splice{span: span{start, end}})
	indent, gap := p.listStyle()
	p.insert(s.lineEnd(end), p.blockEntries(p.list.key.Column-1+indent, gap))
	return nil
}

// appendList adds the key with its entries behind the last line of the first
// document that is not empty, and returns that line.
func (p *imagePlan) appendList() int {
	s := p.s
	column, last, lastLine := 0, -1, 0
	if p.list.root != nil {
		column = p.list.root.Column - 1
	}
	for i, start := range s.lines {
		text := string(s.src[start:s.lineEnd(start)])
		if p.list.root != nil && i+1 > p.list.root.Line && isDocumentMarker(text) {
			break
		}
		if strings.TrimSpace(text) != "" {
			last, lastLine = start+len(text), i
		}
	}
	indent, gap := p.listStyle()
	text := strings.Repeat(" ", column) + "images:" + p.blockEntries(column+indent, gap)
	if last < 0 {
		p.insert(s.lines[0], text+s.eol())
		return 1
	}
	p.insert(last, s.eol()+text)
	return lastLine + 1
}

func isDocumentMarker(line string) bool {
	return (strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")) && (len(line) == 3 || isBlank(rune(line[3])))
}

// listStyle returns how far the file indents the dashes of its lists below their
// key, and the columns from dash to content. Kustomize itself writes 0 and 2.
func (p *imagePlan) listStyle() (indent, gap int) {
	if p.list.root != nil {
		content := p.list.root.Content
		for i := 0; i+1 < len(content); i += 2 {
			key, seq := content[i], content[i+1]
			if seq.Kind == yaml.SequenceNode && seq.Style&yaml.FlowStyle == 0 && len(seq.Content) > 0 && seq.Line > key.Line {
				return seq.Column - key.Column, max(2, seq.Content[0].Column-seq.Column)
			}
		}
	}
	return 0, 2
}

func (p *imagePlan) insert(at int, text string) {
	p.splices = append(p.splices, splice{span{at, at}, text})
}

// blockEntries writes the new entries, each line with a line break before it.
func (p *imagePlan) blockEntries(column, gap int) string {
	if gap < 2 || gap > 8 {
		gap = 2 // the content stands on a line of its own
	}
	var b strings.Builder
	for _, img := range p.added {
		for i, f := range newFields(img) {
			b.WriteString(p.s.eol() + strings.Repeat(" ", column))
			if i == 0 {
				b.WriteString("-" + strings.Repeat(" ", gap-1))
			} else {
				b.WriteString(strings.Repeat(" ", gap))
			}
			b.WriteString(f.name + ": " + literalOrString(f.value, 0, false))
		}
	}
	return b.String()
}

// flowEntries writes the new entries for a sequence in brackets, quoted if the
// entry to go by is.
func (p *imagePlan) flowEntries(like *yaml.Node) string {
	style := quoteStyle(like)
	if like == nil {
		style = quoteStyle(p.list.root)
	}
	entries := make([]string, len(p.added))
	for i, img := range p.added {
		var fields []string
		for _, f := range newFields(img) {
			fields = append(fields, literalOrString(f.name, style, true)+": "+literalOrString(f.value, style, true))
		}
		entries[i] = "{" + strings.Join(fields, ", ") + "}"
	}
	return strings.Join(entries, ", ")
}

// quoteStyle returns the quotes of a mapping's first key.
func quoteStyle(n *yaml.Node) yaml.Style {
	if n == nil || n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return 0
	}
	return n.Content[0].Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle)
}

type field struct{ name, value string }

// newFields are the fields of an entry that does not exist yet, in which there
// is nothing to preserve.
func newFields(img KustomizeImage) []field {
	fields := []field{{"name", img.Name}}
	for _, f := range []field{{"newName", img.NewName}, {"newTag", img.NewTag}, {"digest", img.Digest}} {
		if f.value != "" && f.value != Preserve {
			fields = append(fields, f)
		}
	}
	return fields
}
