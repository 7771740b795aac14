// Command hostile does what its first argument says, for the tests of the sandbox.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

func main() {
	do := map[string]func(args []string){
		"loop": func([]string) {
			for {
			}
		},
		"sleep": func([]string) { time.Sleep(time.Hour); fmt.Print(`{}`) },
		"memory": func([]string) {
			var all [][]byte
			for {
				all = append(all, make([]byte, 1<<20))
			}
		},
		"output": func([]string) {
			for {
				fmt.Println(strings.Repeat("x", 1000))
			}
		},
		"errors": func([]string) {
			for range 1000 {
				fmt.Fprintln(os.Stderr, strings.Repeat("e", 1000))
			}
			os.Exit(3)
		},
		"panic": func([]string) { panic("boom") },
		"exit":  func(args []string) { fmt.Fprint(os.Stderr, args[0]); os.Exit(7) },
		"read":  func(args []string) { fmt.Print(try(os.ReadFile(args[0]))) },
		"write": func(args []string) { check(os.WriteFile(args[0], []byte(args[1]), 0o644)) },
		"fill": func([]string) {
			f, err := os.Create("big")
			check(err)
			for {
				_, err := f.Write(make([]byte, 1<<20))
				check(err)
			}
		},
		"files": func([]string) {
			for i := 0; ; i++ {
				check(os.WriteFile(fmt.Sprintf("f/%d", i), nil, 0o644))
			}
		},
		"open": func([]string) {
			for i := 0; ; i++ {
				_, err := os.Create(fmt.Sprintf("o%d", i))
				check(err)
			}
		},
		"dial":  func([]string) { _, err := net.Dial("tcp", "127.0.0.1:80"); check(err) },
		"env":   func([]string) { fmt.Print(strings.Join(os.Environ(), " ")) },
		"stdin": func([]string) { fmt.Print(try(io.ReadAll(os.Stdin))) },
		"dice": func([]string) {
			b := make([]byte, 8)
			_, err := rand.Read(b)
			check(err)
			fmt.Print(hex.EncodeToString(b), time.Now().UTC())
		},
		"work": work,
	}[os.Args[1]]
	do(os.Args[2:])
}

func check(err error) {
	if err != nil {
		fmt.Fprint(os.Stderr, err)
		os.Exit(1)
	}
}

func try(b []byte, err error) string {
	check(err)
	return string(b)
}

// work does to files what programs do, and prints what is there.
func work([]string) {
	check(os.MkdirAll("a/b/c", 0o755))
	check(os.WriteFile("a/b/c/one", []byte("1"), 0o644))
	check(os.WriteFile("a/run", []byte("#!"), 0o755))
	check(os.Rename("a/b", "moved"))
	check(os.Rename("a/run", "moved/run"))
	check(os.Symlink("moved/run", "link"))
	f, err := os.OpenFile("log", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	check(err)
	for _, s := range []string{"x", "y"} {
		_, err := f.WriteString(s)
		check(err)
	}
	_, err = f.Seek(0, io.SeekStart)
	check(err)
	if got := try(io.ReadAll(f)); got != "xy" {
		check(fmt.Errorf("read %q", got))
	}
	check(f.Truncate(1)) // and left open
	if _, err := os.OpenFile("log", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); !os.IsExist(err) {
		check(fmt.Errorf("created again: %v", err))
	}
	if err := os.Remove("moved"); err == nil {
		check(fmt.Errorf("removed a directory that is not empty"))
	}
	check(os.Remove("a"))
	check(os.RemoveAll("gone"))
	var all []string
	check(filepath.WalkDir(".", func(p string, d os.DirEntry, err error) error {
		if err == nil {
			all = append(all, p)
		}
		return err
	}))
	sort.Strings(all)
	fmt.Print(strings.Join(all, " "))
}
