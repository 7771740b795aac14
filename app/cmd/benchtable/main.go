package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "benchtable: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: go test -bench . ./... | benchtable FILE")
	}
	results, err := read(io.TeeReader(in, out))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	write(&b, results, machine{
		Date: time.Now().UTC(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Processors: runtime.NumCPU(), Memory: memory("/proc/meminfo"),
	})
	return os.WriteFile(args[0], b.Bytes(), 0o644) //nolint:gosec // a file to commit
}
