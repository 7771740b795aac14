package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/perf/benchunit"
)

// line is a row of a table before it is written.
type line struct {
	label  string
	result result
	goals  []goal
}

// write writes all results as Markdown.
func write(b *bytes.Buffer, r results, m machine) {
	fmt.Fprintf(b, "# Benchmarks\n\nWritten by `make bench`, which takes some minutes: %s.\n\n", m.describe(r.CPU))
	b.WriteString("Times are those of this machine. Bytes, requests and allocations are nearly the same on any. A goal that was missed is in bold.\n")
	taken := map[string]bool{}
	for _, s := range catalog() {
		var lines []line
		for _, w := range s.benchmarks {
			for _, one := range r.List {
				base, part, _ := strings.Cut(one.Name, "/")
				if one.Package != w.pkg || base != w.name {
					continue
				}
				taken[one.Package+" "+one.Name] = true
				one.Units = ours(one)
				lines = append(lines, line{label(w.label, part), one, slices.DeleteFunc(slices.Clone(w.goals), func(g goal) bool {
					return g.part != "" && g.part != part
				})})
			}
		}
		table(b, s.title, s.text, lines)
	}
	var rest []line
	for _, one := range r.List {
		if !taken[one.Package+" "+one.Name] {
			rest = append(rest, line{label: one.Package + " " + one.Name, result: one})
		}
	}
	table(b, "Others", "", rest)
}

// ours are the units of a result that are about what is measured, and not about the
// simulator that shares its process.
func ours(r result) map[string]float64 {
	units := maps.Clone(r.Units)
	if r.Package == "app/e2e" || r.Package == "app/ghapp" {
		delete(units, "B/op")
		delete(units, "allocs/op")
	}
	return units
}

func label(base, part string) string {
	part = strings.NewReplacer("=", ": ", "/", ", ").Replace(part)
	if base == "" || part == "" {
		return cmp.Or(base, part, "all")
	}
	return base + ", " + part
}

func table(b *bytes.Buffer, title, text string, lines []line) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if text != "" {
		b.WriteString(text + "\n\n")
	}
	columns, hasGoals := columnsOf(lines)
	head, rule := "| |", "|---|"
	for _, c := range columns {
		head, rule = head+" "+c.title+" |", rule+"---:|"
	}
	if hasGoals {
		head, rule = head+" Goal |", rule+"---|"
	}
	b.WriteString(head + "\n" + rule + "\n")
	for _, l := range lines {
		fmt.Fprintf(b, "| %s |", strings.ReplaceAll(l.label, "|", `\|`))
		for _, c := range columns {
			v, ok := l.result.Units[c.name]
			switch {
			case !ok:
				b.WriteString(" |")
			case l.missed(c.name):
				fmt.Fprintf(b, " **%s** |", c.show(v))
			default:
				fmt.Fprintf(b, " %s |", c.show(v))
			}
		}
		if hasGoals {
			var goals []string
			for _, c := range columns {
				for _, g := range l.goals {
					if g.unit == c.name {
						goals = append(goals, fmt.Sprintf("%s at most %s", c.title, c.show(g.most)))
					}
				}
			}
			fmt.Fprintf(b, " %s |", strings.Join(goals, ", "))
		}
		b.WriteString("\n")
	}
}

func (l line) missed(unit string) bool {
	return slices.ContainsFunc(l.goals, func(g goal) bool { return g.unit == unit && l.result.Units[unit] > g.most })
}

// column is a unit of a table.
type column struct {
	name string
	unit
}

func columnsOf(lines []line) (columns []column, hasGoals bool) {
	used := map[string]bool{}
	for _, l := range lines {
		hasGoals = hasGoals || len(l.goals) > 0
		for name := range l.result.Units {
			used[name] = true
		}
	}
	for _, u := range units() {
		if used[u.name] {
			columns = append(columns, column{u.name, u.unit})
			delete(used, u.name)
		}
	}
	var others []column
	for name := range used {
		others = append(others, column{name, unit{title: name, scale: 1}})
	}
	slices.SortFunc(others, func(a, b column) int { return strings.Compare(a.name, b.name) })
	return append(columns, others...), hasGoals
}

// show is a value with three digits that count.
func (u unit) show(v float64) string {
	v *= u.scale
	class := benchunit.Decimal
	if u.binary {
		class = benchunit.Binary
	}
	if u.base == "" {
		if v == float64(int64(v)) || v >= 1000 {
			return grouped(int64(v + 0.5))
		}
		return fmt.Sprintf("%.3g", v)
	}
	s := benchunit.CommonScale([]float64{v}, class)
	if u.binary && s.Prefix == "" {
		s.Prec = 1
	}
	return fmt.Sprintf("%.*f %s%s", max(0, s.Prec-1), v/s.Factor, s.Prefix, u.base)
}

// grouped writes thousands apart.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
