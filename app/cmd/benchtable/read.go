package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// result is one benchmark, the medians of all its rounds.
type result struct {
	// Name is that of the function with those of its parts, such as
	// "Ingest/clients=64"; Package is relative to the module.
	Name, Package string
	Units         map[string]float64
}

// results are all benchmarks of a run, in its order.
type results struct {
	CPU  string
	List []result
}

const modulePath = "github.com/kargo-app/kargo/"

// read reads the output of go test. A failure in it is an error, and so is an output
// without any result.
func read(in io.Reader) (results, error) {
	var out results
	var failed []string
	var text bytes.Buffer
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "panic:") {
			failed = append(failed, line)
		}
		text.WriteString(line + "\n")
	}
	if err := lines.Err(); err != nil {
		return results{}, fmt.Errorf("read results: %w", err)
	}
	if len(failed) > 0 {
		return results{}, fmt.Errorf("the table stays as it is, because benchmarks failed: %s", strings.Join(failed, "; "))
	}
	rounds := map[string][]benchfmt.Value{}
	r := benchfmt.NewReader(&text, "standard input")
	for r.Scan() {
		// What else tests print is not ours to judge.
		one, ok := r.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		out.CPU = one.GetConfig("cpu")
		pkg := strings.TrimPrefix(one.GetConfig("pkg"), modulePath)
		name := withoutProcessors(one.Name)
		if _, known := rounds[pkg+" "+name]; !known {
			out.List = append(out.List, result{Name: name, Package: pkg})
		}
		rounds[pkg+" "+name] = append(rounds[pkg+" "+name], one.Values...)
	}
	if err := r.Err(); err != nil {
		return results{}, fmt.Errorf("read results: %w", err)
	}
	if len(out.List) == 0 {
		return results{}, errors.New("the input holds no results")
	}
	for i := range out.List {
		out.List[i].Units = medians(rounds[out.List[i].Package+" "+out.List[i].Name])
	}
	return out, nil
}

// withoutProcessors leaves out the number of processors that the name ends with.
func withoutProcessors(n benchfmt.Name) string {
	base, parts := n.Parts()
	name := string(base)
	for _, p := range parts {
		if p[0] == '/' {
			name += string(p)
		}
	}
	return name
}

func medians(values []benchfmt.Value) map[string]float64 {
	byUnit := map[string][]float64{}
	for _, v := range values {
		byUnit[v.Unit] = append(byUnit[v.Unit], v.Value)
	}
	out := make(map[string]float64, len(byUnit))
	for unit, all := range byUnit {
		slices.Sort(all)
		out[unit] = (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	}
	return out
}
