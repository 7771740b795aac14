// Package render turns kustomizations and Helm charts into manifests, in process
// and from any [fs.FS]: bytes in, bytes out.
//
// [Kustomize] is "kustomize build", [Helm] is "helm template"; both give what the
// official tools give. [Dependencies] and [Lock] are the part of "helm dependency"
// that concerns files.
//
// What is rendered is outside text and treated as such. Nothing outside the given
// files is read, no program is started and no network is used: charts that are not
// among the files come through a [Charts] port. Templates cannot ask a cluster or a
// name server. Sizes of what is read and made are bounded, and so is the time until the
// caller has an answer, by [MaxTime] and the context.
//
// What is not bounded: neither tool can be interrupted, so a template goes on computing
// after its time, and it can take all memory or overflow the stack, which ends the
// process. Whoever renders what strangers wrote does it in a process made for that, as
// app/renderer does; in process is for people who render their own files.
//
// Everything is safe for concurrent use as far as the given files are. Kustomize
// builds wait for each other, because kustomize keeps state of its own that is not
// safe.
package render
