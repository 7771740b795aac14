// Command benchtable turns the output of "go test -bench" into the table of results
// that the repository keeps: it reads standard input, shows it, and writes a Markdown
// file. It is part of the build, not of the product.
//
//	go test -run '^$' -bench . -benchmem ./... | benchtable BENCHMARKS.md
//
// What a benchmark is called in the table, and what its goal is, stands in catalog.go;
// those that are not named there appear under their own names. A run in which a
// benchmark failed leaves the file as it was.
package main
