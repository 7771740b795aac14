package kargofile

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

var syntaxForm = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// syntax reports that the file is not YAML.
func (d *decoder) syntax(data []byte, err error) {
	if fault, ok := locateFault(data); ok {
		d.at(fault.Token.Position.Line, fault.Token.Position.Column, "").
			message("this is not YAML: %s", cutMessage(strings.ReplaceAll(fault.Message, "'\t'", "<tab>")))
		return
	}
	m := syntaxForm.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	line, _ := strconv.Atoi(m[1])
	if alias, ok := strings.CutPrefix(m[2], "unknown anchor '"); ok {
		line, column := d.src.find("*" + strings.TrimSuffix(alias, "' referenced"))
		d.at(line, column, "").message("there is no anchor &%s", cut(strings.TrimSuffix(alias, "' referenced"))).
			expected("an alias to an earlier value")
		return
	}
	d.at(line, 1, "").message("this is not YAML: %s", cutMessage(m[2]))
}

// Bounds on what a second parser, which recurses and is slower than linear, is given.
const (
	maxLocated = 64 << 10
	maxNesting = 500
)

// locateFault parses a file that is not YAML again, with a parser that knows the
// column of the fault, where the usual one knows at best the line.
func locateFault(data []byte) (fault *goccy.SyntaxError, ok bool) {
	if len(data) > maxLocated {
		return nil, false
	}
	opened := 0
	for line := range strings.Lines(string(data)) {
		if opened += strings.Count(line, "[") + strings.Count(line, "{"); opened > maxNesting || len(line) > 2*maxNesting {
			return nil, false
		}
	}
	defer func() {
		if recover() != nil {
			fault, ok = nil, false
		}
	}()
	_, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if fault, ok := errors.AsType[*goccy.SyntaxError](err); ok && fault.Token != nil && fault.Token.Position != nil {
		return fault, true
	}
	return nil, false
}
