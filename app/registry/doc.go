// Package registry reads container registries, over go-containerregistry, and Helm
// repositories for pipeline/discover and pipeline/step.
//
// A [Client] keeps one puller for each registry, so that the version check and the
// token of a repository are paid once and not for every question. It limits how
// much one registry is asked simultaneously, waits when a registry says so, retries
// what is worth retrying, and reports what is not as [pipeline.TransientError] or
// [pipeline.UserError].
//
// Names of registries come from whoever writes a pipeline, and registries answer
// what they like: plain HTTP goes to loopback and to listed hosts only, link-local
// addresses are not dialled, every answer is bounded, and no error repeats a
// credential or a signed URL.
//
// Credentials come from a [Chain] of keychains: accounts that somebody gave ([Logins]),
// Docker's configuration, and the identity of the machine ([Ambient]) for the
// registries of its own cloud.
//
// For steps it downloads single layers and copies images (see [Client.Layer] and
// [Client.Copy]); beside those copies it writes nothing. It knows no rule of selection.
// A Client is safe for concurrent use.
package registry
