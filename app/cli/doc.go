// Package cli is the kargo command line: one file per command. Commands that need
// no server (validate, eval, discover, plan, demo) read local files and public
// sources and change nothing.
//
// Data goes to standard output, progress and problems to standard error. Exit
// codes: 0 success, 1 failure, 2 wrong usage, 3 invalid .kargo.yaml.
package cli
