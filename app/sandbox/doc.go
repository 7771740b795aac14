// Package sandbox runs WebAssembly programs (WASI preview 1) that pipelines bring
// along, in process, with wazero: [Sandbox] implements step.Sandbox.
//
// A program may be hostile. It reaches the files of its Workspace, what it is given,
// and nothing else; it cannot name a path outside, because the Workspace has none. Its
// memory, its time, what it writes and what it opens are bounded, and so are the
// programs that run at once and the compiled ones that are kept. Its clock starts at the
// same instant each time and moves with each reading, sleeping takes no time, and random
// numbers come from a fixed seed (wazero's default): the same program on the same files
// does the same.
//
// A Sandbox is safe for concurrent use.
package sandbox
