// Package gitrepo reads and writes Git repositories object by object, over
// smart HTTP or in a local clone, without a working copy.
//
// It fetches exactly the commits, trees and blobs that are asked for (protocol
// version 2, partial fetch) and pushes exactly the objects that are new, so that
// its cost follows the change and not the repository. A server without
// version 2 or without filters costs a shallow fetch of the commit instead, and
// one without shallow fetches the whole branch, within a byte limit.
//
// It is not a general Git client: no working copy, no merge, no configuration
// files, no SSH, no SHA-256 repositories. go-git supplies the object and pack
// formats; its porcelain is not used, because it downloads whole repositories
// and, on a shallow one, silently loses trees.
//
// A Client and its Repositories are safe for concurrent use. Objects are
// immutable, so each Repository caches them, within a bound, for as long as the
// Client lives. Returned content is shared and must not be modified.
package gitrepo
