// Package scaffold looks at a repository that holds desired state and proposes a
// .kargo.yaml for it.
//
// It reads files and nothing else: Kustomize overlays, Helm values, Argo CD
// Applications, and the GitHub Environments that workflows name. [Look] says what
// it found and [Findings.Write] makes the file, with a comment at every decision
// that a person may want to change. The file is valid whatever was found; package
// kargofile is not needed to make it, and its tests hold it against that.
package scaffold
