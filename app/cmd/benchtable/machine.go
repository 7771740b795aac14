package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// machine is where and when the benchmarks ran.
type machine struct {
	Date       time.Time
	Go, System string
	Processors int
	// Memory is in bytes, 0 if unknown.
	Memory int64
}

// describe is one line about the machine; cpu is what the benchmarks say of it.
func (m machine) describe(cpu string) string {
	parts := []string{m.Date.Format(time.DateOnly), m.Go, m.System, strings.TrimSpace(fmt.Sprintf("%d processors %s", m.Processors, brackets(strings.TrimSpace(cpu))))}
	if m.Memory > 0 {
		parts = append(parts, unit{base: "B", scale: 1, binary: true}.show(float64(m.Memory))+" of memory")
	}
	return strings.Join(parts, ", ")
}

func brackets(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

var memTotal = regexp.MustCompile(`MemTotal:\s+(\d+) kB`)

// memory reads the bytes of memory from the kernel's file, 0 where there is none.
func memory(file string) int64 {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	m := memTotal.FindSubmatch(data)
	if m == nil {
		return 0
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
