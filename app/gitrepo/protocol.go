package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// capabilities is what a server said that it can do.
type capabilities struct {
	version int
	values  map[string]string
}

func (c *capabilities) has(name string) bool {
	_, ok := c.values[name]
	return ok
}

func (c *capabilities) canFilter() bool {
	return slices.Contains(strings.Fields(c.values["fetch"]), "filter")
}

// add notes "name" or "name=value"; a symref may occur several times.
func (c *capabilities) add(text string) {
	name, value, _ := strings.Cut(text, "=")
	if name == "symref" {
		source, target, _ := strings.Cut(value, ":")
		name, value = "symref "+source, target
	}
	c.values[name] = value
}

// check refuses repositories that this package does not understand.
func (c *capabilities) check() error {
	if f := c.values["object-format"]; f != "" && f != "sha1" {
		return fmt.Errorf("repository uses object format %q, which is not supported", f)
	}
	return nil
}

// parseAdvertisement reads the answer to info/refs in any version.
func parseAdvertisement(body []byte) (*capabilities, []Ref, error) {
	p := &pktReader{rest: body}
	caps := &capabilities{values: map[string]string{}}
	text, done, err := p.line()
	if strings.HasPrefix(text, "# service=") {
		if _, _, err := p.line(); err != nil {
			return nil, nil, err
		}
		text, done, err = p.line()
	}
	if err != nil {
		return nil, nil, err
	}
	if done {
		return nil, nil, errors.New("not a Git answer: no references")
	}
	switch text {
	case "version 2":
		caps.version = 2
		for {
			text, done, err := p.line()
			if err != nil {
				return nil, nil, err
			}
			if done {
				return caps, nil, caps.check()
			}
			caps.add(text)
		}
	case "version 1":
		if text, done, err = p.line(); err != nil {
			return nil, nil, err
		}
	}
	refs, err := parseV0Refs(p, caps, text, done)
	if err != nil {
		return nil, nil, err
	}
	return caps, refs, caps.check()
}

func parseV0Refs(p *pktReader, caps *capabilities, text string, done bool) ([]Ref, error) {
	var refs []Ref
	for first := true; !done; first = false {
		if first {
			var list string
			text, list, _ = strings.Cut(text, "\x00")
			for _, c := range strings.Fields(list) {
				caps.add(c)
			}
		}
		hex, name, ok := strings.Cut(text, " ")
		if !ok {
			return nil, fmt.Errorf("not a Git answer: reference %q", printable([]byte(text)))
		}
		if hex != "shallow" && name != "capabilities^{}" {
			h, err := tree.ParseHash(hex)
			if err != nil {
				return nil, err
			}
			if tag, peeled := strings.CutSuffix(name, "^{}"); peeled {
				if n := len(refs); n > 0 && refs[n-1].Name == tag {
					refs[n-1].Peeled = h
				}
			} else {
				refs = append(refs, Ref{Name: name, Hash: h, Target: caps.values["symref "+name]})
			}
		}
		var err error
		if text, done, err = p.line(); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// lsRefs is the version 2 request for references. A server may answer with
// more than the prefixes.
func lsRefs(prefixes []string, agent string) []byte {
	var w pktWriter
	w.linef("command=ls-refs\n")
	w.linef("agent=%s\n", agent)
	w.WriteString(delimPkt)
	w.linef("peel\n")
	w.linef("symrefs\n")
	for _, p := range prefixes {
		w.linef("ref-prefix %s\n", p)
	}
	w.WriteString(flushPkt)
	return w.Bytes()
}

func parseRefs(body []byte) ([]Ref, error) {
	p := &pktReader{rest: body}
	var refs []Ref
	for {
		text, done, err := p.line()
		if err != nil || done {
			return refs, err
		}
		fields := strings.Split(text, " ")
		if len(fields) < 2 {
			return nil, fmt.Errorf("not a Git answer: reference %q", printable([]byte(text)))
		}
		ref := Ref{Name: fields[1]}
		if fields[0] != "unborn" {
			if ref.Hash, err = tree.ParseHash(fields[0]); err != nil {
				return nil, err
			}
		}
		for _, attr := range fields[2:] {
			if target, ok := strings.CutPrefix(attr, "symref-target:"); ok {
				ref.Target = target
			}
			if hex, ok := strings.CutPrefix(attr, "peeled:"); ok {
				if ref.Peeled, err = tree.ParseHash(hex); err != nil {
					return nil, err
				}
			}
		}
		refs = append(refs, ref)
	}
}

// fetchV2 is the version 2 request for exactly the wanted objects and, with a
// depth, generations of the wanted commits.
func fetchV2(want []tree.Hash, depth int, f filter, agent string) []byte {
	var w pktWriter
	w.linef("command=fetch\n")
	w.linef("agent=%s\n", agent)
	w.WriteString(delimPkt)
	w.linef("no-progress\n")
	w.linef("ofs-delta\n")
	if f != filterNone {
		w.linef("filter %s\n", f)
	}
	for _, h := range want {
		w.linef("want %s\n", h)
	}
	if depth > 0 {
		w.linef("deepen %d\n", depth)
	}
	w.linef("done\n")
	w.WriteString(flushPkt)
	return w.Bytes()
}

// unpackV2 finds the pack in the answer.
func unpackV2(body []byte) ([]byte, error) {
	p := &pktReader{rest: body}
	for {
		data, special, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case data == nil && special == "":
			return nil, errors.New("answer without a pack")
		case string(data) == "packfile\n":
			return demultiplex(p)
		}
	}
}

// fetchV0 is the version 0 request for whole commits.
func fetchV0(caps *capabilities, want []tree.Hash, depth int, agent string) []byte {
	var use []string
	for _, c := range [...]string{"side-band-64k", "ofs-delta", "no-progress"} {
		if caps.has(c) {
			use = append(use, c)
		}
	}
	if caps.has("agent") {
		use = append(use, "agent="+agent)
	}
	shallow := depth > 0 && caps.has("shallow")
	if shallow {
		use = append(use, "shallow")
	}
	var w pktWriter
	for i, h := range want {
		if i == 0 && len(use) > 0 {
			w.linef("want %s %s\n", h, strings.Join(use, " "))
			continue
		}
		w.linef("want %s\n", h)
	}
	if shallow {
		w.linef("deepen %d\n", depth)
	}
	w.WriteString(flushPkt)
	w.linef("done\n")
	return w.Bytes()
}

// unpackV0 finds the pack in the answer: after the shallow lines and the NAK.
func unpackV0(caps *capabilities) func([]byte) ([]byte, error) {
	return func(body []byte) ([]byte, error) {
		p := &pktReader{rest: body}
		for {
			if bytes.HasPrefix(p.rest, []byte("PACK")) {
				return p.rest, nil
			}
			data, special, err := p.next()
			if err != nil {
				return nil, err
			}
			if data == nil && special == "" {
				return nil, errors.New("answer without a pack")
			}
			if strings.TrimSpace(string(data)) == "NAK" && caps.has("side-band-64k") {
				return demultiplex(p)
			}
		}
	}
}
