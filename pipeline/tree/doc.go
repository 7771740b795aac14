// Package tree is the working copy of a Promotion: a virtual file system over
// Git trees that is read lazily and written copy-on-write.
//
// An [FS] overlays one root tree. Nothing is read before it is asked for, a
// written file becomes a new blob, and [FS.Build] rebuilds only the trees on
// changed paths, yielding exactly the objects that the repository lacks. A
// [Workspace] mounts several [Checkout] values beside plain scratch files, so
// that steps see one directory.
//
// It is not a Git client: objects come from a [Source], and nothing here
// touches a disk, a network or a clock. The same operations over the same base
// give the same bytes, which is what lets the engine replay a lost Workspace.
//
// No type in this package is safe for concurrent use; one Promotion owns one
// Workspace. Objects, hashes and slices handed to and by a Source are immutable
// and may be shared.
package tree
