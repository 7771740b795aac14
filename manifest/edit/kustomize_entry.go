package edit

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// editEntry plans the changes to one existing entry.
func (p *imagePlan) editEntry(e imageEntry, img KustomizeImage) error {
	want := map[string]string{}
	for name, value := range map[string]string{"newName": img.NewName, "newTag": img.NewTag, "digest": img.Digest} {
		switch value {
		case "":
		case Preserve:
			if e.find(name) >= 0 {
				want[name] = Preserve
			}
		default:
			want[name] = value
		}
	}
	if img.NewTag == Preserve && e.find("tagSuffix") >= 0 {
		want["tagSuffix"] = Preserve
	}

	before := len(p.changes)
	var missing, obsolete []string
	for _, name := range imageFields {
		i, value := e.find(name), want[name]
		switch {
		case value == Preserve || i < 0 && value == "":
		case i < 0:
			missing = append(missing, name)
		case value == "":
			obsolete = append(obsolete, name)
		default:
			if err := p.setField(e, i, name, value); err != nil {
				return err
			}
		}
	}
	// A tag that gives way to a digest keeps its line, and the other way round.
	for _, pair := range [][2]string{{"newTag", "digest"}, {"digest", "newTag"}} {
		from, to := slices.Index(obsolete, pair[0]), slices.Index(missing, pair[1])
		if from >= 0 && to >= 0 {
			if err := p.renameField(e, pair[0], pair[1], want[pair[1]]); err != nil {
				return err
			}
			obsolete, missing = slices.Delete(obsolete, from, from+1), slices.Delete(missing, to, to+1)
		}
	}
	if err := p.insertFields(e, missing, obsolete, want); err != nil {
		return err
	}
	for _, name := range obsolete {
		if err := p.deleteField(e, name); err != nil {
			return err
		}
	}
	if len(p.changes) > before {
		if anchor, alias := aliasInto(p.s.docs[0], []*yaml.Node{p.list.root, p.list.seq, e.node}); alias != nil {
			return fail(e.node, e.key(""), ErrTarget, "the entry is shared: *%s on line %d refers to the anchor on line %d and would change too",
				alias.Value, alias.Line, anchor.Line)
		}
		p.wanted[e.node] = want
	}
	return nil
}

func (p *imagePlan) setField(e imageEntry, i int, name, value string) error {
	n := e.node.Content[i+1]
	key := e.key(name)
	if n.Kind == yaml.AliasNode {
		return fail(n, key, ErrTarget, "the value is the alias *%s", n.Value)
	}
	path := []*yaml.Node{p.list.root, p.list.seq, e.node, n}
	if err := p.s.editable(path, Update{Key: key}); err != nil {
		return err
	}
	if name == e.node.Content[i].Value && holds(n, value) {
		return nil
	}
	edit, err := p.s.setScalar(path, key, value)
	if err != nil {
		return err
	}
	p.splices = append(p.splices, edit...)
	var old any
	if name == e.node.Content[i].Value {
		old, _ = scalarValue(n)
	}
	p.changes = append(p.changes, Change{Key: key, Old: old, New: value, Line: n.Line})
	return nil
}

func (p *imagePlan) renameField(e imageEntry, from, to, value string) error {
	i := e.find(from)
	k := e.node.Content[i]
	at, ok := p.s.scalarSpan(k)
	if !ok {
		return fail(k, e.key(from), ErrRefused, "the extent of the key cannot be determined safely")
	}
	p.splices = append(p.splices, splice{at, literalOrString(to, k.Style, e.flow())})
	p.removed(e, i)
	return p.setField(e, i, to, value)
}

// removed records that the field at content position i goes away.
func (p *imagePlan) removed(e imageEntry, i int) {
	k := e.node.Content[i]
	p.changes = append(p.changes, Change{Key: e.key(k.Value), Old: e.text(k.Value), Line: k.Line})
}

func (e imageEntry) flow() bool { return e.node.Style&yaml.FlowStyle != 0 }

// insertFields adds fields behind the last one that stays.
func (p *imagePlan) insertFields(e imageEntry, missing, obsolete []string, want map[string]string) error {
	if len(missing) == 0 {
		return nil
	}
	last := len(e.node.Content) - 2
	for last > 0 && slices.Contains(obsolete, e.node.Content[last].Value) {
		last -= 2
	}
	n := e.node.Content[last+1]
	end, ok := p.s.nodeEnd(n)
	if !ok {
		return fail(n, e.key(""), ErrRefused, "the end of the entry cannot be determined safely")
	}
	var b strings.Builder
	for _, name := range missing {
		if e.flow() {
			style := quoteStyle(e.node)
			fmt.Fprintf(&b, ", %s: %s", literalOrString(name, style, true), literalOrString(want[name], style, true))
		} else {
			b.WriteString(p.s.eol() + strings.Repeat(" ", e.node.Content[0].Column-1))
			fmt.Fprintf(&b, "%s: %s", name, literalOrString(want[name], 0, false))
		}
		p.changes = append(p.changes, Change{Key: e.key(name), New: want[name], Line: n.Line})
	}
	if !e.flow() {
		end = p.s.lineEnd(end)
	}
	p.insert(end, b.String())
	return nil
}

// deleteField removes a field: in block style its line with the comment on it,
// in flow style the text between its neighbours.
func (p *imagePlan) deleteField(e imageEntry, name string) error {
	s, i := p.s, e.find(name)
	k, v := e.node.Content[i], e.node.Content[i+1]
	start, okStart := s.offset(k)
	end, okEnd := s.nodeEnd(v)
	ok := okStart && okEnd
	switch {
	case !ok:
	case i == 0:
		// The dash or the bracket before it stays, so the next field moves up.
		valueEnd := end
		if !e.flow() {
			valueEnd = s.lineEnd(end)
		}
		if end, ok = s.offset(e.node.Content[2]); ok {
			between := strings.TrimSpace(string(s.src[min(valueEnd, end):end]))
			ok = between == "" || e.flow() && between == ","
		}
	case e.flow():
		start, ok = s.nodeEnd(e.node.Content[i-1])
	default:
		line := s.lineStart(start)
		ok = line > s.lines[0] && strings.TrimSpace(string(s.src[line:start])) == ""
		start, end = s.previousEnd(line), s.lineEnd(end)
	}
	if !ok {
		return fail(k, e.key(name), ErrRefused, "the field must go, but cannot be removed without touching its neighbours; put it on a line of its own")
	}
	p.splices = append(p.splices, splice{span: span{start, end}})
	p.removed(e, i)
	return nil
}
