package kargofile

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	syntaxForm = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)
	aliasError = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports that the file is not YAML. The library names the line before the
// one in which its parser, as opposed to its scanner, was; and no column.
func (d *decoder) syntax(err error) {
	m := syntaxForm.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	line, _ := strconv.Atoi(m[1])
	if strings.HasPrefix(m[2], "did not find expected ") && !strings.HasPrefix(m[2], "did not find expected whitespace") {
		line++
	}
	if alias := aliasError.FindStringSubmatch(m[2]); alias != nil {
		for i, text := range d.src.lines {
			if strings.Contains(text, "*"+alias[1]) {
				line = i + 1
				break
			}
		}
	}
	line = min(max(line, 1), max(len(d.src.lines), 1))
	text := d.src.line(line)
	column := 1 + len(text) - len(strings.TrimLeft(text, " \t"))
	r := d.at(line, column, "").message("this is not YAML: %s", cut(m[2]))
	if strings.Contains(text, "\t") {
		r.expected("spaces instead of tabs")
	}
	d.problems[r.i].EndColumn = max(column+1, 1+len([]rune(strings.TrimRight(text, " \t"))))
}
