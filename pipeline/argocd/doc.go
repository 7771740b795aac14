// Package argocd speaks the REST API of Argo CD: the part that reads Applications,
// edits their sources and syncs them.
//
// What it is not: it judges nothing. What an Application's state means for a step, for
// the health of a Stage or for a Verification is said by those who ask. Nor does it
// reach a server by itself: a [Transport] does, which bounds time and size and refuses
// addresses.
//
// Everything that a server answers is taken for outside text. All types are values and
// safe for concurrent use as long as nobody changes them.
package argocd
