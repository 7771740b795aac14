// Package trial runs promotion steps on the files of a directory, so that people
// can try them: the steps, their expressions and the engine that runs them are
// those of a server, and so are phases, outputs and messages. Git repositories are
// read from and pushed to for real, over HTTP or on this machine, and so are
// registries and web services.
//
// What needs a server or a GitHub App is refused, with the reason: pull requests
// above all. What is noted about Freight is kept in memory and shown.
//
// The directory is read at the beginning and written at the end, within its bounds;
// .git directories in it are never touched. A Trial is not safe for concurrent use.
package trial
